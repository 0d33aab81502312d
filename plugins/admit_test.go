package plugins

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A diary is a memory that lasts as long as its test. The test looks into it when no plugin is being loaded.
type diary struct {
	standing map[string]hook.Standing
	fail     error
	full     bool // nothing can be written
}

func newDiary() *diary { return &diary{standing: map[string]hook.Standing{}} }

func (d *diary) Plugins(context.Context) (map[string]hook.Standing, error) {
	return maps.Clone(d.standing), d.fail
}

func (d *diary) change(name string, how func(*hook.Standing)) error {
	if d.full {
		return errors.New("full")
	}
	s := d.standing[name]
	if d.fail == nil {
		how(&s)
		d.standing[name] = s
	}
	return d.fail
}

func (d *diary) Accept(_ context.Context, name, version string, hooks []hook.Point) error {
	return d.change(name, func(s *hook.Standing) { s.Accepted, s.Hooks = version, hooks })
}

func (d *diary) Approve(_ context.Context, name string, a hook.Approval) error {
	return d.change(name, func(s *hook.Standing) { s.Approval = &a })
}

func (d *diary) Revoke(_ context.Context, name string) error {
	return d.change(name, func(s *hook.Standing) { s.Approval = nil })
}

// operated is a folder under an operator who says something.
func operated(t *testing.T, o Operator, memory Memory) *folder {
	t.Helper()
	f := &folder{t: t, dir: t.TempDir()}
	f.open(Options{Operator: o, Memory: memory})
	return f
}

// putVersion writes a plugin of a version.
func (f *folder) putVersion(name, version string, wasm []byte, manifest string) {
	f.t.Helper()
	f.write(name+".yaml", []byte("apiVersion: ostiary.plugin/v1\nname: "+name+"\nversion: "+version+"\n"+manifest))
	f.write(name+".wasm", wasm)
}

// sign signs what lies in the folder.
func (f *folder) sign(name string, key *SigningKey) {
	f.t.Helper()
	c := readCandidate(f.dir, name, 8<<20)
	sig, err := SignPlugin(c.module, c.text, key)
	if err != nil {
		f.t.Fatal(err)
	}
	f.write(name+".sig", sig)
}

// want fails unless a plugin is in a state, with an error that says something.
func (f *folder) want(name string, state State, says string) Status {
	f.t.Helper()
	s := f.status(name)
	if s.State != state || !strings.Contains(s.Error, says) || says == "" && s.Error != "" {
		f.t.Errorf("%s is %s: %s\nwant %s: %s", name, s.State, s.Error, state, says)
	}
	return s
}

func TestUnsignedPluginsAreRefused(t *testing.T) {
	key, acme := newKey(t, "acme", "acme-*")
	stranger, _ := newKey(t, "nobody", "*")
	f := operated(t, Operator{Publishers: []Publisher{acme}}, nil)
	for _, name := range []string{"acme-signed", "acme-unsigned", "acme-changed", "acme-stranger", "other"} {
		f.put(name, answers("x"), register)
	}
	f.sign("acme-signed", key)
	f.sign("acme-changed", key)
	f.write("acme-changed.wasm", answers("y"))
	f.sign("acme-stranger", stranger)
	f.sign("other", key)
	f.reload()
	if s := f.want("acme-signed", Live, ""); s.Publisher != "acme" {
		t.Errorf("signed by %q", s.Publisher)
	}
	f.want("acme-unsigned", Failed, "it is not signed: there is no acme-unsigned.sig")
	f.want("acme-changed", Failed, "the module is not the one that was signed")
	f.want("acme-stranger", Failed, `signed by "nobody": no publisher of that name is known; name the publisher in plugins.publishers`)
	f.want("other", Failed, "signed by acme, who may not sign plugins called other")

	f.sign("acme-unsigned", key) // a signature alone is a change
	f.reload()
	f.want("acme-unsigned", Live, "")
	f.remove("acme-signed.sig") // what runs stays, what it would be replaced by does not come
	f.reload()
	f.want("acme-signed", Live, "it is not signed")
}

// Where plugins need no signature, one by somebody who is known must still be good.
func TestUnsignedPluginsAreAllowed(t *testing.T) {
	key, acme := newKey(t, "acme", "acme-*")
	stranger, _ := newKey(t, "nobody", "*")
	f := operated(t, Operator{Unsigned: true, Publishers: []Publisher{acme}}, nil)
	for _, name := range []string{"acme-unsigned", "acme-changed", "acme-stranger"} {
		f.put(name, answers("x"), register)
	}
	f.sign("acme-changed", key)
	f.write("acme-changed.wasm", answers("y"))
	f.sign("acme-stranger", stranger)
	f.reload()
	f.want("acme-unsigned", Live, "")
	f.want("acme-changed", Failed, "the module is not the one that was signed")
	if s := f.want("acme-stranger", Live, ""); s.Publisher != "" {
		t.Errorf("signed by %q", s.Publisher)
	}
}

func TestDowngrade(t *testing.T) {
	memory := newDiary()
	f := operated(t, Operator{Unsigned: true}, memory)
	f.putVersion("a", "1.10.0", answers("new"), register)
	f.reload()
	f.putVersion("a", "1.9.0", answers("old"), register)
	f.reload()
	f.want("a", Live, "its version 1.9.0 is older than 1.10.0, which ran before; to go back to it, set allow_downgrade in plugins.bindings.a")
	f.must(f.host.Close())

	f.open(Options{Operator: Operator{Unsigned: true}, Memory: memory}) // also after a restart
	f.reload()
	f.want("a", Failed, "is older than 1.10.0")
	f.must(f.host.Close())

	f.open(Options{Operator: Operator{Unsigned: true, Bindings: map[string]Binding{"a": {AllowDowngrade: true}}}, Memory: memory})
	f.reload()
	f.want("a", Live, "")
	f.must(f.host.Close())

	f.open(Options{Operator: Operator{Unsigned: true}, Memory: memory}) // it is the one that counts now
	f.reload()
	if s := f.want("a", Live, ""); s.Version != "1.9.0" || memory.standing["a"].Accepted != "1.9.0" {
		t.Errorf("%+v", memory.standing)
	}
}

// A version that never went live does not count.
func TestFailedVersionIsNotRemembered(t *testing.T) {
	memory := newDiary()
	f := operated(t, Operator{Unsigned: true}, memory)
	f.putVersion("a", "9.0.0", []byte("no module"), register)
	f.reload()
	f.putVersion("a", "1.0.0", answers("x"), register)
	f.reload()
	f.want("a", Live, "")
	if memory.standing["a"].Accepted != "1.0.0" {
		t.Errorf("%+v", memory.standing)
	}
}

// What cannot be kept still holds until the end.
func TestDowngradeWithoutMemory(t *testing.T) {
	memory := newDiary()
	memory.full = true
	f := operated(t, Operator{Unsigned: true}, memory)
	f.putVersion("a", "2.0.0", answers("new"), register)
	f.reload()
	f.putVersion("a", "1.0.0", answers("old"), register)
	f.reload()
	f.want("a", Live, "is older than 2.0.0")
}

func TestNothingRunsWithoutMemory(t *testing.T) {
	memory := newDiary()
	memory.fail = context.DeadlineExceeded
	f := operated(t, Operator{Unsigned: true}, memory)
	f.put("a", answers("x"), register)
	if err := f.host.Reload(context.Background()); err == nil || len(f.host.Status()) != 0 {
		t.Errorf("got %v, %+v", err, f.host.Status())
	}
}

func TestBindings(t *testing.T) {
	off, first := false, 1
	f := operated(t, Operator{Unsigned: true, Bindings: map[string]Binding{
		"off": {Enabled: &off}, "pinned": {Digest: strings.ToUpper(hexSum(answers("pinned")))}, "other": {Digest: hexSum([]byte("x"))},
		"z": {Priority: &first}, "shaper": {Fail: Open}, "guard": {Fail: Open}, "limited": {Limits: Bounds{MemoryMiB: 128, LogLines: 3}},
		"gone": {}, "gone-too": {Enabled: &off},
	}}, nil)
	for _, name := range []string{"a", "off", "pinned", "other", "z", "limited"} {
		f.put(name, answers(name), register)
	}
	f.put("guard", answers("x"), "hooks: {pre_register: {}, on_read: {}}\n")
	f.put("shaper", fake{answer: `{"v":1,"action":"continue"}`}.wasm(), "hooks: {on_read: {}}\n")
	f.reload()
	f.want("off", Disabled, "")
	f.want("pinned", Live, "")
	f.want("other", Failed, "the module is not the one that plugins.bindings pins: its sha256 is "+hexSum(answers("other")))
	f.want("guard", Failed, "fail: open, which is for plugins that only add to answers and tokens; it serves pre_register, which guards")
	if s := f.want("shaper", Live, ""); s.Fail != Open || !f.only(hook.OnRead).FailsOpen(hook.OnRead) {
		t.Errorf("%+v", s)
	}
	if s := f.want("limited", Live, ""); s.Limits.MemoryMiB != 128 || s.Limits.LogLines != 3 {
		t.Errorf("%+v", s.Limits)
	}
	f.want("gone", Failed, "plugins.bindings names it, but there are no files of it in the folder")
	if got := f.names(hook.PreRegister); got != "z a limited pinned" {
		t.Errorf("in order: %s", got)
	}
	if s := f.status("z"); s.Priority[hook.PreRegister] != 1 {
		t.Errorf("%+v", s.Priority)
	}
}

func TestConfigurationOfTheOperator(t *testing.T) {
	const schema = "configuration_schema: {type: object, required: [domain], properties: {domain: {type: string}}, additionalProperties: false}\n"
	configure := fake{answer: `{"v":1,"action":"continue"}`, configure: `{"v":1,"action":"continue"}`}.wasm()
	of := func(text string) Binding { return Binding{Configuration: mustParse(t, text)} }
	f := operated(t, Operator{Unsigned: true, Bindings: map[string]Binding{
		"good": of(`{"domain":"a.example"}`), "bad": of(`{"domain":1,"more":true}`), "deaf": of(`{"domain":"x"}`),
	}}, nil)
	for _, name := range []string{"good", "bad", "bare"} {
		f.put(name, configure, register+schema)
	}
	f.put("own", configure, register+schema+"configuration: {domain: b.example}\n")
	f.put("deaf", fake{}.wasm(), register)
	f.reload()
	f.want("good", Live, "")
	f.want("own", Live, "")
	f.want("bad", Failed, "configuration.domain: must be string, not a number\nconfiguration.more: is not known here")
	f.want("bare", Failed, "configuration.domain: is missing (by the manifest's configuration_schema; an operator gives a configuration in the binding of bare)")
	f.want("deaf", Failed, "does not export ostiary_configure")
}

const asksNow = register + "capabilities: {now: {}}\n"

func TestGrants(t *testing.T) {
	grants := func(text string) Binding { return Binding{Grant: capabilities(t, text)} }
	f := operated(t, Operator{Unsigned: true, Bindings: map[string]Binding{
		"all": grants(everything), "half": grants(`{"now":{},"http":{"hosts":["a.example"]}}`),
	}}, newDiary())
	for _, name := range []string{"all", "half", "none"} {
		f.put(name, answers(name), register+"capabilities: {now: {}, http: {hosts: [a.example, b.example]}}\n")
	}
	f.write("all.yaml", []byte("apiVersion: ostiary.plugin/v1\nname: all\nversion: 1\n"+asksNow))
	f.reload()
	f.want("all", Live, "")
	half := f.want("half", Waiting, "")
	if got := strings.Join(half.Missing, ", "); got != "http host b.example" || half.Granted.String() != `{"now":{}}` {
		t.Errorf("missing %s, granted %s", got, half.Granted)
	}
	if c := half.Change; c == nil || fmt.Sprint(*c) != "{[http host b.example] []}" {
		t.Errorf("change %v", c)
	}
	none := f.want("none", Waiting, "")
	if got := strings.Join(none.Missing, ", "); got != "now, http host a.example, http host b.example, http method GET" {
		t.Errorf("missing %s", got)
	}
	if got := f.names(hook.PreRegister); got != "all" {
		t.Errorf("live: %s", got)
	}
}

// A grant in the settings and an approval each cover a capability whole, or not at all.
func TestGrantsDoNotMix(t *testing.T) {
	memory := newDiary()
	memory.standing["a"] = hook.Standing{Approval: &hook.Approval{Asked: mustParse(t, `{"http":{"hosts":["b.example"],"methods":["GET","POST"]}}`)}}
	f := operated(t, Operator{Unsigned: true, Bindings: map[string]Binding{
		"a": {Grant: capabilities(t, `{"http":{"hosts":["a.example","b.example"],"methods":["GET"]}}`)},
	}}, memory)
	f.put("a", answers("a"), register+"capabilities: {http: {hosts: [a.example], methods: [POST]}}\n")
	f.reload()
	f.want("a", Waiting, "")
}

// What an approval would change is told from what was approved before, and from what is live.
func TestChangeOfApproval(t *testing.T) {
	ctx, memory := context.Background(), newDiary()
	memory.standing["gone"] = hook.Standing{Approval: &hook.Approval{Asked: mustParse(t, `{"random":{},"kv":{"keys":10,"bytes":100,"ttl":"1h0m0s"}}`)}}
	f := operated(t, Operator{Unsigned: true}, memory)
	change := func(name, want string) {
		t.Helper()
		if c := f.status(name).Change; c == nil && want != "" || c != nil && fmt.Sprint(*c) != want {
			t.Errorf("%s: %v, want %s", name, c, want)
		}
	}
	f.putVersion("a", "1", answers("one"), register+"capabilities: {now: {}, http: {hosts: [a.example]}}\n")
	f.putVersion("gone", "2", answers("two"), register+"capabilities: {now: {}}\n")
	f.reload()
	change("a", "{[now http host a.example http method GET] []}")
	change("gone", "{[now] [random kv with 10 keys, 100 bytes, ttl 1h0m0s]}")
	if err := f.host.Approve(ctx, "a", "ada", strictjson.Value{}); err != nil {
		t.Fatal(err)
	}
	f.reload()
	f.want("a", Live, "")
	change("a", "")
	f.putVersion("a", "2", answers("two"), register+"capabilities: {http: {hosts: [b.example, a.example], methods: [GET]}}\n")
	f.reload()
	change("a", "{[http host b.example] [now]}")
}

func TestApproval(t *testing.T) {
	ctx, memory := context.Background(), newDiary()
	f := operated(t, Operator{Unsigned: true}, memory)
	f.putVersion("a", "1", answers("one"), register)
	f.reload()
	refuse := func(err error, code core.Code, says string) {
		t.Helper()
		if e := wantCode(t, err, code); !strings.Contains(e.Detail, says) {
			t.Errorf("got %q, want %q", e.Detail, says)
		}
	}
	refuse(f.host.Approve(ctx, "a", "ada", strictjson.Value{}), core.Conflict, "waits for no approval")
	refuse(f.host.Approve(ctx, "b", "ada", strictjson.Value{}), core.NotFound, "There is no plugin b.")
	refuse(f.host.Revoke(ctx, "a", "ada"), core.NotFound, "Nobody approved anything")

	f.putVersion("a", "2", answers("two"), asksNow) // it asks for more: the old one stays
	f.reload()
	s := f.want("a", Live, "")
	if s.Version != "1" || s.Next == nil || s.Next.Version != "2" || s.Next.Asked.String() != `{"now":{}}` || strings.Join(s.Missing, " ") != "now" {
		t.Fatalf("%+v, %+v", s, s.Next)
	}
	refuse(f.host.Approve(ctx, "a", "ada", mustParse(t, `{"random":{}}`)), core.Conflict, "asks for something else")
	f.must(f.host.Approve(ctx, "a", "ada", mustParse(t, `{"now":{}}`)))
	f.reload()
	s = f.want("a", Live, "")
	if s.Version != "2" || s.Next != nil || s.Missing != nil || s.Approval == nil || s.Approval.By != "ada" || s.Approval.Version != "2" {
		t.Fatalf("%+v, %+v", s, s.Approval)
	}
	if kept := memory.standing["a"].Approval; kept == nil || kept.Asked.String() != `{"now":{}}` || kept.Digest != s.Digest {
		t.Errorf("kept %+v", kept)
	}

	f.putVersion("a", "3", answers("tre"), register+"capabilities: {now: {}, random: {}}\n")
	f.reload()
	if s := f.want("a", Live, ""); s.Version != "2" || strings.Join(s.Missing, " ") != "random" {
		t.Errorf("more than was approved waits again: %+v", s)
	}
	f.must(f.host.Revoke(ctx, "a", "bob")) // the one that lives on it ends
	f.reload()
	if s := f.want("a", Waiting, ""); strings.Join(s.Missing, " ") != "now random" || f.names(hook.PreRegister) != "" || memory.standing["a"].Approval != nil {
		t.Errorf("%+v", s)
	}
}

// What was approved holds after a restart, for that plugin alone.
func TestApprovalIsRemembered(t *testing.T) {
	memory := newDiary()
	f := operated(t, Operator{Unsigned: true}, memory)
	f.put("a", answers("a"), asksNow)
	f.put("b", answers("b"), asksNow)
	f.reload()
	f.must(f.host.Approve(context.Background(), "a", "ada", strictjson.Value{}))
	f.reload()
	f.must(f.host.Close())
	f.open(Options{Operator: Operator{Unsigned: true}, Memory: memory})
	f.reload()
	f.want("a", Live, "")
	f.want("b", Waiting, "")
}

func TestApprovalThatIsNotKept(t *testing.T) {
	memory := newDiary()
	f := operated(t, Operator{Unsigned: true}, memory)
	f.put("a", answers("a"), asksNow)
	f.reload()
	memory.fail = context.DeadlineExceeded
	if err := f.host.Approve(context.Background(), "a", "ada", strictjson.Value{}); err == nil {
		t.Error("an approval that was not kept was given")
	}
	f.reload()
	f.want("a", Waiting, "")
}

// What is being loaded when its approval is taken back does not go live.
func TestRevokedWhileLoading(t *testing.T) {
	memory := newDiary()
	memory.standing["a"] = hook.Standing{Approval: &hook.Approval{Asked: mustParse(t, `{"now":{}}`)}}
	f := operated(t, Operator{Unsigned: true}, memory)
	f.put("a", fake{configure: "loop"}.wasm(), asksNow)
	f.must(f.host.Reload(context.Background()))
	f.want("a", Loading, "")
	f.must(f.host.Revoke(context.Background(), "a", "ada"))
	f.reload()
	f.want("a", Waiting, "")
}

func TestLoadingPluginThatMayFail(t *testing.T) {
	f := operated(t, Operator{Unsigned: true, Bindings: map[string]Binding{"a": {Fail: Open}}}, nil)
	f.put("a", fake{configure: "loop"}.wasm(), "hooks: {on_read: {}}\n")
	f.must(f.host.Reload(context.Background()))
	if got := f.names(hook.OnRead); got != "" {
		t.Errorf("at the hook: %s", got)
	}
}
