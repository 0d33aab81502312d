// Package jose parses key sets and compact JWS, verifies, signs and encrypts. It is pure: it reads no clock, no file, no network, and
// it is the only importer of go-jose. What a token means (issuer, audience, time, once-only) is the caller's business.
//
// The road of a token: Read (or Peek) reads it unverified, to learn whose keys to take; ParseJWKS or SharedSecret makes a KeySet;
// Verify checks it against that set and an allow-list of algorithms. The algorithm must be allowed by the list and belong to
// the key's type; what a header offers as a key (jwk, jku, x5u, x5c) is never used. The other way: KeySet.Recipient finds the
// key to encrypt to, and Recipient makes a compact JWE. Nothing is ever decrypted here.
package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"slices"
	"strings"
)

// The algorithms of RFC 7518 §3.1, RFC 8037 and RFC 9864 that are known here. HS* only verify, and only with a shared secret.
const (
	RS256   = "RS256"
	RS384   = "RS384"
	RS512   = "RS512"
	PS256   = "PS256"
	PS384   = "PS384"
	PS512   = "PS512"
	ES256   = "ES256"
	ES384   = "ES384"
	ES512   = "ES512"
	EdDSA   = "EdDSA"
	Ed25519 = "Ed25519" // RFC 9864's name for EdDSA with Ed25519
	HS256   = "HS256"
	HS384   = "HS384"
	HS512   = "HS512"
)

// Asymmetric lists the signature algorithms a client or a peer may use, strongest habits first. The slice is the caller's own.
func Asymmetric() []string {
	return []string{ES256, EdDSA, Ed25519, PS256, RS256, ES384, ES512, PS384, PS512, RS384, RS512}
}

// Symmetric lists the algorithms that only a shared secret verifies. The slice is the caller's own.
func Symmetric() []string { return []string{HS256, HS384, HS512} }

// algorithmsOf gives what a public key (or, as []byte, a shared secret) can verify. RFC 8725 §3.1: the key decides.
func algorithmsOf(key any) []string {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return []string{RS256, PS256, RS384, RS512, PS384, PS512}
	case *ecdsa.PublicKey:
		return []string{algorithmOfCurve(key.Curve)}
	case ed25519.PublicKey:
		return []string{EdDSA, Ed25519}
	case []byte:
		return Symmetric()
	}
	return nil
}

func algorithmOfCurve(curve elliptic.Curve) string {
	switch curve {
	case elliptic.P256():
		return ES256
	case elliptic.P384():
		return ES384
	case elliptic.P521():
		return ES512
	}
	return ""
}

// Signs tells whether the owner of a key can sign with an algorithm, by the key's type and by what was said of it.
func (f KeyFact) Signs(alg string) bool {
	if alg == "" || f.Use != "" && f.Use != "sig" || f.Alg != "" && !sameAlgorithm(f.Alg, alg) {
		return false
	}
	switch f.Kty {
	case "RSA":
		return slices.Contains([]string{RS256, PS256, RS384, RS512, PS384, PS512}, alg)
	case "EC":
		return alg == map[string]string{"P-256": ES256, "P-384": ES384, "P-521": ES512}[f.Crv]
	case "OKP":
		return sameAlgorithm(alg, Ed25519)
	}
	return false
}

// Decrypts tells whether the owner of a key can decrypt what was encrypted to it with an algorithm of RFC 7518 §4.1.
func (f KeyFact) Decrypts(alg string) bool {
	if f.Use != "" && f.Use != "enc" || f.Alg != "" && f.Alg != alg {
		return false
	}
	switch f.Kty {
	case "RSA":
		return strings.HasPrefix(alg, "RSA-OAEP")
	case "EC":
		return strings.HasPrefix(alg, "ECDH-ES")
	}
	return false
}

// sameAlgorithm treats the two names of Ed25519 as one.
func sameAlgorithm(a, b string) bool {
	return a == b || (a == EdDSA || a == Ed25519) && (b == EdDSA || b == Ed25519)
}

func isSignature(alg string) bool {
	return slices.Contains(Asymmetric(), alg) || slices.Contains(Symmetric(), alg)
}

// describe gives the facts of a public key: kty, crv and bits.
func describe(key crypto.PublicKey) KeyFact {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return KeyFact{Kty: "RSA", Bits: key.N.BitLen()}
	case *ecdsa.PublicKey:
		size := key.Curve.Params()
		return KeyFact{Kty: "EC", Crv: size.Name, Bits: size.BitSize}
	case ed25519.PublicKey:
		return KeyFact{Kty: "OKP", Crv: "Ed25519", Bits: 256}
	}
	return KeyFact{}
}
