package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// privateMembers are RFC 7518 §6.2.2, §6.3.2 and §6.4.1 and RFC 9964's: none may be in a public key.
var privateMembers = [...]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

// readJWK reads one key of a set. The index in the error is the caller's to fill.
func readJWK(v strictjson.Value) (key, *KeyError) {
	if v.Kind() != strictjson.KindObject {
		return key{}, refuse("", "a key must be an object, not %s", v.Kind())
	}
	for _, name := range privateMembers {
		if _, given := v.Get(name); given {
			return key{}, refuse(name, "private key material must not be sent: publish only the public key, and replace this one")
		}
	}
	r := reader{v: v}
	if kind := r.otherKind(); kind != "" {
		fact := KeyFact{Kid: r.text("kid")}
		r.named(fact)
		r.fail("kty", "keys of the kind %s are not used here, and the set has no others; use RSA, EC (P-256, P-384, P-521) or OKP (Ed25519)", kind)
		if r.err.Member == "kty" {
			r.err.kind = kind
		}
		return key{fact: fact}, r.err
	}
	public := r.public()
	if r.err != nil {
		return key{}, r.err
	}
	fact := describe(public)
	fact.Alg, fact.Use, fact.Kid = r.text("alg"), r.text("use"), r.text("kid")
	if r.err == nil {
		r.check(fact, public)
	}
	if r.err != nil {
		return key{}, r.err
	}
	sum, err := thumbprint(public)
	if err != nil {
		return key{}, refuse("", "the key cannot be used")
	}
	fact.Thumbprint = sum
	return key{fact: fact, verify: public}, nil
}

func refuse(member, format string, args ...any) *KeyError {
	return &KeyError{Member: member, Text: fmt.Sprintf(format, args...)}
}

// reader takes members out of one JWK and keeps the first thing that is wrong.
type reader struct {
	v   strictjson.Value
	err *KeyError
}

func (r *reader) fail(member, format string, args ...any) {
	if r.err == nil {
		r.err = refuse(member, format, args...)
	}
}

// otherKind says which kind a key is of that is none of those used here: of another type, or on another curve. It is empty for the
// others, and for what says no kind at all. RFC 7517 §5 would have such keys ignored.
func (r *reader) otherKind() string {
	kty, _ := textOf(r.v, "kty")
	crv, _ := textOf(r.v, "crv")
	switch kty {
	case "", "RSA", "oct":
		return ""
	case "EC", "OKP":
		if crv == "" || slices.Contains(curves[:], crv) {
			return ""
		}
		return core.Clip(kty + " " + crv)
	}
	return core.Clip(kty)
}

// curves are those of keys that are used here.
var curves = [...]string{"P-256", "P-384", "P-521", "Ed25519"}

func textOf(v strictjson.Value, name string) (string, bool) {
	member, _ := v.Get(name)
	return member.Text()
}

// text gives an optional member, which must be a string when it is there.
func (r *reader) text(name string) string {
	v, given := r.v.Get(name)
	text, ok := v.Text()
	if given && !ok {
		r.fail(name, "must be a string, not %s", v.Kind())
	}
	return text
}

// bytes gives a required member in base64url without padding and without bits to spare.
func (r *reader) bytes(name string) []byte {
	text := r.text(name)
	if text == "" {
		r.fail(name, "is missing")
		return nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || encode(raw) != text {
		r.fail(name, "must be base64url without padding")
		return nil
	}
	return raw
}

func (r *reader) public() crypto.PublicKey {
	switch kty := r.text("kty"); kty {
	case "RSA":
		return r.rsa()
	case "EC":
		return r.ec()
	case "OKP":
		return r.okp()
	case "oct":
		r.fail("kty", "a shared secret (oct) is not a public key; use RSA, EC or OKP")
	case "":
		r.fail("kty", "is missing")
	default:
		r.fail("kty", "must be RSA, EC or OKP")
	}
	return nil
}

// rsa reads RFC 7518 §6.3.1. The exponent's bounds are FIPS 186-5's lower and crypto/rsa's upper one.
func (r *reader) rsa() crypto.PublicKey {
	n := new(big.Int).SetBytes(r.bytes("n"))
	e := new(big.Int).SetBytes(r.bytes("e"))
	switch {
	case r.err != nil:
	case n.BitLen() < minRSABits || n.BitLen() > MaxRSABits:
		r.fail("n", "an RSA key must have %d to %d bits, not %d", minRSABits, MaxRSABits, n.BitLen())
	case n.Bit(0) == 0:
		r.fail("n", "an RSA modulus is odd")
	case e.BitLen() > 31 || e.Int64() < 65537 || e.Bit(0) == 0:
		r.fail("e", "an RSA exponent must be odd and at least 65537 (AQAB)")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())} // of no use after an error
}

// ec reads RFC 7518 §6.2.1. That the point is on the curve is checked by the standard library.
func (r *reader) ec() crypto.PublicKey {
	curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
	curve, ok := curves[r.text("crv")]
	if !ok {
		r.fail("crv", "an EC key must be on P-256, P-384 or P-521")
		return nil
	}
	x, y := r.bytes("x"), r.bytes("y")
	if size := (curve.Params().BitSize + 7) / 8; r.err == nil && (len(x) != size || len(y) != size) {
		r.fail("x", "the coordinates of this curve have exactly %d bytes, leading zeros included", size)
	}
	if r.err != nil {
		return nil
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
	if err != nil {
		r.fail("x", "the point is not on the curve")
	}
	return public
}

// okp reads RFC 8037 §2.
func (r *reader) okp() crypto.PublicKey {
	if r.text("crv") != "Ed25519" {
		r.fail("crv", "an OKP key must be on Ed25519")
		return nil
	}
	x := r.bytes("x")
	if r.err == nil && len(x) != ed25519.PublicKeySize {
		r.fail("x", "an Ed25519 key has exactly %d bytes", ed25519.PublicKeySize)
	}
	return ed25519.PublicKey(x)
}

// check holds what the owner said of the key against the key.
func (r *reader) check(fact KeyFact, public crypto.PublicKey) {
	r.named(fact)
	if isSignature(fact.Alg) && !slices.Contains(algorithmsOf(public), fact.Alg) {
		r.fail("alg", "this kind of key cannot be used with this algorithm")
	}
}

// named holds the name of a key to its bounds.
func (r *reader) named(fact KeyFact) {
	if v, given := r.v.Get("kid"); given && (fact.Kid == "" || len(fact.Kid) > maxKeyIDLength) && v.Kind() == strictjson.KindString {
		r.fail("kid", "must have 1 to %d bytes", maxKeyIDLength)
	}
}
