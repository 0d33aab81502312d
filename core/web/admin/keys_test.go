package admin_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/admin"
)

// keyStore keeps signing keys in memory. One that nobody else writes needs no stamps but these.
type keyStore struct {
	mu   sync.Mutex
	keys map[string]keys.Stored
	last byte
	fail error
}

func (s *keyStore) Keys(context.Context) (list []keys.Stored, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		list = append(list, k)
	}
	return list, s.fail
}

func (s *keyStore) Change(_ context.Context, c keys.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	for _, k := range append(c.Add, c.Update...) {
		k.Stamp = keys.Stamp{s.last}
		s.keys[k.ID] = k
	}
	for _, k := range c.Remove {
		delete(s.keys, k.ID)
	}
	return s.fail
}

// openKeys serves the keys of a ring with two algorithms beside nothing else.
func openKeys(t *testing.T) (*house, *keys.Ring, *keyStore) {
	t.Helper()
	h, store := open(t), &keyStore{keys: map[string]keys.Stored{}}
	ring, err := keys.Open(t.Context(), store, []string{"ES256", "EdDSA"}, h.tick)
	if err != nil {
		t.Fatal(err)
	}
	a := admin.New(admin.Parts{Roster: operator.NewRoster(operator.Token{Subject: "ada", Hash: core.Secret(h.ada).Hash()}), Keys: ring})
	row := func(method, path string, handler web.Handler) web.Route {
		return web.Route{Method: method, Path: "/api/admin" + path, Handler: handler, Face: web.Operator, Challenge: web.Bearer}
	}
	h.routes = []web.Route{row("GET", "/keys", a.As(a.ListKeys)), row("POST", "/keys/rotate", a.As(a.RotateKeys))}
	h.Server, err = web.New(web.Options{
		Routes: h.routes, Areas: []web.Area{{Prefix: "/api/admin", Face: web.Operator}}, Sites: []string{site},
		Now: h.tick, Log: slog.New(slog.NewJSONHandler(h, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h, ring, store
}

// states gives "alg state" of each key of a list, in order.
func (a answer) states(list string) string {
	var words []string
	for _, item := range a.at(list).Items() {
		one := answer{doc: item}
		words = append(words, one.text("alg")+" "+one.text("state"))
	}
	return strings.Join(words, ", ")
}

// The keys before, during and after a rotation, with the times that matter; never the private half.
func TestKeys(t *testing.T) {
	h, ring, store := openKeys(t)
	a := h.want(h.ask("GET", "/keys", ""), http.StatusOK)
	if a.states("items") != "ES256 active, EdDSA active" || !a.at("changed").IsAbsent() || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v %s", a.Header, a.body)
	}
	if a.text("items.0.kid") != ring.Entries()[0].ID || a.text("items.0.created_at") != a.text("items.0.published_at") ||
		a.text("items.0.activates_at") == "" || a.text("items.0.retires_at") == "" || !a.at("items.0.removes_at").IsAbsent() {
		t.Errorf("%s", a.body)
	}
	for _, step := range []struct{ body, changed, items string }{
		{`{"alg":"ES256"}`, "ES256 next", "ES256 active, EdDSA active, ES256 next"},
		{`{"alg":"ES256"}`, "", "ES256 active, EdDSA active, ES256 next"},
		{`{"alg":"ES256","now":true}`, "ES256 retired, ES256 active", "ES256 retired, EdDSA active, ES256 active"},
		{`{"now":true,"revoke":true}`, "ES256 active, ES256 removed, ES256 removed, EdDSA active, EdDSA removed", "ES256 active, EdDSA active"},
		{`{}`, "ES256 next, EdDSA next", "ES256 active, EdDSA active, ES256 next, EdDSA next"},
	} {
		a := h.want(h.ask("POST", "/keys/rotate", step.body), http.StatusOK)
		if a.states("changed") != step.changed || a.states("items") != step.items {
			t.Errorf("%s: changed %s, now %s", step.body, a.states("changed"), a.states("items"))
		}
		if shown := h.ask("GET", "/keys", ""); shown.states("items") != step.items || strings.Contains(shown.body+a.body, "rivate") {
			t.Errorf("%s: shown %s", step.body, shown.body)
		}
	}
	next, err := time.Parse(time.RFC3339Nano, h.ask("GET", "/keys", "").text("items.2.activates_at"))
	if lead := next.Sub(h.tick()); err != nil || lead < 23*time.Hour || lead > 24*time.Hour {
		t.Errorf("a next key signs in %v, %v", lead, err)
	}
	if len(store.keys) != 4 {
		t.Errorf("%d keys stored", len(store.keys))
	}
}

// What another process did is seen.
func TestKeysOfOtherProcesses(t *testing.T) {
	h, _, store := openKeys(t)
	other, err := keys.Open(t.Context(), store, []string{"ES256", "EdDSA"}, h.tick)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Rotate(t.Context(), keys.Rotation{Alg: "EdDSA"}); err != nil {
		t.Fatal(err)
	}
	if a := h.want(h.ask("GET", "/keys", ""), http.StatusOK); a.states("items") != "ES256 active, EdDSA active, EdDSA next" {
		t.Errorf("%s", a.body)
	}
}

// A rotation that is not understood does not happen.
func TestRotationsRefused(t *testing.T) {
	h, _, store := openKeys(t)
	for body, says := range map[string]string{
		`{"alg":"RS256"}`:           "ES256, EdDSA",
		`{"alg":"none"}`:            "ES256, EdDSA",
		`{"revoke":true}`:           "revoke goes with now",
		`{"Now":true}`:              "",
		`{"now":"true"}`:            "",
		`{"now":1}`:                 "",
		`{"now":true,"now":true}`:   "",
		`{"now":true,"force":true}`: "",
		`[]`:                        "",
		``:                          "",
	} {
		h.refused(h.ask("POST", "/keys/rotate", body), http.StatusBadRequest, core.InvalidRequest, says)
	}
	h.refused(h.ask("GET", "/keys?state=active", ""), http.StatusBadRequest, core.InvalidRequest, "no query parameter state")
	for _, r := range h.routes {
		path := strings.TrimPrefix(r.Path, "/api/admin")
		h.refused(h.send(r.Method, path, `{"now":true}`, "Authorization: Bearer "+core.NewSecret().Reveal()), http.StatusUnauthorized, core.InvalidToken, "")
		h.refused(h.send(r.Method, path, `{"now":true}`, "Cookie: session="+h.ada), http.StatusUnauthorized, core.InvalidToken, "")
	}
	if len(store.keys) != 2 {
		t.Errorf("%d keys", len(store.keys))
	}
	store.fail = errors.New("the disk is on fire")
	for _, a := range []answer{h.ask("GET", "/keys", ""), h.ask("POST", "/keys/rotate", "{}")} {
		h.refused(a, http.StatusInternalServerError, core.ServerError, "")
		if strings.Contains(a.body, "fire") {
			t.Errorf("%s", a.body)
		}
	}
}
