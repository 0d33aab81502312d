package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/watch"
	"github.com/ostiary/ostiary/plugins"
	"github.com/ostiary/ostiary/policies"
	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/memory"
)

// ruleDesk is a rules with a folder, a file and a store of its own.
type ruleDesk struct {
	*rules
	t    *testing.T
	base string
	log  *ruleLog
}

// ruleLog counts what is logged, and writes it to files.
type ruleLog struct {
	mu    sync.Mutex
	text  bytes.Buffer
	files []string
}

func (l *ruleLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(line)
	for _, file := range l.files {
		if err := os.WriteFile(file, l.text.Bytes(), 0o600); err != nil {
			return 0, err
		}
	}
	return len(line), nil
}

func (l *ruleLog) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// close ends the writing to files.
func (l *ruleLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = nil
}

func newRuleDesk(t *testing.T) *ruleDesk {
	t.Helper()
	ring, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	engine := memory.New(time.Now)
	t.Cleanup(func() { _ = engine.Close() })
	base := t.TempDir()
	d := &ruleDesk{t: t, base: base, log: &ruleLog{}, rules: &rules{
		kept: storage.NewPolicies(engine, "main", ring), sets: storage.NewDeclarations(engine, "main", ring), now: time.Now,
		dir: filepath.Join(base, "policies"), file: filepath.Join(base, "config", "dcr_config.yaml"),
	}}
	d.mkdir(d.dir)
	d.mkdir(filepath.Dir(d.file))
	d.write(d.file, string(devSite))
	return d.again()
}

// again is the next start of the same server.
func (d *ruleDesk) again() *ruleDesk {
	log := slog.New(slog.NewTextHandler(d.log, nil))
	next := &rules{kept: d.kept, sets: d.sets, now: d.now, dir: d.dir, file: d.file, log: log}
	next.engine = policies.NewEngine(policies.Options{Log: log, Deadline: time.Minute, TrialTime: time.Minute})
	host, err := plugins.New(plugins.Options{
		Log: log, Operator: plugins.Operator{Unsigned: true, Bindings: map[string]plugins.Binding{"of-the-settings": {}}},
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = host.Close() })
	next.host = host
	return &ruleDesk{rules: next, t: d.t, base: d.base, log: d.log}
}

func (d *ruleDesk) mkdir(dir string) {
	d.t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		d.t.Fatal(err)
	}
}

// write puts a file in place in one step.
func (d *ruleDesk) write(path, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.base, "new"), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.move(filepath.Join(d.base, "new"), path)
}

func (d *ruleDesk) move(from, to string) {
	d.t.Helper()
	if err := os.Rename(from, to); err != nil {
		d.t.Fatal(err)
	}
}

// rule writes a rule of the site.
func (d *ruleDesk) rule(label string) {
	d.t.Helper()
	d.write(filepath.Join(d.dir, "house.rego"), "package ostiary.registration.site.house\n\nlabel contains \""+label+"\"\n")
}

func (d *ruleDesk) begin() {
	d.t.Helper()
	if err := d.start(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *ruleDesk) watched() {
	d.t.Helper()
	ctx, cancel := context.WithCancel(d.t.Context())
	var beside sync.WaitGroup
	d.t.Cleanup(func() {
		cancel()
		beside.Wait() // a store that is closed meanwhile would be used
	})
	if err := d.follow(ctx, &beside); err != nil {
		d.t.Fatal(err)
	}
}

// revision is the one in force.
func (d *ruleDesk) revision() string { return d.engine.Status().ActiveRevision }

// stored is the last good one.
func (d *ruleDesk) stored() storage.PolicySource {
	d.t.Helper()
	source, _, err := d.kept.LastGood(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return source
}

// until waits for a condition.
func (d *ruleDesk) until(what string, holds func() bool) {
	d.t.Helper()
	end := time.After(time.Minute)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-end:
			d.t.Fatalf("in vain: %s; problems %v", what, d.wrong())
		}
	}
}

func (d *ruleDesk) degraded() bool { return len(d.wrong()) > 0 }
func (d *ruleDesk) healthy() bool  { return !d.degraded() }

// A folder that is lost is not a folder without rules.
func TestLostFolderKeepsTheLastGood(t *testing.T) {
	d := newRuleDesk(t)
	d.rule("first")
	d.begin()
	d.watched()
	first, kept := d.revision(), d.stored()
	if kept.Revision != first || len(kept.Files) != 1 {
		t.Fatalf("kept %+v", kept)
	}

	d.move(d.dir, d.dir+".old")
	d.until("the lost folder is reported", d.degraded)
	if text := d.wrong()[0].Message; !strings.Contains(text, d.dir) || !strings.Contains(text, "does not exist") {
		t.Errorf("problem %q", text)
	}
	if d.revision() != first || d.engine.Status().Origin != policies.Folder || d.stored().SavedAt != kept.SavedAt {
		t.Errorf("in force %+v, stored %s", d.engine.Status(), d.stored().Revision)
	}

	d.move(d.dir+".old", d.dir)
	d.until("it heals when the folder is back", d.healthy)
	if d.revision() != first {
		t.Error("another revision is in force")
	}

	d.move(d.dir, d.dir+".old")
	d.until("the lost folder is reported", d.degraded)
	d.mkdir(d.dir)
	d.until("an empty folder is none of the site's rules", func() bool { return d.healthy() && d.revision() != first })
	if d.engine.Status().Origin != policies.Embedded || len(d.stored().Files) != 0 {
		t.Errorf("in force %+v, stored %+v", d.engine.Status(), d.stored())
	}
	d.rule("second")
	d.until("the new folder is watched", func() bool { return len(d.engine.Active().Files()) == 1 })
}

func TestStartWithoutFolder(t *testing.T) {
	d := newRuleDesk(t)
	if err := os.Remove(d.dir); err != nil {
		t.Fatal(err)
	}
	d.begin()
	if d.healthy() || d.engine.Status().Origin != policies.Embedded || d.stored().Revision != "" {
		t.Fatalf("problems %v, in force %+v, stored %+v", d.wrong(), d.engine.Status(), d.stored())
	}
	d.watched()
	d.mkdir(d.dir)
	d.rule("first")
	d.until("the folder is noticed", func() bool { return d.healthy() && len(d.engine.Active().Files()) == 1 })
	first := d.revision()

	d.move(d.dir, d.dir+".old")
	next := d.again()
	next.begin()
	if next.healthy() || next.revision() != first || next.engine.Status().Origin != policies.LastGood || next.stored().Revision != first {
		t.Fatalf("problems %v, in force %+v", next.wrong(), next.engine.Status())
	}
	next.watched()
	next.move(next.dir+".old", next.dir)
	next.until("it heals when the folder is back", func() bool { return next.healthy() && next.engine.Status().Origin == policies.Folder })
}

// A start on the last good policy works without dcr_config.yaml as well.
func TestStartOnLastGoodWithoutFile(t *testing.T) {
	d := newRuleDesk(t)
	d.file = ""
	d.rule("first")
	d.begin()
	d.move(d.dir, d.dir+".old")
	next := d.again()
	next.begin()
	if next.revision() != d.revision() || next.engine.Status().Origin != policies.LastGood {
		t.Errorf("problems %v, in force %+v", next.wrong(), next.engine.Status())
	}
}

func TestUnchangedSourceIsLeftAlone(t *testing.T) {
	d := newRuleDesk(t)
	d.rule("first")
	d.begin()
	swaps := 0
	before, kept, lines := d.engine.Active(), d.stored().SavedAt, d.log.count("\n")
	d.changed = func(*registration.Site) { swaps++ }
	for range 2 {
		if err := d.load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if d.engine.Active() != before || d.stored().SavedAt != kept || d.log.count("\n") != lines || swaps != 0 {
		t.Errorf("it was loaded again: %s", &d.log.text)
	}
}

// A log beside the rules or dcr_config.yaml is no reason to load them, which would be logged.
func TestLogBesideTheRulesIsNoChange(t *testing.T) {
	d := newRuleDesk(t)
	d.log.files = []string{filepath.Join(d.dir, "ostiary.log"), filepath.Join(filepath.Dir(d.file), "ostiary.log")}
	t.Cleanup(d.log.close) // what still follows the folder must not write into it while it is removed
	d.begin()
	d.watched()
	told, err := watch.Folder(t.Context(), d.dir, watch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	labels := []string{"a", "b", "c"}
	for _, label := range labels {
		before := d.revision()
		d.rule(label)
		d.until("the rule is in force", func() bool { return d.revision() != before })
		select {
		case <-told: // of the rule
		default:
		}
		d.write(filepath.Join(d.dir, "note.txt"), label)
		select {
		case <-told: // of the note and the log
		case <-time.After(time.Minute):
			t.Fatal("no change is told")
		}
	}
	before := d.revision()
	d.write(d.file, strings.Replace(string(devSite), "max: 20", "max: 7", 1))
	d.until("dcr_config.yaml is in force", func() bool { return d.revision() != before })
	if n := d.log.count("policy in use"); n != 1+len(labels)+1 {
		t.Errorf("%d revisions: %s", n, &d.log.text)
	}
}

func TestBrokenRulesAreLoggedOnce(t *testing.T) {
	d := newRuleDesk(t)
	d.begin()
	for _, label := range []string{`a" a`, `b" b`} {
		d.rule(label)
		for range 2 {
			if d.load(t.Context()) == nil {
				t.Fatal("broken rules were taken")
			}
		}
	}
	d.again().begin()
	if n := d.log.count("level=ERROR"); n != 3 {
		t.Errorf("two mistakes and one at the start are logged %d times: %s", n, &d.log.text)
	}
}

// Opening a pipe would wait for ever.
func TestFileThatIsAPipeIsRefused(t *testing.T) {
	d := newRuleDesk(t)
	d.begin()
	if err := os.Remove(d.file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(d.file, 0o600); err != nil {
		t.Skip(err)
	}
	loaded := make(chan error, 1)
	go func() { loaded <- d.load(context.Background()) }()
	select {
	case err := <-loaded:
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("error = %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits")
	}
}

// What failed for another reason than what stands in the files is tried again, though no file changes. The failure is logged once.
func TestLoadIsTriedAgain(t *testing.T) {
	d := newRuleDesk(t)
	d.begin()
	d.anew = time.Millisecond
	before := d.revision()
	d.rule("first")
	d.write(d.file, "trusted_issuers: [{issuer: https://a.example, shared_secret: \"${OSTIARY_TEST_LATER}\"}]\n")
	d.watched()
	d.until("the failure is told", func() bool { return d.log.count("OSTIARY_TEST_LATER") > 0 })
	if d.revision() != before {
		t.Fatal("it is in force")
	}
	t.Setenv("OSTIARY_TEST_LATER", strings.Repeat("s", 32))
	d.until("it is in force", func() bool { return d.revision() != before })
	if n := d.log.count("is not usable"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// The store may be closed once what follows the rules is waited for.
func TestFollowingIsWaitedFor(t *testing.T) {
	d := newRuleDesk(t)
	d.begin()
	loading, goOn := make(chan struct{}), make(chan struct{})
	var loaded atomic.Bool
	d.changed = func(*registration.Site) {
		close(loading)
		<-goOn
		loaded.Store(true)
	}
	d.rule("first")
	ctx, cancel := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	if err := d.follow(ctx, &beside); err != nil {
		t.Fatal(err)
	}
	<-loading
	cancel()
	time.AfterFunc(time.Millisecond, func() { close(goOn) })
	beside.Wait()
	if !loaded.Load() {
		t.Error("it is at work still")
	}
}
