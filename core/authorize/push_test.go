package authorize_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
)

// push pushes as a client and gives what the browser is sent with.
func (h *house) push(client string, params oauth.Params) oauth.Params {
	h.Helper()
	reference, lifetime, err := h.Endpoint.Push(h.Context(), authorize.Push{Authorization: "as " + client, Form: params})
	h.must(err)
	if !strings.HasPrefix(reference.Reveal(), "urn:ietf:params:oauth:request_uri:") || lifetime != 90*time.Second {
		h.Errorf("reference %s, %s", reference.Reveal(), lifetime)
	}
	return oauth.Params{"client_id": {client}, "request_uri": {reference.Reveal()}}
}

// fails must end on an error page.
func (b *tab) fails(what string, params oauth.Params, code core.Code) {
	b.Helper()
	if a, err := b.Authorize(b.Context(), b.visit(params)); core.CodeOf(err) != code {
		b.Errorf("%s: %+v, %v; want %s", what, a, err, code)
	}
}

// A pushed request survives a reload of the login page and makes one code.
func TestPushed(t *testing.T) {
	h := open(t)
	b := h.tab()
	ref := h.push("shop", request("client_secret", "s3cret", "client_assertion", "a", "client_assertion_type", "t"))
	for _, held := range h.pushed {
		if p := held.Params; p.Has("client_secret") || p.Has("client_assertion") || p.Has("client_assertion_type") || !p.Has("state") {
			t.Errorf("kept %v", p)
		}
	}
	ref["scope"] = []string{"openid profile email"} // does not count (RFC 9126 section 4)
	a := b.ask(ref)
	if a.Show != authorize.ShowLogin || b.ask(ref).Show != authorize.ShowLogin {
		t.Fatalf("%+v", a)
	}
	h.now = h.now.Add(5 * time.Minute) // the reference has expired for starting, not for who has started
	b.fails("started too late", ref, core.InvalidRequestURI)
	b.cookie = h.signIn("ann")
	a = b.back(a)
	if code := b.code(b.allow(a)); len(code.Grant.Scope) != 2 {
		t.Errorf("%+v", code)
	}
	if last := h.asked[len(h.asked)-1]; !last.PAR {
		t.Error("policy was not told that the request was pushed")
	}
	b.fails("the flow again", oauth.Params{"flow": {a.Flow}}, core.InvalidRequestURI)
	if _, err := b.decide(a, true); core.CodeOf(err) != core.InvalidRequestURI {
		t.Errorf("the form again: %v", err)
	}
	ref = h.push("shop", request())
	b.code(b.ask(ref))
	b.fails("the reference again", ref, core.InvalidRequestURI)
	if len(h.issued) != 2 {
		t.Errorf("%d codes", len(h.issued))
	}
}

// A refusal uses a pushed request up once the person took part: by denying, by signing in as somebody else, or when policy then
// says no (RFC 9126 §4). Before that, it is as good as new.
func TestPushedRefused(t *testing.T) {
	h := open(t)
	b := h.tab()
	b.cookie = h.signIn("ann")
	ref := h.push("shop", request())
	a := b.ask(ref)
	denied, err := b.decide(a, false)
	h.must(err)
	b.refused(denied, core.AccessDenied)
	b.fails("the reference after a denial", ref, core.InvalidRequestURI)
	for _, allow := range []bool{false, true} {
		if again, err := b.decide(a, allow); core.CodeOf(err) != core.InvalidRequestURI {
			t.Errorf("the form after a denial: %+v, %v", again, err)
		}
	}

	ref = h.push("shop", request("prompt", "login", "id_token_hint", h.idToken("JWT", map[string]any{"sub": "bob"})))
	a = b.ask(ref)
	h.now = h.now.Add(time.Second)
	b.cookie = h.signIn("ann")
	b.refused(b.back(a), core.LoginRequired)
	b.fails("the reference after somebody else came", ref, core.InvalidRequestURI)

	ref = h.push("shop", request())
	h.policy = func(*decision.Authorization) (decision.AuthorizationVerdict, error) {
		return decision.AuthorizationVerdict{}, nil
	}
	b.refused(b.ask(ref), core.AccessDenied)
	h.policy = allowQuietly
	if a = b.ask(ref); a.Show != authorize.ShowConsent {
		t.Fatalf("a refusal without the person used it up: %+v", a)
	}
	h.add("shop", func(c *core.Client) { c.Metadata.Scope = []string{"openid"} })
	a, err = b.decide(a, true)
	h.must(err)
	b.refused(a, core.InvalidScope)
	b.fails("the reference after a check failed", ref, core.InvalidRequestURI)
	if len(h.issued)+len(h.pushed) > 0 {
		t.Errorf("%d codes, %d pushed requests", len(h.issued), len(h.pushed))
	}
}

// Policy can bind a client to push as the client itself can.
func TestObligedToPush(t *testing.T) {
	h := open(t)
	h.add("obliged", func(c *core.Client) { c.Governance.Obligations = []core.Obligation{{Name: "par", Rule: "r"}} })
	b := h.tab()
	b.refused(b.ask(request("client_id", "obliged")), core.InvalidRequest)
	if a := b.ask(h.push("obliged", request("client_id", "obliged"))); a.Show != authorize.ShowLogin {
		t.Errorf("%+v", a)
	}
}

// RFC 9126 §6: a client that must push is served when it does.
func TestMustPush(t *testing.T) {
	h := open(t)
	h.add("pushing", func(c *core.Client) { must := true; c.Metadata.RequirePAR = &must })
	if a := h.tab().ask(h.push("pushing", request("client_id", "pushing"))); a.Show != authorize.ShowLogin {
		t.Errorf("%+v", a)
	}
}

func TestPushedByAnother(t *testing.T) {
	h := open(t)
	b := h.tab()
	ref := h.push("shop", request())
	ref["client_id"] = []string{"public"}
	b.fails("another client's", ref, core.InvalidRequestURI)
	ref["client_id"] = []string{"shop", "shop"}
	b.fails("client_id twice", ref, core.InvalidRequest)
	ref = h.push("shop", request())
	h.now = h.now.Add(90 * time.Second)
	b.fails("expired", ref, core.InvalidRequestURI)
}

// What is wrong with a request is told when it is pushed (RFC 9126 §2.3).
func TestPushRefused(t *testing.T) {
	h := open(t)
	for _, test := range []struct {
		name   string
		params oauth.Params
		code   core.Code
	}{
		{"redirect_uri", request("redirect_uri", "https://evil.example/"), core.InvalidRequest},
		{"scope", request("scope", "admin.api"), core.InvalidScope},
		{"response_type", request("response_type", "token"), core.UnsupportedResponseType},
		{"plain", request("code_challenge_method", "plain"), core.InvalidRequest},
		{"request_uri, RFC 9126 2.1", request("request_uri", "urn:ietf:params:oauth:request_uri:x"), core.InvalidRequest},
		{"request", request("request", "x"), core.RequestNotSupported},
		{"resource", request("resource", "https://other.example/"), core.InvalidTarget},
		{"twice", twice("scope", "openid"), core.InvalidRequest},
		{"client_id twice", twice("client_id", "shop"), core.InvalidRequest},
		{"prompt", request("prompt", "none login"), core.InvalidRequest},
		{"authorization_details", request("authorization_details", "[]"), core.InvalidAuthzDetails},
	} {
		if _, _, err := h.Endpoint.Push(t.Context(), authorize.Push{Authorization: "as shop", Form: test.params}); core.CodeOf(err) != test.code {
			t.Errorf("%s: %v, want %s", test.name, err, test.code)
		}
	}
	if _, _, err := h.Endpoint.Push(t.Context(), authorize.Push{Form: request()}); core.CodeOf(err) != core.InvalidClient {
		t.Errorf("nobody: %v", err)
	}
	must := true
	h.add("signing", func(c *core.Client) { c.Metadata.RequireSignedRequest = &must })
	if _, _, err := h.Endpoint.Push(t.Context(), authorize.Push{Authorization: "as signing", Form: request("client_id", "signing")}); core.CodeOf(err) != core.InvalidRequest {
		t.Errorf("unsigned: %v", err)
	}
	if len(h.pushed) > 0 {
		t.Error("something was kept")
	}
	ref := h.push("shop", request()) // who promises it afterwards is held to it
	h.add("shop", func(c *core.Client) { c.Metadata.RequireSignedRequest = &must })
	b := h.tab()
	b.refused(b.ask(ref), core.InvalidRequest)
}

// 50 tabs complete one pushed request at once: one code.
func TestPushedHammer(t *testing.T) {
	h := open(t)
	b := h.tab()
	b.cookie = h.signIn("ann")
	a := b.ask(h.push("shop", request()))
	var won, lost atomic.Int64
	var all sync.WaitGroup
	h.policy = allowQuietly
	for range 50 {
		all.Go(func() {
			switch _, err := b.decide(a, true); core.CodeOf(err) {
			case "":
				won.Add(1)
			case core.InvalidRequestURI:
				lost.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != 49 || len(h.issued) != 1 {
		t.Errorf("%d won, %d lost, %d codes", won.Load(), lost.Load(), len(h.issued))
	}
}

// 50 tabs deny and allow one pushed request at once: the client is told one thing.
func TestPushedRefusedHammer(t *testing.T) {
	h := open(t)
	b := h.tab()
	b.cookie = h.signIn("ann")
	a := b.ask(h.push("shop", request()))
	var told atomic.Int64
	var all sync.WaitGroup
	h.policy = allowQuietly
	for i := range 50 {
		all.Go(func() {
			if _, err := b.decide(a, i%2 == 0); err == nil {
				told.Add(1)
			} else if core.CodeOf(err) != core.InvalidRequestURI {
				t.Errorf("who lost: %v", err)
			}
		})
	}
	all.Wait()
	if told.Load() != 1 {
		t.Errorf("the client was told %d things", told.Load())
	}
}

// allowQuietly is a policy that many may ask at once.
func allowQuietly(q *decision.Authorization) (decision.AuthorizationVerdict, error) {
	return decision.AuthorizationVerdict{Allowed: true, Scopes: q.Scopes}, nil
}
