package login

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
)

// A NewUser is who an operator wants to let in.
type NewUser struct {
	Username string
	Profile  core.Profile
	Admin    bool
	Password core.Secret // empty: none until a one-time link sets it
}

// Create makes a user. A taken name is a conflict.
func (d *Desk) Create(ctx context.Context, n NewUser) (Stored, error) {
	if err := checkUsername(n.Username); err != nil {
		return Stored{}, err
	}
	if err := checkProfile(n.Profile); err != nil {
		return Stored{}, err
	}
	now := d.today()
	u := core.User{Subject: core.NewSubject(), Username: n.Username, Profile: n.Profile, Admin: n.Admin, Generation: 1, CreatedAt: now, UpdatedAt: now}
	if n.Password != "" {
		if err := checkPassword(n.Username, n.Password); err != nil {
			return Stored{}, err
		}
		hash, err := d.hasher.hashInTurn(ctx, n.Password)
		if err != nil {
			return Stored{}, err
		}
		u.Password = hash
	}
	err := d.users.Add(ctx, u)
	if errors.Is(err, ErrTaken) {
		return Stored{}, core.Fail(core.Conflict, "There is a user of this name already; names that differ only in case are the same.", err)
	}
	if err != nil {
		return Stored{}, err
	}
	return d.find(ctx, u.Subject)
}

// List gives a page of the users, by name. A cursor is opaque; "" starts, and "" ends.
func (d *Desk) List(ctx context.Context, cursor string, limit int) ([]Stored, string, error) {
	return d.users.Page(ctx, cursor, limit)
}

// Find gives the user of a subject or a username.
func (d *Desk) Find(ctx context.Context, name string) (Stored, error) {
	if isSubject(name) {
		return d.find(ctx, core.Subject(name))
	}
	if checkUsername(name) != nil {
		return Stored{}, nobody()
	}
	return known(d.users.Named(ctx, AccountOf(name)))
}

func (d *Desk) find(ctx context.Context, id core.Subject) (Stored, error) {
	return known(d.users.Stored(ctx, id))
}

func known(stored Stored, err error) (Stored, error) {
	if err == nil && stored.User.Subject == "" {
		err = nobody()
	}
	return stored, err
}

func nobody() error { return core.Refuse(core.NotFound, "There is no user with this id or name.") }

func raced() error {
	return &core.Error{Code: core.Conflict, Detail: "The user is being changed by others at the same time; try again."}
}

// An Edit says what becomes of a user. What is nil stays as it is.
type Edit struct {
	Profile       func(*core.Profile) // changes its texts
	EmailVerified *bool
	PhoneVerified *bool
	Admin         *bool
	Disabled      *bool
	IfMatch       []string // entity tags, one of which the user must have; nil: any (RFC 9110 §13.1.1)
}

// Update changes a user. An address that changes is no longer verified unless the same edit says so. Disabling voids all that
// the user has.
func (d *Desk) Update(ctx context.Context, id core.Subject, e Edit) (Stored, error) {
	for range maxRaces {
		stored, err := d.find(ctx, id)
		if err != nil {
			return Stored{}, err
		}
		if len(e.IfMatch) > 0 && !slices.Contains(e.IfMatch, "*") && !slices.Contains(e.IfMatch, stored.Tag()) {
			return Stored{}, core.Refuse(core.PreconditionFailed, "The user was changed since this ETag was given; read it again.")
		}
		after := e.of(stored.User)
		if err := checkProfile(after.Profile); err != nil {
			return Stored{}, err
		}
		if after == stored.User {
			return stored, nil
		}
		after.UpdatedAt = d.today()
		if err := d.users.Change(ctx, Change{Before: stored, After: after}); !errors.Is(err, ErrChanged) {
			if err != nil {
				return Stored{}, err
			}
			return d.find(ctx, id)
		}
	}
	return Stored{}, raced()
}

// of gives the user after the edit.
func (e Edit) of(u core.User) core.User {
	before := u
	if e.Profile != nil {
		e.Profile(&u.Profile)
	}
	if !strings.EqualFold(u.Profile.Email, before.Profile.Email) {
		u.Profile.EmailVerified = false
	}
	if u.Profile.Phone != before.Profile.Phone {
		u.Profile.PhoneVerified = false
	}
	set(&u.Profile.EmailVerified, e.EmailVerified)
	set(&u.Profile.PhoneVerified, e.PhoneVerified)
	set(&u.Admin, e.Admin)
	set(&u.Disabled, e.Disabled)
	if u.Disabled && !before.Disabled {
		u.Generation++
	}
	return u
}

func set(to, value *bool) {
	if value != nil {
		*to = *value
	}
}

// Delete removes a user for good. The name is free again; the subject is never given to anybody else.
func (d *Desk) Delete(ctx context.Context, id core.Subject) error {
	for range maxRaces {
		stored, err := d.find(ctx, id)
		if err != nil {
			return err
		}
		if err := d.users.Change(ctx, Change{Before: stored, Forgives: true}); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return raced()
}

// rewrite changes a user as stored now; when somebody else was faster, what they left.
func (d *Desk) rewrite(ctx context.Context, id core.Subject, edit func(*core.User) error) (Stored, error) {
	for range maxRaces {
		stored, err := d.find(ctx, id)
		if err != nil {
			return Stored{}, err
		}
		after := stored.User
		if err := edit(&after); err != nil {
			return Stored{}, err
		}
		if err := d.users.Change(ctx, Change{Before: stored, After: after}); !errors.Is(err, ErrChanged) {
			return Stored{User: after}, err
		}
	}
	return Stored{}, raced()
}
