package jose

import (
	"crypto"
	"errors"
	"fmt"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Limits of a key set that somebody else wrote.
const (
	MaxKeys        = 20
	MaxRSABits     = 8192
	minRSABits     = 2048
	maxKeyIDLength = 256
	minSecret      = 32 // bytes, RFC 7518 §3.2 for HS256
)

// KeyFact is what may be said of a public key: to a policy, in a log, on a page.
type KeyFact struct {
	Kty        string `json:"kty"`
	Alg        string `json:"alg"` // as given, may be empty
	Use        string `json:"use"` // as given, may be empty
	Kid        string `json:"kid"` // as given, may be empty
	Crv        string `json:"crv"` // of EC and OKP keys
	Bits       int    `json:"bits"`
	Thumbprint string `json:"thumbprint"` // RFC 7638, SHA-256, base64url
}

// A KeySet verifies. It holds public keys, or one shared secret that no one can read back. The zero KeySet verifies nothing.
type KeySet struct {
	keys  []key
	other []string // of a set that a client sent, the keys of kinds that are not used here
}

// key is a fact and what verifies: a public key, or a secret as []byte.
type key struct {
	fact   KeyFact
	verify any
}

// Facts gives one fact a key, in the order of the set. A shared secret is not listed.
func (s KeySet) Facts() []KeyFact {
	facts := []KeyFact{}
	for _, k := range s.keys {
		if _, secret := k.verify.([]byte); !secret {
			facts = append(facts, k.fact)
		}
	}
	return facts
}

// Has tells whether a key has this kid.
func (s KeySet) Has(kid string) bool {
	return slices.ContainsFunc(s.keys, func(k key) bool { return k.fact.Kid == kid })
}

// HasKey tells whether a public key is one of the set.
func (s KeySet) HasKey(public crypto.PublicKey) bool {
	return slices.ContainsFunc(s.keys, func(k key) bool {
		held, comparable := k.verify.(interface{ Equal(crypto.PublicKey) bool })
		return comparable && held.Equal(public)
	})
}

// Other names the keys of a set that a client sent which are of kinds not used here: it may keep them, and they count for nothing.
func (s KeySet) Other() []string { return s.other }

// Len counts the keys.
func (s KeySet) Len() int { return len(s.keys) }

// A KeyError says which key of a set is refused and why, in words that are safe for who sent it.
type KeyError struct {
	Index  int    // from 0; -1 when the set as a whole is meant
	Member string // the offending member of the key; empty for the key as a whole
	Text   string

	kind string // of a key that is of no kind used here; empty: it is of one, and unusable
}

// Error gives "keys[1].d: text".
func (e *KeyError) Error() string {
	where := "keys"
	if e.Index >= 0 {
		where = fmt.Sprintf("keys[%d]", e.Index)
	}
	if e.Member != "" {
		where += "." + e.Member
	}
	return where + ": " + e.Text
}

// ParseJWKS reads a key set (RFC 7517 §5) of public signing and encryption keys, strictly: RSA of 2048 to 8192 bits, EC on
// P-256, P-384 or P-521, Ed25519. Such a key that is weak or wrong refuses the whole set with a *KeyError, and so do private members
// of a key of any kind, which must not be here. Keys of other types and curves are left out, as the RFC asks, unless nothing else is
// there: nobody believes in a key that would never be used.
func ParseJWKS(raw []byte) (KeySet, error) {
	v, err := strictjson.Parse(raw, strictjson.Limits{})
	if err != nil {
		return KeySet{}, fmt.Errorf("key set: %w", err)
	}
	return ReadJWKS(v)
}

// ParsePublished reads a key set that somebody publishes for all the world: what we would not use is left out, whatever is wrong with
// it, so that one mistake does not take the others with it.
func ParsePublished(raw []byte) (KeySet, error) {
	v, err := strictjson.Parse(raw, strictjson.Limits{})
	if err != nil {
		return KeySet{}, fmt.Errorf("key set: %w", err)
	}
	return readSet(v, func(*KeyError) error { return nil })
}

// ReadJWKS is ParseJWKS for a set that is parsed already, such as the jwks member of a client.
func ReadJWKS(v strictjson.Value) (KeySet, error) {
	var other []string
	var first *KeyError
	set, err := readSet(v, func(unusable *KeyError) error {
		if unusable.kind == "" {
			return unusable
		}
		if first == nil {
			first = unusable
		}
		other = append(other, fmt.Sprintf("keys[%d] (%s)", unusable.Index, unusable.kind))
		return nil
	})
	if err == nil && set.Len() == 0 && first != nil {
		return KeySet{}, first
	}
	set.other = other
	return set, err
}

// readSet reads a key set. refuse says what an unusable key does: with nil it is left out.
func readSet(v strictjson.Value, refuse func(unusable *KeyError) error) (KeySet, error) {
	list, _ := v.Get("keys")
	if list.Kind() != strictjson.KindArray {
		return KeySet{}, &KeyError{Index: -1, Text: "a key set is an object whose member keys is an array"}
	}
	if list.Len() > MaxKeys {
		return KeySet{}, &KeyError{Index: -1, Text: fmt.Sprintf("at most %d keys are accepted, not %d", MaxKeys, list.Len())}
	}
	var set KeySet
	seen := map[string]int{}
	for i, item := range list.Items() {
		k, unusable := readJWK(item)
		isOther := unusable != nil && unusable.kind != ""
		if first, twice := seen[k.fact.Kid]; (unusable == nil || isOther) && twice && k.fact.Kid != "" {
			unusable, isOther = &KeyError{Member: "kid", Text: fmt.Sprintf("the same as that of keys[%d]; each key needs its own", first)}, false
		}
		if unusable != nil {
			unusable.Index = i
			if err := refuse(unusable); err != nil {
				return KeySet{}, err
			}
		}
		if unusable == nil || isOther {
			seen[k.fact.Kid] = i
		}
		if unusable != nil {
			continue
		}
		set.keys = append(set.keys, k)
	}
	return set, nil
}

// PublicSet gives the set that verifies what these keys sign.
func PublicSet(private ...PrivateKey) (KeySet, error) {
	var set KeySet
	for _, p := range private {
		if p.signer == nil {
			return KeySet{}, errors.New("public set: a key is empty")
		}
		fact := describe(p.signer.Public())
		fact.Alg, fact.Use, fact.Kid, fact.Thumbprint = p.alg, "sig", p.kid, p.kid
		set.keys = append(set.keys, key{fact: fact, verify: p.signer.Public()})
	}
	return set, nil
}

// SharedSecret gives the only kind of set that verifies HS256, HS384 and HS512 (each needs a secret as long as its hash:
// RFC 7518 §3.2). It is for issuers that the operator configured with a secret, never for clients.
func SharedSecret(secret core.Secret) (KeySet, error) {
	if len(secret.Reveal()) < minSecret {
		return KeySet{}, fmt.Errorf("a shared secret needs at least %d bytes", minSecret)
	}
	fact := KeyFact{Kty: "oct", Bits: 8 * len(secret.Reveal())}
	return KeySet{keys: []key{{fact: fact, verify: []byte(secret.Reveal())}}}, nil
}

// Join makes one set of several, the shared secret of one and the public keys of another, for example.
func Join(sets ...KeySet) KeySet {
	var all KeySet
	for _, s := range sets {
		all.keys = append(all.keys, s.keys...)
	}
	return all
}

// candidates gives the keys that may verify alg: those with the token's kid first, then the others of the type.
func (s KeySet) candidates(alg, kid string) []key {
	var named, others []key
	for _, k := range s.keys {
		if !k.fits(alg) {
			continue
		}
		if kid != "" && k.fact.Kid == kid {
			named = append(named, k)
		} else {
			others = append(others, k)
		}
	}
	all := slices.Concat(named, others)
	return all[:min(len(all), maxTries)]
}

// fits tells whether a key may verify alg: by its type, and by what its owner said of it.
func (k key) fits(alg string) bool {
	if !slices.Contains(algorithmsOf(k.verify), alg) {
		return false
	}
	if k.fact.Use != "" && k.fact.Use != "sig" {
		return false
	}
	return k.fact.Alg == "" || sameAlgorithm(k.fact.Alg, alg)
}
