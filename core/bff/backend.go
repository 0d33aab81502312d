package bff

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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

// Settings say whose backend it is. Only Issuer and Origins are needed.
type Settings struct {
	Issuer      string        // its URL
	Endpoints   Endpoints     // zero: those below the issuer
	Origins     []string      // where browsers reach us, "https://app.example.com"; the first is the main one
	ReturnTo    []string      // further origins that return_to may name
	ClientID    core.ClientID // the one to ask for
	Profile     string        // the client_profile to ask for
	Scope       []string      // of logins
	SessionLife time.Duration
	KeyLife     time.Duration // after which a new key signs our assertions; at least two days
	AfterLogout string        // a path: where the browser is at the end
}

// Endpoints are the addresses of an issuer.
type Endpoints struct{ Register, PAR, Authorize, Token, UserInfo, Revoke, Logout, JWKS string }

// EndpointsOf gives the addresses that an issuer of this program has.
func EndpointsOf(issuer string) Endpoints {
	at := func(path string) string { return issuer + "/" + path }
	return Endpoints{
		Register: at("dcr/register"), PAR: at("par"), Authorize: at("authorize"), Token: at("token"), UserInfo: at("userinfo"),
		Revoke: at("revoke"), Logout: at("logout"), JWKS: at("jwks"),
	}
}

// Parts are what a Backend is made of. All are needed but those that say otherwise.
type Parts struct {
	Store Store
	Door  Door
	Keys  IssuerKeys
	Mint  func(ctx context.Context) (core.Secret, error) // gives an initial access token
	// EndSession ends the issuer's own session at a sign-out. Optional: without it the issuer ends it when the browser comes by.
	EndSession func(ctx context.Context, subject core.Subject, id core.SessionID) error
	Now        func() time.Time
	After      func(time.Duration) <-chan time.Time // nil: time.After
	Log        *slog.Logger                         // nil: nothing is logged
}

// A Backend is one client of one issuer. It is safe for concurrent use.
type Backend struct {
	store      Store
	door       Door
	keys       IssuerKeys
	mint       func(context.Context) (core.Secret, error)
	endSession func(context.Context, core.Subject, core.SessionID) error
	now        func() time.Time
	after      func(time.Duration) <-chan time.Time
	log        *slog.Logger
	settings   Settings

	self    atomic.Pointer[self]       // nil: not registered yet
	failure atomic.Pointer[core.Error] // why not
	again   chan struct{}              // the registration is in doubt
	flights flights
	forced  pace
}

// New makes a Backend. It answers "not ready" until Bootstrap or Run has registered it.
func New(p Parts, s Settings) (*Backend, error) {
	s.fill()
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("bff: %w", err)
	}
	if p.After == nil {
		p.After = time.After
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	b := &Backend{
		store: p.Store, door: p.Door, keys: p.Keys, mint: p.Mint, endSession: p.EndSession,
		now: p.Now, after: p.After, log: p.Log, settings: s, again: make(chan struct{}, 1),
	}
	b.failure.Store(notReady("it has just begun; try again in a moment", nil))
	return b, nil
}

func (s *Settings) fill() {
	if s.Endpoints == (Endpoints{}) {
		s.Endpoints = EndpointsOf(s.Issuer)
	}
	if s.ClientID == "" {
		s.ClientID = DefaultClientID
	}
	if s.Profile == "" {
		s.Profile = DefaultProfile
	}
	if len(s.Scope) == 0 {
		s.Scope = []string{oauth.ScopeOpenID, oauth.ScopeProfile, oauth.ScopeEmail, oauth.ScopeOfflineAccess}
	}
	if s.SessionLife == 0 {
		s.SessionLife = DefaultSessionLife
	}
	if s.KeyLife == 0 {
		s.KeyLife = DefaultKeyLife
	}
	if s.AfterLogout == "" {
		s.AfterLogout = "/"
	}
}

func (s *Settings) check() error {
	var problems []error
	if s.Issuer == "" || strings.HasSuffix(s.Issuer, "/") {
		problems = append(problems, errors.New("the issuer is a URL without a slash at its end"))
	}
	if len(s.Origins) == 0 {
		problems = append(problems, errors.New("it needs at least one origin, such as https://app.example.com"))
	}
	for _, origin := range slices.Concat(s.Origins, s.ReturnTo) {
		if !isOrigin(origin) {
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
	if s.KeyLife < 2*keepOldKey {
		problems = append(problems, errors.New("a signing key serves for at least two days"))
	}
	return errors.Join(problems...)
}

// isOrigin takes scheme, host and port, and nothing after them.
func isOrigin(text string) bool {
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
	if me := b.self.Load(); me != nil {
		return me.jwks
	}
	return []byte(`{"keys":[]}`)
}

// notReady is what everybody is told while there is no registration.
func notReady(hint string, cause error) *core.Error {
	return &core.Error{
		Code: core.TemporarilyUnavailable, RetryAfter: 5 * time.Second, Err: cause,
		Detail: "Sign-in is not available: the backend is not registered with the identity provider yet: " + hint + ".",
	}
}
