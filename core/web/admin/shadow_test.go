package admin_test

import (
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/replay"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/admin"
)

// candidate is a shadow that only remembers.
type candidate struct {
	by    core.Subject
	label string
	files map[string]string
	shown []any
	fail  error
}

func (c *candidate) Set(by core.Subject, label string, files map[string]string) error {
	if c.fail == nil {
		c.by, c.label, c.files = by, label, files
	}
	return c.fail
}

func (c *candidate) Clear() error {
	c.files = nil
	return c.fail
}

func (c *candidate) Show(kind, decision string, limit int) (any, error) {
	c.shown = []any{kind, decision, limit}
	return map[string]string{"label": c.label}, c.fail
}

func openShadow(t *testing.T) (*house, *candidate) {
	t.Helper()
	h, c := open(t), &candidate{}
	a := admin.New(admin.Parts{Roster: operator.NewRoster(operator.Token{Subject: "ada", Hash: core.Secret(h.ada).Hash()}), Shadow: c, Desk: h.desk})
	row := func(method string, handler web.Handler) web.Route {
		return web.Route{Method: method, Path: "/api/admin/policies/shadow", Handler: handler, Face: web.Operator, Challenge: web.Bearer, Limit: admin.MaxCandidate}
	}
	var err error
	h.Server, err = web.New(web.Options{
		Routes: []web.Route{row("PUT", a.As(a.SetShadow)), row("GET", a.As(a.ShowShadow)), row("DELETE", a.As(a.ClearShadow))},
		Areas:  []web.Area{{Prefix: "/api/admin", Face: web.Operator}}, Sites: []string{site}, Now: h.tick, Log: slog.New(slog.NewJSONHandler(h, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h, c
}

func TestShadow(t *testing.T) {
	h, c := openShadow(t)
	long := strings.Repeat("x", 1<<20) // longer than what strangers may send
	a := h.want(h.ask("PUT", "/policies/shadow", `{"bundle":{"files":{"a.rego":"package a","eu/b.rego":"`+long+`"}},"label":"stricter"}`), http.StatusOK)
	if a.text("label") != "stricter" || c.by != "ada" || c.files["a.rego"] != "package a" || len(c.files["eu/b.rego"]) != len(long) {
		t.Errorf("set by %s, label %s, %d files", c.by, c.label, len(c.files))
	}
	h.want(h.ask("GET", "/policies/shadow?kind=would_deny&decision=token&limit=7", ""), http.StatusOK)
	if !reflect.DeepEqual(c.shown, []any{"would_deny", "token", 7}) {
		t.Errorf("shown %v", c.shown)
	}
	h.want(h.ask("PUT", "/policies/shadow", `{"bundle":{"files":{}}}`), http.StatusOK) // the shipped rules only
	h.want(h.ask("DELETE", "/policies/shadow", ""), http.StatusNoContent)
	if c.files != nil {
		t.Error("it was not cleared")
	}
}

func TestUnusableShadow(t *testing.T) {
	h, c := openShadow(t)
	c.fail = &replay.Unusable{Problems: []replay.Problem{{File: "a.rego", Line: 3, Message: "no \"such\" rule"}, {Message: "also"}}}
	a := h.want(h.ask("PUT", "/policies/shadow", `{"bundle":{"files":{"a.rego":"x"}}}`), http.StatusBadRequest)
	if a.Header.Get("Content-Type") != "application/problem+json" || a.text("problems.0.file") != "a.rego" || a.at("problems.0.line").String() != "3" ||
		a.text("problems.0.message") != `no "such" rule` || a.text("problems.1.message") != "also" {
		t.Errorf("%v %s", a.Header, a.body)
	}
	c.fail = errors.New("broken")
	h.refused(h.ask("PUT", "/policies/shadow", `{"bundle":{"files":{"a.rego":"x"}}}`), http.StatusInternalServerError, core.ServerError, "")
	c.fail = core.Refuse(core.NotFound, "There is no policy shadow.")
	h.refused(h.ask("DELETE", "/policies/shadow", ""), http.StatusNotFound, core.NotFound, "no policy shadow")
}

func TestShadowsRefused(t *testing.T) {
	h, c := openShadow(t)
	for body, says := range map[string]string{
		`{}`:                                "bundle.files",
		`{"bundle":{}}`:                     "bundle.files",
		`{"files":{}}`:                      "files",
		`{"bundle":{"files":{"a.rego":7}}}`: "a.rego",
		`{"bundle":{"files":{"a.rego":"x","a.rego":"y"}}}`:                                   "a.rego",
		`{"bundle":{"files":{"a.rego":"x"}},"label":"` + strings.Repeat("l", 101) + `"}`:     "label is longer",
		`{"bundle":{"files":{"a.rego":"` + strings.Repeat("x", 1000) + `"}},"colour":"red"}`: "colour",
		`{"bundle":{"files":{"a.rego":"package a"}`:                                          "body cannot be used",
	} {
		h.refused(h.ask("PUT", "/policies/shadow", body), http.StatusBadRequest, core.InvalidRequest, says)
	}
	h.refused(h.ask("GET", "/policies/shadow?limit=201", ""), http.StatusBadRequest, core.InvalidRequest, "limit")
	h.refused(h.ask("GET", "/policies/shadow?sort=kind", ""), http.StatusBadRequest, core.InvalidRequest, "sort")
	if c.files != nil || c.shown != nil {
		t.Errorf("%+v", c)
	}
	for _, method := range []string{"PUT", "GET", "DELETE"} {
		if a := h.send(method, "/policies/shadow", `{}`); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", method, a.StatusCode)
		}
	}
}
