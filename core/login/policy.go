package login

import (
	"context"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

// Policy says whether somebody who has proved to be a user may begin a session.
type Policy interface {
	DecideSession(ctx context.Context, q *decision.Session) (decision.SessionVerdict, error)
}

// ErrDenied is inside the answer to a sign-in that was right and that policy does not allow.
var ErrDenied = errors.New("policy does not allow the session")

// permit asks policy about a session that is about to be written, and makes it shorter where policy wants that. What keeps
// policy from an answer keeps the session from beginning.
func (d *Desk) permit(ctx context.Context, session *core.Session, u *core.User, a Attempt) error {
	if !a.until.IsZero() {
		session.ExpiresAt = earlier(session.ExpiresAt, a.until)
		return nil
	}
	q := decision.Session{
		For: d.kind, Now: d.now(), RequestID: a.RequestID, Caller: core.Caller{Kind: "open", IP: a.IP, UserAgent: a.UserAgent},
	}
	q.SetClient(&a.Client)
	q.SetUser(u, session.AuthTime, session.Methods)
	verdict, err := d.policy.DecideSession(ctx, &q)
	switch {
	case err != nil:
		return err
	case !verdict.Allowed:
		return denied(verdict, a.RequestID)
	case verdict.Lifetime > 0:
		session.ExpiresAt = earlier(session.ExpiresAt, session.CreatedAt.Add(verdict.Lifetime))
	}
	return nil
}

// denied gives the person the words of the first rule that may be told, and the id under which an operator finds the others.
func denied(v decision.SessionVerdict, id string) error {
	says := "This server does not let you sign in here."
	var public []core.Reason
	for _, reason := range v.Reasons {
		if !reason.Public {
			continue
		}
		if len(public) == 0 && reason.Message != "" {
			says = reason.Message
		}
		public = append(public, reason)
	}
	refusal := core.Refuse(core.AccessDenied, "You are not signed in. %s", says)
	if id != "" {
		refusal.Detail += " (Decision " + id + ")"
	}
	refusal.Reasons, refusal.Err = public, ErrDenied
	return refusal
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
