package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/replay"
	"github.com/ostiary/ostiary/policies"
)

// shadowOf is the shadow of a ruleDesk that has begun; its folder is base/next, unless there is none.
func (d *ruleDesk) shadowOf(withFolder bool) *shadow {
	d.t.Helper()
	s := &shadow{engine: d.engine, rules: d.rules, log: d.rules.log}
	if withFolder {
		s.dir = filepath.Join(d.base, "next")
		d.mkdir(s.dir)
	}
	d.changed = func(*registration.Site) { s.follows() }
	d.t.Cleanup(func() { d.engine.ClearShadow() })
	return s
}

func (s *shadow) state(t *testing.T) shadowState {
	t.Helper()
	shown, err := s.Show("", "", 10)
	if err != nil {
		t.Fatal(err)
	}
	return shown.(shadowState)
}

func labelling(label string) string {
	return "package ostiary.registration.site.next\n\nlabel contains \"" + label + "\"\n"
}

// An operator's shadow goes before the folder's until it is taken back; the folder's cannot be.
func TestShadowsTakeTurns(t *testing.T) {
	d := newRuleDesk(t)
	d.begin()
	s := d.shadowOf(true)
	s.load()
	folder := s.state(t)
	if !folder.Active || folder.Label != "policy.shadow" || folder.SetBy != "" || !folder.EqualsLive {
		t.Errorf("%+v", folder)
	}
	if err := s.Set("ada", "mine", map[string]string{"next.rego": labelling("mine")}); err != nil {
		t.Fatal(err)
	}
	d.write(filepath.Join(s.dir, "next.rego"), labelling("folder"))
	s.load() // as on a change
	if now := s.state(t); now.Label != "mine" || now.SetBy != "ada" || now.Revision == folder.Revision {
		t.Errorf("%+v", now)
	}
	if err := s.Clear(); err != nil {
		t.Fatal(err)
	}
	if now := s.state(t); now.Label != "policy.shadow" || now.SetBy != "" || now.Revision == folder.Revision {
		t.Errorf("%+v", now)
	}
	if err := s.Clear(); core.CodeOf(err) != core.Conflict {
		t.Error(err)
	}
	alone := d.shadowOf(false)
	if err := alone.Clear(); core.CodeOf(err) != core.NotFound {
		t.Error(err)
	}
}

// A folder that is not usable leaves the shadow that was there, and is logged once.
func TestShadowFolderThatIsNotUsable(t *testing.T) {
	d := newRuleDesk(t)
	d.begin()
	s := d.shadowOf(true)
	s.load()
	d.write(filepath.Join(s.dir, "next.rego"), "package ostiary.registration.site.next\n\nlabel contains\n")
	s.load()
	s.load()
	if now := s.state(t); !now.Active || len(now.Problems) == 0 || now.Problems[0].File != "next.rego" || now.Problems[0].Line == 0 {
		t.Errorf("%+v", now)
	}
	if n := d.log.count("the folder of the policy shadow is not usable"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	var bad *replay.Unusable
	if err := s.Set("ada", "", map[string]string{"next.rego": "nonsense"}); !errors.As(err, &bad) || len(bad.Problems) == 0 || s.state(t).SetBy != "" {
		t.Errorf("set: %v", err)
	}
}

// The shadow reads the configuration in force: when that changes, so does the shadow, and only then.
func TestShadowReadsTheConfigurationInForce(t *testing.T) {
	d := newRuleDesk(t)
	d.begin()
	s := d.shadowOf(false)
	if err := s.Set("ada", "mine", map[string]string{"next.rego": labelling("mine")}); err != nil {
		t.Fatal(err)
	}
	first := s.state(t)
	d.rule("other")
	if err := d.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := s.state(t); now.Revision != first.Revision || !now.Since.Equal(first.Since) {
		t.Errorf("other rules in force made another shadow: %+v", now)
	}
	d.write(d.file, strings.Replace(string(devSite), "allowed_scopes: [openid,", "allowed_scopes: [openid, brand.new,", 1))
	if err := d.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := s.state(t); now.Revision == first.Revision || now.Label != "mine" || now.SetBy != "ada" {
		t.Errorf("%+v", now)
	}
}

func TestShadowShowsWhatThereIs(t *testing.T) {
	d := newRuleDesk(t)
	d.begin()
	s := d.shadowOf(false)
	if now := s.state(t); now.Active || now.Differences == nil || now.Problems == nil {
		t.Errorf("%+v", now)
	}
	for _, wrong := range [][2]string{{"would_explode", ""}, {"same", ""}, {"", "everything"}} {
		if _, err := s.Show(wrong[0], wrong[1], 10); core.CodeOf(err) != core.InvalidRequest {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	for _, name := range policies.Decisions() {
		if _, err := s.Show("", name, 10); err != nil {
			t.Error(err)
		}
	}
}
