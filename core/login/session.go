package login

import (
	"context"

	"github.com/ostiary/ostiary/core"
)

// Session tells who is at a browser with this cookie; false when nobody is: unknown, of another kind, ended, expired, or the user
// was disabled, deleted or signed out everywhere since.
func (d *Desk) Session(ctx context.Context, cookie core.Secret) (core.Session, core.User, bool, error) {
	session, err := d.behind(ctx, cookie)
	if err != nil || session.ID == "" || !session.ExpiresAt.After(d.now()) {
		return core.Session{}, core.User{}, false, err
	}
	stored, err := d.users.Stored(ctx, session.Subject) // after the session: what voids it is seen
	if err != nil || !counts(session, stored.User) {
		return core.Session{}, core.User{}, false, err
	}
	return session, stored.User, true, nil
}

// behind gives the session of a cookie as it is stored; without an ID when there is none of the desk's kind.
func (d *Desk) behind(ctx context.Context, cookie core.Secret) (core.Session, error) {
	if cookie == "" {
		return core.Session{}, nil
	}
	session, err := d.sessions.Session(ctx, cookie.Hash())
	if err != nil || session.Kind != d.kind {
		return core.Session{}, err
	}
	return session, nil
}

// counts tells whether a session is still one of the user as it is now.
func counts(s core.Session, u core.User) bool {
	return u.Subject != "" && u.Subject == s.Subject && !u.Disabled && u.Generation == s.UserGeneration
}

// SignOut ends the session of a browser. A cookie that means nothing is no error.
func (d *Desk) SignOut(ctx context.Context, cookie core.Secret) error {
	session, err := d.behind(ctx, cookie)
	if err != nil || session.ID == "" {
		return err
	}
	_, err = d.sessions.End(ctx, session.Subject, session.ID)
	return err
}

// Sessions gives a page of the sessions of a user that count, of every kind, newest first. A page shorter than limit is the last.
func (d *Desk) Sessions(ctx context.Context, id core.Subject, after core.SessionID, limit int) ([]core.Session, error) {
	stored, err := d.users.Stored(ctx, id)
	if err != nil {
		return nil, err
	}
	var list []core.Session
	for len(list) < limit {
		page, err := d.sessions.SessionsOf(ctx, id, after, limit)
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			after = s.ID
			if counts(s, stored.User) && s.ExpiresAt.After(d.now()) && len(list) < limit {
				list = append(list, s)
			}
		}
		if len(page) < limit {
			break
		}
	}
	return list, nil
}

// End ends one session of a user.
func (d *Desk) End(ctx context.Context, id core.Subject, session core.SessionID) error {
	found, err := d.sessions.End(ctx, id, session)
	if err == nil && !found {
		return core.Refuse(core.NotFound, "This user has no session with this id.")
	}
	return err
}

// EndAll signs a user out everywhere: sessions, grants, consents and links of before are void.
func (d *Desk) EndAll(ctx context.Context, id core.Subject) error {
	_, err := d.rewrite(ctx, id, func(u *core.User) error {
		u.Generation++
		return nil
	})
	return err
}
