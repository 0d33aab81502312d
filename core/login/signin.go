package login

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
)

// ErrWrong is inside the answer to every sign-in that did not succeed, whatever was wrong.
var ErrWrong = errors.New("unknown user, wrong password, disabled or without a password")

func wrong() error { return core.Fail(core.AccessDenied, "Wrong username or password.", ErrWrong) }

// An Attempt is one try to sign in.
type Attempt struct {
	Username  string
	Password  core.Secret
	IP        string
	UserAgent string
	Client    core.Client // whose request led here, for policy; zero: none
	RequestID string      // for policy
	Cookie    core.Secret // of the session of the desk's kind that the browser has; it ends (session fixation). Empty: none

	until time.Time // it goes on with a session that policy has allowed, and ends with it; zero: it is a sign-in
}

// SignIn gives the session of who proved to be a user, and the secret for its cookie. It refuses with access_denied (ErrWrong,
// ErrDenied) or too_many_requests.
func (d *Desk) SignIn(ctx context.Context, a Attempt) (core.Session, core.Secret, error) {
	account := AccountOf(a.Username)
	turn, leave, err := d.admit(ctx, account, a.IP)
	if err != nil {
		return core.Session{}, "", err
	}
	defer leave()
	var stored Stored
	if checkUsername(a.Username) == nil {
		if stored, err = d.users.Named(ctx, account); err != nil {
			return core.Session{}, "", err
		}
	}
	if err := d.prove(ctx, turn, stored, a.Password); err != nil {
		return core.Session{}, "", err
	}
	session, cookie, err := d.begin(ctx, turn, stored.User, a)
	if errors.Is(err, ErrDenied) && !turn.handOn() { // the password was right: that policy says no is no guess
		if failed := d.throttle.ForgetTries(ctx, account); failed != nil {
			return core.Session{}, "", failed
		}
		turn.place = Stamp{}
	}
	return session, cookie, err
}

// admit lets a try in: the account may be tried, the caller has not too many under way, and it is this one's turn at the account.
// leave ends it.
func (d *Desk) admit(ctx context.Context, account Account, ip string) (own *turn, leave func(), err error) {
	if err := d.open(ctx, account); err != nil {
		return nil, nil, err
	}
	out, err := d.lines.enter(lineOf(ip))
	if err != nil {
		return nil, nil, err
	}
	if own, err = d.turns.enter(ctx, account); err != nil {
		out()
		return nil, nil, err
	}
	return own, func() { own.leave(); out() }, nil
}

// prove compares a password with a user's, or with one that nobody has. A hash that is weaker than today's is made anew.
func (d *Desk) prove(ctx context.Context, turn *turn, stored Stored, password core.Secret) error {
	leave, err := d.hasher.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	place, err := d.countTry(ctx, turn)
	if err != nil {
		return err
	}
	turn.place = Stamp{} // spent, unless the password turns out right
	right, weak, err := d.hasher.matches(password, stored.User.Password)
	switch {
	case err != nil:
		return err
	case !right || stored.User.Password == "" || stored.User.Disabled:
		return wrong()
	}
	turn.place = place
	if !weak {
		return nil
	}
	after := stored.User
	after.Password = d.hasher.hash(password)
	if err := d.users.Change(ctx, Change{Before: stored, After: after}); !errors.Is(err, ErrChanged) {
		return err
	}
	return nil // somebody changed the user meanwhile: next time
}

// What a session keeps of where it began, in bytes.
const (
	maxIP        = 64
	maxUserAgent = 256
)

// begin starts a session under a new secret, and with it the tries at the account are forgotten; or the turn is handed on with the
// one that is counted, for who waits.
func (d *Desk) begin(ctx context.Context, turn *turn, u core.User, a Attempt) (core.Session, core.Secret, error) {
	now, cookie := d.today(), core.NewSecret()
	session := core.Session{
		ID: core.NewSessionID(d.now()), Kind: d.kind, Subject: u.Subject, UserGeneration: u.Generation, AuthTime: now, Methods: []string{"pwd"},
		CreatedAt: now, ExpiresAt: now.Add(d.lifetime), IP: clip(a.IP, maxIP), UserAgent: clip(a.UserAgent, maxUserAgent),
	}
	if err := d.permit(ctx, &session, &u, a); err != nil {
		return core.Session{}, "", err
	}
	old, err := d.behind(ctx, a.Cookie)
	if err != nil {
		return core.Session{}, "", err
	}
	if counts(old, u) && old.ExpiresAt.After(d.now()) {
		session.ID = old.ID // who only proves again to be the same stays in the session: what others know by its "sid" goes on
	}
	b := Beginning{Session: session, Cookie: cookie.Hash()}
	if old.ID != "" {
		b.Replaces = a.Cookie.Hash()
	}
	if !turn.handOn() {
		b.Account = turn.account
	}
	if err := d.sessions.Begin(ctx, b); err != nil {
		return core.Session{}, "", err
	}
	return session, cookie, nil
}

// clip keeps what a browser says of itself short.
func clip(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.ToValidUTF8(s, "?")
}
