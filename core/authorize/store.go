package authorize

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
)

// Clients gives a client with its state; the zero Registered when there is none. An invalid_client says why one that describes itself
// is not accepted.
type Clients interface {
	Registered(ctx context.Context, id core.ClientID) (core.Registered, error)
}

// Authenticator tells which client is calling (core/clientauth).
type Authenticator interface {
	Authenticate(ctx context.Context, p clientauth.Presented) (core.Registered, error)
}

// Browser tells who is signed in at a browser, by its cookie (core/login). False: nobody.
type Browser interface {
	Session(ctx context.Context, cookie core.Secret) (core.Session, core.User, bool, error)
}

// Policy answers the authorization question.
type Policy interface {
	DecideAuthorization(ctx context.Context, q *decision.Authorization) (decision.AuthorizationVerdict, error)
}

// Store keeps pushed requests, consents and codes.
type Store interface {
	// Push keeps a pushed request under the hash of its reference until it is forgotten.
	Push(ctx context.Context, reference core.SecretHash, p Pushed) error
	// Pushed gives a pushed request; the zero Held when there is none, or none any more.
	Pushed(ctx context.Context, reference core.SecretHash) (Held, error)
	// Consent gives what a person has allowed a client; the zero Consent when nothing is remembered.
	Consent(ctx context.Context, subject core.Subject, client core.ClientID) (core.Consent, error)
	// Issue makes a code redeemable, remembers a consent and uses up a pushed request, all or nothing: ErrUsed when the pushed
	// request is not there any more.
	Issue(ctx context.Context, i Issue) error
	// Drop uses up a pushed request that leads to no code: ErrUsed when it is not there any more.
	Drop(ctx context.Context, h Held) error
}

// ErrUsed is that a pushed request has been answered already.
var ErrUsed = errors.New("the pushed request was used")

// Pushed is a request that a client pushed (RFC 9126).
type Pushed struct {
	Client      core.ClientID
	Params      oauth.Params
	StartBefore time.Time // when a browser must have come with it
	ForgetAt    time.Time // when whoever came in time must have finished
}

// A Stamp is the version of a stored record; zero: there is none.
type Stamp [16]byte

// Held is a pushed request as it was read.
type Held struct {
	Pushed
	Reference core.SecretHash
	Stamp     Stamp
}

// Issue is what issuing one code writes.
type Issue struct {
	Code    core.SecretHash
	Value   core.AuthorizationCode
	Consent *core.Consent // nil: nothing new to remember
	Pushed  *Held         // nil: the request was not pushed
}
