package bff

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
)

// A Store keeps what the backend must find again after a restart, and what its replicas share.
type Store interface {
	Registrations
	Logins
	Sessions
}

// Registrations keeps the backend's registration with the issuer.
type Registrations interface {
	// Registration gives it; the zero one when there is none.
	Registration(ctx context.Context) (Registration, error)
	// Lease makes holder the only one that may register until the time; ErrLeased while another one is.
	Lease(ctx context.Context, holder string, until time.Time) error
	// SaveRegistration stores it and ends the holder's lease; ErrLeased when holder has it no more.
	SaveRegistration(ctx context.Context, holder string, r Registration) error
	// Release ends the holder's lease, if it still has it.
	Release(ctx context.Context, holder string) error
}

// Logins keeps the logins under way.
type Logins interface {
	// AddPending stores one until it expires.
	AddPending(ctx context.Context, p Pending) error
	// Pending gives one; the zero one when there is none, or none any more.
	Pending(ctx context.Context, state core.SecretHash) (Pending, error)
	// TakePending removes one; ErrChanged when somebody else has. So a state counts once.
	TakePending(ctx context.Context, p Pending) error
}

// Sessions keeps the sessions of browsers.
type Sessions interface {
	// Origin gives the issuer's own session that a login came from, as far as the store knows the issuer's people.
	Origin(ctx context.Context, subject core.Subject, id core.SessionID) (Origin, error)
	// AddSession stores a session with its tokens until it expires.
	AddSession(ctx context.Context, s Session, t Tokens) error
	// Session gives one without its tokens, with its standing; the zero one when there is none, or none any more.
	Session(ctx context.Context, hash core.SecretHash) (Session, error)
	// Tokens gives a session, with its standing, and its tokens; zero ones when there is none.
	Tokens(ctx context.Context, hash core.SecretHash) (Session, Tokens, error)
	// UpdateTokens replaces the tokens of a session that are still at their stamp, else ErrChanged.
	UpdateTokens(ctx context.Context, s Session, t Tokens) error
	// EndSession removes a session and its tokens; with a stamp only if the tokens are still at it, else ErrChanged.
	EndSession(ctx context.Context, hash core.SecretHash, at Stamp) error
}

// What a Store answers when somebody else was faster.
var (
	ErrLeased  = errors.New("another replica registers the backend")
	ErrChanged = errors.New("the record was changed or removed meanwhile")
)

// A Stamp says which writing of a record was read. The zero one means any.
type Stamp [16]byte

// A Registration is what the issuer knows us as (RFC 7591 §3.2.1), with the keys we prove it by.
type Registration struct {
	Issuer     string        // the issuer's URL when it was made
	ClientID   core.ClientID // empty: we are not registered; there may be a key all the same, and a Ticket that was spent in vain
	Token      core.Secret   // registration access token (RFC 7592 §3); empty: the issuer gave none, and the client cannot be managed
	URI        string        // registration_client_uri
	Secret     core.Secret   // client_secret; empty: none, or the operator has it
	Since      time.Time     // when we got it
	Until      time.Time     // client_secret_expires_at; zero: it does not end, or there is none
	IDTokenAlg string        // what ID tokens are signed with
	Key        core.Secret   // our key: PKCS #8 in base64; empty: none
	KeyAlg     string        // what it signs with; empty: ES256
	KeyID      string        // what others call it; empty: by its thumbprint
	KeyFrom    time.Time     // since when it signs
	Older      []OlderKey    // keys that signed before it and are still published, the eldest first
	Digest     string        // of the metadata that was registered
	Ticket     string        // names the initial access token that was spent on it; empty: not remembered
	Unsaved    bool          // the key was found in another place, and the registration is not stored with it yet
}

// An OlderKey signs no more. It stays published for a while, for what it has signed is still on its way.
type OlderKey struct {
	JWK  string // its public half
	From time.Time
}

// Equal tells whether two registrations are the same, keys and secrets included.
func (r Registration) Equal(other Registration) bool {
	return r.Issuer == other.Issuer && r.ClientID == other.ClientID && r.Token == other.Token && r.URI == other.URI && r.Secret == other.Secret &&
		r.Since.Equal(other.Since) && r.Until.Equal(other.Until) &&
		r.IDTokenAlg == other.IDTokenAlg && r.Key == other.Key && r.KeyAlg == other.KeyAlg && r.KeyID == other.KeyID && r.KeyFrom.Equal(other.KeyFrom) &&
		r.Digest == other.Digest && r.Ticket == other.Ticket && r.Unsaved == other.Unsaved && slices.EqualFunc(r.Older, other.Older, func(a, b OlderKey) bool {
		return a.JWK == b.JWK && a.From.Equal(b.From)
	})
}

// A Pending is a login under way: what the browser must come back with, and what we then need.
type Pending struct {
	State       core.SecretHash // names it
	Browser     core.SecretHash // of the cookie of the browser that began it
	Verifier    core.Secret     // of PKCE
	Nonce       core.Secret
	RedirectURI string
	ReturnTo    string // where the browser goes at the end; checked
	ExpiresAt   time.Time
	Stamp       Stamp
}

// A Session is a browser that is signed in. It holds no token, so that whatever shows one shows none.
type Session struct {
	Hash          core.SecretHash // of the cookie: names it
	Subject       core.Subject
	Issued        core.SessionID // the issuer's own session ("sid"); empty: it has not said
	Client        core.ClientID  // that it was begun as
	Username      string
	Name          string
	Email         string
	EmailVerified bool
	CreatedAt     time.Time
	ExpiresAt     time.Time
	Origin        Origin
	Standing      Standing // as it was read; not stored
}

// An Origin is the issuer's own session that a session came from.
type Origin struct {
	Known      bool      // false: the issuer keeps its people elsewhere; what becomes of them shows when tokens are renewed
	Generation uint64    // of the person when that session began; 0: it is over
	Until      time.Time // when it ends by itself

	ClientGeneration uint64 // of the client when the session began; 0: the store does not know the issuer's clients
}

// A Standing is how things stand with a session's person now.
type Standing struct {
	Known      bool   // false: the issuer keeps its people elsewhere
	Generation uint64 // of the person; 0: deleted or disabled
	SignedIn   bool   // the issuer's own session is there

	ClientGeneration uint64 // of the client; 0: it is gone, or the store does not know
}

// Tokens are what a session holds for its calls.
type Tokens struct {
	Access      core.Secret
	AccessFrom  time.Time // when it was issued
	AccessUntil time.Time
	Refresh     core.Secret // empty: none was issued
	Stamp       Stamp
}
