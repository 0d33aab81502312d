package bff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
)

// A Door reaches the issuer: a fetch.Peer, over the network or through the same process.
type Door interface {
	Do(ctx context.Context, r fetch.Request) (fetch.Response, error)
}

// IssuerKeys gives the key set that the issuer publishes; kid is the key that is looked for.
type IssuerKeys interface {
	Set(ctx context.Context, jwksURI, kid string) (jose.KeySet, error)
}

// What Settings begin with.
const (
	DefaultClientID    core.ClientID = "bff-server"
	DefaultProfile                   = "code-flow-pkjwt"
	DefaultSessionLife               = 8 * time.Hour
	DefaultKeyLife                   = 90 * 24 * time.Hour
)

// Settings say whose backend it is. Only Issuer and Origins are needed; without Issuer, Parts.Discover finds it.
type Settings struct {
	Issuer      string        // its URL
	Endpoints   Endpoints     // those that are named count, whatever else is known of the issuer
	Origins     []string      // where browsers reach us, "https://app.example.com"; the first is the main one
	ReturnTo    []string      // further origins that return_to may name
	ClientID    core.ClientID // the one to ask for; empty: the issuer chooses
	Profile     string        // the client_profile to ask for; empty: none
	Scope       []string      // of logins
	Push        Push          // how the request reaches the issuer; empty: pushed ahead
	Consent     bool          // the issuer asks for consent at each login: many give a refresh token only then (OpenID Connect Core §11)
	SessionLife time.Duration
	AfterLogout string // a path: where the browser is at the end

	Method  oauth.AuthMethod // by which we prove who we are; empty: private_key_jwt
	Secret  core.Secret      // the operator's client_secret; empty: the one that was registered
	JWKSURI string           // where the issuer reads our keys; empty: they are registered themselves
	KeyLife time.Duration    // after which a new key signs our assertions; at least two days; negative: never
	KeyKept time.Duration    // how old a key may become that signs no more; 0: a day longer than it signed; negative: as old as it likes
	MaxKeys int              // that the issuer is to know of us; 0: any number
	TurnKey bool             // a new key signs from the start on, however young the one is that there was

	RedirectURIs []string     // to be registered; none: those of Origins
	Redirects    RedirectMode // what an update makes of those that are registered; empty: ReplaceRedirects

	Given   bool // the operator registered ClientID: the issuer is asked for nothing
	Settled bool // a client that the issuer does not accept any more is the operator's to mend: no other one is registered in its place
	Replace bool // the client is deleted and registered anew, once for each Ticket

	Ticket string // names the initial access token that Mint gives, when it is always the same
}

// A Push is a way to send the authorization request.
type Push string

// The ways. PushOffered falls back to the browser's address where the issuer has no endpoint for pushed requests (RFC 9126).
const (
	PushAlways  Push = ""
	PushOffered Push = "offered"
	PushNever   Push = "never"
)

// Parts are what a Backend is made of. All are needed but those that say otherwise.
type Parts struct {
	Store Store
	Door  Door
	Keys  IssuerKeys
	Mint  func(ctx context.Context) (core.Secret, error) // gives an initial access token; nil: there is none
	// Discover reads what the issuer publishes about itself. Optional: without it, it is an issuer of this program.
	Discover func(ctx context.Context) (Endpoints, error)
	// Renew has an operator renew a registration access token. Optional: without it, nobody does.
	Renew func(ctx context.Context, client core.ClientID) (core.Secret, error)
	// RenewSecret has an operator give another client_secret. Optional: without it, nobody does.
	RenewSecret func(ctx context.Context, client core.ClientID) (GivenSecret, error)
	// EndSession ends the issuer's own session at a sign-out. Optional: without it the issuer ends it when the browser comes by.
	EndSession func(ctx context.Context, subject core.Subject, id core.SessionID) error
	// Seen is told what became of each look at the registration. Optional.
	Seen  func(Outcome)
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time // nil: time.After
	Hints map[Trouble]string                   // what to do about it, where it is not what we would say
	Log   *slog.Logger                         // nil: nothing is logged
}

// A Backend is one client of one issuer. It is safe for concurrent use.
type Backend struct {
	store    Store
	door     Door
	keys     IssuerKeys
	now      func() time.Time
	log      *slog.Logger
	parts    Parts // the rest of them
	settings Settings

	self    atomic.Pointer[self]       // nil: not registered yet
	failure atomic.Pointer[core.Error] // why not
	keySet  atomic.Pointer[[]byte]     // what JWKS gives
	again   chan struct{}              // the registration is in doubt
	flights flights
	forced  pace
	told    sync.Once // of an issuer that gives no refresh tokens
}

// New makes a Backend. It answers "not ready" until Bootstrap or Run has registered it.
func New(p Parts, s Settings) (*Backend, error) {
	s.fill()
	if err := s.check(p.Discover != nil); err != nil {
		return nil, fmt.Errorf("bff: %w", err)
	}
	if p.After == nil {
		p.After = time.After
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if p.Seen == nil {
		p.Seen = func(Outcome) {}
	}
	b := &Backend{store: p.Store, door: p.Door, keys: p.Keys, now: p.Now, log: p.Log, parts: p, settings: s, again: make(chan struct{}, 1)}
	b.failure.Store(notReady("it has just begun; try again in a moment", nil))
	return b, nil
}

func (s *Settings) fill() {
	if len(s.Scope) == 0 {
		s.Scope = []string{oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeOfflineAccess}
	}
	s.SessionLife = cmp.Or(s.SessionLife, DefaultSessionLife)
	s.KeyLife = cmp.Or(s.KeyLife, DefaultKeyLife)
	s.AfterLogout = cmp.Or(s.AfterLogout, "/")
	s.Method = cmp.Or(s.Method, oauth.AuthPrivateKeyJWT)
	s.Redirects = cmp.Or(s.Redirects, ReplaceRedirects)
	if len(s.RedirectURIs) == 0 {
		for _, origin := range s.Origins {
			s.RedirectURIs = append(s.RedirectURIs, redirectURI(origin))
		}
	}
}

func (s *Settings) check(discovered bool) error {
	var problems []error
	if s.Issuer == "" && !discovered || strings.HasSuffix(s.Issuer, "/") {
		problems = append(problems, errors.New("the issuer is a URL without a slash at its end"))
	}
	if len(s.Origins) == 0 {
		problems = append(problems, errors.New("it needs at least one origin, such as https://app.example.com"))
	}
	for _, origin := range slices.Concat(s.Origins, s.ReturnTo) {
		if !IsOrigin(origin) {
			problems = append(problems, fmt.Errorf("%q is no origin; write it like https://app.example.com (http only for localhost)", origin))
		}
	}
	for _, origin := range s.Origins {
		if isSecure(origin) != isSecure(s.Origins[0]) {
			problems = append(problems, errors.New("origins must be all https or all http: they share the names of their cookies"))
		}
	}
	if !oauth.ScopeContains(s.Scope, oauth.ScopeOpenID) {
		problems = append(problems, errors.New("the scope lacks openid"))
	}
	if !localPath(s.AfterLogout) {
		problems = append(problems, fmt.Errorf("%q is no path to go to after a sign-out", s.AfterLogout))
	}
	if s.SessionLife < 0 {
		problems = append(problems, errors.New("the life of a session is negative"))
	}
	if s.KeyLife >= 0 && s.KeyLife < 2*keepOldKey {
		problems = append(problems, errors.New("a signing key serves for at least two days"))
	}
	if !slices.Contains(methods, s.Method) {
		problems = append(problems, fmt.Errorf("%q is no way in which a backend proves itself; use one of %v", s.Method, methods))
	}
	if s.Given && s.ClientID == "" {
		problems = append(problems, errors.New("the client that the operator registered needs its id"))
	}
	return errors.Join(problems...)
}

// IsOrigin takes scheme, host and port, and nothing after them: https, or http on this machine, in lower case.
func IsOrigin(text string) bool {
	u := oauth.ParseURI(text)
	return (u.Class == oauth.ClassHTTPS || u.Class == oauth.ClassLoopbackHTTP) && u.Path == "" && !u.HasQuery && u.Valid && text == strings.ToLower(text)
}

func isSecure(origin string) bool { return strings.HasPrefix(origin, "https://") }

// Secure tells whether browsers reach us by https, so that cookies can be __Host- ones.
func (b *Backend) Secure() bool { return isSecure(b.settings.Origins[0]) }

// Guard gives the check of calls that only our own pages may make.
func (b *Backend) Guard() Guard { return Guard{origins: b.settings.Origins} }

// Ready is nil once the backend is registered; until then it says why not, and what to do.
func (b *Backend) Ready() error {
	_, err := b.me()
	return err
}

func (b *Backend) me() (*self, error) {
	if me := b.self.Load(); me != nil {
		return me, nil
	}
	return nil, b.failure.Load()
}

// JWKS gives the public keys that our assertions are signed with (RFC 7517 §5).
func (b *Backend) JWKS() []byte {
	if set := b.keySet.Load(); set != nil {
		return *set
	}
	return noKeys
}

// become makes me who we are from now on.
func (b *Backend) become(me *self) {
	b.publish(me)
	b.self.Store(me)
}

// publish shows the keys of who we are, or are about to be: an issuer may look before it answers.
func (b *Backend) publish(me *self) { b.keySet.Store(&me.jwks) }

// notReady is what everybody is told while there is no registration.
func notReady(hint string, cause error) *core.Error {
	return &core.Error{
		Code: core.TemporarilyUnavailable, RetryAfter: 5 * time.Second, Err: cause,
		Detail: "Sign-in is not available: the backend is not registered with the identity provider yet: " + hint + ".",
	}
}
