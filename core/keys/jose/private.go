package jose

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	gojose "github.com/go-jose/go-jose/v4"
)

// A PrivateKey signs with one algorithm. Its id is the RFC 7638 thumbprint of its public half. It prints as [redacted].
type PrivateKey struct {
	alg    string
	kid    string
	signer crypto.Signer
}

// Alg gives the one algorithm this key signs with.
func (k PrivateKey) Alg() string { return k.alg }

// ID gives the key id that is in its JWK and in the header of what it signs.
func (k PrivateKey) ID() string { return k.kid }

// String implements fmt.Stringer.
func (PrivateKey) String() string { return "[redacted]" }

// GoString implements fmt.GoStringer.
func (PrivateKey) GoString() string { return "[redacted]" }

// Generate makes a key for alg: RSA of 2048 bits for RS* and PS*, the algorithm's curve for ES*, Ed25519 for EdDSA and Ed25519.
func Generate(alg string) (PrivateKey, error) {
	signer, err := generate(alg)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("generate %s key: %w", alg, err)
	}
	return newPrivate(alg, signer)
}

func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case RS256, RS384, RS512, PS256, PS384, PS512:
		return rsa.GenerateKey(rand.Reader, minRSABits)
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case ES512:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case EdDSA, Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, ErrAlgorithm
}

// newPrivate refuses a key that cannot sign with alg, so that a mix-up of records cannot sign with the wrong key.
func newPrivate(alg string, signer crypto.Signer) (PrivateKey, error) {
	if !slices.Contains(algorithmsOf(signer.Public()), alg) {
		return PrivateKey{}, fmt.Errorf("%w: the key cannot sign with %q", ErrAlgorithm, alg)
	}
	kid, err := thumbprint(signer.Public())
	if err != nil {
		return PrivateKey{}, err
	}
	return PrivateKey{alg: alg, kid: kid, signer: signer}, nil
}

// MarshalPrivate gives the key as PKCS #8 DER. Seal it before it is stored.
func MarshalPrivate(key PrivateKey) ([]byte, error) {
	if key.signer == nil {
		return nil, errors.New("marshal private key: it is empty")
	}
	return x509.MarshalPKCS8PrivateKey(key.signer)
}

// ParsePrivate reads PKCS #8 DER as a key for alg. The bytes are not part of any error.
func ParsePrivate(alg string, der []byte) (PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return PrivateKey{}, errors.New("parse private key: it is not PKCS #8")
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return PrivateKey{}, errors.New("parse private key: this kind of key cannot sign")
	}
	return newPrivate(alg, signer)
}

// ParsePEM reads a private key for signatures from PEM: Ed25519 or an elliptic curve, as PKCS #8 or, for a curve, as SEC 1. Its
// algorithm follows from it. The text is not part of any error.
func ParsePEM(text []byte) (PrivateKey, error) {
	signer, err := signerOf(text)
	if err != nil {
		return PrivateKey{}, err
	}
	if _, ok := signer.(*rsa.PrivateKey); ok {
		return PrivateKey{}, errors.New("parse private key: it must be Ed25519 or on an elliptic curve")
	}
	return newPrivate(algorithmsOf(signer.Public())[0], signer)
}

// ParseClientPEM reads the key that a client signs its assertions with (RFC 7523 §3): what ParsePEM reads, or RSA of at least 2048
// bits, as PKCS #8 or PKCS #1. alg is what it signs with; empty: what follows from the key, PS256 for RSA.
func ParseClientPEM(text []byte, alg string) (PrivateKey, error) {
	signer, err := signerOf(text)
	if err != nil {
		return PrivateKey{}, err
	}
	key, isRSA := signer.(*rsa.PrivateKey)
	switch {
	case isRSA && key.N.BitLen() < minRSABits:
		return PrivateKey{}, fmt.Errorf("parse private key: RSA of %d bits is too weak; make one of %d or more", key.N.BitLen(), minRSABits)
	case alg == "" && isRSA:
		alg = PS256
	case alg == "":
		alg = algorithmsOf(signer.Public())[0]
	}
	return newPrivate(alg, signer)
}

// signerOf reads one PEM block with a private key that can sign.
func signerOf(text []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(text)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("parse private key: it is not one PEM block")
	}
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("parse private key: the PEM block is %.40q, not PRIVATE KEY", block.Type)
	}
	if err != nil {
		return nil, errors.New("parse private key: the PEM block holds no key that is understood")
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok || len(algorithmsOf(signer.Public())) == 0 || algorithmsOf(signer.Public())[0] == "" {
		return nil, errors.New("parse private key: this kind of key cannot sign")
	}
	return signer, nil
}

// MarshalPEM gives the key as PKCS #8 in PEM.
func MarshalPEM(key PrivateKey) ([]byte, error) {
	der, err := MarshalPrivate(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Named gives the key another id than its thumbprint: that under which somebody else knows it already.
func (k PrivateKey) Named(kid string) PrivateKey {
	k.kid = kid
	return k
}

// Raw signs exactly these bytes: what RFC 7515 calls the JWS signature of this signing input.
func (k PrivateKey) Raw(input []byte) ([]byte, error) { return k.signature(input) }

// publicJWK is RFC 7517's form with members in alphabetical order, so that one key has one spelling.
type publicJWK struct {
	Alg string `json:"alg"`
	Crv string `json:"crv,omitempty"`
	E   string `json:"e,omitempty"`
	Kid string `json:"kid"`
	Kty string `json:"kty"`
	N   string `json:"n,omitempty"`
	Use string `json:"use"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
}

// PublicJWK gives the public half as canonical JSON with kid (RFC 7638 thumbprint), alg and use "sig".
func PublicJWK(key PrivateKey) ([]byte, error) {
	if key.signer == nil {
		return nil, errors.New("public JWK: the key is empty")
	}
	fact := describe(key.signer.Public())
	out := publicJWK{Alg: key.alg, Crv: fact.Crv, Kid: key.kid, Kty: fact.Kty, Use: "sig"}
	switch public := key.signer.Public().(type) {
	case *rsa.PublicKey:
		out.N, out.E = encode(public.N.Bytes()), encode(exponent(public.E))
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 0x04 | x | y
		if err != nil {
			return nil, fmt.Errorf("public JWK: %w", err)
		}
		size := len(point) / 2
		out.X, out.Y = encode(point[1:1+size]), encode(point[1+size:])
	case ed25519.PublicKey:
		out.X = encode(public)
	}
	return json.Marshal(out)
}

// thumbprint is RFC 7638's, with SHA-256, in base64url.
func thumbprint(key crypto.PublicKey) (string, error) {
	sum, err := (&gojose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("thumbprint: %w", err)
	}
	return encode(sum), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func exponent(e int) []byte {
	var out []byte
	for ; e > 0; e >>= 8 {
		out = append([]byte{byte(e)}, out...)
	}
	return out
}
