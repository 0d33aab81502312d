package keys_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
)

const (
	hour = time.Hour
	day  = 24 * hour
)

// plan is the default one in round numbers.
func plan(algs ...string) keys.Plan {
	return keys.Plan{Algs: algs, Every: 90 * day, Lead: day, Keep: hour, Lag: hour}
}

// a bench is a ring on a store and a clock of its own. Its keys have short names in the order in which they were seen: A, B, …
type bench struct {
	*keys.Ring
	t     *testing.T
	store *memory
	now   time.Time
	names map[string]string
}

func newBench(t *testing.T, p keys.Plan) *bench {
	t.Helper()
	b := &bench{t: t, store: &memory{}, now: clock(), names: map[string]string{}}
	b.Ring = b.open(p)
	return b
}

// open gives another process on the same store.
func (b *bench) open(p keys.Plan) *keys.Ring {
	b.t.Helper()
	ring, err := p.Open(b.t.Context(), b.store, func() time.Time { return b.now })
	if err != nil {
		b.t.Fatal(err)
	}
	return ring
}

func (b *bench) show(entries []keys.Entry) string {
	var words []string
	for _, e := range entries {
		name, ok := b.names[e.ID]
		if !ok {
			name = string(rune('A' + len(b.names)))
			b.names[e.ID] = name
		}
		words = append(words, fmt.Sprintf("%s %s", name, e.State))
	}
	return strings.Join(words, ", ")
}

func (b *bench) tick() []keys.Entry {
	b.t.Helper()
	changed, err := b.Tick(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return changed
}

func (b *bench) rotate(want keys.Rotation) []keys.Entry {
	b.t.Helper()
	changed, err := b.Rotate(b.t.Context(), want)
	if err != nil {
		b.t.Fatal(err)
	}
	return changed
}

// want compares the ring's keys, and that the set and the signer follow them.
func (b *bench) want(what, state string) {
	b.t.Helper()
	entries := b.Entries()
	if got := b.show(entries); got != state {
		b.t.Errorf("%s: %s, want %s", what, got, state)
	}
	set := b.Public()
	if set.Len() != len(entries) {
		b.t.Errorf("%s: %d keys published, want %d", what, set.Len(), len(entries))
	}
	for _, e := range entries {
		signer, err := b.Signer(e.Alg)
		if err != nil || !set.Has(e.ID) || (e.State == keys.Active) != (signer.KeyID() == e.ID) {
			b.t.Errorf("%s: %s key: published %t, signer %s, %v", what, e.State, set.Has(e.ID), b.names[signer.KeyID()], err)
		}
	}
}

// The life of a key by schedule, and by command in between.
func TestRotationOverTime(t *testing.T) {
	b := newBench(t, plan(jose.ES256))
	b.want("at first", "A active")
	command := func(r keys.Rotation) func() []keys.Entry { return func() []keys.Entry { return b.rotate(r) } }
	for _, step := range []struct {
		what    string
		after   time.Duration
		do      func() []keys.Entry
		changed string
		state   string
	}{
		{"nothing is due", 89*day - time.Second, b.tick, "", "A active"},
		{"a day ahead the next key is published", time.Second, b.tick, "B next", "A active, B next"},
		{"and again nothing", 0, b.tick, "", "A active, B next"},
		{"it does not sign early", day - time.Second, b.tick, "", "A active, B next"},
		{"it signs", time.Second, b.tick, "A retired, B active", "A retired, B active"},
		{"the old one stays", 2*hour - time.Second, b.tick, "", "A retired, B active"},
		{"until its tokens have expired", time.Second, b.tick, "A removed", "B active"},
		{"by command, a next key is published", day, command(keys.Rotation{}), "C next", "B active, C next"},
		{"which is enough", hour, command(keys.Rotation{}), "", "B active, C next"},
		{"it signs as soon as the lead has passed", 23 * hour, b.tick, "B retired, C active", "B retired, C active"},
		{"a scheduled key that is known may sign by command", 90*day - hour, b.tick, "B removed, D next", "C active, D next"},
		{"not before", hour, command(keys.Rotation{}), "", "C active, D next"},
		{"at once, whoever knows it", 0, command(keys.Rotation{Now: true}), "C retired, D active", "C retired, D active"},
		{"at once without a next key", hour, command(keys.Rotation{Now: true}), "E active, D retired", "C retired, D retired, E active"},
		{"each leaves in its time", hour, b.tick, "C removed", "D retired, E active"},
		{"revoked: all others are gone", 0, command(keys.Rotation{Now: true, Revoke: true}), "F active, D removed, E removed", "F active"},
		{"the next key too", 89 * day, b.tick, "G next", "F active, G next"},
		{"which lay beside the one that leaked", hour, command(keys.Rotation{Now: true, Revoke: true}), "H active, F removed, G removed", "H active"},
		{"nobody was there for long", 200 * day, b.tick, "I next", "H active, I next"},
		{"so the lead starts late", day - time.Second, b.tick, "", "H active, I next"},
		{"and then it signs", 200 * day, b.tick, "H retired, I active", "H retired, I active"},
		{"its schedule begins then", hour, b.tick, "", "H retired, I active"},
	} {
		b.now = b.now.Add(step.after)
		changed := step.do()
		if got := b.show(changed); got != step.changed {
			t.Errorf("%s: changed %q, want %q", step.what, got, step.changed)
		}
		b.want(step.what, step.state)
	}
}

// A key that waits for its scheduled time is brought forward by a command, but never before it is known.
func TestRotateBringsForward(t *testing.T) {
	p := plan(jose.EdDSA)
	p.Lead = 10 * day
	b := newBench(t, p)
	b.now = b.now.Add(80*day + hour)
	b.tick()
	next := b.Entries()[1]
	if want := b.now.Add(p.Lead); !next.Activates.Equal(want) || !next.Retires.IsZero() || !next.Removes.IsZero() || !next.Created.Equal(b.now) {
		t.Errorf("the next key: %+v, want it from %v", next, want)
	}
	b.now = b.now.Add(10*day - time.Second)
	b.rotate(keys.Rotation{Alg: jose.Ed25519})
	b.want("too early", "A active, B next")

	b = newBench(t, plan(jose.EdDSA))
	b.now = b.now.Add(89 * day)
	b.tick()
	short := b.open(keys.Plan{Algs: []string{jose.EdDSA}, Every: 90 * day, Lead: 2 * hour, Keep: hour})
	b.now = b.now.Add(hour)
	if changed, err := short.Rotate(t.Context(), keys.Rotation{}); err != nil || len(changed) != 1 || !changed[0].Activates.Equal(b.now.Add(hour)) {
		t.Errorf("brought forward: %+v, %v", changed, err)
	}
	b.now = b.now.Add(2 * hour)
	if _, err := short.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.want("with a shorter lead", "A retired, B active")
}

// The times that operators see.
func TestEntriesTellTheirTimes(t *testing.T) {
	b := newBench(t, plan(jose.ES256))
	begun := b.now
	if e := b.Entries()[0]; !e.Created.Equal(begun) || !e.Activates.Equal(begun) || !e.Retires.Equal(begun.Add(90*day)) || !e.Removes.IsZero() {
		t.Errorf("the first key: %+v", e)
	}
	b.now = b.now.Add(day)
	b.rotate(keys.Rotation{Now: true})
	if e := b.Entries()[0]; !e.Activates.Equal(begun) || !e.Retires.Equal(b.now) || !e.Removes.Equal(b.now.Add(2*hour)) {
		t.Errorf("the retired key: %+v", e)
	}
	never := plan(jose.ES256)
	never.Every = 0
	for _, e := range b.open(never).Entries() {
		if e.State == keys.Active && !e.Retires.IsZero() {
			t.Errorf("without a schedule: %+v", e)
		}
	}
}

// Without a schedule nothing happens by itself, but commands work.
func TestNoSchedule(t *testing.T) {
	p := plan(jose.ES256)
	p.Every = 0
	b := newBench(t, p)
	b.now = b.now.Add(5000 * day)
	b.tick()
	b.want("years on", "A active")
	b.rotate(keys.Rotation{})
	b.now = b.now.Add(day)
	b.tick()
	b.want("by command", "A retired, B active")
}

// A command may name one algorithm; the others stay. EdDSA and Ed25519 are one key under two names.
func TestRotateOneAlgorithm(t *testing.T) {
	b := newBench(t, plan(jose.ES256, jose.Ed25519, jose.EdDSA))
	if len(b.Entries()) != 2 {
		t.Fatalf("entries %v", b.Entries())
	}
	signer := func(alg string) string {
		s, err := b.Signer(alg)
		if err != nil || s.Alg() != alg {
			t.Fatalf("%s: %s, %v", alg, s.Alg(), err)
		}
		token, err := s.Sign("JWT", []byte(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jose.Verify(token, b.Public(), []string{alg}); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		return s.KeyID()
	}
	ec, ed := signer(jose.ES256), signer(jose.EdDSA)
	if signer(jose.Ed25519) != ed {
		t.Error("the two names of EdDSA have two keys")
	}
	b.rotate(keys.Rotation{Alg: jose.Ed25519, Now: true})
	if signer(jose.ES256) != ec || signer(jose.EdDSA) == ed || signer(jose.EdDSA) != signer(jose.Ed25519) {
		t.Error("rotated another one than was named")
	}
	for _, r := range []keys.Rotation{{Alg: jose.RS256}, {Alg: "none"}, {Alg: "es256", Now: true}, {Alg: jose.HS256}} {
		_, err := b.Rotate(t.Context(), r)
		if core.CodeOf(err) != core.InvalidRequest || !strings.Contains(err.Error(), "ES256, EdDSA") {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := b.Rotate(t.Context(), keys.Rotation{Revoke: true}); core.CodeOf(err) != core.InvalidRequest {
		t.Errorf("revoke without now: %v", err)
	}
	none := newBench(t, plan())
	if changed := none.rotate(keys.Rotation{Now: true}); len(changed) > 0 {
		t.Errorf("without algorithms: %v", changed)
	}
}

// An algorithm that is no longer wanted keeps its keys, so that what they signed is verified, and nothing is made for it.
func TestDroppedAlgorithm(t *testing.T) {
	b := newBench(t, plan(jose.ES256, jose.EdDSA))
	b.rotate(keys.Rotation{Alg: jose.EdDSA, Now: true})
	b.Ring = b.open(plan(jose.ES256))
	b.now = b.now.Add(200 * day)
	b.tick()
	states := map[string][]keys.State{}
	for _, e := range b.Entries() {
		states[e.Alg] = append(states[e.Alg], e.State)
	}
	if !slices.Equal(states[jose.EdDSA], []keys.State{keys.Active}) || !slices.Equal(states[jose.ES256], []keys.State{keys.Active, keys.Next}) {
		t.Errorf("%v", states)
	}
}

func TestPlansThatCannotWork(t *testing.T) {
	for what, spoil := range map[string]func(*keys.Plan){
		"no lead":                            func(p *keys.Plan) { p.Lead = 0 },
		"no life":                            func(p *keys.Plan) { p.Keep = 0 },
		"a negative schedule":                func(p *keys.Plan) { p.Every = -day },
		"a negative lag":                     func(p *keys.Plan) { p.Lag = -1 },
		"a lead as long as the schedule":     func(p *keys.Plan) { p.Lead = p.Every },
		"a lead that not everybody sees":     func(p *keys.Plan) { p.Lag = p.Lead + 1 },
		"an algorithm that no key signs":     func(p *keys.Plan) { p.Algs = []string{"none"} },
		"an algorithm that a secret signs":   func(p *keys.Plan) { p.Algs = []string{jose.HS256} },
		"an algorithm that is not known yet": func(p *keys.Plan) { p.Algs = []string{"ML-DSA-44"} },
	} {
		p := plan(jose.EdDSA)
		spoil(&p)
		if ring, err := p.Open(t.Context(), &memory{}, clock); err == nil || ring != nil {
			t.Errorf("%s: opened", what)
		}
	}
	if _, err := keys.DefaultPlan(jose.EdDSA).Open(t.Context(), &memory{}, clock); err != nil {
		t.Errorf("the default plan: %v", err)
	}
}
