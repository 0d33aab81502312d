package bff_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/oauth"
)

// A site is a backend before a small provider.
type site struct {
	*testing.T
	*bff.Backend
	clock *clock
	store *memory
	op    *provider
	ended []string // what was said to the issuer's own sessions
}

const home = "localhost:8080"

func settings() bff.Settings {
	return bff.Settings{ClientID: bff.DefaultClientID, Profile: bff.DefaultProfile, Issuer: issuerURL, Origins: []string{"http://" + home, "http://127.0.0.1:8080"}, ReturnTo: []string{"https://spa.example.com"}}
}

// newSite makes a site that is not yet registered.
func newSite(t *testing.T) *site {
	t.Helper()
	c := &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s := &site{T: t, clock: c, store: newMemory(c.now), op: newProvider(t, c.now)}
	s.Backend = s.replica(settings())
	return s
}

// replica is one more process of the same site.
func (s *site) replica(with bff.Settings) *bff.Backend {
	s.Helper()
	b, err := bff.New(bff.Parts{
		Store: s.store, Door: s.op.peer, Keys: s.op, Now: s.clock.now, Mint: s.mint,
		EndSession: func(_ context.Context, subject core.Subject, id core.SessionID) error {
			s.ended = append(s.ended, string(subject)+" "+string(id))
			return nil
		},
	}, with)
	if err != nil {
		s.Fatal(err)
	}
	return b
}

func (s *site) mint(context.Context) (core.Secret, error) {
	s.op.mu.Lock()
	defer s.op.mu.Unlock()
	s.op.mint++
	return core.Secret(fmt.Sprintf("iat-%d", s.op.mint)), nil
}

// open makes a site that is registered.
func open(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	if err := s.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// begin starts a login and lets the person say yes: it gives what the browser comes back with.
func (s *site) begin(returnTo string) bff.Return {
	s.Helper()
	start, err := s.Login(s.Context(), home, returnTo)
	if err != nil {
		s.Fatal(err)
	}
	params := s.op.authorize(start.URL)
	if bff.LoginName(core.Secret(params.Get("state"))) != start.Name {
		s.Error("the login's name is not that of its state")
	}
	return bff.Return{Params: params, Cookie: start.Cookie}
}

// signIn gives the cookie of a new session.
func (s *site) signIn() core.Secret {
	s.Helper()
	arrival, err := s.Callback(s.Context(), s.begin("/inbox"))
	if err != nil || arrival.Cookie == "" || arrival.ReturnTo != "/inbox" {
		s.Fatalf("%+v, %v", arrival, err)
	}
	return arrival.Cookie
}

func (s *site) wantCode(what string, err error, want core.Code) {
	s.Helper()
	if core.CodeOf(err) != want {
		s.Errorf("%s: %v, want %s", what, err, want)
	}
}

// The whole road: login, callback, session, a token for a call, refresh, logout.
func TestRoad(t *testing.T) {
	s := open(t)
	cookie := s.signIn()
	who, err := s.Session(t.Context(), cookie)
	if err != nil || who.Subject != "u-alice" || who.Name != "Alice" || who.Username != "alice" || who.Issued != "s-1" ||
		!who.ExpiresAt.Equal(s.clock.now().Add(bff.DefaultSessionLife)) {
		t.Errorf("session: %+v, %v", who, err)
	}
	if token, err := s.AccessToken(t.Context(), cookie); err != nil || token.Reveal() != "ACCESS-1" {
		t.Errorf("token: %s, %v", token.Reveal(), err)
	}
	if again, err := s.Refresh(t.Context(), cookie); err != nil || again != who {
		t.Errorf("refresh: %+v, %v", again, err)
	}
	if token, _ := s.AccessToken(t.Context(), cookie); token.Reveal() != "ACCESS-2" {
		t.Errorf("after the refresh: %s", token.Reveal())
	}
	to, err := s.Logout(t.Context(), "127.0.0.1:8080", cookie)
	want := issuerURL + "/logout?client_id=bff-server&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2F"
	if err != nil || to != want {
		t.Errorf("logout: %q, %v\nwant %q", to, err, want)
	}
	if len(s.op.revoked) != 1 || s.op.revoked[0] != "REFRESH-2" || len(s.ended) != 1 || s.ended[0] != "u-alice s-1" {
		t.Errorf("revoked %v, ended %v", s.op.revoked, s.ended)
	}
	if who, err := s.Session(t.Context(), cookie); err != nil || who.Subject != "" {
		t.Errorf("after logout: %+v, %v", who, err)
	}
	_, err = s.AccessToken(t.Context(), cookie)
	s.wantCode("a token after logout", err, core.InvalidToken)
	if to, err := s.Logout(t.Context(), home, cookie); err != nil || to != "/" {
		t.Errorf("a second logout: %q, %v", to, err)
	}
}

// Nothing that a browser gets, and nothing that is printed, holds a token.
func TestNoTokenForTheBrowser(t *testing.T) {
	s := open(t)
	start, err := s.Login(t.Context(), home, "/inbox")
	if err != nil {
		t.Fatal(err)
	}
	arrival, err := s.Callback(t.Context(), bff.Return{Params: s.op.authorize(start.URL), Cookie: start.Cookie})
	if err != nil {
		t.Fatal(err)
	}
	who, _ := s.Session(t.Context(), arrival.Cookie)
	token, _ := s.AccessToken(t.Context(), arrival.Cookie)
	to, _ := s.Logout(t.Context(), home, arrival.Cookie)
	seen := fmt.Sprintf("%s %s %+v %+v %#v %s %s", start.URL, arrival.ReturnTo, arrival, who, token, to, s.JWKS())
	for _, secret := range []string{"ACCESS-", "REFRESH-", "eyJ", s.store.registration.Key.Reveal(), s.store.registration.Token.Reveal(), `"d":`} {
		if strings.Contains(seen, secret) {
			t.Errorf("%q is in what the browser sees: %s", secret, seen)
		}
	}
}

// A new login is a new session: the cookie that was there before is worth nothing, and its refresh token is
// revoked.
func TestNewSessionAtLogin(t *testing.T) {
	s := open(t)
	old := s.signIn()
	r := s.begin("/")
	r.Session = old
	arrival, err := s.Callback(t.Context(), r)
	if err != nil || arrival.Cookie == old {
		t.Fatalf("%+v, %v", arrival, err)
	}
	if who, _ := s.Session(t.Context(), old); who.Subject != "" {
		t.Errorf("the old session lives: %+v", who)
	}
	if got := fmt.Sprint(s.op.revoked); got != "[REFRESH-1]" {
		t.Errorf("revoked %s; want the refresh token of the old session", got)
	}
}

// Every way in which a browser can come back with something else than it was sent out with.
func TestCallbackRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(s *site, r *bff.Return)
		want   core.Code
	}{
		"state of another browser": {func(s *site, r *bff.Return) { r.Cookie = core.NewSecret() }, core.InvalidRequest},
		"no cookie":                {func(s *site, r *bff.Return) { r.Cookie = "" }, core.InvalidRequest},
		"cookie of another login":  {func(s *site, r *bff.Return) { r.Cookie = s.begin("/").Cookie }, core.InvalidRequest},
		"unknown state":            {func(s *site, r *bff.Return) { r.Params["state"] = []string{"other"} }, core.InvalidRequest},
		"no state":                 {func(s *site, r *bff.Return) { delete(r.Params, "state") }, core.InvalidRequest},
		"too late":                 {func(s *site, r *bff.Return) { s.clock.advance(10 * time.Minute) }, core.InvalidRequest},
		"mix-up: another iss":      {func(s *site, r *bff.Return) { r.Params["iss"] = []string{"https://evil.example"} }, core.InvalidRequest},
		"no iss":                   {func(s *site, r *bff.Return) { delete(r.Params, "iss") }, core.InvalidRequest},
		"no code":                  {func(s *site, r *bff.Return) { delete(r.Params, "code") }, core.InvalidRequest},
		"code of another login":    {func(s *site, r *bff.Return) { r.Params["code"] = s.begin("/").Params["code"] }, core.InvalidGrant},
		"unknown code":             {func(s *site, r *bff.Return) { r.Params["code"] = []string{"x"} }, core.InvalidGrant},
		"issuer out of order":      {func(s *site, r *bff.Return) { s.op.failing("POST /token", 500, "oops") }, core.TemporarilyUnavailable},
		"token answer is no JSON":  {func(s *site, r *bff.Return) { s.op.failing("POST /token", 200, "<html>") }, core.TemporarilyUnavailable},
		"no access token":          {func(s *site, r *bff.Return) { s.op.failing("POST /token", 200, `{"token_type":"Bearer"}`) }, core.TemporarilyUnavailable},
		"token of another type": {func(s *site, r *bff.Return) {
			s.op.failing("POST /token", 200, `{"access_token":"x","token_type":"mac"}`)
		}, core.TemporarilyUnavailable},
		"no id token": {func(s *site, r *bff.Return) {
			s.op.failing("POST /token", 200, `{"access_token":"x","token_type":"Bearer"}`)
		}, core.InvalidGrant},
		"keys out of order":     {func(s *site, r *bff.Return) { s.op.failing("GET /jwks", 500, "") }, core.TemporarilyUnavailable},
		"userinfo of another":   {func(s *site, r *bff.Return) { s.op.quiet, s.op.about = true, "u-bob" }, core.InvalidGrant},
		"userinfo out of order": {func(s *site, r *bff.Return) { s.op.quiet = true; s.op.failing("GET /userinfo", 500, "") }, core.TemporarilyUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			r := s.begin("/")
			test.change(s, &r)
			arrival, err := s.Callback(t.Context(), r)
			s.wantCode("callback", err, test.want)
			if arrival != (bff.Arrival{}) || len(s.store.sessions) > 0 {
				t.Errorf("it arrived: %+v, %v", arrival, s.store.sessions)
			}
		})
	}
}

// A refusal of the issuer takes the browser back to the page, which says what happened, in words of the protocol only.
func TestIssuerRefuses(t *testing.T) {
	for code, want := range map[string]string{
		"access_denied": "/inbox?auth_error=access_denied", "login_required": "/inbox?auth_error=login_required", "<script>": "/inbox?auth_error=server_error",
	} {
		s := open(t)
		r := s.begin("/inbox")
		r.Params = oauth.Params{"state": r.Params["state"], "iss": {issuerURL}, "error": {code}}
		arrival, err := s.Callback(t.Context(), r)
		if err != nil || arrival.ReturnTo != want || arrival.Cookie != "" {
			t.Errorf("%s: %+v, %v", code, arrival, err)
		}
	}
}

// A state counts once, however many come back with it at once.
func TestStateCountsOnce(t *testing.T) {
	s := open(t)
	r := s.begin("/")
	var all sync.WaitGroup
	won := make(chan core.Secret, 25)
	for range 25 {
		all.Go(func() {
			if arrival, err := s.Callback(t.Context(), r); err == nil {
				won <- arrival.Cookie
			} else {
				s.wantCode("a loser", err, core.InvalidRequest)
			}
		})
	}
	all.Wait()
	if len(won) != 1 || s.op.count("POST /token") != 1 || len(s.store.sessions) != 1 {
		t.Errorf("%d arrived, %d token calls", len(won), s.op.count("POST /token"))
	}
}
