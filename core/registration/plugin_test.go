package registration_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// plugin is a hook.Plugin made of Go.
type plugin struct {
	name   string
	writes []string
	reads  []string // nil: everything
	ask    func(hook.Call) (hook.Result, error)
	open   bool
}

func (p *plugin) Name() string   { return p.name }
func (p *plugin) Digest() string { return "sha-" + p.name }

func (p *plugin) Reads() hook.Reads {
	if p.reads == nil {
		return hook.Reads{hook.AllMembers}
	}
	return p.reads
}

func (p *plugin) MayWrite(_ hook.Point, member string) bool { return slices.Contains(p.writes, member) }

func (p *plugin) FailsOpen(hook.Point) bool { return p.open }

func (p *plugin) Ask(_ context.Context, call hook.Call, judge func(hook.Result) error) (hook.Result, hook.Usage, error) {
	r, err := p.ask(call)
	if err == nil {
		err = judge(r)
	}
	return r, hook.Usage{Fuel: 42, Wall: time.Millisecond, Calls: []hook.Outcall{{Kind: "kv", Target: "k", Status: "ok"}}}, err
}

// asking makes a plugin of a function.
func asking(name, writes string, ask func(hook.Call) (hook.Result, error)) *plugin {
	return &plugin{name: name, writes: strings.Fields(writes), ask: ask}
}

// patching answers the same patch to every call.
func patching(t *testing.T, name, writes, patch string) *plugin {
	t.Helper()
	v := parse(t, patch)
	return asking(name, writes, func(hook.Call) (hook.Result, error) {
		return hook.Result{Action: hook.Patch, Patch: v, Audit: parse(t, `{"by":"`+name+`"}`)}, nil
	})
}

func (b *bench) plug(p hook.Point, plugins ...hook.Plugin) { b.plugins.plugins[p] = plugins }

// A plugin that proposes is told of the client what it may read, and nothing else: of what is known, of translations, of what is not.
func TestPluginsReadWhatTheyMay(t *testing.T) {
	b := newBench(t)
	var told []string
	curious := asking("curious", "", func(c hook.Call) (hook.Result, error) {
		told = append(told, c.Client.String(), c.Before.String())
		return hook.Result{Action: hook.Continue}, nil
	})
	curious.reads = []string{"client_name", "color", "contacts"}
	b.plug(hook.PreRegister, curious)
	b.plug(hook.PreUpdate, curious)
	c := b.register(`{"client_name":"Shop","client_name#de":"Laden","tos_uri":"https://a.example/","tos_uri#de":"https://a.example/de","tos_uri#fr":"https://a.example/fr","redirect_uris":["https://a.example/"],"color":"red","size":"big"}`)
	b.mustDo(b.manage(core.Update, c, `{"client_id":"`+string(c.id)+`","client_name":"Shop","redirect_uris":["https://a.example/"],"size":"big"}`))
	want := []string{`{"client_name":"Shop","client_name#de":"Laden","color":"red"}`, `null`,
		`{"client_name":"Shop"}`, `{"client_name":"Shop","client_name#de":"Laden"}`}
	if !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}

// Each plugin sees what those before it proposed; policy sees what came of it.
func TestPluginsProposeInOrder(t *testing.T) {
	b := newBench(t)
	var seen []string
	second := asking("second", "client_name", func(c hook.Call) (hook.Result, error) {
		seen = append(seen, text(c.Client, "client_name"), text(c.Client, "color"), string(c.Context.Operation), c.Context.Profile, c.Context.Caller.Kind)
		return hook.Result{Action: hook.Patch, Patch: parse(t, `{"client_name":"`+text(c.Client, "client_name")+`!"}`), Warnings: []string{"Renamed."}}, nil
	})
	idle := asking("idle", "", func(hook.Call) (hook.Result, error) { return hook.Result{Action: hook.Continue}, nil })
	b.plug(hook.PreRegister, patching(t, "first", "client_name logo_uri", `{"client_name":"One","logo_uri":"https://a.example/l"}`), second, idle)
	var judged string
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		judged = q.Effective.Metadata.ClientName + " " + q.Request.Metadata.ClientName
		return decision.Verdict{Allow: true}, nil
	}
	c := b.register(`{"client_name":"Shop","redirect_uris":["https://a.example/"],"color":"red"}`)
	checkMembers(t, c.doc, "client_name", `"One!"`, "logo_uri", `"https://a.example/l"`, "warnings", `[{"rule":"plugin.second","fields":[],"message":"Renamed."}]`)
	if want := []string{"One", "red", "register", "default", registration.KindIAT}; !slices.Equal(seen, want) {
		t.Errorf("second saw %q, want %q", seen, want)
	}
	if judged != "One! Shop" {
		t.Errorf("policy judged %q", judged)
	}
	e := b.store.entries[core.DecisionID(text(c.doc, "decision_id"))]
	rows := e.Stages[3:6]
	if stages(e) != "access statement normalise plugins plugins plugins floor policy approve" || len(rows[0].Patch) != 2 || len(rows[2].Patch) != 0 ||
		rows[0].By != (ledger.By{Kind: "plugin", Name: "first", Digest: "sha-first"}) || rows[0].Fuel != 42 || rows[0].Calls[0].Target != "k" ||
		rows[0].Audit.String() != `{"by":"first"}` || rows[1].Reasons[0].Message != "Renamed." {
		t.Errorf("entry = %s, %+v", stages(e), rows)
	}
}

func TestPluginsOfAnUpdate(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	var before, id string
	b.plug(hook.PreUpdate, asking("p", "contacts", func(call hook.Call) (hook.Result, error) {
		before, id = text(call.Before, "client_name"), string(call.Context.ClientID)
		return hook.Result{Action: hook.Patch, Patch: parse(t, `{"contacts":["p@b.example"]}`)}, nil
	}))
	got := b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"New"`)))
	checkMembers(t, got.doc, "client_name", `"New"`, "contacts", `["p@b.example"]`)
	if before != "Shop" || id != string(c.id) {
		t.Errorf("the plugin was told of %q, %q", before, id)
	}
	// The same document again is unchanged, though the plugin proposes its patch again.
	commits := b.store.commits
	b.mustDo(b.manage(core.Update, got, got.put(t, "contacts", "")))
	if b.store.commits != commits {
		t.Error("an update that is unchanged after plugins was written")
	}
}

// What a plugin takes away, or gives another name, it can in every language.
func TestPluginsTranslate(t *testing.T) {
	b := newBench(t)
	const patch = `{"client_name#fr":"Boutique","client_name#de":null,"client_name#it":""}`
	b.plug(hook.PreRegister, patching(t, "p", "client_name#fr client_name#de client_name#it", patch))
	c := b.register(`{"client_name":"Shop","client_name#de":"Laden","client_name#it":"Negozio","client_name#es":"Tienda","redirect_uris":["https://a.example/"]}`)
	checkMembers(t, c.doc, "client_name", `"Shop"`, "client_name#fr", `"Boutique"`, "client_name#es", `"Tienda"`, "client_name#de", "", "client_name#it", "")
	if patched := b.store.entries[core.DecisionID(text(c.doc, "decision_id"))].Stages[3].Patch; len(patched) != 3 {
		t.Errorf("the entry says %+v", patched)
	}
}

// What a manifest does not allow is the plugin's fault: the caller learns its name, the entry learns what it did.
func TestPluginFaults(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	statement := issuer.sign(t, `"client_name":"Bank"`)
	for name, test := range map[string]struct {
		writes, patch string
		knows         string
	}{
		"not its to write":   {"logo_uri", `{"client_name":"x"}`, "it patched client_name, which its manifest does not let it write"},
		"locked":             {"client_name", `{"client_name":"x"}`, "it patched client_name, which the software statement fixed"},
		"fixed":              {"software_statement", `{"software_statement":"a.b.c"}`, "software_statement is no member that a plugin can write"},
		"unknown":            {"client_id", `{"client_id":"c-chosen"}`, "client_id is no member that a plugin can write"},
		"a translation":      {"client_name#fr", `{"client_name#fr":"x"}`, "it patched client_name#fr, which the software statement fixed"},
		"a prototype":        {"__proto__", `{"__proto__":{"client_name":"x"}}`, "__proto__ is no member that a plugin can write"},
		"no translation":     {"scope#fr", `{"scope#fr":"x"}`, "scope#fr is no member that a plugin can write"},
		"a false language":   {"logo_uri#-", `{"logo_uri#-":"https://a.example/l"}`, "no valid language tag"},
		"a translated list":  {"logo_uri#fr", `{"logo_uri#fr":["x"]}`, "logo_uri#fr must be a string"},
		"wrong type":         {"contacts", `{"contacts":"x"}`, "contacts must be an array of strings"},
		"good, then not its": {"contacts", `{"contacts":["ok"],"scope":"admin.api"}`, "it patched scope"},
		"a list":             {"contacts", `["contacts"]`, "is no member that a plugin can write"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, trusting(t, issuer))
			b.plug(hook.PreRegister, patching(t, "shady", test.writes, test.patch))
			req := b.request(core.Register, core.ChannelDCR, "", body(statement, ""))
			req.Credential.Bearer = b.token(1, "")
			_, err := b.do(req)
			checkCode(t, err, core.PluginFault, "The plugin shady failed")
			if strings.Contains(face(t, err), test.knows) {
				t.Errorf("the caller is told %s", face(t, err))
			}
			e := b.lastEntry()
			last := e.Stages[len(e.Stages)-1]
			if last.Stage != "plugins" || !strings.Contains(last.Fault, test.knows) || e.Verdict != ledger.Failed || len(b.store.clients) > 0 {
				t.Errorf("entry = %+v", e)
			}
		})
	}
}

func TestPluginEnds(t *testing.T) {
	for name, test := range map[string]struct {
		result hook.Result
		err    error
		code   core.Code
		says   string
		fault  string
		ours   bool
	}{
		"rejects": {result: hook.Result{Action: hook.Reject, Code: core.InvalidClientMetadata, Message: "Not on Sundays.", Warnings: []string{"w"}},
			code: core.InvalidClientMetadata, says: "Not on Sundays."},
		"traps": {err: core.Fail(core.PluginFault, "The plugin p failed.", errors.New("out of fuel")),
			code: core.PluginFault, says: "The plugin p failed.", fault: "out of fuel", ours: true},
		"is busy": {err: &core.Error{Code: core.TemporarilyUnavailable, Detail: "Busy.", RetryAfter: time.Second},
			code: core.TemporarilyUnavailable, says: "Busy.", ours: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.plug(hook.PreRegister, asking("p", "", func(hook.Call) (hook.Result, error) { return test.result, test.err }))
			_, err := b.try(func(*decision.Registration) (decision.Verdict, error) {
				t.Error("policy was asked")
				return decision.Verdict{}, nil
			})
			checkCode(t, err, test.code, test.says)
			if test.code == core.TemporarilyUnavailable && core.AsError(err).RetryAfter != time.Second {
				t.Error("the caller is not told when to try again")
			}
			e := b.lastEntry()
			last := e.Stages[len(e.Stages)-1]
			if last.Stage != "plugins" || !strings.Contains(last.Fault, test.fault) || (last.Fault == "") != (test.fault == "") ||
				last.Reasons[len(last.Reasons)-1].Code != test.code || (e.Verdict == ledger.Failed) != test.ours {
				t.Errorf("entry = %+v", e)
			}
		})
	}
}

// While a plugin is still being loaded nothing is registered without it.
func TestChainNotReady(t *testing.T) {
	b := newBench(t)
	b.plugins.err = &core.Error{Code: core.TemporarilyUnavailable, Detail: "A plugin is being loaded.", RetryAfter: 2 * time.Second}
	_, err := b.try(allow)
	checkCode(t, err, core.TemporarilyUnavailable, "being loaded")
	if e := b.lastEntry(); e.Verdict != ledger.Failed || stages(e) != "access statement normalise plugins" || len(b.store.clients) > 0 {
		t.Errorf("entry = %+v", e)
	}
}

// The floor stands behind the plugins, and what they take away falls back to its default.
func TestFloorHoldsPlugins(t *testing.T) {
	b := newBench(t)
	b.plug(hook.PreRegister, patching(t, "p", "redirect_uris", `{"redirect_uris":["javascript:alert(1)"]}`))
	_, err := b.try(allow)
	checkCode(t, err, core.InvalidRedirectURI, "javascript")
	if e := b.lastEntry(); stages(e) != "access statement normalise plugins floor" || e.Input != nil {
		t.Errorf("entry = %+v", e)
	}
	b.plug(hook.PreRegister, patching(t, "p", "token_endpoint_auth_method scope", `{"token_endpoint_auth_method":null,"scope":null}`))
	c, err := b.try(allow)
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, c.doc, "token_endpoint_auth_method", `"client_secret_basic"`, "scope", "")
}

// Plugins may add to an answer what is neither registered metadata nor the desk's own, and nothing they do fails it.
func TestShapingTheAnswer(t *testing.T) {
	attempts := map[string]struct {
		writes, patch string
		want          []string
		fault         string
	}{
		"adds":              {"hint support", `{"hint":{"a":1},"support":"x"}`, []string{"hint", `{"a":1}`, "support", `"x"`}, ""},
		"not its to write":  {"hint", `{"hint":1,"support":2}`, []string{"hint", "", "support", ""}, "its manifest does not let it write"},
		"metadata":          {"client_name", `{"client_name":"Evil"}`, []string{"client_name", `"Shop"`}, "belongs to the desk"},
		"a translation":     {"client_name#fr", `{"client_name#fr":"Mal"}`, []string{"client_name#fr", ""}, "belongs to the desk"},
		"a custom one":      {"team", `{"team":null}`, []string{"team", `"blue"`}, "belongs to the desk"},
		"a secret":          {"client_secret", `{"client_secret":"chosen"}`, nil, "belongs to the desk"},
		"a token":           {"registration_access_token", `{"registration_access_token":null}`, nil, "belongs to the desk"},
		"the decision":      {"decision_id", `{"decision_id":"d-x"}`, nil, "belongs to the desk"},
		"takes its own out": {"hint", `{"hint":null}`, []string{"hint", ""}, ""},
	}
	for name, test := range attempts {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, func(s *registration.Site) { s.CustomAttributes = []string{"team"} })
			b.plug(hook.PostRegister, patching(t, "first", "kept", `{"kept":true}`), patching(t, "p", test.writes, test.patch))
			c := b.register(`{"client_name":"Shop","redirect_uris":["https://a.example/"],"team":"blue"}`)
			checkMembers(t, c.doc, append(test.want, "kept", "true")...)
			if c.secret == "" || c.rat == "" || b.stored(c.id).Credentials.Registration[0].Hash != c.rat.Hash() || text(c.doc, "decision_id") == "d-x" {
				t.Errorf("the answer is %s", c.doc)
			}
			rows := b.book.shaped[core.DecisionID(text(c.doc, "decision_id"))]
			if len(rows) != 3 || rows[0].Stage != "commit" || rows[1].Fault != "" || !strings.Contains(rows[2].Fault, test.fault) || (rows[2].Fault == "") != (test.fault == "") {
				t.Errorf("rows = %+v", rows)
			}
		})
	}
}

// What a plugin adds costs the desk work in proportion to it: nothing else bounds that work, which is not the plugin's own.
func TestMuchIsAddedInOneStep(t *testing.T) {
	p := asking("p", "", nil)
	var patch []strictjson.Member
	for i := range 4000 { // about what an answer can hold
		p.writes = append(p.writes, "a"+strconv.Itoa(i))
		patch = append(patch, strictjson.Member{Name: p.writes[i], Value: strictjson.Int(1)})
	}
	p.ask = func(hook.Call) (hook.Result, error) {
		return hook.Result{Action: hook.Patch, Patch: strictjson.Object(patch...)}, nil
	}
	b := newBench(t)
	b.plug(hook.PostRegister, p)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c := b.register(shop)
	runtime.ReadMemStats(&after)
	checkMembers(t, c.doc, "a0", "1", "a3999", "1")
	if made := (after.TotalAlloc - before.TotalAlloc) >> 20; made > 20 {
		t.Errorf("%d MiB were made for 4000 members", made)
	}
}

// Shaping that fails leaves the answer as it was and is written down; the client exists.
func TestShapingFails(t *testing.T) {
	for name, p := range map[string]*plugin{
		"fault": asking("p", "", func(hook.Call) (hook.Result, error) {
			return hook.Result{}, core.Fail(core.PluginFault, "Failed.", errors.New("trap"))
		}),
		"busy": asking("p", "", func(hook.Call) (hook.Result, error) {
			return hook.Result{}, core.Refuse(core.TemporarilyUnavailable, "busy")
		}),
		"rejects": asking("p", "", func(hook.Call) (hook.Result, error) {
			return hook.Result{Action: hook.Reject, Code: core.AccessDenied}, nil
		}),
	} {
		b := newBench(t)
		b.plug(hook.PostRegister, p)
		c := b.register(shop)
		rows := b.book.shaped[core.DecisionID(text(c.doc, "decision_id"))]
		if len(rows) != 2 || rows[1].Fault == "" || rows[1].By.Name != "p" || len(b.store.clients) != 1 {
			t.Errorf("%s: rows = %+v", name, rows)
		}
	}
	b := newBench(t)
	c := b.register(shop)
	b.plugins.err = core.Refuse(core.TemporarilyUnavailable, "loading")
	read := b.manage(core.Read, c, "")
	if _, err := b.do(read); err != nil {
		t.Errorf("a read failed: %v", err)
	}
	if e := b.lastEntry(); e.DecisionID != read.Decision || e.Outcome != ledger.Unchanged || b.book.shaped[read.Decision][0].Fault == "" {
		t.Errorf("entry = %+v, rows %+v", e, b.book.shaped[read.Decision])
	}
}

// Reads are shaped by on_read, which sees the answer without its credentials.
func TestShapingARead(t *testing.T) {
	b := newBench(t)
	c := b.register(shop)
	var seen strictjson.Value
	b.plug(hook.OnRead, asking("p", "hint", func(call hook.Call) (hook.Result, error) {
		seen = call.Client
		return hook.Result{Action: hook.Patch, Patch: parse(t, `{"hint":1}`), Warnings: []string{"w"}}, nil
	}))
	got := b.mustDo(b.manage(core.Read, c, ""))
	checkMembers(t, got.doc, "hint", "1", "registration_access_token", `"`+c.rat.Reveal()+`"`)
	checkMembers(t, seen, "client_id", `"`+string(c.id)+`"`, "registration_access_token", "", "client_secret", "")
	if len(b.book.entries) > 0 || len(b.book.shaped) > 1 {
		t.Errorf("a read left %+v, %+v", b.book.entries, b.book.shaped)
	}
}
