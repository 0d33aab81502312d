package admin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
)

// Every end leaves an entry that explains it, found by the id of the answer, in the list and in the client's history.
func TestDecisions(t *testing.T) {
	h := open(t)
	var ids []string
	note := func(a answer) { ids = append(ids, a.Header.Get("Ostiary-Decision-Id")) }
	created := h.ask("POST", "/clients", shop)
	id := created.text("client_id")
	note(created)
	note(h.ask("POST", "/clients", `{"redirect_uris":["javascript:x"]}`))
	note(h.ask("PATCH", "/clients/"+id, `{"client_name":"Again"}`))
	note(h.ask("PATCH", "/clients/"+id, `{"client_name":"Again"}`))
	note(h.ask("PATCH", "/clients/"+id, `{"client_name":7}`))
	note(h.ask("DELETE", "/clients/"+id, "", `If-Match: "other"`))
	note(h.ask("DELETE", "/clients/"+id, ""))
	for i, want := range []struct {
		operation, verdict, outcome string
		code                        core.Code
	}{
		{"register", "allowed", "stored", ""}, {"register", "denied", "nothing", core.InvalidRedirectURI}, {"update", "allowed", "stored", ""},
		{"update", "allowed", "unchanged", ""}, {"update", "denied", "nothing", core.InvalidClientMetadata}, {"delete", "denied", "nothing", core.PreconditionFailed},
		{"delete", "allowed", "deleted", ""},
	} {
		a := h.want(h.ask("GET", "/decisions/"+ids[i], ""), http.StatusOK)
		if a.text("decision_id") != ids[i] || a.text("operation") != want.operation || a.text("verdict") != want.verdict || a.text("outcome") != want.outcome ||
			a.text("error.code") != string(want.code) || a.text("stages.0.stage") != "access" || a.text("actor.kind") != "operator" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d: %s", i, a.body)
		}
		if !a.at("input").IsAbsent() || strings.Contains(a.body, created.text("client_secret")) {
			t.Errorf("%d shows what is sealed: %s", i, a.body)
		}
	}
	slices.Reverse(ids)
	if found := listed(h, ""); !slices.Equal(found, ids) {
		t.Errorf("all: %v, want %v", found, ids)
	}
	if found := listed(h, "client_id="+id); !slices.Equal(found, slices.DeleteFunc(slices.Clone(ids), func(d string) bool { return d == ids[5] })) {
		t.Errorf("of the client: %v of %v", found, ids)
	}
	if found := listed(h, "client_id=c-nobody"); len(found) > 0 {
		t.Errorf("of nobody: %v", found)
	}
}

// listed walks the pages of a list of decisions.
func listed(h *house, query string) (ids []string) {
	h.t.Helper()
	cursor := ""
	for range 10 {
		a := h.want(h.ask("GET", "/decisions?limit=3&cursor="+cursor+"&"+query, ""), http.StatusOK)
		for _, item := range a.at("items").Items() {
			id, _ := item.Get("decision_id")
			text, _ := id.Text()
			ids = append(ids, text)
		}
		if cursor = a.text("next_cursor"); cursor == "" {
			return ids
		}
	}
	h.t.Fatal("the pages do not end")
	return nil
}

func TestUnknownDecision(t *testing.T) {
	h := open(t)
	for _, id := range []string{"d-1", string(core.NewDecisionID(h.tick())), "nope"} {
		h.refused(h.ask("GET", "/decisions/"+id, ""), http.StatusNotFound, core.NotFound, "retention")
	}
	if a := h.ask("HEAD", "/decisions/d-1", ""); a.StatusCode != http.StatusNotFound || a.body != "" {
		t.Errorf("HEAD: %d %q", a.StatusCode, a.body)
	}
}
