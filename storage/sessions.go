package storage

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
)

// Sessions keeps browser sessions under the SHA-256 of their cookies, and the tries at accounts, which a sign-in ends.
type Sessions struct {
	engine Engine
	table  Table[sessionForm]
	byUser Table[sessionIDForm] // subject | id, which sorts by time
	tries  Table[triesForm]
}

var _ login.Sessions = (*Sessions)(nil)

// NewSessions opens the browser sessions of one issuer.
func NewSessions(engine Engine, issuer core.IssuerID) *Sessions {
	id := string(issuer)
	return &Sessions{
		engine: engine, tries: triesTable(engine, issuer),
		table:  NewTable[sessionForm](engine, id, "session", 1),
		byUser: NewTable[sessionIDForm](engine, id, "session_by_user", 1),
	}
}

// Session gives the session of a cookie; without an ID when there is none.
func (s *Sessions) Session(ctx context.Context, cookie core.SecretHash) (core.Session, error) {
	form, _, err := s.table.Get(ctx, cookie.String())
	return core.Session(form), asError(err)
}

// Begin stores a session. The one that it takes the place of ends, or goes on under the new cookie when it has the same id; the
// tries at the account, if it names one, are forgotten.
func (s *Sessions) Begin(ctx context.Context, b login.Beginning) error {
	session := b.Session
	var p plan
	p.made(s.table.Insert(sessionForm(session), session.ExpiresAt, b.Cookie.String()))
	p.made(s.byUser.Put(sessionIDForm{Cookie: b.Cookie.String()}, session.ExpiresAt, string(session.Subject), string(session.ID)))
	if b.Account != "" {
		p.add(Delete(triesKey(s.tries, b.Account), Version{}))
	}
	if b.Replaces != (core.SecretHash{}) {
		old, err := s.Session(ctx, b.Replaces)
		if err != nil {
			return err
		}
		if old.ID != "" {
			p.add(Delete(s.table.Key(b.Replaces.String()), Version{}))
			if old.Subject != session.Subject || old.ID != session.ID {
				p.add(Delete(s.byUser.Key(string(old.Subject), string(old.ID)), Version{}))
			}
		}
	}
	return p.apply(ctx, s.engine)
}

// SessionsOf gives a page of the sessions of a user, newest first, whatever has become of the user.
func (s *Sessions) SessionsOf(ctx context.Context, id core.Subject, after core.SessionID, limit int) ([]core.Session, error) {
	if id == "" || len(id) > longestID {
		return nil, nil
	}
	if err := afterID(string(after)); err != nil {
		return nil, err
	}
	page := Range{Prefix: s.byUser.Prefix(string(id)), Limit: limit, Reverse: true}
	if after != "" {
		page.After = s.byUser.Key(string(id), string(after))
	}
	rows, err := s.engine.Scan(ctx, page)
	if err != nil {
		return nil, asError(err)
	}
	list := make([]core.Session, 0, len(rows))
	for _, row := range rows {
		session, err := s.behind(ctx, row)
		if err != nil {
			return nil, err
		}
		list = append(list, session)
	}
	return list, nil
}

// behind gives the session of an index row. One that ended between the two reads has the row's id and is of nobody.
func (s *Sessions) behind(ctx context.Context, row Record) (core.Session, error) {
	form, err := s.byUser.Decode(row)
	if err != nil {
		return core.Session{}, err
	}
	cookie, err := parseHash(form.Cookie)
	if err != nil {
		return core.Session{}, err
	}
	session, err := s.Session(ctx, cookie)
	if session.ID == "" {
		parts := row.Key.Parts()
		session.ID = core.SessionID(parts[len(parts)-1])
	}
	return session, err
}

// End ends a session of a user; false when there is none. Of many callers at once one ends it.
func (s *Sessions) End(ctx context.Context, id core.Subject, session core.SessionID) (bool, error) {
	if id == "" || len(id) > longestID || session == "" || len(session) > longestID {
		return false, nil
	}
	form, record, err := s.byUser.Get(ctx, string(id), string(session))
	if err != nil || record.Version.IsZero() {
		return false, asError(err)
	}
	cookie, err := parseHash(form.Cookie)
	if err != nil {
		return false, err
	}
	var p plan
	p.expect(Delete(s.byUser.Key(string(id), string(session)), record.Version), login.ErrChanged)
	p.add(Delete(s.table.Key(cookie.String()), Version{}))
	err = p.apply(ctx, s.engine)
	if errors.Is(err, login.ErrChanged) {
		return false, nil
	}
	return err == nil, err
}
