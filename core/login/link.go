package login

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
)

// LinkLifetime is how long a one-time link is good.
const LinkLifetime = 24 * time.Hour

// Invite makes the secret of a link by which the user sets a password, once. The user's earlier link is void.
func (d *Desk) Invite(ctx context.Context, id core.Subject) (core.Secret, time.Time, error) {
	for range maxRaces {
		stored, err := d.find(ctx, id)
		if err != nil {
			return "", time.Time{}, err
		}
		if stored.User.Disabled {
			return "", time.Time{}, core.Refuse(core.Conflict, "The user is disabled; enable the user first.")
		}
		secret, expires := core.NewSecret(), d.today().Add(LinkLifetime)
		err = d.links.PutLink(ctx, stored, Link{Hash: secret.Hash(), Generation: stored.User.Generation, ExpiresAt: expires})
		if !errors.Is(err, ErrChanged) {
			return core.Secret(string(id) + linkSeparator + secret.Reveal()), expires, err
		}
	}
	return "", time.Time{}, raced()
}

// linkSeparator stands between the subject, by which a link is found, and what proves it. Neither contains it.
const linkSeparator = "."

// LinkOwner tells whose password a link may set; false when it is unknown, expired, used or replaced.
func (d *Desk) LinkOwner(ctx context.Context, secret core.Secret) (core.User, bool, error) {
	stored, _, err := d.linkOwner(ctx, secret)
	return stored.User, stored.User.Subject != "", err
}

// linkOwner gives the owner of a link that is good, else nobody.
func (d *Desk) linkOwner(ctx context.Context, secret core.Secret) (Stored, Link, error) {
	subject, proof, _ := strings.Cut(secret.Reveal(), linkSeparator)
	id := core.Subject(subject)
	if !isSubject(subject) {
		return Stored{}, Link{}, nil
	}
	link, err := d.links.Link(ctx, id)
	if err != nil || link.Stamp == (Stamp{}) {
		return Stored{}, Link{}, err
	}
	hash := core.Secret(proof).Hash()
	if subtle.ConstantTimeCompare(hash[:], link.Hash[:]) != 1 || !link.ExpiresAt.After(d.now()) {
		return Stored{}, Link{}, nil
	}
	stored, err := d.users.Stored(ctx, id)
	if err != nil || stored.User.Disabled || stored.User.Generation != link.Generation {
		return Stored{}, Link{}, err
	}
	return stored, link, nil
}

// SetPassword uses up a link: the password is set, and everything made under the earlier one is void. A password that breaks
// the rules uses nothing up.
func (d *Desk) SetPassword(ctx context.Context, secret, password core.Secret) (core.User, error) {
	var hash core.PasswordHash
	for range maxRaces {
		stored, link, err := d.linkOwner(ctx, secret)
		switch {
		case err != nil:
			return core.User{}, err
		case stored.User.Subject == "":
			return core.User{}, usedLink()
		}
		if err := checkPassword(stored.User.Username, password); err != nil {
			return core.User{}, err
		}
		if hash == "" {
			if hash, err = d.hasher.hashInTurn(ctx, password); err != nil {
				return core.User{}, err
			}
		}
		after := d.withPassword(stored.User, hash)
		err = d.users.Change(ctx, Change{Before: stored, After: after, Uses: link.Stamp, Forgives: true})
		switch {
		case errors.Is(err, ErrUsed):
			return core.User{}, usedLink()
		case !errors.Is(err, ErrChanged):
			return after, err
		}
	}
	return core.User{}, raced()
}

func usedLink() error {
	return core.Fail(core.InvalidToken, "The link is unknown, expired or used. Ask an operator for a new one.", ErrUsed)
}

// withPassword gives the user under a new password.
func (d *Desk) withPassword(u core.User, hash core.PasswordHash) core.User {
	u.Password, u.UpdatedAt = hash, d.today()
	u.Generation++
	return u
}

// ChangePassword sets a new password for who is signed in and knows the old one. All sessions end; the one that is given back,
// with its cookie, takes the place of the browser's own and lasts as long.
func (d *Desk) ChangePassword(ctx context.Context, s core.Session, before, after core.Secret) (core.Session, core.Secret, error) {
	stored, err := d.users.Stored(ctx, s.Subject)
	if err != nil {
		return core.Session{}, "", err
	}
	if !counts(s, stored.User) {
		return core.Session{}, "", core.Refuse(core.LoginRequired, "The session has ended; sign in again.")
	}
	if err := checkPassword(stored.User.Username, after); err != nil {
		return core.Session{}, "", err
	}
	account := AccountOf(stored.User.Username)
	turn, leave, err := d.admit(ctx, account, s.IP)
	if err != nil {
		return core.Session{}, "", err
	}
	defer leave()
	if err := d.prove(ctx, turn, stored, before); err != nil {
		return core.Session{}, "", err
	}
	hash, err := d.hasher.hashInTurn(ctx, after)
	if err != nil {
		return core.Session{}, "", err
	}
	u, err := d.rewrite(ctx, s.Subject, func(u *core.User) error {
		if !counts(s, *u) {
			return core.Refuse(core.LoginRequired, "The session has ended; sign in again.")
		}
		*u = d.withPassword(*u, hash)
		return nil
	})
	if err != nil {
		return core.Session{}, "", err
	}
	return d.begin(ctx, turn, u.User, Attempt{IP: s.IP, UserAgent: s.UserAgent, until: s.ExpiresAt})
}
