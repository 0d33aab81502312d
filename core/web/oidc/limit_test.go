package oidc_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
)

// exhaust uses up what an address may ask for without a good token.
func exhaust(h *house, from, bearer string) {
	h.t.Helper()
	for range burst {
		if a := h.ask(ask{method: http.MethodGet, path: "dcr/register/c-nobody", bearer: bearer, from: from}); a.StatusCode != http.StatusUnauthorized {
			h.t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
}

// An address without a token is slowed down, alone, and told for how long; a good token passes by.
func TestRate(t *testing.T) {
	const here, there = "192.0.2.1", "192.0.2.2"
	for name, bearer := range map[string]string{"without a token": "", "guessing": core.NewSecret().Reveal()} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			c := h.register(shop)
			exhaust(h, here, bearer)
			for _, req := range []ask{post(bearer, shop), {method: http.MethodGet, path: "dcr/register/" + c.id, bearer: bearer}, {method: http.MethodDelete, path: "dcr/register?client_id=" + c.id, bearer: bearer}} {
				req.from = here
				a := h.ask(req)
				h.refused(a, http.StatusTooManyRequests, core.TooManyRequests, "wait and try again")
				if a.Header.Get("Retry-After") != "10" || a.Header.Get("WWW-Authenticate") != "" {
					t.Errorf("%v", a.Header)
				}
			}
			req := post(bearer, shop)
			req.from = there
			if a := h.ask(req); a.StatusCode == http.StatusTooManyRequests {
				t.Error("another address was slowed down too")
			}
			for _, good := range []ask{post(h.token(1), shop), at(http.MethodGet, c, "")} {
				good.from = here
				if a := h.ask(good); a.StatusCode >= 300 {
					t.Errorf("with a good token: %d %s", a.StatusCode, a.body)
				}
			}
			h.now = h.now.Add(every)
			again := ask{method: http.MethodGet, path: "dcr/register/c-nobody", bearer: bearer, from: here}
			h.refused(h.ask(again), http.StatusUnauthorized, core.InvalidToken, "")
			h.refused(h.ask(again), http.StatusTooManyRequests, core.TooManyRequests, "")
		})
	}
}

// Who comes late with a token that was good is told so, however often: it is no guess.
func TestSpentTokensAreNoGuesses(t *testing.T) {
	h := open(t)
	spent := h.token(1)
	if a := h.ask(post(spent, shop)); a.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for range 3 * burst {
		h.refused(h.ask(post(spent, shop)), http.StatusUnauthorized, core.InvalidToken, "used up")
	}
}

// A credential that cannot be read is as good as none: it is no way around the limit.
func TestMalformedCredentialsCount(t *testing.T) {
	for _, req := range []ask{
		{method: http.MethodGet, path: "dcr/register/c-nobody", bearer: "what is this?", from: "192.0.2.1"},
		{method: http.MethodGet, path: "dcr/register/c-nobody?access_token=abc", from: "192.0.2.1"},
	} {
		h := open(t)
		for range burst {
			if a := h.ask(req); a.StatusCode != http.StatusUnauthorized && a.StatusCode != http.StatusBadRequest {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
		}
		h.refused(h.ask(req), http.StatusTooManyRequests, core.TooManyRequests, "wait and try again")
	}
}

// A token that nobody looked at, because the rest of the request could not be read, does not pass for a good one. Who has a good one
// goes on.
func TestUnreadableRequestsCount(t *testing.T) {
	h := open(t)
	bad := post(core.NewSecret().Reveal(), "not JSON")
	bad.from = "192.0.2.1"
	for range burst {
		h.refused(h.ask(bad), http.StatusBadRequest, core.InvalidRequest, "")
	}
	h.refused(h.ask(bad), http.StatusTooManyRequests, core.TooManyRequests, "wait and try again")
	good := post(h.token(1), shop)
	good.from = "192.0.2.1"
	if a := h.ask(good); a.StatusCode != http.StatusCreated {
		t.Errorf("with a good token: %d %s", a.StatusCode, a.body)
	}
}

// A client is named once, and a credential stands in one place.
func TestNamedTwice(t *testing.T) {
	h := open(t)
	c := h.register(shop)
	h.refused(h.ask(ask{method: http.MethodGet, path: "dcr/register?client_id=" + c.id + "&client_id=c-other", bearer: c.rat}), http.StatusBadRequest, core.InvalidRequest, "twice")
	h.refused(h.ask(ask{method: http.MethodGet, path: "dcr/register?client_id=%zz", bearer: c.rat}), http.StatusBadRequest, core.InvalidRequest, "cannot be read")
	h.refused(h.ask(post(h.token(1), `{"access_token":"other",`+shop[1:])), http.StatusBadRequest, core.InvalidRequest, "Two credentials")
}

// Guesses and requests without a token draw on one allowance, and a refusal by policy or a bad body does not give it back.
func TestOneAllowance(t *testing.T) {
	h := open(t)
	exhaust(h, "192.0.2.1", core.NewSecret().Reveal())
	for _, body := range []string{shop, "not JSON", strings.Repeat("[", 5000)} {
		req := post("", body)
		req.from = "192.0.2.1"
		h.refused(h.ask(req), http.StatusTooManyRequests, core.TooManyRequests, "")
	}
}

// What is public is public: no token is asked for and nothing is counted.
func TestPublicDocumentsAreNotLimited(t *testing.T) {
	h := open(t)
	exhaust(h, "192.0.2.1", "")
	for _, path := range []string{"jwks", "configuration"} {
		ok(t, h.ask(ask{method: http.MethodGet, path: path, from: "192.0.2.1"}))
	}
}
