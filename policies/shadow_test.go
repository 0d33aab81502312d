package policies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// sightings are what a shadow was seen to do, "token changed", in order.
type sightings chan string

// shadowed gives an engine with one file of the site and a shadow with another.
func shadowed(t testing.TB, live, candidate string) (*Engine, sightings) {
	t.Helper()
	seen := make(sightings, 4096)
	e := NewEngine(Options{Deadline: long, TrialTime: long, Shadow: func(name string, s Sighting) { seen <- name + " " + string(s) }})
	t.Cleanup(func() { e.ClearShadow() })
	if err := e.Replace(site(live)); err != nil {
		t.Fatal(err)
	}
	if err := e.SetShadow("candidate", site(candidate)); err != nil {
		t.Fatal(err)
	}
	return e, seen
}

// A lab has one engine for each file of the site, since loading is most of the work.
type lab struct {
	engines map[string]*Engine
	seen    map[string]sightings
}

func newLab() *lab { return &lab{map[string]*Engine{}, map[string]sightings{}} }

// shadowed gives the engine of a file of the site, with a fresh shadow.
func (l *lab) shadowed(t testing.TB, live, candidate string) (*Engine, sightings) {
	t.Helper()
	if l.engines[live] == nil {
		seen := make(sightings, 4096)
		e := NewEngine(Options{Deadline: long, TrialTime: long, Shadow: func(name string, s Sighting) { seen <- name + " " + string(s) }})
		if err := e.Replace(site(live)); err != nil {
			t.Fatal(err)
		}
		l.engines[live], l.seen[live] = e, seen
	}
	e := l.engines[live]
	if err := e.SetShadow("candidate", site(candidate)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.ClearShadow() })
	return e, l.seen[live]
}

// next waits for the next sighting.
func (s sightings) next(t testing.TB, want string) {
	t.Helper()
	if got := <-s; got != want {
		t.Errorf("seen: %s, want %s", got, want)
	}
}

// note decides a registration as the desk does, one round for each change of the question, and notes it.
func note(t testing.TB, e *Engine, id core.DecisionID, rounds ...func(*decision.Registration)) {
	t.Helper()
	taken := decision.Taken{ID: id, Name: "registration", At: time.Unix(1_700_000_000, 0), Client: "c-new"}
	for i, change := range rounds {
		q := exampleRegister()
		q.Pass = i + 1
		if change != nil {
			change(&q)
		}
		v, err := e.DecideRegistration(context.Background(), &q)
		if err != nil {
			t.Fatal(err)
		}
		taken.Outcome = decision.OutcomeDenied
		if v.Allow {
			taken.Outcome = decision.OutcomeAllowed
		}
		taken.Rounds = append(taken.Rounds, decision.Round{Question: &q, Verdict: v})
	}
	e.Note(taken)
}

// asDesk is what the shipped rules make of the example, which the second round is about.
func asDesk(q *decision.Registration) {
	q.Effective.Metadata.GrantTypes = []string{"authorization_code", "refresh_token"}
}

const closed = `deny contains {"rule": "house.closed", "code": "access_denied", "message": "Closed."}` + "\n"

func TestShadowSeesHowRegistrationsWouldDiffer(t *testing.T) {
	lab := newLab()
	for name, test := range map[string]struct {
		live, candidate, want string
		changed               string
		rule                  string // of the side that differs
	}{
		"same":        {want: "same"},
		"would deny":  {candidate: house + closed, want: "would_deny", rule: "house.closed"},
		"would allow": {live: house + closed, want: "would_allow", rule: "house.closed"},
		"scopes": {
			candidate: house + `strip contains {"rule": "house.mail", "scope": "email"}` + "\n", want: "changed", changed: "scopes", rule: "house.mail",
		},
		"settings": {
			candidate: house + `set contains {"rule": "house.name", "field": "client_name", "value": "Ours"}` + "\n",
			want:      "changed", changed: "settings", rule: "house.name",
		},
		"governance": {
			candidate: house + `require contains {"rule": "house.pkce", "name": "pkce_s256"}

limit contains {"rule": "house.short", "name": "access_token", "value": 60}

label contains "house"

trust contains "self"
`, want: "changed", changed: "requirements limits trust labels",
		},
		"other reasons": {
			live:      house + closed,
			candidate: house + strings.ReplaceAll(closed, "Closed", "Shut"), want: "changed", changed: "reasons", rule: "house.closed",
		},
		"warnings": {
			candidate: house + `warn contains {"rule": "house.note", "message": "Mind."}` + "\n", want: "changed", changed: "warnings", rule: "house.note",
		},
		"what has no effect": {
			candidate: house + `strip contains {"rule": "house.absent", "scope": "nobody.asked"}

grant contains {"rule": "house.there", "scope": "email"}

set contains {"rule": "house.same", "field": "application_type", "value": "web"}

default_value contains {"rule": "house.kept", "field": "client_name", "value": "Ours"}

set contains {"rule": "house.null", "field": "client_uri", "value": null}
`, want: "same",
		},
		"error": {
			candidate: house + `deny contains f if { input.effective.client_name == "trigger"; f := {"rule": "r", "code": "access_denied"} }` + "\n",
			want:      "shadow_error",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, seen := lab.shadowed(t, test.live, test.candidate)
			for range 2 { // the second is answered from memory
				note(t, e, "d-1", func(q *decision.Registration) { q.Effective.Metadata.ClientName = "trigger" })
				seen.next(t, "registration "+test.want)
			}
			list := e.Differences("", "", 10)
			if test.want == "same" {
				if len(list) > 0 {
					t.Errorf("differences %+v", list)
				}
				return
			}
			if len(list) != 2 {
				t.Fatalf("%d differences", len(list))
			}
			d := list[0]
			var changed []string
			for _, c := range d.Changes {
				changed = append(changed, c.Aspect)
			}
			if d.DecisionID != "d-1" || d.ClientID != "c-new" || d.Operation != "register" || d.Channel != "dcr" || strings.Join(changed, " ") != test.changed {
				t.Errorf("difference %+v", d)
			}
			if test.rule == "" {
				return
			}
			if !names(d.Live.Reasons, test.rule) && !names(d.Shadow.Reasons, test.rule) {
				t.Errorf("%s gives no reason with its place: %+v", test.rule, d)
			}
		})
	}
}

// names tells whether a rule is among reasons, with its place.
func names(reasons []core.Reason, rule string) bool {
	for _, r := range reasons {
		if r.Rule == rule && r.File == "house.rego" && r.Line > 0 {
			return true
		}
	}
	return false
}

func TestShadowSeesEveryDecision(t *testing.T) {
	lab := newLab()
	for on, ask := range endpoints {
		lab.seesDifferences(t, on, `strip contains {"rule": "house.mail", "scope": "email"}`, func(e *Engine) {
			if a, err := ask(e, "bff", "openid", "email"); err != nil || !a.Allowed || len(a.Scopes) != 2 {
				t.Fatalf("%s: %+v, %v", contracts[on].name, a, err)
			}
		})
		// To take away all that was asked for is a refusal.
		e, seen := lab.shadowed(t, "", houseOf(on)+`strip contains {"rule": "house.all", "scope": "email"}`+"\n")
		if _, err := ask(e, "bff", "email"); err != nil {
			t.Fatal(err)
		}
		seen.next(t, contracts[on].name+" would_deny")
	}
	lab.seesDifferences(t, session, `limit contains {"rule": "house.hour", "name": "session_lifetime", "value": 3600}`, func(e *Engine) {
		q := exampleSession()
		if v, err := e.DecideSession(t.Context(), &q); err != nil || !v.Allowed || v.Lifetime != 0 {
			t.Fatalf("%+v, %v", v, err)
		}
	})
	lab.seesDifferences(t, registration, `strip contains {"rule": "house.mail", "scope": "email"}`, func(e *Engine) {
		note(t, e, "d-example", nil)
	})
}

// seesDifferences asks an engine with one shadow after the other, and wants each to be seen to do what it does.
func (l *lab) seesDifferences(t *testing.T, on which, changing string, ask func(*Engine)) {
	t.Helper()
	name, client := contracts[on].name, core.ClientID("c-example")
	if on == registration {
		client = "c-new"
	}
	for want, candidate := range map[string]string{"same": "", "would_deny": houseOf(on) + closed, "changed": houseOf(on) + changing + "\n"} {
		e, seen := l.shadowed(t, "", candidate)
		ask(e)
		seen.next(t, name+" "+want)
		list, some := e.Differences("", name, 10), 1
		if want == "same" {
			some = 0
		}
		if len(list) != some {
			t.Errorf("%s %s: %d differences", name, want, len(list))
		}
		for _, d := range list {
			if d.Kind != Sighting(want) || d.Decision != name || d.ClientID != client || d.DecisionID == "" || d.RequestID != "d-example" || d.Live.Revision == d.Shadow.Revision {
				t.Errorf("%s: %+v", name, d)
			}
		}
	}
}

// A registration that policy changed is asked about twice, and counts once.
func TestTwoRoundsCountOnce(t *testing.T) {
	lab := newLab()
	for name, test := range map[string]struct{ candidate, want string }{
		"same":                       {"", "same"},
		"denies at once":             {closed, "would_deny"},
		"denies the result":          {`deny contains {"rule": "house.two", "code": "access_denied", "message": "m"} if input.pass == 2` + "\n", "would_deny"},
		"changes the result":         {`set contains {"rule": "house.two", "field": "client_name", "value": "Two"} if input.pass == 2` + "\n", "shadow_error"},
		"other requirements of both": {`require contains {"rule": "house.pkce", "name": "pkce_s256"}` + "\n", "changed"},
		"another way":                {`strip contains {"rule": "house.mail", "scope": "email"} if input.pass == 1` + "\n", "changed"},
		"denies what it never meets": {`strip contains {"rule": "house.mail", "scope": "email"} if input.pass == 1

deny contains {"rule": "house.two", "code": "access_denied", "message": "m"} if {
	input.pass == 2
	"email" in input.scopes
}
`, "changed"},
	} {
		t.Run(name, func(t *testing.T) {
			e, seen := lab.shadowed(t, "", house+test.candidate)
			note(t, e, "d-1", nil, asDesk)
			note(t, e, "d-2", nil, asDesk)
			seen.next(t, "registration "+test.want)
			seen.next(t, "registration "+test.want)
			s, _ := e.Shadow()
			if s.Evaluated != 2 || s.Counts["registration"][Sighting(test.want)] != 2 {
				t.Errorf("status %+v", s)
			}
		})
	}
}

// An update that changes nothing is never refused, whatever rules say.
func TestUnchangedUpdateIsNoRefusal(t *testing.T) {
	e, seen := shadowed(t, "", house+closed)
	q := exampleUpdate()
	q.Changed, q.Effective = nil, q.Before
	v, err := e.DecideRegistration(context.Background(), &q)
	if err != nil {
		t.Fatal(err)
	}
	e.Note(decision.Taken{Name: "registration", Outcome: decision.OutcomeAllowed, Rounds: []decision.Round{{Question: &q, Verdict: v}}})
	seen.next(t, "registration changed")
}

// Requests on which the rules in use reached no decision say nothing about a shadow.
func TestFailuresAreNotCompared(t *testing.T) {
	e, seen := shadowed(t, houseOf(token)+`deny contains f if { input.client.client_name == "trigger"; f := {"rule": "r", "code": "access_denied"} }`+"\n", "")
	if _, err := atToken(e, "trigger", "openid"); err == nil {
		t.Fatal("it was decided")
	}
	if _, err := atToken(e, "bff", "openid"); err != nil {
		t.Fatal(err)
	}
	seen.next(t, "token same")
	if s, _ := e.Shadow(); s.Evaluated != 1 {
		t.Errorf("status %+v", s)
	}
}

// Law: whatever a shadow is, the answers are those of an engine without one.
func TestShadowChangesNoAnswer(t *testing.T) {
	hostile := map[string][]byte{"house.rego": []byte(house + closed)}
	for on := range endpoints {
		hostile[contracts[on].name+".rego"] = []byte(houseOf(on) + `strip contains {"rule": "house.all", "scope": s} if some s in input.scopes` + "\n")
	}
	src := site("")
	src.Origin, src.Files = Folder, hostile
	alone, beside := engineWith(t, ""), NewEngine(Options{Deadline: long, TrialTime: long})
	if err := errors.Join(beside.Replace(site("")), beside.SetShadow("hostile", src)); err != nil {
		t.Fatal(err)
	}
	defer beside.ClearShadow()
	bare := func(v decision.Verdict) decision.Verdict { v.Elapsed, v.Holds = 0, nil; return v }
	for name, q := range map[string]decision.Registration{"register": exampleRegister(), "update": exampleUpdate(), "read": exampleRead(), "faults": manyFaults()} {
		for range 3 {
			want, _ := alone.DecideRegistration(context.Background(), &q)
			got, err := beside.DecideRegistration(context.Background(), &q)
			beside.Note(decision.Taken{Name: "registration", Outcome: decision.OutcomeAllowed, Rounds: []decision.Round{{Question: &q, Verdict: got}}})
			if err != nil || !reflect.DeepEqual(bare(got), bare(want)) {
				t.Errorf("%s: %+v, %v; without a shadow %+v", name, got, err, want)
			}
		}
	}
	for on, ask := range endpoints {
		for range 3 {
			want, _ := ask(alone, "bff", "openid", "email", "admin.api")
			if got, err := ask(beside, "bff", "openid", "email", "admin.api"); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v; without a shadow %+v", contracts[on].name, got, err, want)
			}
		}
	}
}

// A shadow whose evaluations are all stuck costs nobody anything: what it cannot be asked is counted.
func TestStuckShadowDropsAndCounts(t *testing.T) {
	e, seen := shadowed(t, "", house+closed)
	s := e.shadow.Load()
	for range cap(s.slots.free) { // as slots.run does for an evaluation that ignores its deadline
		s.slots.free <- struct{}{}
		s.slots.stuck.Add(1)
	}
	for i := range 50 {
		if a, err := atToken(e, fmt.Sprint("client ", i), "openid"); err != nil || !a.Allowed {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	for range 50 {
		seen.next(t, "token dropped")
	}
	if status, _ := e.Shadow(); status.Dropped != 50 || status.Evaluated != 0 || status.Stuck != cap(s.slots.free) || e.Status().Stuck != 0 {
		t.Errorf("status %+v, live %+v", status, e.Status())
	}
}

// A runaway shadow is stopped by its own deadline, in its own slots.
func TestRunawayShadowIsAnError(t *testing.T) {
	seen := make(sightings, 16)
	e := NewEngine(Options{MaxConcurrent: 1, Deadline: short, TrialTime: long, Shadow: func(name string, s Sighting) { seen <- name + " " + string(s) }})
	defer e.ClearShadow()
	err := errors.Join(e.Replace(site("")), e.SetShadow("runaway", site(houseOf(token)+`strip contains {"rule": "house.endless", "scope": "email"} if {
	input.client.client_name == "trigger"
	some x in numbers.range(1, 1000000)
	some y in numbers.range(1, 1000000)
	x * y == 0
}
`)))
	if err != nil {
		t.Fatal(err)
	}
	e.deadline = long // the live rules have time, however busy the machine is
	if a, err := atToken(e, "trigger", "openid"); err != nil || !a.Allowed {
		t.Fatalf("%+v, %v", a, err)
	}
	seen.next(t, "token shadow_error")
	if d := e.Differences(ShadowError, "", 1); len(d) != 1 || !strings.Contains(d[0].Shadow.Error, "deadline") {
		t.Errorf("%+v", d)
	}
}

// What comes while the queue is full is dropped, and nothing waits.
func TestFullQueueDrops(t *testing.T) {
	e := engineWith(t, "")
	rev, err := Load(site(""), long)
	if err != nil {
		t.Fatal(err)
	}
	e.shadow.Store(e.newShadow("idle", rev)) // nobody works
	for range maxShadowed + 7 {
		if _, err := atToken(e, "bff", "openid"); err != nil {
			t.Fatal(err)
		}
	}
	if s, _ := e.Shadow(); s.Waiting != maxShadowed || s.Dropped != 7 {
		t.Errorf("status %+v", s)
	}
}

func TestShadowIsTriedLikeARevision(t *testing.T) {
	e, _ := shadowed(t, "", house+`label contains "first"`+"\n")
	first, _ := e.Shadow()
	var load *LoadError
	if err := e.SetShadow("broken", site(house+"deny contains\n")); !errors.As(err, &load) || load.Problems[0].File != "house.rego" || load.Problems[0].Line == 0 {
		t.Errorf("error %v", err)
	}
	open := site(`package ostiary.registration.acceptance

checked if input.operation
`)
	if err := e.SetShadow("too open", open); !errors.As(err, &load) {
		t.Errorf("what must be refused was not tried: %v", err)
	}
	if now, _ := e.Shadow(); now.Revision != first.Revision || now.Label != "candidate" || e.Status().Degraded {
		t.Errorf("status %+v", now)
	}
}

func TestPromotedShadowSaysSo(t *testing.T) {
	const next = house + `label contains "next"` + "\n"
	e, seen := shadowed(t, "", next)
	note(t, e, "d-1", nil)
	seen.next(t, "registration changed")
	if s, _ := e.Shadow(); s.EqualsLive {
		t.Errorf("status %+v", s)
	}
	if err := errors.Join(e.Replace(site(next)), e.SetShadow("candidate", site(next))); err != nil { // the same again
		t.Fatal(err)
	}
	note(t, e, "d-2", nil)
	seen.next(t, "registration same")
	if s, _ := e.Shadow(); !s.EqualsLive || s.Evaluated != 2 || s.Revision != e.Status().ActiveRevision {
		t.Errorf("status %+v", s)
	}
	if !e.ClearShadow() || e.ClearShadow() {
		t.Error("cleared other than once")
	}
	if _, there := e.Shadow(); there || len(e.Differences("", "", 10)) > 0 {
		t.Error("it is still there")
	}
}

// The latest thousand differences are kept, newest first; a line is logged for some, and the number of the others.
func TestDifferencesAreBounded(t *testing.T) {
	var log bytes.Buffer
	now := time.Unix(1_700_000_000, 0)
	s := sights{log: slog.New(slog.NewTextHandler(&log, nil)), now: func() time.Time { return now }, told: func(string, Sighting) {}}
	for i := range maxDifferences + 5 {
		s.note("token", &Difference{Kind: WouldDeny, Decision: "token", DecisionID: core.DecisionID(fmt.Sprint("d-", i))})
	}
	e := engineWith(t, "")
	e.shadow.Store(&shadow{sights: &s})
	list := e.Differences("", "token", 5000)
	if len(list) != maxDifferences || list[0].DecisionID != "d-1004" || list[maxDifferences-1].DecisionID != "d-5" {
		t.Errorf("%d differences from %s on", len(list), list[0].DecisionID)
	}
	if len(e.Differences(WouldAllow, "", 10)) > 0 || len(e.Differences("", "session", 10)) > 0 || len(e.Differences("", "", 3)) != 3 {
		t.Error("the filters do not count")
	}
	if n := strings.Count(log.String(), "\n"); n != maxLogged {
		t.Errorf("%d lines", n)
	}
	now = now.Add(time.Minute)
	s.note("token", &Difference{Kind: Changed, Changes: []Change{{Aspect: "scopes"}}})
	if last := log.String()[strings.LastIndex(strings.TrimSpace(log.String()), "\n")+1:]; !strings.Contains(last, "not_logged_before=975") || !strings.Contains(last, "changed=[scopes]") {
		t.Errorf("last line %s", last)
	}
}

// A shadow with very much to say is not kept a thousand times over.
func TestWhatAShadowSaysIsClipped(t *testing.T) {
	e, seen := shadowed(t, "", house+`deny contains {"rule": sprintf("house.%d", [i]), "code": "access_denied", "message": "No."} if some i in numbers.range(1, 500)

warn contains {"rule": sprintf("house.w%d", [i]), "message": "Hm."} if some i in numbers.range(1, 500)
`)
	note(t, e, "d-1", nil)
	seen.next(t, "registration would_deny")
	if d := e.Differences("", "", 1)[0]; len(d.Shadow.Reasons) != maxReasons {
		t.Errorf("%d reasons", len(d.Shadow.Reasons))
	}
}

// What differs is seen however much is alike, and however far into a text it stands.
func TestDifferencesShowBeyondWhatIsKept(t *testing.T) {
	many := func(last string) *effect {
		e := &effect{}
		for i := range 30 {
			e.add(aspectLabels, "label %02d", i)
		}
		e.add(aspectLabels, "%s", last)
		return e
	}
	tail := strings.Repeat("x", 200)
	for name, test := range map[string]struct{ live, mine *effect }{
		"the last of many": {many("live"), many("shadow")},
		"one more of many": {many("live"), &effect{aspects: [aspectCount][]string{aspectLabels: many("").aspects[aspectLabels][:30]}}},
		"the end of a text": {
			&effect{aspects: [aspectCount][]string{aspectWarnings: {tail + "a"}}}, &effect{aspects: [aspectCount][]string{aspectWarnings: {tail + "b"}}},
		},
	} {
		changes := test.live.against(test.mine)
		if len(changes) != 1 || slices.Equal(changes[0].Live, changes[0].Shadow) || len(changes[0].Live) > maxReasons+1 {
			t.Errorf("%s: %+v", name, changes)
		}
	}
	changes := many("live").against(many("shadow"))
	if got := strings.Join(changes[0].Live, ", ") + " / " + strings.Join(changes[0].Shadow, ", "); got != "live, and 30 more / shadow, and 30 more" {
		t.Error(got)
	}
}

// Without a shadow and a log, a decision pays for neither.
func TestNobodyWatchesCostsNothing(t *testing.T) {
	e := engineWith(t, "")
	q := exampleToken()
	ask := func(f func(context.Context, which, decision.Question) (decision.Verdict, error)) float64 {
		return testing.AllocsPerRun(100, func() {
			if _, err := f(context.Background(), token, &q); err != nil {
				t.Fatal(err)
			}
		})
	}
	if with, without := ask(e.decide), ask(e.answer); with > without {
		t.Errorf("%v allocations, %v without", with, without)
	}
}

// Requests, revisions and shadows come and go at once: every request is answered, and each is counted at most once.
func TestShadowWhileEverythingChanges(t *testing.T) {
	e, seen := shadowed(t, "", house+closed)
	labels := []string{"1", "2", "3"}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			if i%2 == 0 {
				note(t, e, core.NewDecisionID(time.Unix(int64(i), 0)), nil, asDesk)
				return
			}
			if a, err := atToken(e, fmt.Sprint("client ", i), "openid"); err != nil || !a.Allowed {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	all.Go(func() {
		for _, label := range labels {
			if err := e.Replace(site(house + `label contains "` + label + `"`)); err != nil {
				t.Error(err)
			}
		}
	})
	all.Go(func() {
		for _, label := range labels {
			if err := e.SetShadow(label, site(house+`label contains "`+label+`"`)); err != nil {
				t.Error(err)
			}
			e.Shadow()
			e.Differences("", "", 100)
		}
		e.ClearShadow()
	})
	all.Wait()
	if len(seen) > 200 {
		t.Errorf("%d sightings of 200 decisions", len(seen))
	}
}

func TestTakenIsTold(t *testing.T) {
	var told []decision.Taken
	e := NewEngine(Options{Deadline: long, TrialTime: long, Taken: func(t decision.Taken) { told = append(told, t) }})
	if err := e.Replace(site(houseOf(token) + closed)); err != nil {
		t.Fatal(err)
	}
	if _, err := atAuthorize(e, "bff", "openid"); err != nil {
		t.Fatal(err)
	}
	if _, err := atToken(e, "bff", "openid"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.DecideRegistration(context.Background(), new(decision.Registration)); err != nil { // the desk tells
		t.Fatal(err)
	}
	if len(told) != 2 || told[0].Name != "authorization" || told[0].Outcome != decision.OutcomeAllowed || told[1].Name != "token" || told[1].Outcome != decision.OutcomeDenied {
		t.Fatalf("told %+v", told)
	}
	about := decision.AboutOf(told[1].Rounds[0].Question)
	want := decision.About{RequestID: "d-example", Operation: "authorization_code", Client: "c-example", Scopes: []string{"openid"}}
	if !reflect.DeepEqual(about, want) || told[0].ID == told[1].ID {
		t.Errorf("about %+v", about)
	}
	q := exampleRegister()
	want = decision.About{RequestID: "d-example", Operation: "register", Channel: "dcr", Scopes: q.Effective.Metadata.Scope, Changed: true}
	if got := decision.AboutOf(&q); !reflect.DeepEqual(got, want) {
		t.Errorf("about %+v", got)
	}
	written, err := strictjson.Parse(decision.AppendJSON(nil, &q), strictjson.Default)
	if err != nil {
		t.Fatal(err)
	}
	if got := decision.AboutOf(document{written}); !reflect.DeepEqual(got, want) {
		t.Errorf("written down: about %+v", got)
	}
}

// Of the reasons that are not kept, nothing is: a thousand differences of strangers' requests are held.
func TestReasonsBeyondTheBoundAreLetGo(t *testing.T) {
	before := heap()
	v := &decision.Verdict{Deny: make([]core.Reason, maxReasons+1)}
	v.Deny[maxReasons].Message = strings.Repeat("x", 32<<20)
	kept := reasonsOf(v)
	if after := heap(); after > before+16<<20 || len(kept) != maxReasons {
		t.Errorf("%d reasons hold %d bytes", len(kept), after-before)
	}
	runtime.KeepAlive(kept)
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// What a cached token decision costs without a shadow, and what handing it to one adds.
func BenchmarkShadowedToken(b *testing.B) {
	for _, name := range []string{"alone", "shadowed"} {
		b.Run(name, func(b *testing.B) {
			e := engineWith(b, "")
			if name == "shadowed" {
				if err := e.SetShadow("same", site(house+`label contains "next"`+"\n")); err != nil {
					b.Fatal(err)
				}
				defer e.ClearShadow()
			}
			q := exampleToken()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.DecideToken(context.Background(), &q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
