package oauth

// A SigningAlgorithm is a value of the members that end in _signed_response_alg or _signing_alg.
type SigningAlgorithm string

// The signature algorithms known here. There is no constant for "none", which is never accepted (RFC 8725 §3.2).
const (
	RS256   SigningAlgorithm = "RS256"   // RFC 7518 §3.3
	RS384   SigningAlgorithm = "RS384"   // RFC 7518 §3.3
	RS512   SigningAlgorithm = "RS512"   // RFC 7518 §3.3
	PS256   SigningAlgorithm = "PS256"   // RFC 7518 §3.5
	PS384   SigningAlgorithm = "PS384"   // RFC 7518 §3.5
	PS512   SigningAlgorithm = "PS512"   // RFC 7518 §3.5
	ES256   SigningAlgorithm = "ES256"   // RFC 7518 §3.4
	ES384   SigningAlgorithm = "ES384"   // RFC 7518 §3.4
	ES512   SigningAlgorithm = "ES512"   // RFC 7518 §3.4
	EdDSA   SigningAlgorithm = "EdDSA"   // RFC 8037 §3.1
	Ed25519 SigningAlgorithm = "Ed25519" // RFC 9864 §2.2: the full name of EdDSA with Ed25519
	HS256   SigningAlgorithm = "HS256"   // RFC 7518 §3.2
	HS384   SigningAlgorithm = "HS384"   // RFC 7518 §3.2
	HS512   SigningAlgorithm = "HS512"   // RFC 7518 §3.2
)

// AsymmetricAlgorithms lists the signature algorithms whose verifier holds no secret. The slice is the caller's own.
func AsymmetricAlgorithms() []SigningAlgorithm {
	return []SigningAlgorithm{RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519}
}

// ResponseAlgorithms lists the signature algorithms that a client can choose for what is signed for it: the values of the members that end
// in _signed_response_alg. There is a key for each. The slice is the caller's own.
func ResponseAlgorithms() []SigningAlgorithm {
	return []SigningAlgorithm{RS256, PS256, ES256, EdDSA, Ed25519}
}

// SymmetricAlgorithms lists the signature algorithms of shared secrets, which are not offered to clients. The slice is the
// caller's own.
func SymmetricAlgorithms() []SigningAlgorithm { return []SigningAlgorithm{HS256, HS384, HS512} }

// IsSymmetric says whether an algorithm is one of a shared secret.
func IsSymmetric(alg SigningAlgorithm) bool {
	return alg == HS256 || alg == HS384 || alg == HS512
}

// A KeyEncryption is a value of the members that end in _encrypted_response_alg or _encryption_alg (RFC 7518 §4.1).
type KeyEncryption string

// The key management algorithms known here, all asymmetric. RSA1_5 is left out for its padding oracle (RFC 8725 §3.2).
const (
	RSAOAEP      KeyEncryption = "RSA-OAEP"       // RFC 7518 §4.3
	RSAOAEP256   KeyEncryption = "RSA-OAEP-256"   // RFC 7518 §4.3
	ECDHES       KeyEncryption = "ECDH-ES"        // RFC 7518 §4.6
	ECDHESA128KW KeyEncryption = "ECDH-ES+A128KW" // RFC 7518 §4.6
	ECDHESA192KW KeyEncryption = "ECDH-ES+A192KW" // RFC 7518 §4.6
	ECDHESA256KW KeyEncryption = "ECDH-ES+A256KW" // RFC 7518 §4.6
)

// KeyEncryptions lists the key management algorithms known here. The slice is the caller's own.
func KeyEncryptions() []KeyEncryption {
	return []KeyEncryption{RSAOAEP, RSAOAEP256, ECDHES, ECDHESA128KW, ECDHESA192KW, ECDHESA256KW}
}

// A ContentEncryption is a value of the members that end in _encrypted_response_enc or _encryption_enc (RFC 7518 §5.1).
type ContentEncryption string

// The content encryption algorithms.
const (
	A128CBCHS256 ContentEncryption = "A128CBC-HS256" // RFC 7518 §5.2.3; the default when only an alg is given
	A192CBCHS384 ContentEncryption = "A192CBC-HS384" // RFC 7518 §5.2.4
	A256CBCHS512 ContentEncryption = "A256CBC-HS512" // RFC 7518 §5.2.5
	A128GCM      ContentEncryption = "A128GCM"       // RFC 7518 §5.3
	A192GCM      ContentEncryption = "A192GCM"       // RFC 7518 §5.3
	A256GCM      ContentEncryption = "A256GCM"       // RFC 7518 §5.3
)

// ContentEncryptions lists the content encryption algorithms. The slice is the caller's own.
func ContentEncryptions() []ContentEncryption {
	return []ContentEncryption{A128CBCHS256, A192CBCHS384, A256CBCHS512, A128GCM, A192GCM, A256GCM}
}
