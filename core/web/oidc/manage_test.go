package oidc_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// at is a request at a client's own URI.
func at(method string, c client, body string) ask {
	return ask{method: method, path: "dcr/register/" + c.id, bearer: c.rat, body: body}
}

func ok(t *testing.T, a answer) answer {
	t.Helper()
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	return a
}

// RFC 7592 §2.1: the same client at its URI and at the bare path, without secret and without a decision.
func TestRead(t *testing.T) {
	h := open(t)
	c := h.register(shop)
	for _, path := range []string{"dcr/register/" + c.id, "dcr/register?client_id=" + c.id, "dcr/register/" + strings.ReplaceAll(c.id, "-", "%2d")} {
		a := ok(t, h.ask(ask{method: http.MethodGet, path: path, bearer: c.rat}))
		want := c.doc.Without("client_secret").Without("decision_id")
		if !strictjson.Equal(a.doc, want) || a.Header.Get("Ostiary-Decision-Id") != "" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v %s, want %s", path, a.Header, a.body, want)
		}
	}
	if a := h.ask(at(http.MethodHead, c, "")); a.StatusCode != http.StatusOK || a.body != "" {
		t.Errorf("HEAD: %d %q", a.StatusCode, a.body)
	}
}

// An ETag makes any request conditional (RFC 9110 §13.1.1); it changes with the client, not with its token.
func TestETags(t *testing.T) {
	h := open(t)
	c := h.register(shop)
	tag := ok(t, h.ask(at(http.MethodGet, c, ""))).Header.Get("ETag")
	if again := ok(t, h.ask(at(http.MethodGet, c, ""))).Header.Get("ETag"); tag == "" || again != tag {
		t.Errorf("ETag %q, then %q", tag, again)
	}
	given := func(a ask, ifMatch ...string) ask {
		a.header = http.Header{"If-Match": ifMatch}
		return a
	}
	rename := at(http.MethodPatch, c, `{"client_name":"New"}`)
	for _, others := range [][]string{{`"other"`}, {"W/" + tag}, {""}, {strings.Trim(tag, `"`)}} {
		h.refused(h.ask(given(rename, others...)), http.StatusPreconditionFailed, core.PreconditionFailed, "read it again")
	}
	h.refused(h.ask(given(at(http.MethodDelete, c, ""), `"other"`)), http.StatusPreconditionFailed, core.PreconditionFailed, "read it again")
	a := ok(t, h.ask(given(rename, `"other"`, tag)))
	if a.Header.Get("ETag") != "" {
		t.Error("a write answers an ETag that nobody knows yet")
	}
	c.rat = a.text("registration_access_token")
	if now := ok(t, h.ask(at(http.MethodGet, c, ""))).Header.Get("ETag"); now == tag {
		t.Error("the ETag is that of the client before")
	}
	h.refused(h.ask(given(at(http.MethodDelete, c, ""), tag)), http.StatusPreconditionFailed, core.PreconditionFailed, "read it again")
	if a := h.ask(given(at(http.MethodDelete, c, ""), "*")); a.StatusCode != http.StatusNoContent {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// RFC 7592 §2.2: PUT replaces, names its client, and rotates the token.
func TestReplace(t *testing.T) {
	h := open(t)
	c := h.register(shop)
	same := ok(t, h.ask(at(http.MethodPut, c, c.put("client_secret_expires_at", strictjson.Int(0)))))
	if same.text("registration_access_token") != c.rat {
		t.Error("an update that changes nothing changed the token")
	}
	a := ok(t, h.ask(at(http.MethodPut, c, `{"client_id":"`+c.id+`","redirect_uris":["https://shop.example/new"]}`)))
	uris, _ := a.doc.Get("redirect_uris")
	if _, named := a.doc.Get("client_name"); named || uris.String() != `["https://shop.example/new"]` || a.text("client_id") != c.id {
		t.Errorf("replaced by %s", a.body)
	}
	next := client{id: c.id, rat: a.text("registration_access_token")}
	if next.rat == c.rat || next.rat == "" || a.text("decision_id") == "" {
		t.Errorf("after an update: %s", a.body)
	}
	ok(t, h.ask(at(http.MethodGet, c, "")))
	ok(t, h.ask(at(http.MethodGet, next, ""))) // whoever has the new token needs the old one no more
	h.refused(h.ask(at(http.MethodGet, c, "")), http.StatusUnauthorized, core.InvalidToken, "")
}

// The members that name a registration may come back as they were and not otherwise (RFC 7592 §2.2).
func TestMembersThatCannotChange(t *testing.T) {
	h := open(t)
	c, other := h.register(shop), h.register(shop)
	text := strictjson.String
	for name, c2 := range map[string]struct {
		member string
		value  strictjson.Value
	}{
		"no client_id":      {"client_id", strictjson.Value{}},
		"another client":    {"client_id", text(other.id)},
		"its list":          {"client_id", strictjson.Strings([]string{c.id})},
		"a chosen secret":   {"client_secret", text("chosen")},
		"another's token":   {"registration_access_token", text(other.rat)},
		"another URI":       {"registration_client_uri", text("https://evil.example/")},
		"another age":       {"client_id_issued_at", strictjson.Int(1)},
		"a longer life":     {"client_secret_expires_at", strictjson.Int(4102444800)},
		"another profile":   {"client_profile", text("admin")},
		"a forbidden redir": {"redirect_uris", strictjson.Strings([]string{"javascript:alert(1)"})},
	} {
		a := h.ask(at(http.MethodPut, c, c.put(c2.member, c2.value)))
		h.refused(a, http.StatusBadRequest, core.Code(a.text("error")), c2.member)
		if name == "a forbidden redir" {
			continue
		}
		if a.text("error") != string(core.InvalidRequest) {
			t.Errorf("%s: %s", name, a.body)
		}
		if c2.member == "client_id" { // a merge need not name its client, nor may it name another
			continue
		}
		patch := strictjson.Object(strictjson.Member{Name: c2.member, Value: c2.value}).String()
		h.refused(h.ask(at(http.MethodPatch, c, patch)), http.StatusBadRequest, core.InvalidRequest, c2.member)
	}
	h.refused(h.ask(at(http.MethodPatch, c, `{"client_id":"`+other.id+`"}`)), http.StatusBadRequest, core.InvalidRequest, "client_id")
	for _, untouched := range []client{c, other} {
		a := ok(t, h.ask(at(http.MethodGet, untouched, "")))
		if !strictjson.Equal(a.doc, untouched.doc.Without("client_secret").Without("decision_id")) {
			t.Errorf("now %s", a.body)
		}
	}
}

// RFC 7396: what is not sent stays, null removes.
func TestMerge(t *testing.T) {
	h := open(t)
	c := h.register(shop)
	for mediaType, body := range map[string]string{
		"application/merge-patch+json": `{"client_uri":"https://shop.example","client_name":null}`,
		"application/json":             `{"client_uri":null,"client_name":"Again"}`,
	} {
		req := at(http.MethodPatch, c, body)
		req.mediaType = mediaType
		a := ok(t, h.ask(req))
		if a.text("scope") != "openid email" || a.text("client_name") == "Shop" || strings.Contains(a.body, "null") {
			t.Errorf("%s: %s", body, a.body)
		}
		c.rat = a.text("registration_access_token")
	}
	for _, c2 := range []struct{ method, mediaType, names string }{
		{http.MethodPatch, "application/json-patch+json", "application/merge-patch+json or application/json"},
		{http.MethodPut, "application/merge-patch+json", "application/json"},
		{http.MethodPut, "text/plain", "application/json"},
	} {
		req := at(c2.method, c, "{}")
		req.mediaType = c2.mediaType
		if a := h.ask(req); a.StatusCode != http.StatusUnsupportedMediaType || !strings.Contains(a.text("error_description"), c2.names) {
			t.Errorf("%s %s: %d %s", c2.method, c2.mediaType, a.StatusCode, a.body)
		}
	}
	h.refused(h.ask(at(http.MethodPatch, c, `{"scope":"openid","scope":"admin.api"}`)), http.StatusBadRequest, core.InvalidRequest, "scope")
	h.refused(h.ask(at(http.MethodPatch, c, `["client_name"]`)), http.StatusBadRequest, core.InvalidClientMetadata, "RFC 7396")
}

// Who manages a client may name it in the query, as some servers have it, by each method. There it stands once and alone.
func TestQueryForm(t *testing.T) {
	h := open(t)
	c := h.register(shop)
	query := func(method, query, body string) answer {
		h.now = h.now.Add(every) // who guesses is slowed down; not here
		return h.ask(ask{method: method, path: "dcr/register" + query, bearer: c.rat, body: body})
	}
	me := "?client_id=" + c.id
	a := ok(t, query(http.MethodPut, me, c.put("client_name", strictjson.String("Put"))))
	if c.rat = a.text("registration_access_token"); a.text("client_name") != "Put" || !strings.HasSuffix(a.text("registration_client_uri"), "/dcr/register/"+c.id) {
		t.Errorf("PUT: %s", a.body)
	}
	if a = ok(t, query(http.MethodPatch, me, `{"client_name":"Patched"}`)); a.text("client_name") != "Patched" {
		t.Errorf("PATCH: %s", a.body)
	}
	c.rat = a.text("registration_access_token")
	for _, bad := range []string{"", "?client_id=", me + "&client_id=c-other", me + "&" + me[1:], "?client=" + c.id, "?CLIENT_ID=" + c.id} {
		if a := query(http.MethodDelete, bad, ""); a.StatusCode != http.StatusBadRequest && a.StatusCode != http.StatusUnauthorized || a.text("error") == "" {
			t.Errorf("%q: %d %s", bad, a.StatusCode, a.body)
		}
	}
	if a := query(http.MethodDelete, me, ""); a.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE: %d %s", a.StatusCode, a.body)
	}
	h.refused(query(http.MethodGet, me, ""), http.StatusUnauthorized, core.InvalidToken, "")
}

// RFC 7592 §2.3: 204 without a body, and then the token is like any other that is not.
func TestDelete(t *testing.T) {
	h := open(t)
	c := h.register(shop)
	a := h.ask(at(http.MethodDelete, c, ""))
	if a.StatusCode != http.StatusNoContent || a.body != "" || a.Header.Get("Ostiary-Decision-Id") == "" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %q", a.StatusCode, a.Header, a.body)
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		body := ""
		if method == http.MethodPut || method == http.MethodPatch {
			body = shop
		}
		h.now = h.now.Add(burst * every)
		h.refused(h.ask(at(method, c, body)), http.StatusUnauthorized, core.InvalidToken, "")
	}
}

// A wrong token, another client's and that of a client that is not there are answered in the same words: nobody learns which
// clients there are.
func TestStrangers(t *testing.T) {
	h := open(t)
	c, other, gone := h.register(shop), h.register(shop), h.register(shop)
	h.ask(at(http.MethodDelete, gone, ""))
	initial := h.token(1)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		body := ""
		if method == http.MethodPut || method == http.MethodPatch {
			body = c.put("client_name", strictjson.String("Mine"))
		}
		faces := map[string]string{}
		for name, who := range map[string]client{
			"wrong":         {id: c.id, rat: core.NewSecret().Reveal()},
			"another's":     {id: c.id, rat: other.rat},
			"initial":       {id: c.id, rat: initial},
			"cut short":     {id: c.id, rat: c.rat[:42]},
			"longer":        {id: c.id, rat: c.rat + "A"},
			"deleted":       gone,
			"never was":     {id: "c-nobody", rat: c.rat},
			"another case":  {id: strings.ToUpper(c.id), rat: c.rat},
			"oversized":     {id: strings.Repeat("c", 6000), rat: c.rat},
			"a script":      {id: "%3Cscript%3E", rat: c.rat},
			"quotes":        {id: "%22%27%3B--", rat: c.rat},
			"another query": {id: other.id + "?client_id=" + c.id, rat: c.rat},
		} {
			h.now = h.now.Add(every) // who guesses is slowed down; not here
			a := h.ask(at(method, who, body))
			h.refused(a, http.StatusUnauthorized, core.InvalidToken, "not valid for this client")
			face := a.Header.Get("WWW-Authenticate") + strings.ReplaceAll(a.body, a.text("decision_id"), "")
			faces[face] = name
			if id, noted := h.noted(); len(noted) > registration.MaxClientID {
				t.Errorf("%s: %s is noted under %d bytes", name, id, len(noted))
			}
		}
		if len(faces) != 1 {
			t.Errorf("%s: %d different answers: %v", method, len(faces), faces)
		}
		h.now = h.now.Add(every)
		h.refused(h.ask(ask{method: method, path: "dcr/register", bearer: c.rat, body: body}), http.StatusUnauthorized, core.InvalidToken, "")
	}
	if a := ok(t, h.ask(at(http.MethodGet, c, ""))); a.text("client_name") != "Shop" {
		t.Errorf("now %s", a.body)
	}
}

func TestManageWithoutAToken(t *testing.T) {
	h := open(t)
	c := h.register(shop)
	a := h.ask(ask{method: http.MethodGet, path: "dcr/register/" + c.id})
	h.refused(a, http.StatusUnauthorized, core.InvalidToken, "is needed")
	if got := a.Header.Get("WWW-Authenticate"); got != `Bearer realm="ostiary"` {
		t.Errorf("challenge %q", got)
	}
	a = h.ask(ask{method: http.MethodGet, path: "dcr/register/" + c.id + "?access_token=" + c.rat})
	h.refused(a, http.StatusBadRequest, core.InvalidRequest, "query is not accepted")
}

// A path has one spelling: what a second reader could take for another path is refused before the desk.
func TestSpellingsOfAnID(t *testing.T) {
	h := open(t)
	c := h.register(shop)
	for spelling, status := range map[string]int{
		"%2f" + c.id: 400, "a%2F..%2F" + c.id: 400, "%2e%2e/" + c.id: 400, "./" + c.id: 400, "/" + c.id: 400, "%5c" + c.id: 400, "%252f" + c.id: 400,
		"%00": 400, "%0d%0aSet-Cookie:a=b": 400, "%zz": 400, "..;/" + c.id: 400, "%ff": 400,
		c.id + "/": 404, c.id + "/tokens": 404, "../register;a=b/" + c.id: 400,
	} {
		a := h.ask(ask{method: http.MethodGet, path: "dcr/register/" + spelling, bearer: c.rat})
		if a.StatusCode != status || a.text("error") == "" || a.text("error_description") == "" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s", spelling, a.StatusCode, a.body)
		}
	}
}

// A disabled client can be read by its holder, and nothing else.
func TestDisabledClient(t *testing.T) {
	h := open(t)
	c := h.register(shop)
	stored := h.vault.clients[core.ClientID(c.id)]
	stored.State = core.Disabled
	h.vault.clients[core.ClientID(c.id)] = stored
	if a := ok(t, h.ask(at(http.MethodGet, c, ""))); a.text("registration_status") != "disabled" {
		t.Errorf("%s", a.body)
	}
	h.refused(h.ask(at(http.MethodPut, c, c.put("client_name", strictjson.String("X")))), http.StatusForbidden, core.AccessDenied, "disabled")
	h.refused(h.ask(at(http.MethodDelete, c, "")), http.StatusForbidden, core.AccessDenied, "disabled")
}
