package storage

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/seal"
)

// Users keeps people, sealed: their names, their one-time links, and the tries at their accounts.
type Users struct {
	engine Engine
	users  Table[userForm]
	names  Table[userNameForm] // by account
	links  Table[linkForm]     // by subject: a new link takes the place of the old one
	tries  Table[triesForm]
	ring   *seal.Ring // seals cursors
	cache  *userCache
}

var (
	_ login.Users    = (*Users)(nil)
	_ login.Links    = (*Users)(nil)
	_ login.Throttle = (*Users)(nil)
)

// NewUsers opens the users of one issuer.
func NewUsers(engine Engine, issuer core.IssuerID, ring *seal.Ring) *Users {
	id := string(issuer)
	return &Users{
		engine: engine, ring: ring, cache: newUserCache(),
		users: NewTable[userForm](engine, id, "user", 1).Sealed(ring),
		names: NewTable[userNameForm](engine, id, "user_by_name", 1),
		links: NewTable[linkForm](engine, id, "password_link", 1),
		tries: triesTable(engine, issuer),
	}
}

// User gives a user; false when there is none. A verb that holds what a user was given compares the Generation.
func (u *Users) User(ctx context.Context, id core.Subject) (core.User, bool, error) {
	stored, err := u.Stored(ctx, id)
	return stored.User, stored.User.Subject != "", err
}

// Stored gives a user with its stamp.
func (u *Users) Stored(ctx context.Context, id core.Subject) (login.Stored, error) {
	if id == "" || len(id) > longestID {
		return login.Stored{}, nil
	}
	records, err := u.engine.Get(ctx, u.users.Key(string(id)))
	if err != nil || records[0].Version.IsZero() {
		return login.Stored{}, asError(err)
	}
	at := login.Stamp(records[0].Version)
	if stored, ok := u.cache.get(id, at); ok {
		return stored, nil
	}
	form, err := u.users.Decode(records[0])
	if err != nil {
		return login.Stored{}, err
	}
	stored := login.Stored{User: form.noun(), Stamp: at}
	u.cache.put(stored)
	return stored, nil
}

// Named gives the user of an account. It reads as much when nobody has the name.
func (u *Users) Named(ctx context.Context, account login.Account) (login.Stored, error) {
	if account == "" || len(account) > longestID {
		return login.Stored{}, nil
	}
	form, _, err := u.names.Get(ctx, string(account))
	if err != nil {
		return login.Stored{}, asError(err)
	}
	if form.Subject == "" {
		form.Subject = "nobody"
	}
	return u.Stored(ctx, form.Subject)
}

// Page gives a page of the users, by account, and the cursor of the next one. Cursors are sealed: they carry a name.
func (u *Users) Page(ctx context.Context, cursor string, limit int) ([]login.Stored, string, error) {
	after, err := u.openCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	rows, err := u.engine.Scan(ctx, Range{Prefix: u.names.Prefix(), After: after, Limit: limit})
	if err != nil {
		return nil, "", asError(err)
	}
	page := make([]login.Stored, 0, len(rows))
	for _, row := range rows {
		form, err := u.names.Decode(row)
		if err != nil {
			return nil, "", err
		}
		stored, err := u.Stored(ctx, form.Subject)
		if err != nil {
			return nil, "", err
		}
		if stored.User.Subject != "" { // else deleted between the two reads
			page = append(page, stored)
		}
	}
	if len(rows) < limit {
		return page, "", nil
	}
	return page, base64.RawURLEncoding.EncodeToString(u.ring.Seal(u.cursorPurpose(), []byte(rows[limit-1].Key))), nil
}

func (u *Users) cursorPurpose() string { return fmt.Sprintf("users cursor of %q", u.names.under) }

func (u *Users) openCursor(cursor string) (Key, error) {
	if cursor == "" {
		return "", nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		var key []byte
		if key, err = u.ring.Open(u.cursorPurpose(), sealed); err == nil {
			return Key(key), nil
		}
	}
	return "", core.Refuse(core.InvalidRequest, "cursor is not one that this list gave out.")
}

// Add stores a new user under a name that must be free.
func (u *Users) Add(ctx context.Context, user core.User) error {
	var p plan
	op, err := u.names.Insert(userNameForm{Subject: user.Subject}, time.Time{}, string(login.AccountOf(user.Username)))
	p.madeExpecting(op, err, login.ErrTaken)
	op, err = u.users.Insert(formOfUser(user), time.Time{}, string(user.Subject))
	p.madeExpecting(op, err, login.ErrTaken)
	return p.apply(ctx, u.engine)
}

// Change carries out one write about a user.
func (u *Users) Change(ctx context.Context, c login.Change) error {
	before := c.Before.User
	id, account := string(before.Subject), login.AccountOf(before.Username)
	var p plan
	if c.After.Subject != "" {
		op, err := u.users.Update(Version(c.Before.Stamp), formOfUser(c.After), time.Time{}, id)
		p.madeExpecting(op, err, login.ErrChanged)
	} else {
		p.expect(Delete(u.users.Key(id), Version(c.Before.Stamp)), login.ErrChanged)
		p.add(Delete(u.names.Key(string(account)), Version{}))
		p.add(Delete(u.links.Key(id), Version{}))
	}
	if c.Uses != (login.Stamp{}) {
		p.expect(Delete(u.links.Key(id), Version(c.Uses)), login.ErrUsed)
	}
	if c.Forgives {
		p.add(Delete(triesKey(u.tries, account), Version{}))
	}
	err := p.apply(ctx, u.engine)
	u.cache.drop(before.Subject)
	return err
}

// Link gives the one-time link of a user.
func (u *Users) Link(ctx context.Context, id core.Subject) (login.Link, error) {
	if id == "" || len(id) > longestID {
		return login.Link{}, nil
	}
	form, record, err := u.links.Get(ctx, string(id))
	if err != nil || record.Version.IsZero() {
		return login.Link{}, asError(err)
	}
	hash, err := parseHash(form.Hash)
	return login.Link{Hash: hash, Generation: form.Generation, ExpiresAt: form.ExpiresAt, Stamp: login.Stamp(record.Version)}, err
}

// PutLink stores the one-time link of a user who must still be stored so.
func (u *Users) PutLink(ctx context.Context, of login.Stored, l login.Link) error {
	id := string(of.User.Subject)
	var p plan
	p.expect(Require(u.users.Key(id), Version(of.Stamp)), login.ErrChanged)
	p.made(u.links.Put(linkForm{Hash: l.Hash.String(), Generation: l.Generation, ExpiresAt: l.ExpiresAt}, l.ExpiresAt, id))
	return p.apply(ctx, u.engine)
}

// triesTable counts tries by the hash of the account: what people type in the wrong field, passwords too, is not kept.
func triesTable(engine Engine, issuer core.IssuerID) Table[triesForm] {
	return NewTable[triesForm](engine, string(issuer), "sign_in_tries", 1)
}

func triesKey(t Table[triesForm], a login.Account) Key { return t.Key(core.Secret(a).Hash().String()) }

// Tries tells how often an account was tried.
func (u *Users) Tries(ctx context.Context, a login.Account) (login.Tries, error) {
	form, record, err := u.tries.Get(ctx, core.Secret(a).Hash().String())
	return login.Tries{Count: form.Count, Opens: form.Opens, Stamp: login.Stamp(record.Version)}, asError(err)
}

// ForgetTries removes the count of an account.
func (u *Users) ForgetTries(ctx context.Context, a login.Account) error {
	return asError(u.engine.Apply(ctx, Delete(triesKey(u.tries, a), Version{})))
}

// CountTry writes the count that followed the one of next.Stamp.
func (u *Users) CountTry(ctx context.Context, a login.Account, next login.Tries, expires time.Time) error {
	var p plan
	var op Op
	var err error
	form, hash := triesForm{Count: next.Count, Opens: next.Opens}, core.Secret(a).Hash().String()
	if next.Stamp == (login.Stamp{}) {
		op, err = u.tries.Insert(form, expires, hash)
	} else {
		op, err = u.tries.Update(Version(next.Stamp), form, expires, hash)
	}
	p.madeExpecting(op, err, login.ErrChanged)
	return p.apply(ctx, u.engine)
}
