package login

import (
	"crypto/sha256"
	"fmt"

	"github.com/ostiary/ostiary/core"
)

// Derive is how a hash is made of a password.
type Derive = func(password, salt []byte, passes, memory uint32, threads uint8, keyLength uint32) []byte

// Deriving has a desk make hashes in another way.
func (d *Desk) Deriving(f Derive) { d.hasher.derive = f }

// Quick is a hash that costs nothing. Like the real one, it depends on everything.
func Quick(password, salt []byte, passes, memory uint32, threads uint8, keyLength uint32) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %d %d %d %d", password, salt, passes, memory, threads, keyLength))
	return sum[:keyLength]
}

// Places is how many hashes are made at once.
func (d *Desk) Places() int { return cap(d.hasher.places) }

// Matches compares a password with a hash.
func (d *Desk) Matches(password core.Secret, hash core.PasswordHash) (right, weak bool, err error) {
	return d.hasher.matches(password, hash)
}

// Hash makes a hash as SetPassword does.
func (d *Desk) Hash(password core.Secret) core.PasswordHash { return d.hasher.hash(password) }

// Standing is how many lines there are.
func (d *Desk) Standing() int {
	d.lines.mu.Lock()
	defer d.lines.mu.Unlock()
	return len(d.lines.standing)
}

// LongestLine is how many hashes of one network may be under way.
const LongestLine = longestLine

// Wanting is how many tries at an account are under way or wait for their turn.
func (d *Desk) Wanting(a Account) int {
	d.turns.mu.Lock()
	defer d.turns.mu.Unlock()
	if at := d.turns.busy[a]; at != nil {
		return at.wanted
	}
	return 0
}
