package plugins

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
)

// wantRefused fails unless exactly some points are refused, for lack of a plugin.
func (f *folder) wantRefused(when, plugin string, points ...hook.Point) {
	f.t.Helper()
	var refused, want []string
	for _, p := range points {
		want = append(want, string(p))
	}
	for _, p := range hook.Points() {
		_, err := f.host.At(p)
		if err == nil {
			continue
		}
		refused = append(refused, string(p))
		e := wantCode(f.t, err, core.TemporarilyUnavailable)
		if e.RetryAfter != requiredRetry || !strings.Contains(e.Detail, "The plugin "+plugin+" must be asked") || !f.host.Serves(p) {
			f.t.Errorf("%s: %s: %+v, serves: %v", when, p, e, f.host.Serves(p))
		}
	}
	if strings.Join(refused, " ") != strings.Join(want, " ") {
		f.t.Errorf("%s: refused at %v, want %v", when, refused, want)
	}
}

// guardPoints are all at which plugins can keep something from happening.
func guardPoints() (all []hook.Point) {
	for _, p := range hook.Points() {
		if !p.Shapes() {
			all = append(all, p)
		}
	}
	return all
}

func TestRequired(t *testing.T) {
	key, acme := newKey(t, "acme", "acme-*")
	const guard, guardsMore = "hooks: {pre_register: {}, post_register: {}}\nwrites: [client_name]\n", "hooks: {pre_register: {}, pre_delete: {}}\n"
	memory := newDiary()
	log := &logbook{}
	options := Options{Log: slog.New(log), Memory: memory, Operator: Operator{Publishers: []Publisher{acme}, Bindings: map[string]Binding{"acme-guard": {Required: true}}}}
	f := &folder{t: t, dir: t.TempDir()}
	restart := func() {
		if f.host != nil {
			f.must(f.host.Close())
		}
		f.open(options)
	}

	restart()
	f.wantRefused("before the folder was read", "acme-guard", guardPoints()...)
	f.reload()
	f.wantRefused("in an empty folder", "acme-guard", guardPoints()...)
	if s := f.want("acme-guard", Failed, "there are no files of it"); !s.Required {
		t.Error("the status does not say that it is required")
	}
	f.put("acme-guard", answers("x"), "hooks: {post_register: {}}\n")
	f.reload()
	f.wantRefused("of a manifest that nobody signed", "acme-guard", guardPoints()...)

	f.put("acme-guard", answers("x"), guard)
	f.sign("acme-guard", key)
	f.reload()
	f.wantRefused("while it is live", "acme-guard")
	f.put("acme-guard", answers("x"), guardsMore+"capabilities: {now: {}}\n")
	f.sign("acme-guard", key)
	f.reload()
	f.wantRefused("while a newer version waits", "acme-guard")

	restart()
	f.reload()
	f.want("acme-guard", Waiting, "")
	f.wantRefused("while it waits", "acme-guard", hook.PreRegister, hook.PreDelete)
	f.must(f.host.Approve(t.Context(), "acme-guard", "ada", f.status("acme-guard").Asked))
	f.must(f.host.Ready(t.Context()))
	f.wantRefused("approved", "acme-guard")
	f.must(f.host.Revoke(t.Context(), "acme-guard", "ada"))
	f.wantRefused("revoked", "acme-guard", hook.PreRegister, hook.PreDelete)

	restart()
	f.put("acme-guard", answers("y"), "hooks: {on_read: {}}\n")
	f.reload()
	f.want("acme-guard", Failed, "not the one that was signed")
	f.wantRefused("of files that are not to be believed, as the version that was live last", "acme-guard", hook.PreRegister, hook.PreDelete)
	f.put("acme-guard", []byte("no module"), guard)
	f.sign("acme-guard", key)
	f.reload()
	f.wantRefused("that cannot be loaded, as its publisher says", "acme-guard", hook.PreRegister)
	f.remove("acme-guard.wasm")
	f.reload()
	f.wantRefused("half of it", "acme-guard", hook.PreRegister, hook.PreDelete)
	if gone, back := log.count("a required plugin is not live"), log.count("a required plugin is live again"); gone != 4 || back != 2 {
		t.Errorf("the log says %d times that it is missed and %d times that it is back:\n%s", gone, back, log)
	}
}

// What is required and still being loaded is worth waiting for, which is what callers are told.
func TestRequiredAndLoading(t *testing.T) {
	f := &folder{t: t, dir: t.TempDir()}
	f.open(Options{Operator: Operator{Unsigned: true, Bindings: map[string]Binding{"slow": {Required: true}}}})
	f.put("slow", fake{answer: `{"v":1,"action":"continue"}`, configure: "loop"}.wasm(), register)
	f.must(f.host.Reload(context.Background()))
	_, err := f.host.At(hook.PreRegister)
	if e := wantCode(t, err, core.TemporarilyUnavailable); e.RetryAfter != retryAfter || !strings.Contains(e.Detail, "still being loaded") {
		t.Errorf("%+v", e)
	}
}

func TestRequiredBinding(t *testing.T) {
	off := false
	for says, b := range map[string]Binding{
		"is not enabled cannot be required": {Required: true, Enabled: &off},
		"contradicts fail: open":            {Required: true, Fail: Open},
	} {
		if found := b.Validate(); len(found) != 1 || found[0].Path != "required" || !strings.Contains(found[0].Text, says) {
			t.Errorf("%s: %v", says, found)
		}
	}
	if found := (&Binding{Required: true}).Validate(); len(found) > 0 {
		t.Error(found)
	}
}
