package login

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
)

// An Account is a username as it is compared: in lower case. It may be one that nobody has.
type Account string

// AccountOf gives the account that a username means.
func AccountOf(username string) Account { return Account(strings.ToLower(username)) }

// A Stamp tells which version of a record was read. The zero Stamp: there was none.
type Stamp [16]byte

// Stored is a user as read from the store. User.Subject is empty when there is none.
type Stored struct {
	User  core.User
	Stamp Stamp
}

// Tag is the entity tag of the user (RFC 9110 §8.8.3).
func (s Stored) Tag() string { return `"` + hex.EncodeToString(s.Stamp[:]) + `"` }

// A Change is one write about a user: all of it happens or nothing.
type Change struct {
	Before   Stored    // must still be stored so, else ErrChanged
	After    core.User // what it becomes; without a Subject: it is removed, with its name and link
	Uses     Stamp     // of the one-time link that is used up and must still be there, else ErrUsed; zero: none
	Forgives bool      // earlier tries at the account are forgotten
}

// Users keeps people.
type Users interface {
	Stored(ctx context.Context, id core.Subject) (Stored, error)
	Named(ctx context.Context, account Account) (Stored, error)
	Page(ctx context.Context, cursor string, limit int) (page []Stored, next string, err error) // by account; "" starts and ends
	Add(ctx context.Context, u core.User) error                                                 // ErrTaken
	Change(ctx context.Context, c Change) error                                                 // ErrChanged, ErrUsed
}

// A Link lets its holder set the password of a user, once.
type Link struct {
	Hash       core.SecretHash
	Generation uint64 // of the user when it was made
	ExpiresAt  time.Time
	Stamp      Stamp // zero: the user has none
}

// Links keeps at most one link for each user.
type Links interface {
	Link(ctx context.Context, id core.Subject) (Link, error)
	PutLink(ctx context.Context, of Stored, l Link) error // ErrChanged when the user is no longer stored so
}

// Tries is how often an account was tried since somebody last got in.
type Tries struct {
	Count int       // the try under way included: it is counted before the password is compared
	Opens time.Time // when the next one may be made
	Stamp Stamp     // zero: there is no record
}

// Throttle counts tries at accounts, whether anybody has them or not.
type Throttle interface {
	Tries(ctx context.Context, a Account) (Tries, error)
	CountTry(ctx context.Context, a Account, next Tries, expires time.Time) error // ErrChanged when no longer at next.Stamp
	ForgetTries(ctx context.Context, a Account) error
}

// A Beginning is one sign-in as it is written.
type Beginning struct {
	Session  core.Session
	Cookie   core.SecretHash
	Replaces core.SecretHash // of the cookie that the browser had; zero: none. Its session may have the same id: then it goes on
	Account  Account         // whose tries are forgotten; empty: nobody's
}

// Sessions keeps browser sessions.
type Sessions interface {
	Session(ctx context.Context, cookie core.SecretHash) (core.Session, error)                                // without an ID: none
	SessionsOf(ctx context.Context, id core.Subject, after core.SessionID, limit int) ([]core.Session, error) // newest first
	Begin(ctx context.Context, b Beginning) error
	End(ctx context.Context, id core.Subject, session core.SessionID) (found bool, err error)
}

// What a store answers when somebody else was faster.
var (
	ErrTaken   = errors.New("the username is taken")
	ErrChanged = errors.New("the record was changed since it was read")
	ErrUsed    = errors.New("the one-time link is used up")
)
