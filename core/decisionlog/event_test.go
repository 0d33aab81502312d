package decisionlog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// registered is a registration that policy changed, so that it was asked twice.
func registered(t testing.TB) decision.Taken {
	claims := read(t, `{"contacts":["claims@people.example"],"iss":"i"}`)
	q := decision.Registration{
		Operation: core.Register, Channel: core.ChannelDCR, Pass: 1, RequestID: "r-7",
		Effective: decision.Document{
			Metadata: core.Metadata{ClientName: "Shop", Contacts: []string{"ann@people.example"}, Scope: []string{"openid", "email"}},
			Extra:    []strictjson.Member{{Name: "password", Value: strictjson.String("oops")}},
		},
		Statement: decision.Statement{Present: true, Claims: claims},
		Caller:    core.Caller{Kind: "open", IP: "192.0.2.1"},
	}
	again := q
	again.Pass = 2
	by := core.Reason{Rule: "house.mail", Public: true, File: "house.rego", Line: 3}
	return decision.Taken{
		ID: "d-1", Name: "registration", At: time.Unix(1_700_000_000, 123_000_000), Client: "c-9", Outcome: decision.OutcomeAllowed,
		Rounds: []decision.Round{
			{Question: &q, Verdict: decision.Verdict{
				Allow: true, Revision: "rev", Elapsed: 100, Strip: []decision.Scope{{Scope: "email", By: by}},
				Set: []decision.Setting{{Field: "client_name", Value: strictjson.String("Ours"), By: by}}, Labels: []string{"first"},
			}},
			{Question: &again, Verdict: decision.Verdict{
				Allow: true, Revision: "rev", Elapsed: 11, Cached: true, Labels: []string{"last"}, Limits: map[string]int64{"b": 2, "a": 1},
				Require: []core.Obligation{{Name: "pkce_s256", Rule: "r", Params: `{"a":1}`}}, Trust: "self",
			}},
		},
	}
}

func line1(t testing.TB, o Options, taken decision.Taken) string {
	t.Helper()
	o.Labels = []strictjson.Member{{Name: "id", Value: strictjson.String("i-1")}, {Name: "version", Value: strictjson.String("v1")}}
	return string(open(t, o).encode(taken))
}

// The whole line of a registration that policy changed: the question as it came, and what became of it.
func TestLineOfRegistration(t *testing.T) {
	got := read(t, line1(t, Options{Erase: DefaultErase()}, registered(t)))
	for want, names := range map[string]string{
		"d-1": "decision_id", "2023-11-14T22:13:20.123Z": "timestamp", "i-1": "labels id", "v1": "labels version",
		"ostiary/registration/decision": "path", "rev": "bundles ostiary revision", "r-7": "req_id", "register": "custom operation",
		"dcr": "custom channel", "c-9": "custom client_id", "allowed": "custom outcome", "Shop": "input effective client_name", "192.0.2.1": "input caller ip",
		"self": "result trust",
	} {
		if text := textAt(t, got, strings.Fields(names)...); text != want {
			t.Errorf("%s = %q, want %q", names, text, want)
		}
	}
	for want, names := range map[string]string{
		`{"timer_rego_query_eval_ns":111,"cached":false}`: "metrics", "2": "custom passes", "1": "input pass", "true": "result allow",
		`[{"rule":"house.mail","file":"house.rego","line":3,"scope":"email"}]`:                      "result strip",
		`[{"rule":"house.mail","file":"house.rego","line":3,"field":"client_name","value":"Ours"}]`: "result set",
		`["last"]`: "result label", `{"a":1,"b":2}`: "result limit", `[{"rule":"r","name":"pkce_s256","params":"{\"a\":1}"}]`: "result require",
		`["/input/request/contacts","/input/request/extra","/input/effective/contacts","/input/effective/extra","/input/before/contacts",` +
			`"/input/software_statement/claims/contacts"]`: "erased",
	} {
		if text := at(got, strings.Fields(names)...).String(); text != want {
			t.Errorf("%s = %s, want %s", names, text, want)
		}
	}
	for _, name := range []string{"error", "masked"} {
		if !at(got, name).IsAbsent() {
			t.Errorf("there is %s", name)
		}
	}
}

func TestLineOfRefusal(t *testing.T) {
	taken := denied("d-2")
	taken.Rounds[0].Verdict.Deny[0] = core.Reason{Rule: "r", Code: core.AccessDenied, Message: "No.", Fields: []string{"scope"}, File: "f.rego", Line: 4}
	got := read(t, line1(t, Options{}, taken))
	want := `{"allow":false,"deny":[{"rule":"r","file":"f.rego","line":4,"code":"access_denied","fields":["scope"],"message":"No."}]}`
	if text := at(got, "result").String(); text != want || textAt(t, got, "custom", "client_id") != "c-1" || textAt(t, got, "custom", "operation") != "client_credentials" {
		t.Errorf("%s", got)
	}
}

// What kept the rules from a decision may quote the input, and stays out.
func TestLineOfFailure(t *testing.T) {
	taken := allowed("d-3")
	taken.Outcome, taken.Err = decision.OutcomeFailed, core.Fail(core.PolicyUnavailable, "No decision.", errors.New(`to_number: "ann@people.example"`))
	taken.Rounds[0] = decision.Round{Question: taken.Rounds[0].Question, Verdict: decision.Verdict{Revision: "rev"}, Err: taken.Err}
	text := line1(t, Options{}, taken)
	got := read(t, text)
	if at(got, "error").String() != `{"code":"policy_unavailable","message":"No decision."}` || !at(got, "result").IsAbsent() ||
		textAt(t, got, "custom", "outcome") != "failed" || strings.Contains(text, "ann@") {
		t.Errorf("%s", text)
	}
}

func TestMasks(t *testing.T) {
	for name, test := range map[string]struct {
		erase, mask    []string
		erased, masked string
		gone           []string // texts that are nowhere
		stays          []string
	}{
		"nothing":       {stays: []string{"ann@people.example", "claims@people.example", "oops", "192.0.2.1"}},
		"the defaults":  {erase: DefaultErase(), gone: []string{"people.example", "oops"}, stays: []string{"192.0.2.1", `"iss":"i"`}},
		"in claims":     {erase: []string{"/input/software_statement/claims/contacts"}, erased: `["/input/software_statement/claims/contacts"]`, gone: []string{"claims@"}, stays: []string{`"claims":{"iss":"i"}`}},
		"a whole":       {erase: []string{"/input/effective"}, erased: `["/input/effective"]`, gone: []string{"ann@", "oops"}, stays: []string{`"before":{`}},
		"hidden":        {mask: []string{"/input/caller/ip", "/input/effective/contacts"}, masked: `["/input/effective/contacts","/input/caller/ip"]`, gone: []string{"192.0.2.1", "ann@"}, stays: []string{`"ip":"**REDACTED**"`, `"contacts":"**REDACTED**"`, "oops"}},
		"in the result": {erase: []string{"/result/set"}, erased: `["/result/set"]`, gone: []string{"Ours"}, stays: []string{`"strip":[`}},
		"what is set":   {erase: []string{"/input/effective/client_name"}, gone: []string{"Ours", "Shop"}, stays: []string{`"field":"client_name","value":"**REDACTED**"`}},
		"of a client":   {mask: []string{"/input/client/client_name"}, gone: []string{"Ours"}, stays: []string{`"field":"client_name","value":"**REDACTED**"`}},
		"set, of all":   {erase: []string{"/input/effective"}, gone: []string{"Ours"}, stays: []string{`"field":"client_name"`}},
		"set, of input": {mask: []string{"/input"}, gone: []string{"Ours", "Shop"}, stays: []string{`"field":"client_name"`}},
		"escaped":       {erase: []string{"/input/effective/extra/a~1b~0c"}, stays: []string{"oops"}},
		"not there":     {erase: []string{"/input/nowhere/at/all", "/input/client_name"}, stays: []string{"Shop"}},
		"both":          {erase: []string{"/input/caller/ip"}, mask: []string{"/input/caller/ip"}, erased: `["/input/caller/ip"]`, gone: []string{"192.0.2.1"}},
		"all of it":     {erase: []string{"/input", "/result"}, erased: `["/input","/result"]`, gone: []string{"Shop", "allow\":"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := line1(t, Options{Erase: test.erase, Mask: test.mask}, registered(t))
			got := read(t, text)
			if test.erased != "" && at(got, "erased").String() != test.erased || test.masked != "" && at(got, "masked").String() != test.masked {
				t.Errorf("erased %s, masked %s", at(got, "erased"), at(got, "masked"))
			}
			for _, gone := range test.gone {
				if strings.Contains(text, gone) {
					t.Errorf("%s is in %s", gone, text)
				}
			}
			for _, stays := range test.stays {
				if !strings.Contains(text, stays) {
					t.Errorf("%s is not in %s", stays, text)
				}
			}
		})
	}
}

// Of an object that a rule sets, what is kept out of the client is kept out, too.
func TestMaskWithinWhatIsSet(t *testing.T) {
	taken := registered(t)
	value := read(t, `{"keys":["secret"],"kept":{"a":"secret"},"other":"open"}`)
	taken.Rounds[0].Verdict.Set = []decision.Setting{{Field: "jwks", Value: value}, {Field: "logo_uri", Value: strictjson.String("open, too")}}
	taken.Rounds[0].Verdict.Default = []decision.Setting{{Field: "contacts", Value: strictjson.Strings([]string{"secret"})}}
	text := line1(t, Options{
		Erase: []string{"/input/effective/jwks/keys", "/input/effective/contacts"}, Mask: []string{"/input/request/jwks/kept/a"},
	}, taken)
	got := read(t, text)
	if strings.Contains(text, "secret") || !strings.Contains(text, `{"kept":{"a":"**REDACTED**"},"other":"open"}`) || !strings.Contains(text, "open, too") {
		t.Error(text)
	}
	if erased := at(got, "erased").String(); erased != `["/input/effective/contacts","/input/effective/jwks/keys"]` {
		t.Error(erased)
	}
}

func TestPointersAreChecked(t *testing.T) {
	for _, bad := range []string{"", "/", "input", "input/contacts", "/inputs/contacts", "/labels/id", "/input//contacts", "/input/"} {
		if CheckPointer(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
		if _, err := Open(Options{Erase: []string{bad}}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for _, good := range append(DefaultErase(), "/result/deny", "/input") {
		if err := CheckPointer(good); err != nil {
			t.Error(err)
		}
	}
}

// One encoder is used for one line after the other, and by many at once.
func TestLinesDoNotMix(t *testing.T) {
	l := open(t, Options{Erase: DefaultErase()})
	first, second := string(l.encode(registered(t))), string(l.encode(denied("d-2")))
	for range 3 {
		if string(l.encode(registered(t))) != first || string(l.encode(denied("d-2"))) != second {
			t.Fatal("the same decision is another line")
		}
	}
}

// What a request pays for a log: encoding and queueing.
func BenchmarkRecord(b *testing.B) {
	for name, taken := range map[string]decision.Taken{"registration": registered(b), "token": allowed("d-1")} {
		b.Run(name, func(b *testing.B) {
			l := open(b, Options{Erase: DefaultErase(), Sinks: []Sink{&tray{lines: 256}}})
			b.ReportAllocs()
			for b.Loop() {
				l.Record(taken)
			}
		})
	}
}
