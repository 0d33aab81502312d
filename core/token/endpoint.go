package token

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// Authenticator says which client is calling.
type Authenticator interface {
	Authenticate(ctx context.Context, p clientauth.Presented) (core.Registered, error)
}

// Clients and People find those whom a token is about. A client that there is not, or not any more, is zero.
type (
	Clients interface {
		Registered(ctx context.Context, id core.ClientID) (core.Registered, error)
	}
	People interface {
		User(ctx context.Context, subject core.Subject) (user core.User, found bool, err error)
	}
)

// Grants keeps authorization codes and the grants that they become.
type Grants interface {
	// Code gives a code that is not forgotten yet, used or not; the zero HeldCode when there is none.
	Code(ctx context.Context, hash core.SecretHash) (HeldCode, error)
	// Redeem marks the code as used and keeps the grant, all or nothing, while the client is of the grant's generation: ErrUsed
	// when somebody was first, ErrVoid when the client has moved on.
	Redeem(ctx context.Context, code HeldCode, grant core.Grant) error
	// Grant gives a grant; the zero HeldGrant when there is none.
	Grant(ctx context.Context, id core.GrantID) (HeldGrant, error)
	// Rotate replaces a grant by its next state: ErrUsed when it is not any more what was held.
	Rotate(ctx context.Context, held HeldGrant, next core.Grant) error
	// EndGrant voids a grant and all that was issued under it. It is no error when there is none.
	EndGrant(ctx context.Context, id core.GrantID) error
}

// Once remembers what has happened, by kind and hash, until a time.
type Once interface {
	Once(ctx context.Context, kind string, hash core.SecretHash, until time.Time) (first bool, err error)
	Seen(ctx context.Context, kind string, hash core.SecretHash) (bool, error)
}

// Keys sign and verify what we issue.
type Keys interface {
	Signer(alg string) (keys.Signer, error)
	Set(ctx context.Context, kid string) (jose.KeySet, error) // what verifies a token that names kid
	JWKS() (body []byte, etag string)                         // the tag changes with the set
}

// ClientKeys gives the key set that a client publishes at its jwks_uri, fetched again when it does not have the key that is looked
// for: keys.ErrUnreachable when that cannot be done.
type ClientKeys interface {
	Having(ctx context.Context, jwksURI string, has func(jose.KeySet) bool) (jose.KeySet, error)
}

// Policy answers the token question.
type Policy interface {
	DecideToken(ctx context.Context, q *decision.Token) (decision.TokenVerdict, error)
}

// What a store answers when the world has moved on.
var (
	ErrUsed = errors.New("somebody else was first")
	ErrVoid = errors.New("the client is gone or of another generation")
)

// A Stamp names one state of a record. The zero Stamp means that there is none.
type Stamp [16]byte

// A HeldCode is an authorization code as it was read.
type HeldCode struct {
	Code  core.AuthorizationCode
	Hash  core.SecretHash
	Used  bool
	Stamp Stamp
}

// A HeldGrant is a grant as it was read.
type HeldGrant struct {
	Grant core.Grant
	Stamp Stamp
}

// Options are what an operator may choose. A zero duration takes its default.
type Options struct {
	Issuer          string                                         // its URL
	DefaultAudience string                                         // of access tokens for which no resource was named; empty: the issuer
	AudienceAllowed func(resource string, client core.Client) bool // may tokens be issued for it (RFC 8707); nil: only the issuer
	ScopeAudiences  map[string][]string                            // whom tokens with a scope are for when no resource was named, as far as they may be
	AccessLifetime  time.Duration                                  // 10 minutes
	IDTokenLifetime time.Duration                                  // 10 minutes
	RefreshLifetime time.Duration                                  // 30 days, from the redemption of the code on
}

// Parts are what an Endpoint is made of. All are needed, but for Plugins and Extended.
type Parts struct {
	Authenticator Authenticator
	Clients       Clients
	People        People
	Grants        Grants
	Once          Once
	Keys          Keys
	ClientKeys    ClientKeys
	Policy        Policy
	Plugins       hook.Chain      // nil: none
	Extended      func(Extension) // is told of tokens that plugins failed at or refused; nil: nobody
	Names         core.Pairwise   // of people, to clients that know them by names of their own
	Now           func() time.Time
	Options       Options
	// Used is told of a client that was issued a token, and until when the last of what was issued with it is good, or that asked
	// about one, with the zero time; nil: nobody.
	Used func(c *core.Client, until time.Time)
}

// An Endpoint issues the tokens of one issuer and answers for them. It is safe for concurrent use.
type Endpoint struct {
	parts    Parts
	options  Options
	verified verified
	sets     keys.Parsed // that clients registered, of those to whom something is encrypted
}

// New opens an endpoint.
func New(p Parts) *Endpoint {
	o := p.Options
	for _, d := range []struct {
		of    *time.Duration
		usual time.Duration
	}{{&o.AccessLifetime, 10 * time.Minute}, {&o.IDTokenLifetime, 10 * time.Minute}, {&o.RefreshLifetime, 30 * 24 * time.Hour}} {
		if *d.of <= 0 {
			*d.of = d.usual
		}
	}
	if o.DefaultAudience == "" {
		o.DefaultAudience = o.Issuer
	}
	if o.AudienceAllowed == nil {
		o.AudienceAllowed = func(string, core.Client) bool { return false }
	}
	if p.Used == nil {
		p.Used = func(*core.Client, time.Time) {}
	}
	if p.Plugins == nil {
		p.Plugins = hook.None{}
	}
	return &Endpoint{parts: p, options: o}
}
