package plugins

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

var plain = hook.Call{Point: hook.PreRegister, Client: strictjson.Object()}

// A sighting is a call that a Watch was told of.
type sighting struct {
	Asked
	Plugin string
	Point  hook.Point
}

// failing puts a plugin that fails at every call, under a clock.
func failing(t *testing.T, b Binding, hooks string, log *slog.Logger) (*folder, *clock, *[]sighting) {
	t.Helper()
	f, c, seen := &folder{t: t, dir: t.TempDir()}, newClock(), &[]sighting{}
	f.open(Options{
		Operator: Operator{Unsigned: true, Bindings: map[string]Binding{"a": b}}, Now: c.now, Log: log,
		Seen: func(plugin string, at hook.Point) func(Asked) {
			return func(a Asked) { *seen = append(*seen, sighting{a, plugin, at}) }
		},
	})
	f.put("a", fake{answer: `nonsense`}.wasm(), hooks)
	f.reload()
	return f, c, seen
}

func TestPluginThatFailsAgainAndAgain(t *testing.T) {
	f, c, seen := failing(t, Binding{}, register, nil)
	p := f.only(hook.PreRegister)
	for range faultsToOpen {
		_, _, err := p.Ask(context.Background(), plain, taken)
		wantCode(t, err, core.PluginFault)
	}
	_, _, err := p.Ask(context.Background(), plain, taken)
	e := wantCode(t, err, core.TemporarilyUnavailable)
	if e.RetryAfter != firstRest || !strings.Contains(e.Detail, "The plugin a failed too often and is not asked for now.") {
		t.Errorf("%s, retry after %s", e.Detail, e.RetryAfter)
	}
	s := f.want("a", Resting, "")
	if s.Breaker != BreakerOpen || s.Until != c.at.Add(firstRest) || s.Stats.Calls[Faulted] != 5 || s.Stats.Calls[Skipped] != 1 ||
		s.Stats.Faults["answer"] != 5 || !strings.Contains(s.Stats.LastFault, "not an envelope") || s.Stats.LastAt != c.at {
		t.Errorf("%+v", s)
	}
	if got := *seen; len(got) != 6 || got[0].Outcome != Faulted || got[5].Outcome != Skipped || got[5].Plugin != "a" || got[5].Point != hook.PreRegister {
		t.Errorf("seen %+v", got)
	}

	other := plain
	other.Context.Caller.IP = neighbour
	_, _, err = p.Ask(context.Background(), other, taken)
	wantCode(t, err, core.PluginFault) // who has not failed with it may ask

	f.put("a", answers("x"), register) // a new version begins anew
	f.reload()
	if _, _, err := f.only(hook.PreRegister).Ask(context.Background(), plain, taken); err != nil {
		t.Error(err)
	}
	if s := f.want("a", Live, ""); s.Breaker != BreakerClosed || s.Stats.Calls[Patched] != 1 || s.Stats.Calls[Faulted] != 6 {
		t.Errorf("%+v", s)
	}
}

// An answer that whoever asked cannot take is the plugin's fault, too, if they say so; any other refusal is not.
func TestJudgedFaultCounts(t *testing.T) {
	f, _, seen := failing(t, Binding{}, register, nil)
	f.put("a", answers("x"), register)
	f.reload()
	for _, test := range []struct {
		verdict error
		want    Outcome
	}{
		{hook.PreRegister.Fault("a", errors.New("the desk cannot take it")), Faulted},
		{core.Refuse(core.InvalidClientMetadata, "there is one already"), Patched},
		{nil, Patched},
	} {
		*seen = nil
		r, _, err := f.only(hook.PreRegister).Ask(context.Background(), plain, func(r hook.Result) error {
			if r.Action != hook.Patch {
				t.Errorf("judged %v", r)
			}
			return test.verdict
		})
		if !errors.Is(err, test.verdict) || r.Action != hook.Patch {
			t.Errorf("%v, %v", r, err)
		}
		if got := *seen; len(got) != 1 || got[0].Outcome != test.want {
			t.Errorf("%v: %+v", test.verdict, got)
		}
	}
	if s := f.want("a", Live, ""); s.Stats.LastFault != "the desk cannot take it" || s.Stats.Faults["answer"] != 1 {
		t.Errorf("%+v", s.Stats)
	}
	unfit := func(hook.Result) error { return hook.PreRegister.Fault("a", errors.New("the desk cannot take it")) }
	for range faultsToOpen {
		_, _, _ = f.only(hook.PreRegister).Ask(context.Background(), plain, unfit)
	}
	f.want("a", Resting, "")
}

// What a desk takes from nobody does not pass a self-test: members that are not the plugin's, values that no client can have, members
// that the software statement fixed.
func TestImpossiblePatch(t *testing.T) {
	for name, test := range map[string]struct{ patch, fault string }{
		"another's":       {`"logo_uri":"https://a.example/"`, "it patched logo_uri, which its manifest does not let it write"},
		"fixed":           {`"client_name":"x"`, "it patched client_name, which the software statement fixed"},
		"fixed otherwise": {`"client_name#fr":"x"`, "it patched client_name#fr, which the software statement fixed"},
		"of another type": {`"redirect_uris":"https://a.example/"`, "its patch is not valid: redirect_uris must be"},
		"no language":     {`"tos_uri#":"https://a.example/"`, "its patch is not valid: tos_uri has no valid language tag"},
		"good":            {`"redirect_uris":["https://a.example/"],"tos_uri#fr":"https://a.example/"`, ""},
		"taken away":      {`"redirect_uris":null`, ""},
		"only looks like": {`"tos_uri":"client_name"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f, _, _ := failing(t, Binding{}, register, nil)
			f.put("a", fake{answer: `{"v":1,"action":"patch","patch":{` + test.patch + `}}`}.wasm(),
				"hooks: {pre_register: {}}\nwrites: [client_name, redirect_uris, tos_uri]\n")
			f.reload()
			call := plain
			call.Context.Locked = []string{"client_name"}
			got := f.host.slots["a"].live.check(t.Context(), Case{Call: call, Expect: Expect{Action: string(hook.Patch)}})
			if test.fault == "" && got.Fault != nil || test.fault != "" && (got.Fault == nil || !strings.Contains(causeOf(got.Fault), test.fault)) {
				t.Errorf("%v", got.Fault)
			}
		})
	}
}

// Neither does an answer that nobody takes at other points.
func TestImpossibleAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		point         hook.Point
		answer, fault string
	}{
		"room for claims":  {hook.TokenClaims, `"action":"patch","patch":{"a":"` + strings.Repeat("x", hook.MaxAddedClaims-8) + `"}`, ""},
		"too many claims":  {hook.TokenClaims, `"action":"patch","patch":{"a":"` + strings.Repeat("x", hook.MaxAddedClaims-7) + `"}`, "what it adds to the token is longer than 4096 bytes"},
		"an id":            {hook.MintClientID, `"action":"result","result":{"client_id":"PSDGB-FCA-1"}`, ""},
		"an id as of ours": {hook.MintClientID, `"action":"result","result":{"client_id":"` + string(core.NewClientID(time.Now())) + `"}`, "its client_id has the form of the server's own ids"},
	} {
		f, _, _ := failing(t, Binding{}, register, nil)
		f.put("a", fake{answer: `{"v":1,` + test.answer + `}`}.wasm(), "hooks: {token_claims: {}, mint_client_id: {}}\nwrites: [a]\n")
		f.reload()
		f.want("a", Live, "")
		got := f.host.slots["a"].live.check(t.Context(), Case{Call: hook.Call{Point: test.point, Client: strictjson.Object()}})
		if test.fault == "" && got.Fault != nil || test.fault != "" && (got.Fault == nil || causeOf(got.Fault) != test.fault) {
			t.Errorf("%s: %v", name, got.Fault)
		}
	}
}

// reload: when it is not asked for a while, it is loaded anew. That alone does not make it well.
func TestPluginThatIsLoadedAnew(t *testing.T) {
	log := &logbook{}
	f, c, _ := failing(t, Binding{Fail: Afresh}, register, slog.New(log))
	old := f.host.slots["a"].live
	for range faultsToOpen {
		_, _, _ = old.Ask(context.Background(), plain, taken)
	}
	f.host.work.Wait() // what was begun in the background
	if log.count("plugin live") != 2 {
		t.Errorf("it was not loaded anew:\n%s", log)
	}
	s := f.want("a", Resting, "")
	if s.Until != c.at.Add(firstRest) {
		t.Errorf("it rests until %s", s.Until)
	}
	c.after(firstRest)
	_, _, err := f.only(hook.PreRegister).Ask(context.Background(), plain, taken)
	wantCode(t, err, core.PluginFault)
	if s := f.want("a", Resting, ""); s.Until != c.at.Add(2*firstRest) {
		t.Errorf("it rests until %s", s.Until)
	}
}

// A rejection is no fault, and neither is a caller who left.
func TestWhatIsNoFault(t *testing.T) {
	f, _, _ := failing(t, Binding{}, register, nil)
	f.put("a", fake{answer: `{"v":1,"action":"reject","error":{"code":"access_denied","description":"No."}}`}.wasm(), register)
	f.reload()
	p := f.only(hook.PreRegister)
	left, leave := context.WithCancel(context.Background())
	leave()
	for range 2 * faultsToOpen {
		if r, _, err := p.Ask(context.Background(), plain, taken); err != nil || r.Action != hook.Reject {
			t.Fatalf("%v, %v", r, err)
		}
		_, _, _ = p.Ask(left, plain, taken)
	}
	if s := f.want("a", Live, ""); s.Stats.Calls[Faulted] != 0 || s.Stats.Calls[Rejected] != 2*faultsToOpen || s.Stats.Calls[Busy] != 2*faultsToOpen {
		t.Errorf("%+v", s.Stats)
	}
}

func TestTallyOfFuel(t *testing.T) {
	tally := newTally()
	for fuel := range uint64(1000) {
		tally.note(Continued, fuel, nil, nil)
	}
	tally.note(Skipped, 0, nil, nil)
	if s := tally.read(); s.FuelMax != 999 || s.FuelP50 != 1000-recentCalls/2 || s.Calls[Continued] != 1000 {
		t.Errorf("%+v", s)
	}
	tally.note(Faulted, 1, errors.New("odd"), func() time.Time { return time.Unix(1, 0) })
	if s := tally.read(); s.LastFault != "odd" || s.Faults["answer"] != 1 {
		t.Errorf("%+v", s)
	}
}

// taken is a judge who takes every answer.
func taken(hook.Result) error { return nil }
