package login

import (
	"runtime"
	"time"

	"github.com/ostiary/ostiary/core"
)

// DefaultLifetime is that of a browser session.
const DefaultLifetime = 12 * time.Hour

// Parts are what a Desk speaks to. All but Lifetime are needed.
type Parts struct {
	Users    Users
	Links    Links
	Throttle Throttle
	Sessions Sessions
	Policy   Policy
	Lifetime time.Duration // of a browser session; 0: DefaultLifetime
	Now      func() time.Time
}

// A Desk is where people sign in and where operators keep them. It is safe for use by many goroutines.
type Desk struct {
	users    Users
	links    Links
	throttle Throttle
	sessions Sessions
	policy   Policy
	kind     core.SessionKind
	lifetime time.Duration
	now      func() time.Time
	hasher   hasher
	lines    *lines
	turns    *turns
}

// NewDesk makes a Desk for browser sessions.
func NewDesk(p Parts) *Desk {
	d := &Desk{
		users: p.Users, links: p.Links, throttle: p.Throttle, sessions: p.Sessions, policy: p.Policy, lifetime: p.Lifetime, now: p.Now,
		hasher: newHasher(runtime.GOMAXPROCS(0)), lines: newLines(), turns: newTurns(),
	}
	if d.lifetime == 0 {
		d.lifetime = DefaultLifetime
	}
	return d
}

// For gives the desk of the same people for sessions of another kind: it makes no other and accepts no other. They last as long
// as the desk's own, but at most so long. What is done to a person's sessions as a whole is done to those of every kind.
func (d *Desk) For(kind core.SessionKind, longest time.Duration) *Desk {
	other := *d
	other.kind, other.lifetime = kind, min(d.lifetime, longest)
	return &other
}

// today is the moment as records carry it.
func (d *Desk) today() time.Time { return d.now().UTC().Truncate(time.Second) }
