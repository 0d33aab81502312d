package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"

	_ "crypto/sha256" // for crypto.Hash.New
	_ "crypto/sha512"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// What RFC 7518 §3 and RFC 8037 §3.1 say of each algorithm, over the standard library's cryptography. Every token passes here,
// and go-jose's general forms and copies would cost half as much as a signature itself; the tests hold both ways against it.

// signature signs an input.
func (k PrivateKey) signature(input []byte) ([]byte, error) {
	if private, ok := k.signer.(ed25519.PrivateKey); ok {
		return ed25519.Sign(private, input), nil
	}
	hash := hashOf(k.alg)
	digest := digestOf(hash, input)
	switch private := k.signer.(type) {
	case *ecdsa.PrivateKey:
		return signECDSA(private, hash, digest)
	case *rsa.PrivateKey:
		if isPSS(k.alg) {
			return rsa.SignPSS(rand.Reader, private, hash, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(rand.Reader, private, hash, digest)
	}
	return nil, ErrAlgorithm
}

// signECDSA gives r and s side by side, each as long as the curve's order (RFC 7518 §3.4). They follow from key and digest alone
// (RFC 6979, as RFC 8725 §3.2 advises): no bad randomness can give the key away, and what is signed again is the same again.
func signECDSA(private *ecdsa.PrivateKey, hash crypto.Hash, digest []byte) ([]byte, error) {
	der, err := private.Sign(nil, digest, hash)
	if err != nil {
		return nil, err
	}
	sequence := cryptobyte.String(der)
	var pair, r, s cryptobyte.String
	if !sequence.ReadASN1(&pair, asn1.SEQUENCE) || !pair.ReadASN1(&r, asn1.INTEGER) || !pair.ReadASN1(&s, asn1.INTEGER) {
		return nil, errors.New("the signature is no ASN.1")
	}
	size := (private.Curve.Params().BitSize + 7) / 8
	signature := make([]byte, 2*size)
	fill(signature[:size], r)
	fill(signature[size:], s)
	return signature, nil
}

// fill writes a number to the end of dst, without the zero that keeps ASN.1 from taking it for negative.
func fill(dst, number []byte) {
	number = number[max(0, len(number)-len(dst)):]
	copy(dst[len(dst)-len(number):], number)
}

// verifies tells whether a signature over an input is this key's. That the algorithm belongs to the key was checked before
// (fits); here a pair that does not belong together verifies nothing.
func (k key) verifies(alg string, input, signature []byte) bool {
	hash := hashOf(alg)
	switch verify := k.verify.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(verify, input, signature)
	case *ecdsa.PublicKey:
		size := (verify.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(verify, digestOf(hash, input), r, s)
	case *rsa.PublicKey:
		if isPSS(alg) {
			return rsa.VerifyPSS(verify, hash, digestOf(hash, input), signature, nil) == nil
		}
		return rsa.VerifyPKCS1v15(verify, hash, digestOf(hash, input), signature) == nil
	case []byte:
		if len(verify) < hash.Size() { // RFC 7518 §3.2
			return false
		}
		mac := hmac.New(hash.New, verify)
		mac.Write(input)
		return hmac.Equal(mac.Sum(nil), signature)
	}
	return false
}

func digestOf(hash crypto.Hash, input []byte) []byte {
	h := hash.New()
	h.Write(input)
	return h.Sum(nil)
}

// hashOf gives the hash of an RSA, ECDSA or HMAC algorithm: its last three digits say which. Ed25519 has its own.
func hashOf(alg string) crypto.Hash {
	switch alg {
	case RS384, PS384, ES384, HS384:
		return crypto.SHA384
	case RS512, PS512, ES512, HS512:
		return crypto.SHA512
	}
	return crypto.SHA256
}

func isPSS(alg string) bool { return alg == PS256 || alg == PS384 || alg == PS512 }
