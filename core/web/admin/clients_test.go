package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
)

// An operator's client is registered on the road like any other; the operator holds no registration access token of it.
func TestCreateClient(t *testing.T) {
	h := open(t)
	a := h.want(h.ask("POST", "/clients", shop), http.StatusCreated)
	if a.text("client_secret") == "" || a.text("registration_access_token") != "" || a.Header.Get("Cache-Control") != "no-store" ||
		a.Header.Get("Ostiary-Decision-Id") != a.text("decision_id") || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %s", a.Header, a.body)
	}
	e := h.want(h.ask("GET", "/decisions/"+a.text("decision_id"), ""), http.StatusOK)
	if e.text("channel") != "operator" || e.text("actor.subject") != "ada" || e.text("outcome") != "stored" || e.text("client_id") != a.text("client_id") {
		t.Errorf("entry %s", e.body)
	}
	shown := h.want(h.ask("GET", "/clients/"+a.text("client_id"), ""), http.StatusOK)
	if shown.text("metadata.client_name") != "Shop" || shown.text("state") != "active" || shown.text("channel") != "operator" || shown.text("registered_by") != a.text("decision_id") ||
		shown.text("policy_revision") != "r-1" || shown.at("locked").String() != "[]" || !shown.at("expires_at").IsAbsent() || shown.Header.Get("Ostiary-Decision-Id") != "" {
		t.Errorf("%s", shown.body)
	}
	if strings.Contains(shown.body, a.text("client_secret")) || strings.Contains(shown.body, "secret\":") || strings.Contains(e.body, a.text("client_secret")) {
		t.Errorf("a secret is shown: %s %s", shown.body, e.body)
	}
}

// What is wrong with a body is said, and written down, under the id of the answer.
func TestBadClientBodies(t *testing.T) {
	h := open(t)
	id := h.create(shop)
	for _, c := range []struct{ method, path string }{{"POST", "/clients"}, {"PUT", "/clients/" + id}, {"PATCH", "/clients/" + id}} {
		for body, code := range map[string]core.Code{
			"": core.InvalidRequest, "{": core.InvalidRequest, `{"scope":"a","scope":"b"}`: core.InvalidRequest, strings.Repeat("[", 100): core.InvalidRequest,
			`[]`: core.InvalidClientMetadata, `{"redirect_uris":["javascript:x"]}`: core.InvalidRedirectURI, `{"client_name":1}`: core.InvalidClientMetadata,
		} {
			a := h.ask(c.method, c.path, body)
			h.refused(a, http.StatusBadRequest, code, "")
			if e, found, _ := h.book.Find(t.Context(), core.DecisionID(a.text("decision_id"))); !found || e.Error.Code != code {
				t.Errorf("%s %s: the entry of %q is %+v", c.method, c.path, a.text("decision_id"), e)
			}
		}
	}
	h.refused(h.ask("PUT", "/clients/"+id, `{"client_id":"c-other","redirect_uris":["https://a.example/"]}`), http.StatusBadRequest, core.InvalidRequest, "client_id")
	h.deny(core.Reason{Rule: "scopes.unknown", Code: core.InvalidScope, Message: "No such scope.", Public: true, File: "site.rego", Line: 7})
	a := h.ask("POST", "/clients", shop)
	h.refused(a, http.StatusBadRequest, core.InvalidScope, "No such scope.")
	if a.text("errors.0.rule") != "scopes.unknown" || strings.Contains(a.body, "site.rego") {
		t.Errorf("%s", a.body)
	}
}

// RFC 9110 §13.1.1: a write that names an ETag happens to that version or not at all.
func TestIfMatch(t *testing.T) {
	h := open(t)
	id := h.create(shop)
	tag := h.want(h.ask("GET", "/clients/"+id, ""), http.StatusOK).Header.Get("ETag")
	if len(tag) < 10 || tag[0] != '"' {
		t.Fatalf("ETag %s", tag)
	}
	rename := func(name string, fields ...string) answer {
		return h.ask("PATCH", "/clients/"+id, `{"client_name":"`+name+`"}`, fields...)
	}
	for _, wrong := range []string{`"other"`, strings.Trim(tag, `"`), "W/" + tag, tag[:len(tag)-2] + `"`, "x" + tag + "x", `"a", "b"`, "", `""`} {
		h.refused(rename("Wrong", "If-Match: "+wrong), http.StatusPreconditionFailed, core.PreconditionFailed, "read it again")
	}
	for _, method := range []string{"DELETE", "PUT"} {
		body := ""
		if method == "PUT" {
			body = shop
		}
		h.refused(h.ask(method, "/clients/"+id, body, `If-Match: "other"`), http.StatusPreconditionFailed, core.PreconditionFailed, "")
	}
	for _, action := range []string{"disable", "enable"} {
		h.refused(h.ask("POST", "/clients/"+id+"/"+action, "", `If-Match: "other"`), http.StatusPreconditionFailed, core.PreconditionFailed, "")
	}
	if a := h.ask("GET", "/clients/"+id, ""); a.text("metadata.client_name") != "Shop" || a.text("state") != "active" || a.Header.Get("ETag") != tag {
		t.Fatalf("now %s", a.body)
	}
	for name, fields := range map[string][]string{
		"One": {"If-Match: " + tag}, "Two": {`If-Match: "a", ` + tag}, "Three": {`If-Match: "a"`, "If-Match: " + tag}, "Four": {"If-Match: *"}, "Five": nil,
	} {
		fresh := h.ask("GET", "/clients/"+id, "").Header.Get("ETag")
		for i := range fields {
			fields[i] = strings.ReplaceAll(fields[i], tag, fresh)
		}
		if a := h.want(rename(name, fields...), http.StatusOK); a.text("client_name") != name {
			t.Errorf("%v: %s", fields, a.body)
		}
	}
	h.refused(rename("Late", "If-Match: "+tag), http.StatusPreconditionFailed, core.PreconditionFailed, "")
	h.refused(h.ask("PATCH", "/clients/c-nobody", "{}", "If-Match: "+tag), http.StatusNotFound, core.NotFound, "")
	h.refused(h.ask("PATCH", "/clients/c-nobody", "{}", "If-Match: *"), http.StatusNotFound, core.NotFound, "")
}

// Disabling shows in the state and in the ETag, can be repeated, and is taken back by enabling.
func TestDisableAndEnable(t *testing.T) {
	h := open(t)
	id := h.create(shop)
	tags := map[string]bool{}
	for _, c := range []struct {
		action, state string
		changes       bool
	}{{"enable", "active", false}, {"disable", "disabled", true}, {"disable", "disabled", false}, {"enable", "active", true}} {
		before := h.ask("GET", "/clients/"+id, "").Header.Get("ETag")
		a := h.want(h.ask("POST", "/clients/"+id+"/"+c.action, ""), http.StatusOK)
		if a.text("decision_id") == "" || a.text("client_secret") != "" {
			t.Errorf("%s: %s", c.action, a.body)
		}
		shown := h.ask("GET", "/clients/"+id, "")
		if shown.text("state") != c.state || (shown.Header.Get("ETag") != before) != c.changes {
			t.Errorf("%s: %s, ETag %s after %s", c.action, shown.body, shown.Header.Get("ETag"), before)
		}
		tags[shown.Header.Get("ETag")] = true
	}
	if len(tags) != 3 {
		t.Errorf("tags %v", tags)
	}
	for _, action := range []string{"disable", "enable"} {
		h.refused(h.ask("POST", "/clients/c-nobody/"+action, ""), http.StatusNotFound, core.NotFound, "no client")
	}
}

func TestReplaceMergeDelete(t *testing.T) {
	h := open(t)
	id := h.create(shop)
	a := h.want(h.ask("PUT", "/clients/"+id, `{"redirect_uris":["https://shop.example/new"]}`), http.StatusOK)
	if a.text("client_name") != "" || a.at("redirect_uris").String() != `["https://shop.example/new"]` || a.text("registration_access_token") != "" {
		t.Errorf("replaced by %s", a.body)
	}
	a = h.want(h.ask("PATCH", "/clients/"+id, `{"client_name":"Again"}`), http.StatusOK)
	if a.text("client_name") != "Again" || a.at("redirect_uris").String() != `["https://shop.example/new"]` {
		t.Errorf("merged to %s", a.body)
	}
	a = h.ask("DELETE", "/clients/"+id, "")
	if a.StatusCode != http.StatusNoContent || a.body != "" || a.Header.Get("Ostiary-Decision-Id") == "" {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	h.refused(h.ask("GET", "/clients/"+id, ""), http.StatusNotFound, core.NotFound, "no client")
	h.refused(h.ask("DELETE", "/clients/"+id, ""), http.StatusNotFound, core.NotFound, "no client")
}

// Filters narrow the list, and a cursor goes on where a page ended.
func TestListClients(t *testing.T) {
	h := open(t)
	var ids []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		ids = append(ids, h.create(`{"redirect_uris":["https://`+name+`.example/"],"software_id":"soft-`+name[:1]+`"}`))
	}
	h.want(h.ask("POST", "/clients/"+ids[1]+"/disable", ""), http.StatusOK)
	list := func(query string) (found []string, next string) {
		t.Helper()
		a := h.want(h.ask("GET", "/clients?"+query, ""), http.StatusOK)
		for _, item := range a.at("items").Items() {
			id, _ := item.Get("client_id")
			text, _ := id.Text()
			found = append(found, text)
		}
		return found, a.text("next_cursor")
	}
	for query, want := range map[string][]string{
		"":               {ids[4], ids[3], ids[2], ids[1], ids[0]},
		"state=disabled": {ids[1]}, "state=active": {ids[4], ids[3], ids[2], ids[0]}, "state=pending": nil, "state=nope": nil,
		"channel=operator": {ids[4], ids[3], ids[2], ids[1], ids[0]}, "channel=dcr": nil, "software_id=soft-c": {ids[2]},
		"software_id=soft-b&state=active": nil, "iat=iat-1": nil, "statement_issuer=https%3A%2F%2Fa.example": nil,
	} {
		if found, next := list(query); strings.Join(found, " ") != strings.Join(want, " ") || next != "" {
			t.Errorf("%s: %v and %q, want %v", query, found, next, want)
		}
	}
	var seen []string
	next := ""
	for range 5 {
		var some []string
		if some, next = list("limit=2&cursor=" + next); len(some) > 2 {
			t.Errorf("a page of %d", len(some))
		}
		if seen = append(seen, some...); next == "" {
			break
		}
	}
	if strings.Join(seen, " ") != strings.Join([]string{ids[4], ids[3], ids[2], ids[1], ids[0]}, " ") {
		t.Errorf("page by page: %v of %v", seen, ids)
	}
	if a := h.ask("GET", "/clients", ""); strings.Contains(a.body, "secret\":") || strings.Contains(a.body, "hash") {
		t.Errorf("credentials in a list: %s", a.body)
	}
}

// Two operators write at once: one wins and the other is told, with or without an ETag.
func TestLostRace(t *testing.T) {
	h := open(t)
	id := core.ClientID(h.create(shop))
	path := "/clients/" + string(id)
	overtake := func() {
		stored := h.vault.clients[id]
		stored.Stamps.Client = h.vault.stamp()
		h.vault.clients[id] = stored
	}
	h.vault.before = overtake
	h.refused(h.ask("PATCH", path, `{"client_name":"Late"}`), http.StatusConflict, core.Conflict, "read it and try again")
	tag := h.ask("GET", path, "").Header.Get("ETag")
	a := h.ask("PATCH", path, `{"client_name":"Late"}`, "If-Match: "+tag)
	h.refused(a, http.StatusPreconditionFailed, core.PreconditionFailed, "by another request meanwhile")
	if name := h.vault.clients[id].Client.Metadata.ClientName; name != "Shop" {
		t.Errorf("now %s", name)
	}
}
