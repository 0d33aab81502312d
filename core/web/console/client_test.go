package console_test

import (
	"html"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// written is a write of a client whose name a stranger chose.
func written(id core.ClientID) ledger.Entry {
	e := refusal()
	e.ClientID, e.Verdict, e.Outcome, e.Error = id, ledger.Allowed, ledger.Stored, nil
	e.Stages = append(e.Stages, ledger.Stage{Stage: "approve", Reasons: []core.Reason{{Message: "Because " + nasty}}, Patch: []strictjson.PatchOp{{Op: "add", Path: "/scope", Value: strictjson.String("openid")}}})
	return e
}

// A client's page has where it comes from, its secrets with their ends and never themselves, and each change with its diff. It is an
// administrator's to see, and outlives the client.
func TestClientPage(t *testing.T) {
	id := core.ClientID("c/1 ü")
	path := "/console/client?" + url.Values{"client_id": {string(id)}}.Encode()
	g := openWith(t, written(id))
	if res, _ := g.ask("GET", path, nil); res.StatusCode != 303 {
		t.Errorf("without a session: %d", res.StatusCode)
	}
	g.signIn("ada", "right")
	s := stranger(id)
	s.State, s.Client.Locked = core.Active, []string{"redirect_uris"}
	s.Client.Provenance.Plugins = []core.PluginRef{{Name: "contacts", Digest: "sha256:abc"}}
	s.Credentials.Secrets = []core.StoredSecret{
		{Alg: "sha256", Hash: "HASH-1", CreatedAt: g.now, ExpiresAt: g.now.Add(24 * time.Hour)}, {Alg: "sha256", Hash: "HASH-2", CreatedAt: g.now, ExpiresAt: g.now.Add(-time.Hour)},
		{Alg: "argon2id", Hash: "HASH-3"},
	}
	g.hall.waiting = []registration.Stored{s}
	res, page := g.ask("GET", path, nil)
	for _, want := range []string{
		"c/1 ü", ">active<", "2026-03-02 12:00:00 UTC", ">over<", "not known", ">never", `href="/console/decisions/d-9"`, "iat-1", "redirect_uris", "contacts sha256:abc",
		"requires approval", "<code>token_endpoint_auth_method</code>", "Last used", "Because &lt;script&gt;", "<ins><code>&#34;openid&#34;</code></ins>", "/console/decisions/d-1",
		"/console/decisions?client_id=c%2F1&#43;%C3%BC", `href="/console/client?after=d-1&amp;client_id=c%2F1&#43;%C3%BC" rel="next"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if res.StatusCode != 200 || strings.Contains(page, "<script") || strings.Contains(page, "HASH-") || strings.Contains(page, `href="javascript:`) {
		t.Errorf("%d %s", res.StatusCode, page)
	}
	g.hall.waiting = nil
	if res, page := g.ask("GET", path, nil); res.StatusCode != 200 || !strings.Contains(page, ">deleted<") || strings.Contains(page, "<h2>Secrets") {
		t.Errorf("gone: %d %s", res.StatusCode, page)
	}
	for _, other := range []string{"/console/client", "/console/client?client_id=nobody", "/console/client?client_id=" + strings.Repeat("a", 300), path + "&after=" + strings.Repeat("a", 300)} {
		if res, _ := g.ask("GET", other, nil); res.StatusCode != 404 {
			t.Errorf("%.60s: %d", other, res.StatusCode)
		}
	}
	if _, page := g.ask("GET", "/console/decisions/d-1", nil); !strings.Contains(html.UnescapeString(page), `href="`+path+`"`) {
		t.Error("no way leads from a decision to the client")
	}
}

// A client that only its document describes has a page, too: it says why there is so little on it, and how the document was judged.
func TestPageOfADocument(t *testing.T) {
	const id = "https://app.example.com/client.json"
	e := written(id)
	e.Channel, e.Outcome = core.ChannelDocument, ledger.Nothing
	e.Stages = append(e.Stages, ledger.Stage{Stage: "change", Reasons: []core.Reason{{Message: "It has changed in client_name."}}})
	g := openWith(t, e)
	g.signIn("ada", "right")
	res, page := g.ask("GET", "/console/client?client_id="+url.QueryEscape(id), nil)
	for _, want := range []string{">document<", "Nothing is stored of this client", ">accepted<", "It has changed in client_name.", "/console/decisions/d-1", "client/name"} {
		if res.StatusCode != 200 || !strings.Contains(page, want) {
			t.Errorf("%d, the page lacks %q: %s", res.StatusCode, want, page)
		}
	}
	if strings.Contains(page, ">deleted<") || strings.Contains(page, `href="https://app`) {
		t.Errorf("it is called deleted, or a stranger's address is a link: %s", page)
	}
	if _, list := g.ask("GET", "/console/decisions", nil); strings.Contains(list, "not stored") {
		t.Error("a document that was accepted is told as a failure")
	}
	if res, _ := g.ask("GET", "/console/client?client_id="+url.QueryEscape(id+"x"), nil); res.StatusCode != 404 {
		t.Errorf("one that nobody came with: %d", res.StatusCode)
	}
}
