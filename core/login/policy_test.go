package login_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/login"
)

// policy allows everything until it is told otherwise, and keeps what it was asked.
type policy struct {
	answer func(*decision.Session) (decision.SessionVerdict, error)
	asked  []decision.Session // only kept where answer is set
}

func (p *policy) DecideSession(_ context.Context, q *decision.Session) (decision.SessionVerdict, error) {
	if p.answer == nil {
		return decision.SessionVerdict{Allowed: true}, nil
	}
	p.asked = append(p.asked, *q)
	return p.answer(q)
}

func TestPolicyIsAskedBeforeASessionBegins(t *testing.T) {
	h := open(t)
	ann := h.create("ann")
	h.policy.answer = func(*decision.Session) (decision.SessionVerdict, error) {
		if len(h.vault.sessions) > 0 {
			t.Error("the session was stored before policy was asked")
		}
		return decision.SessionVerdict{Allowed: true}, nil
	}
	if _, _, err := h.try("ann", "wrong horse"); !errors.Is(err, login.ErrWrong) || len(h.policy.asked) > 0 {
		t.Errorf("a wrong password: %v, policy asked %v", err, h.policy.asked)
	}
	client := core.Client{ID: "c-1", Provenance: core.Provenance{Channel: core.ChannelDCR}, Governance: core.Governance{Labels: []string{"partner"}}}
	session, _, err := h.SignIn(t.Context(), login.Attempt{
		Username: "ANN", Password: password, IP: "192.0.2.1", UserAgent: "Browser", RequestID: "d-1", Client: client,
	})
	if err != nil || len(h.policy.asked) != 1 {
		t.Fatalf("%v, asked %v", err, h.policy.asked)
	}
	q := h.policy.asked[0]
	if q.Subject != ann.Subject || q.Username != "ann" || !q.UserPresent || q.Client.ClientID != "c-1" || q.ClientChannel != core.ChannelDCR ||
		q.ClientLabels[0] != "partner" || q.Caller.IP != "192.0.2.1" || q.Caller.UserAgent != "Browser" || q.RequestID != "d-1" ||
		q.For != core.BrowserSession || !q.AuthTime.Equal(session.AuthTime) || strings.Join(q.Methods, " ") != "pwd" || !q.Now.Equal(h.now()) {
		t.Errorf("asked %+v", q)
	}
	if _, _, err := h.For(core.ConsoleSession, time.Hour).SignIn(t.Context(), login.Attempt{Username: "ann", Password: "no"}); err == nil {
		t.Error("a wrong password on the console")
	}
}

// A right password that policy does not allow begins nothing and ends nothing; it was no guess, and however often it is tried it
// closes nothing.
func TestPolicyRefusesASession(t *testing.T) {
	h := open(t)
	h.create("ann")
	_, cookie := h.signIn("ann", password)
	reasons := []core.Reason{
		{Rule: "house.secret", Code: core.AccessDenied, Message: "They are on the list."},
		{Rule: "house.office", Code: core.AccessDenied, Message: "Only from the office.", Public: true},
	}
	h.policy.answer = func(*decision.Session) (decision.SessionVerdict, error) {
		return decision.SessionVerdict{Code: core.AccessDenied, Reasons: reasons}, nil
	}
	_, none, err := h.SignIn(t.Context(), login.Attempt{Username: "ann", Password: password, Cookie: cookie, RequestID: "d-1"})
	refusal := core.AsError(err)
	if !errors.Is(err, login.ErrDenied) || errors.Is(err, login.ErrWrong) || refusal.Code != core.AccessDenied || none != "" ||
		refusal.Detail != "You are not signed in. Only from the office. (Decision d-1)" || len(refusal.Reasons) != 1 {
		t.Errorf("%+v", refusal)
	}
	if !h.signedIn(cookie) || len(h.vault.sessions) != 1 || h.vault.tries["ann"].Count != 0 {
		t.Errorf("sessions %v, tries %+v", h.vault.sessions, h.vault.tries)
	}
	for range 20 {
		if _, _, err := h.try("ann", password); !errors.Is(err, login.ErrDenied) {
			t.Fatal(err)
		}
	}
	for range 4 {
		if _, _, err := h.try("ann", "wrong"); !errors.Is(err, login.ErrWrong) {
			t.Fatal(err)
		}
	}
	if h.vault.tries["ann"].Count != 4 {
		t.Errorf("wrong ones count still: %+v", h.vault.tries)
	}
	if _, _, err := h.try("ann", password); !errors.Is(err, login.ErrDenied) || h.vault.tries["ann"].Count != 0 {
		t.Errorf("%v, tries %+v", err, h.vault.tries)
	}
	reasons = reasons[:1]
	if _, _, err := h.try("ann", password); core.AsError(err).Detail != "You are not signed in. This server does not let you sign in here." {
		t.Errorf("%+v", core.AsError(err))
	}
}

// No answer is no permission.
func TestPolicyWithoutAnAnswer(t *testing.T) {
	h := open(t)
	h.create("ann")
	h.policy.answer = func(*decision.Session) (decision.SessionVerdict, error) {
		return decision.SessionVerdict{Allowed: true}, core.Fail(core.PolicyUnavailable, "No decision.", nil)
	}
	_, cookie, err := h.try("ann", password)
	if core.CodeOf(err) != core.PolicyUnavailable || errors.Is(err, login.ErrDenied) || cookie != "" || len(h.vault.sessions) > 0 {
		t.Errorf("%v, sessions %v", err, h.vault.sessions)
	}
}

// Policy makes sessions shorter and never longer; one that goes on under a new password ends when it would have.
func TestPolicyLimitsASession(t *testing.T) {
	h := open(t)
	h.create("ann")
	limit := 10 * time.Minute
	h.policy.answer = func(*decision.Session) (decision.SessionVerdict, error) {
		return decision.SessionVerdict{Allowed: true, Lifetime: limit}, nil
	}
	start := h.now()
	session, cookie := h.signIn("ann", password)
	if !session.ExpiresAt.Equal(start.Add(limit)) {
		t.Errorf("ends %s", session.ExpiresAt)
	}
	h.advance(limit / 2)
	next, after, err := h.ChangePassword(t.Context(), session, password, "battery staple")
	if err != nil || !next.ExpiresAt.Equal(session.ExpiresAt) || len(h.policy.asked) != 1 {
		t.Fatalf("%+v, %v, asked %d times", next, err, len(h.policy.asked))
	}
	if h.advance(limit / 2); h.signedIn(cookie) || h.signedIn(after) {
		t.Error("it lasts longer than policy allows")
	}
	limit = 1000 * time.Hour
	if session, _ := h.signIn("ann", "battery staple"); !session.ExpiresAt.Equal(h.now().Add(login.DefaultLifetime)) {
		t.Errorf("policy made it longer: %s", session.ExpiresAt)
	}
}
