package keys

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// A Secret is a key that settings give a name: one of these, and only one.
type Secret struct {
	HMAC    core.Secret `yaml:"hmac"`    // the shared key itself, of at least 32 bytes (RFC 7518 §3.2)
	Ed25519 core.Secret `yaml:"ed25519"` // a private key, as PEM (PKCS #8)
	EC      core.Secret `yaml:"ec"`      // a private key on P-256, P-384 or P-521, as PEM (PKCS #8 or SEC 1)
}

// Named are keys that the operator gave names, for others than the server to sign with. None of them is ever given out, and
// what is signed is exactly what was asked for: a key is for one purpose, and for those it was granted to.
type Named struct {
	shared  map[string]core.Secret
	private map[string]jose.PrivateKey
}

// ErrNoNamedKey means that there is no key of this name and kind.
var ErrNoNamedKey = errors.New("there is no such key")

const shortestHMAC = 32

var keyName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// NewNamed reads the keys. The error names every key that cannot be used, and quotes none.
func NewNamed(secrets map[string]Secret) (*Named, error) {
	n := &Named{shared: map[string]core.Secret{}, private: map[string]jose.PrivateKey{}}
	var errs []error
	for name, s := range secrets {
		if err := n.add(name, s); err != nil {
			errs = append(errs, fmt.Errorf("key %q: %w", name, err))
		}
	}
	return n, errors.Join(errs...)
}

func (n *Named) add(name string, s Secret) error {
	switch {
	case !keyName.MatchString(name):
		return errors.New("its name must be 1 to 64 of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit")
	case s.kinds() != 1:
		return errors.New("it must be one of hmac, ed25519 and ec")
	case s.HMAC != "" && len(s.HMAC.Reveal()) < shortestHMAC:
		return fmt.Errorf("a shared key must have at least %d bytes", shortestHMAC)
	case s.HMAC != "":
		n.shared[name] = s.HMAC
		return nil
	}
	key, err := jose.ParsePEM([]byte((s.Ed25519 + s.EC).Reveal()))
	switch {
	case err != nil:
		return err
	case (s.Ed25519 != "") != (key.Alg() == jose.EdDSA):
		return errors.New("it is of another kind than the settings say")
	}
	n.private[name] = key
	return nil
}

func (s Secret) kinds() (n int) {
	for _, given := range []core.Secret{s.HMAC, s.Ed25519, s.EC} {
		if given != "" {
			n++
		}
	}
	return n
}

// Sign signs data with a private key: the signature of RFC 7515 §5.1 without header and encoding. kid is the key's RFC 7638
// thumbprint.
func (n *Named) Sign(name string, data []byte) (alg, kid string, signature []byte, err error) {
	key, ok := n.private[name]
	if !ok {
		return "", "", nil, fmt.Errorf("private key %q: %w", name, ErrNoNamedKey)
	}
	signature, err = key.Raw(data)
	return key.Alg(), key.ID(), signature, err
}

// HMAC authenticates data with a shared key, by HMAC-SHA256. kid is the key's name.
func (n *Named) HMAC(name string, data []byte) (alg, kid string, signature []byte, err error) {
	key, ok := n.shared[name]
	if !ok {
		return "", "", nil, fmt.Errorf("shared key %q: %w", name, ErrNoNamedKey)
	}
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	mac.Write(data)
	return jose.HS256, name, mac.Sum(nil), nil
}
