package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
)

const declaredShop = `{"client_name":"Shop","redirect_uris":["https://shop.example/cb"],"scopes":["openid"],"client_secret":"correct-horse"}`

// PUT makes a client of the id in the path, once; its secret is nowhere but where it came from.
func TestDeclareClient(t *testing.T) {
	h := open(t)
	const path = "/declarations/default/clients/shop"
	a := h.want(h.ask("PUT", path, declaredShop, "If-None-Match: *"), http.StatusCreated)
	if a.text("client_id") != "shop" || a.text("client_secret") != "" || strings.Contains(a.body, "correct-horse") || a.text("registration_access_token") != "" {
		t.Errorf("%s", a.body)
	}
	e := h.want(h.ask("GET", "/decisions/"+a.text("decision_id"), ""), http.StatusOK)
	if e.text("channel") != "import" || e.text("actor.subject") != "ada" || strings.Contains(e.body, "correct-horse") || strings.Contains(h.log(), "correct-horse") {
		t.Errorf("entry %s", e.body)
	}
	h.refused(h.ask("PUT", path, declaredShop, "If-None-Match: *"), http.StatusPreconditionFailed, core.PreconditionFailed, "meanwhile")
	tag := h.want(h.ask("PUT", path, declaredShop), http.StatusOK).Header.Get("ETag")
	h.want(h.ask("PUT", path, strings.Replace(declaredShop, "Shop", "Shop 2", 1), "If-Match: "+tag), http.StatusOK)
	h.refused(h.ask("PUT", path, declaredShop, "If-Match: "+tag), http.StatusPreconditionFailed, core.PreconditionFailed, "changed")
	shown := h.want(h.ask("GET", "/clients/shop", ""), http.StatusOK)
	if shown.text("declared") != "default" || shown.text("metadata.client_name") != "Shop 2" || shown.text("channel") != "import" {
		t.Errorf("%s", shown.body)
	}
	h.refused(h.ask("DELETE", "/declarations/other/clients/shop", ""), http.StatusConflict, core.Conflict, "'default'")
	h.want(h.ask("DELETE", path, ""), http.StatusNoContent)
}

// What is wrong with an entry is said and written down, all of it.
func TestBadDeclarations(t *testing.T) {
	h := open(t)
	for body, says := range map[string]string{
		"":                        "not usable JSON",
		`[]`:                      "must be an object",
		`{"client_id":"other"}`:   "not that of the path",
		`{"redirect_uri":"x"}`:    "did you mean redirect_uris",
		`{"client_secret":5}`:     "must be a string",
		`{"redirect_uris":["a"]}`: "redirect_uris",
	} {
		a := h.ask("PUT", "/declarations/default/clients/shop", body)
		if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, says) {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.body)
		}
		if e, found, _ := h.book.Find(t.Context(), core.DecisionID(a.text("decision_id"))); !found || e.Channel != core.ChannelImport {
			t.Errorf("%s: the entry is %+v", body, e)
		}
	}
	h.refused(h.ask("PUT", "/declarations/No%20Set/clients/shop", declaredShop), http.StatusBadRequest, core.InvalidRequest, "set of declarations")
	h.refused(h.ask("DELETE", "/declarations/NO/clients/shop", ""), http.StatusBadRequest, core.InvalidRequest, "set of declarations")
	h.refused(h.ask("POST", "/declarations/NO/plan", `{"clients":[]}`), http.StatusBadRequest, core.InvalidRequest, "set of declarations")
	h.refused(h.ask("POST", "/declarations/a/plan", `{"clients":[`+strings.Repeat("1,", 200)+`1]}`), http.StatusBadRequest, core.InvalidRequest, "more than 200")
	h.refused(h.ask("GET", "/export/clients?secrets=clear", ""), http.StatusBadRequest, core.InvalidRequest, "hashes")
}

// A plan writes nothing, and tells of each entry what it would come to.
func TestPlanClients(t *testing.T) {
	h := open(t)
	h.want(h.ask("PUT", "/declarations/default/clients/shop", declaredShop), http.StatusCreated)
	entries := len(h.book.all())
	a := h.want(h.ask("POST", "/declarations/default/plan", `{"clients":[`+strings.Replace(declaredShop, "{", `{"client_id":"shop",`, 1)+`,
		{"client_id":"new","redirect_uris":["https://new.example/cb"]},{"client_id":"bad","grant_types":1},{"client_id":"a b","redirect_uris":["https://new.example/cb"]}]}`), http.StatusOK)
	for path, want := range map[string]string{
		"items.0.action": "none", "items.1.action": "create", "items.2.action": "invalid", "items.2.problems.0.path": "grant_types", "items.3.action": "refused",
		"items.3.error.error": "invalid_client_metadata",
	} {
		if a.text(path) != want {
			t.Errorf("%s is %q, want %q: %s", path, a.text(path), want, a.body)
		}
	}
	if a.text("items.0.etag") == "" || a.at("items.1.secret_made").String() != "true" || len(h.book.all()) != entries {
		t.Errorf("%s", a.body)
	}
	if b := h.ask("GET", "/clients/new", ""); b.StatusCode != http.StatusNotFound {
		t.Errorf("the plan made a client: %s", b.body)
	}
}

// An export has hashes only when they are asked for.
func TestExportClients(t *testing.T) {
	h := open(t)
	h.want(h.ask("PUT", "/declarations/default/clients/shop", declaredShop), http.StatusCreated)
	other := h.create(shop)
	all := h.want(h.ask("GET", "/export/clients", ""), http.StatusOK)
	if !strings.Contains(all.body, other) || strings.Contains(all.body, "argon2id") || strings.Contains(all.body, "hash") {
		t.Errorf("%s", all.body)
	}
	mine := h.want(h.ask("GET", "/export/clients?set=default&secrets=hashes", ""), http.StatusOK)
	if strings.Contains(mine.body, other) || mine.text("items.0.client_id") != "shop" || mine.text("items.0.entry.client_secret_hashes.0.alg") != "argon2id" {
		t.Errorf("%s", mine.body)
	}
}
