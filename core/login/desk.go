package login

import (
	"runtime"
	"time"
)

// DefaultLifetime is that of a browser session.
const DefaultLifetime = 12 * time.Hour

// Parts are what a Desk speaks to. All but Lifetime are needed.
type Parts struct {
	Users    Users
	Links    Links
	Throttle Throttle
	Sessions Sessions
	Lifetime time.Duration // of a browser session; 0: DefaultLifetime
	Now      func() time.Time
}

// A Desk is where people sign in and where operators keep them. It is safe for use by many goroutines.
type Desk struct {
	users    Users
	links    Links
	throttle Throttle
	sessions Sessions
	lifetime time.Duration
	now      func() time.Time
	hasher   hasher
}

// NewDesk makes a Desk.
func NewDesk(p Parts) *Desk {
	d := &Desk{
		users: p.Users, links: p.Links, throttle: p.Throttle, sessions: p.Sessions, lifetime: p.Lifetime, now: p.Now,
		hasher: newHasher(runtime.GOMAXPROCS(0)),
	}
	if d.lifetime == 0 {
		d.lifetime = DefaultLifetime
	}
	return d
}

// today is the moment as records carry it.
func (d *Desk) today() time.Time { return d.now().UTC().Truncate(time.Second) }
