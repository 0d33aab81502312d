package jose

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	gojose "github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/core/oauth"
)

// A Recipient is a key of somebody else's that something is encrypted to, with algorithms that go with it. The zero Recipient
// is nobody: nothing can be encrypted to it.
type Recipient struct {
	key      key
	alg, enc string
}

// isJWT is what the header of a JWE says of it (typ, RFC 7519 §5.1) and of what is inside, when that is a JWT, too (cty, §5.2).
const isJWT = "JWT"

// Recipient gives the key to encrypt to with a key management algorithm and a content encryption (RFC 7518 §4.1, §5.1). Only
// asymmetric algorithms count, and only keys that are of the algorithm's kind and that their owner did not say to be for
// something else. Of several it is one that says use enc, else one that names the algorithm, else the first one: who publishes
// a new key takes the old one away (OpenID Connect Core §10.2.1).
//
// Errors: ErrAlgorithm when we do not encrypt so, ErrNoKey when no key fits.
func (s KeySet) Recipient(alg, enc string) (Recipient, error) {
	if !slices.Contains(oauth.KeyEncryptions(), oauth.KeyEncryption(alg)) || !slices.Contains(oauth.ContentEncryptions(), oauth.ContentEncryption(enc)) {
		return Recipient{}, fmt.Errorf("%w: %.20q with %.20q", ErrAlgorithm, alg, enc)
	}
	var best Recipient
	for _, k := range s.keys {
		if k.fact.Decrypts(alg) && (best.alg == "" || k.fact.doubt() < best.key.fact.doubt()) {
			best = Recipient{key: k, alg: alg, enc: enc}
		}
	}
	if best.alg == "" {
		return Recipient{}, ErrNoKey
	}
	return best, nil
}

// doubt is the less, the more plainly the owner of a key that may be encrypted to said that this is what it is for.
func (f KeyFact) doubt() int {
	switch {
	case f.Use != "":
		return 0
	case f.Alg != "":
		return 1
	}
	return 2
}

// Encrypt makes a compact JWE (RFC 7516 §7.1) over the claims of a JWT, a JSON object in UTF-8.
func (r Recipient) Encrypt(claims []byte) (string, error) {
	return r.seal(claims, (&gojose.EncrypterOptions{}).WithType(isJWT))
}

// EncryptSigned makes a nested JWT of one that is signed (RFC 7519 §5.2, §11.2).
func (r Recipient) EncryptSigned(compact string) (string, error) {
	return r.seal([]byte(compact), (&gojose.EncrypterOptions{}).WithType(isJWT).WithContentType(isJWT))
}

// seal encrypts. The header has the owner's kid, so that it knows which key of its to take, and never zip: how long something is
// when compressed tells of what is in it (RFC 8725 §3.6).
func (r Recipient) seal(content []byte, opts *gojose.EncrypterOptions) (string, error) {
	if r.alg == "" {
		return "", errors.New("encrypt: there is nobody to encrypt to")
	}
	to := gojose.Recipient{Algorithm: gojose.KeyAlgorithm(r.alg), Key: r.key.verify, KeyID: r.key.fact.Kid}
	encrypter, err := gojose.NewEncrypter(gojose.ContentEncryption(r.enc), to, opts)
	if err != nil {
		return "", fmt.Errorf("encrypt with %s and %s: %w", r.alg, r.enc, err)
	}
	sealed, err := encrypter.Encrypt(content)
	if err != nil {
		return "", fmt.Errorf("encrypt with %s and %s: %w", r.alg, r.enc, err)
	}
	return sealed.CompactSerialize()
}

// LooksEncrypted tells a compact JWE from a compact JWS by its five parts (RFC 7516 §9).
func LooksEncrypted(compact string) bool { return strings.Count(compact, ".") == 4 }
