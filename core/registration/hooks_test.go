package registration_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// answering answers the same to every call.
func answering(name string, r hook.Result) *plugin {
	return asking(name, "", func(hook.Call) (hook.Result, error) { return r, nil })
}

func failing(name string) *plugin {
	return asking(name, "", func(hook.Call) (hook.Result, error) {
		return hook.Result{}, core.Fail(core.PluginFault, "Failed.", errors.New("trap"))
	})
}

func rejecting(name string, code core.Code, text string) *plugin {
	return answering(name, hook.Result{Action: hook.Reject, Code: code, Message: text, Warnings: []string{"a word"}})
}

func minting(name, id string) *plugin {
	return answering(name, hook.Result{Action: hook.Give, ClientID: core.ClientID(id)})
}

func (p *plugin) excused() *plugin { p.open = true; return p }

// An operator may let requests go on when a plugin fails: what it did of its patch is undone, and the entry tells the fault.
func TestFailsOpen(t *testing.T) {
	b := newBench(t)
	trespass := patching(t, "trespass", "client_name", `{"client_name":"Half","redirect_uris":["https://evil.example/"]}`).excused()
	b.plug(hook.PreRegister, trespass, patching(t, "second", "logo_uri", `{"logo_uri":"https://shop.example/l"}`))
	c := b.register(shop)
	checkMembers(t, c.doc, "client_name", `"Shop"`, "logo_uri", `"https://shop.example/l"`, "redirect_uris", `["https://shop.example/cb"]`)
	row := pluginRows(b.entry(c.doc))[0]
	if row.By.Name != "trespass" || !strings.Contains(row.Fault, "redirect_uris") || len(row.Reasons) > 0 || len(row.Patch) > 0 {
		t.Errorf("row = %+v", row)
	}
	trespass.open = false
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", shop))
	checkCode(t, err, core.PluginFault, "")
}

func pluginRows(e ledger.Entry) (rows []ledger.Stage) {
	for _, row := range e.Stages {
		if row.By.Kind == "plugin" {
			rows = append(rows, row)
		}
	}
	return rows
}

// entry is the entry of the decision that an answer names.
func (b *bench) entry(doc strictjson.Value) ledger.Entry {
	return b.store.entries[core.DecisionID(text(doc, "decision_id"))]
}

// Plugins may add to the answer of an update, an unchanged one too, and to nothing else.
func TestShapingAnUpdate(t *testing.T) {
	b := newBench(t)
	var asked hook.Call
	b.plug(hook.PostUpdate, asking("p", "hint", func(c hook.Call) (hook.Result, error) {
		asked = c
		return hook.Result{Action: hook.Patch, Patch: parse(t, `{"hint":"look"}`)}, nil
	}))
	c := b.register(shop)
	if _, shaped := c.doc.Get("hint"); shaped {
		t.Error("a registration was shaped by post_update")
	}
	for name, body := range map[string]string{"unchanged": `{"client_name":"Shop"}`, "changed": `{"client_name":"New"}`} {
		req := b.manage(core.Update, c, body)
		req.Merge = true
		doc, err := b.do(req)
		if err != nil {
			t.Fatal(err)
		}
		checkMembers(t, doc, "hint", `"look"`)
		if asked.Point != hook.PostUpdate || asked.Context.Operation != core.Update || asked.Context.ClientID != c.id || asked.Before.Len() > 0 {
			t.Errorf("%s: asked with %+v", name, asked)
		}
		if _, told := asked.Client.Get("client_secret"); told {
			t.Error("the plugin saw the secret")
		}
		rows := b.book.shaped[req.Decision]
		if len(rows) == 0 || rows[len(rows)-1].By.Name != "p" || rows[len(rows)-1].Stage != "shape" {
			t.Errorf("%s: rows = %+v", name, rows)
		}
		if next := text(doc, "registration_access_token"); next != "" {
			c.rat = core.Secret(next)
		}
	}
	b.plug(hook.PostUpdate, failing("p"))
	req := b.manage(core.Update, c, `{"client_name":"Newer"}`)
	req.Merge = true
	if _, err := b.do(req); err != nil {
		t.Errorf("a fault in post_update failed the update: %v", err)
	}
}

// A plugin may keep a client from being removed, whoever asks: the client stays, and the entry names the plugin.
func TestPreDelete(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	var asked hook.Call
	b.plug(hook.PreDelete, asking("watch", "", func(c hook.Call) (hook.Result, error) {
		asked = c
		return hook.Result{Action: hook.Continue, Audit: parse(t, `{"seen":true}`)}, nil
	}), rejecting("keeper", core.AccessDenied, "It is under contract."))
	_, err := b.do(b.manage(core.Delete, c, ""))
	checkCode(t, err, core.AccessDenied, "It is under contract.")
	if asked.Context.Operation != core.Delete || asked.Context.ClientID != c.id || text(asked.Client, "client_name") != "Shop" {
		t.Errorf("asked with %+v", asked)
	}
	e := b.lastEntry()
	rows := pluginRows(e)
	if len(rows) != 2 || rows[1].By.Name != "keeper" || rows[1].Reasons[len(rows[1].Reasons)-1].Code != core.AccessDenied || e.Verdict != ledger.Denied {
		t.Errorf("entry = %+v", e)
	}
	_, err = b.do(b.request(core.Delete, core.ChannelOperator, c.id, ""))
	checkCode(t, err, core.AccessDenied, "contract")
	if b.desk.Simulate(t.Context(), b.request(core.Delete, core.ChannelManage, c.id, ""), registration.KindRAT).Err == nil {
		t.Error("the simulation goes through")
	}

	b.plug(hook.PreDelete, failing("broken"))
	_, err = b.do(b.manage(core.Delete, c, ""))
	checkCode(t, err, core.PluginFault, "")
	b.plugins.err = core.Refuse(core.TemporarilyUnavailable, "loading")
	_, err = b.do(b.manage(core.Delete, c, ""))
	checkCode(t, err, core.TemporarilyUnavailable, "")
	if e := b.lastEntry(); e.Stages[len(e.Stages)-1].Stage != "plugins" {
		t.Errorf("entry = %+v", e)
	}
	b.plugins.err = nil
	if len(b.store.clients) != 1 {
		t.Fatal("the client is gone")
	}
	b.plug(hook.PreDelete, failing("broken").excused())
	if _, err := b.do(b.manage(core.Delete, c, "")); err != nil || len(b.store.clients) > 0 {
		t.Errorf("not deleted: %v", err)
	}
}

// The first plugin that gives an id names the client; the others are not asked.
func TestMintClientID(t *testing.T) {
	b := newBench(t)
	var asked hook.Call
	b.plug(hook.MintClientID, asking("idle", "", func(c hook.Call) (hook.Result, error) {
		asked = c
		return hook.Result{Action: hook.Continue}, nil
	}), minting("first", "PSDGB-FCA-123"), failing("last"))
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Set: []decision.Setting{{Field: "client_name", Value: strictjson.String("By policy")}}}, nil
	}
	c := b.register(shop)
	if c.id != "PSDGB-FCA-123" || text(asked.Client, "client_name") != "By policy" {
		t.Errorf("id %q, asked about %s", c.id, asked.Client)
	}
	rows := pluginRows(b.entry(c.doc))
	if len(rows) != 2 || rows[1].Stage != "approve" || rows[1].By.Name != "first" {
		t.Errorf("rows = %+v", rows)
	}
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", shop))
	checkCode(t, err, core.InvalidClientMetadata, "such a client is registered already")
	if s := b.desk.Simulate(t.Context(), b.request(core.Register, core.ChannelDCR, "", shop), registration.KindIAT); s.Err == nil {
		t.Error("the simulation does not see that the id is taken")
	}
	b.plug(hook.MintClientID, minting("p", "second"))
	doc, err := b.do(b.request(core.Register, core.ChannelOperator, "", `{"client_id":"asked","redirect_uris":["https://a.example/"]}`))
	if err != nil || text(doc, "client_id") != "second" {
		t.Errorf("got %s, %v", doc, err)
	}
	if w, _ := doc.Get("warnings"); !strings.Contains(w.String(), "does not offer this id") {
		t.Errorf("warnings = %s", w)
	}
}

func TestRefusedClientIDs(t *testing.T) {
	for name, id := range map[string]string{
		"empty": "", "too long": strings.Repeat("x", 129), "a slash": "a/b", "dots": "..", "a space": "a b", "a newline": "a\n", "not ASCII": "é",
		"one of ours": string(core.NewClientID(newBench(t).now)), "a person's": string(core.NewSubject()), "in capitals": strings.ToUpper(string(core.NewSubject())),
		"a profile's": "reserved",
	} {
		b := newBench(t, func(s *registration.Site) {
			s.Profiles = map[string]registration.Profile{"other": {ClientIDs: []string{"reserved"}}}
		})
		b.plug(hook.MintClientID, minting("p", id))
		_, err := b.do(b.request(core.Register, core.ChannelOperator, "", shop))
		t.Run(name, func(t *testing.T) { checkCode(t, err, core.PluginFault, "The plugin p failed") })
		if len(b.store.clients) > 0 {
			t.Errorf("%s: the client was registered", name)
		}
		b.plug(hook.MintClientID, minting("p", id).excused())
		if c := b.register(shop); !core.IsMinted(string(c.id)) {
			t.Errorf("%s: excused, and the id is %q", name, c.id)
		}
	}
	b := newBench(t)
	b.plug(hook.MintClientID, rejecting("p", core.InvalidClientMetadata, "Name your organisation."))
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", shop))
	checkCode(t, err, core.InvalidClientMetadata, "organisation")
}

// What another request took between judging and committing is told as clearly.
func TestMintedIDTakenMeanwhile(t *testing.T) {
	b := newBench(t)
	b.plug(hook.MintClientID, minting("p", "taken"))
	approved, _, err := b.desk.Judge(t.Context(), b.request(core.Register, core.ChannelOperator, "", shop))
	if err != nil || b.store.Commit(t.Context(), approved) != nil {
		t.Fatal(err)
	}
	b.plug(hook.MintClientID, asking("p", "", func(hook.Call) (hook.Result, error) {
		delete(b.store.clients, "taken") // for a moment
		b.store.late = approved
		return hook.Result{Action: hook.Give, ClientID: "taken"}, nil
	}))
	_, err = b.do(b.request(core.Register, core.ChannelOperator, "", shop))
	checkCode(t, err, core.InvalidClientMetadata, "such a client is registered already")
}

// A certificate that came with a registration is shown to plugins, and they may refuse it.
func TestCertificateCheck(t *testing.T) {
	b := newBench(t)
	held := &core.Certificate{Subject: "CN=bank", SHA256: "ab", PEM: "-----BEGIN CERTIFICATE-----"}
	var asked []hook.Call
	note := asking("note", "", func(c hook.Call) (hook.Result, error) {
		asked = append(asked, c)
		return hook.Result{Action: hook.Continue}, nil
	})
	b.plug(hook.PreRegister, note)
	b.plug(hook.CertificateCheck, note)
	ask := func() error {
		req := b.request(core.Register, core.ChannelOperator, "", shop)
		req.Caller.Certificate = held
		_, err := b.do(req)
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 2 || asked[0].Context.Caller.Certificate != held || asked[1].Point != hook.CertificateCheck || asked[1].Certificate != held ||
		text(asked[1].Client, "client_name") != "Shop" {
		t.Errorf("asked %+v", asked)
	}
	b.plug(hook.CertificateCheck, rejecting("p", core.InvalidClient, "The certificate is not of our directory."))
	checkCode(t, ask(), core.InvalidClient, "directory")
	if rows := pluginRows(b.lastEntry()); rows[len(rows)-1].Stage != "certificate" {
		t.Errorf("rows = %+v", rows)
	}
	b.plug(hook.CertificateCheck, failing("p"))
	checkCode(t, ask(), core.PluginFault, "")
	b.register(shop) // without a certificate nobody is asked
}

// What a plugin adds to its refusal stands in the error.
func TestRefusalWithMembers(t *testing.T) {
	b := newBench(t)
	b.plug(hook.PreRegister, answering("p", hook.Result{
		Action: hook.Reject, Code: core.InvalidClientMetadata, Message: "Stale.", Extra: parse(t, `{"nonce":"n-1"}`),
	}))
	_, err := b.do(b.request(core.Register, core.ChannelOperator, "", shop))
	if e := core.AsError(err); e.Extra != `{"nonce":"n-1"}` {
		t.Errorf("got %+v", e)
	}
}

// Plugins are told what the token lays down, as policy is.
func TestPluginsKnowTheTerms(t *testing.T) {
	b := newBench(t)
	var told []string
	for _, p := range []hook.Point{hook.PreRegister, hook.PostRegister} {
		b.plug(p, asking("p", "", func(c hook.Call) (hook.Result, error) {
			told = append(told, c.Context.IAT.Terms.String())
			return hook.Result{Action: hook.Continue}, nil
		}))
	}
	for _, req := range []registration.TokenRequest{{}, {Scopes: []string{"openid"}, RedirectHosts: []string{"a.example"}, PolicyData: parse(t, `{"team":"a"}`)}} {
		if _, err := b.with(b.terms(req), `{"scope":"openid","redirect_uris":["https://a.example/cb"]}`); err != nil {
			t.Fatal(err)
		}
	}
	laid := `{"scopes":["openid"],"redirect_hosts":["a.example"],"policy_data":{"team":"a"}}`
	absent := strictjson.Value{}.String()
	if want := []string{absent, absent, laid, laid}; !slices.Equal(told, want) {
		t.Errorf("plugins were told %q, want %q", told, want)
	}
}

// Every plugin is told which initial access token was presented, and of which profile it is.
func TestPluginsKnowTheToken(t *testing.T) {
	b := newBench(t, func(s *registration.Site) { s.Profiles = map[string]registration.Profile{"spa": {}} })
	var seen []string
	for _, p := range []hook.Point{hook.PreRegister, hook.MintClientID, hook.PostRegister} {
		b.plug(p, asking("p", "", func(c hook.Call) (hook.Result, error) {
			seen = append(seen, fmt.Sprintf("%s %s %s", c.Point, c.Context.IAT.Label, c.Context.IAT.Profile))
			return hook.Result{Action: hook.Continue}, nil
		}))
	}
	req := b.request(core.Register, core.ChannelDCR, "", shop)
	req.Credential.Bearer = b.token(1, "spa")
	if _, err := b.do(req); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"pre_register  spa", "mint_client_id  spa", "post_register  spa"} {
		if i >= len(seen) || seen[i] != want {
			t.Errorf("got %v", seen)
		}
	}
}

// Plugins that shape an answer are told of the request what those before the commit were told: who came, and with which statement.
func TestPluginsOfAnswersKnowTheRequest(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, trusting(t, issuer), func(s *registration.Site) { s.Access.ClientCredentials = true })
	b.accessTokens = wallet{"a.b.c": {ClientID: "c-registrar", Scopes: []string{"dcr.register"}}}.verify
	b.certify(nil)
	told := map[hook.Point]hook.Context{}
	for _, p := range []hook.Point{hook.PreRegister, hook.PostRegister, hook.PreUpdate, hook.PostUpdate} {
		b.plug(p, asking("p", "", func(c hook.Call) (hook.Result, error) {
			told[c.Point] = c.Context
			return hook.Result{Action: hook.Continue}, nil
		}))
	}
	statement := issuer.sign(t, `"software_id":"s-1","client_name":"Shop"`)
	doc, err := b.with("a.b.c", body(statement, `,"grant_types":["authorization_code","client_credentials"]`))
	if err != nil {
		t.Fatal(err)
	}
	c := clientOf(doc)
	b.mustDo(b.manage(core.Update, c, c.put(t, "contacts", `["a@b.example"]`)))
	for before, after := range map[hook.Point]hook.Point{hook.PreRegister: hook.PostRegister, hook.PreUpdate: hook.PostUpdate} {
		want, got := told[before], told[after]
		if got.Writes != nil || got.ClientID != c.id {
			t.Errorf("%s: %+v", after, got)
		}
		want.ClientID, want.Writes = c.id, nil
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || got.Caller.ClientID == "" || got.Statement.IsAbsent() {
			t.Errorf("%s was told %+v\n%s was told %+v", after, got, before, want)
		}
	}
}
