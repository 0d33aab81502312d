package core

import "time"

// A User is a person who can sign in.
type User struct {
	Subject    Subject // random, fixed at creation: the public "sub"
	Username   string  // as it was given; two that differ only in case are the same
	Profile    Profile
	Admin      bool // may do what operators do
	Disabled   bool
	Password   PasswordHash // empty: none yet, a one-time link sets it
	Generation uint64       // sessions, grants and consents made under another one are void
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// A Profile is what a person's claims are made of (OpenID Connect Core §5.1). What is empty is not claimed.
type Profile struct {
	Name          string
	GivenName     string
	FamilyName    string
	Nickname      string
	Picture       string
	Website       string
	Birthdate     string
	Zoneinfo      string
	Locale        string
	Email         string
	EmailVerified bool
	Phone         string
	PhoneVerified bool
	Address       string // as it is written on a letter
}

// A PasswordHash is a slow hash in the PHC string format ("$argon2id$v=19$…"). It prints as [redacted]: whoever reads one can
// guess at it.
type PasswordHash string

// Reveal gives the hash itself, for the store and for the comparison.
func (h PasswordHash) Reveal() string { return string(h) }

// String implements fmt.Stringer.
func (PasswordHash) String() string { return redacted }

// GoString implements fmt.GoStringer.
func (PasswordHash) GoString() string { return redacted }

// MarshalText keeps a hash out of any encoding that was not meant to carry it.
func (PasswordHash) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// A SessionKind is what a session is good for. The cookie of one kind means nothing where another is asked for.
type SessionKind string

// The kinds of sessions.
const (
	BrowserSession SessionKind = ""        // signing in to applications, and the own account
	ConsoleSession SessionKind = "console" // the operators' pages
)

// A Session is one signed-in browser. Its cookie is a Secret; the store keeps the hash.
type Session struct {
	ID             SessionID // public: in lists and in the "sid" claim
	Kind           SessionKind
	Subject        Subject
	UserGeneration uint64 // of the user when it was made
	AuthTime       time.Time
	Methods        []string // "amr" of RFC 8176, e.g. "pwd"
	CreatedAt      time.Time
	ExpiresAt      time.Time
	IP             string // where it began, for its owner to recognise
	UserAgent      string
}
