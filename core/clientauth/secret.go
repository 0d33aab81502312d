package clientauth

import (
	"crypto/subtle"
	"encoding/hex"
	"time"

	"github.com/ostiary/ostiary/core"
)

// maxSecrets is how many secrets a client may have at once (core.Credentials).
const maxSecrets = 2

// secretHolds tells whether the secret is one of those that are kept. It always makes as many comparisons as there can be
// secrets, so that time does not tell whether a client exists, has a secret, or how long that is good for.
func (p proof) secretHolds(kept []core.StoredSecret, now time.Time) bool {
	presented := p.secret.Hash()
	holds := 0
	for i := range maxSecrets {
		var want core.SecretHash
		usable := 0
		if i < len(kept) && readHash(&want, kept[i].Hash) && kept[i].Alg == "sha256" && (kept[i].ExpiresAt.IsZero() || now.Before(kept[i].ExpiresAt)) {
			usable = 1
		}
		holds |= subtle.ConstantTimeCompare(presented[:], want[:]) & usable
	}
	return holds == 1 && p.secret != ""
}

func readHash(to *core.SecretHash, text string) bool {
	if hex.DecodedLen(len(text)) != len(to) {
		return false
	}
	_, err := hex.Decode(to[:], []byte(text))
	return err == nil
}
