package registration_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// moods are what rules may make of a request; its client_name says which.
var moods = []func(q *decision.Registration) (decision.Verdict, error){
	func(*decision.Registration) (decision.Verdict, error) { return decision.Verdict{Allow: true}, nil },
	func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Deny: []core.Reason{{Rule: "no", Code: core.InvalidScope, Message: "No.", Public: true}, {Rule: "hidden", Code: core.AccessDenied}}}, nil
	},
	func(*decision.Registration) (decision.Verdict, error) { // much at once, and stable
		return decision.Verdict{
			Allow: true, Strip: []decision.Scope{{Scope: "email", By: by("strip")}}, Grant: []decision.Scope{{Scope: "profile", By: by("grant")}},
			Default: []decision.Setting{setting("contacts", `["a@b.example"]`), setting("require_auth_time", "true"), setting("default_max_age", "60")},
			Limits:  map[string]int64{decision.LimitClientLifetime: 9}, Labels: []string{"l"}, Trust: "none", Require: []core.Obligation{{Name: "pkce_s256", Rule: "o"}},
		}, nil
	},
	func(*decision.Registration) (decision.Verdict, error) { // what the floor does not take
		return decision.Verdict{Allow: true, Set: []decision.Setting{setting("redirect_uris", `["javascript:x"]`)}}, nil
	},
	func(q *decision.Registration) (decision.Verdict, error) { // never at rest
		return decision.Verdict{Allow: true, Set: []decision.Setting{setting("client_uri", fmt.Sprintf(`"https://a.example/%d"`, q.Pass))}}, nil
	},
	func(q *decision.Registration) (decision.Verdict, error) { // denies its own result
		if q.Pass == 2 {
			return decision.Verdict{Deny: []core.Reason{{Rule: "no", Code: core.InvalidClientMetadata, Message: "No."}}}, nil
		}
		return decision.Verdict{Allow: true, Set: []decision.Setting{setting("client_uri", `"https://a.example/"`)}}, nil
	},
	func(q *decision.Registration) (decision.Verdict, error) { // puts a name back as it was, and denies that
		v := decision.Verdict{Allow: true}
		if q.Operation == core.Update {
			v.Set = []decision.Setting{setting("client_name", strictjson.String(q.Before.Metadata.ClientName).String())}
			if q.Pass == 2 { // a denial of no change is a warning
				v.Allow, v.Deny = false, []core.Reason{{Rule: "back", Code: core.AccessDenied, Message: "As it was."}}
			}
		}
		return v, nil
	},
	func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{}, core.Fail(core.PolicyConflict, "Two rules.", fmt.Errorf("why"))
	},
	func(*decision.Registration) (decision.Verdict, error) { // keys are read again
		return decision.Verdict{Allow: true, Set: []decision.Setting{setting("jwks", `{"keys":[{"kty":"oct","k":"AA"}]}`)}}, nil
	},
}

func moody(q *decision.Registration) (decision.Verdict, error) {
	name := q.Effective.Metadata.ClientName
	if name == "" {
		name = q.Before.Metadata.ClientName
	}
	return moods[int(name[len(name)-1]-'0')](q)
}

// anyDocument is a client by chance. Members may be there and be empty.
func anyDocument(random *rand.Rand, id core.ClientID) string {
	members := []string{
		fmt.Sprintf(`"client_name":"Shop %d"`, random.IntN(len(moods))), `"redirect_uris":["https://shop.example/cb"]`, `"scope":"openid email"`,
	}
	if id != "" {
		members = append(members, `"client_id":"`+string(id)+`"`)
	}
	for _, maybe := range []string{
		`"contacts":[]`, `"require_auth_time":false`, `"default_max_age":0`, `"client_name#fr":"\u00c9choppe"`, `"logo_uri":"https://shop.example/l.png"`,
		`"tier":{"a":1}`, `"unknown":[1]`, `"software_id":"s"`, `"default_acr_values":[]`, `"logo_uri#de":"https://shop.example/de.png"`,
		`"grant_types":["authorization_code","refresh_token"]`,
	} {
		if random.IntN(2) == 0 {
			members = append(members, maybe)
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

// ruled is what policy did in an entry, as text that does not depend on the clock.
func ruled(t *testing.T, e ledger.Entry) string {
	t.Helper()
	first := slices.IndexFunc(e.Stages, func(s ledger.Stage) bool { return s.Stage == "policy" })
	if first < 0 {
		return ""
	}
	rows := slices.Clone(e.Stages[first:])
	rows = slices.DeleteFunc(rows, func(s ledger.Stage) bool { return s.Stage == "approve" })
	for i := range rows {
		rows[i].NS = 0
	}
	text, err := ledger.AppendStages(nil, rows)
	if err != nil {
		t.Fatal(err)
	}
	if e.Error != nil {
		text = fmt.Appendf(text, " %s %s", e.Error.Code, e.Error.Detail)
	}
	return fmt.Sprintf("%s %s %s", e.Verdict, e.Revision, text)
}

// Thousands of decisions of every kind, asked again of the same rules: the same questions, the same rows, the same end.
func TestRejudgeIsExact(t *testing.T) {
	b := newBench(t, func(s *registration.Site) { s.CustomAttributes = []string{"tier"} })
	random := rand.New(rand.NewPCG(3, 4))
	var asked []string
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		asked = append(asked, string(decision.AppendJSON(nil, q)))
		return moody(q)
	}
	ends, twice := map[string]int{}, 0
	for i := range 3000 {
		b.now = b.now.Add(time.Second)
		e, passes := b.anything(random, i, &asked)
		if len(passes) == 0 {
			continue
		}
		kept, err := decision.ParseKept(e.Input)
		if err != nil {
			t.Fatalf("%v: %s", err, e.Input)
		}
		var again []string
		got := b.desk.Rejudge(t.Context(), func(_ context.Context, q *decision.Registration) (decision.Verdict, error) {
			again = append(again, string(decision.AppendJSON(nil, q)))
			v, err := moody(q)
			v.Revision = "r-test"
			return v, err
		}, kept)
		if !slices.Equal(again, passes) {
			t.Fatalf("asked\n%s\nand again\n%s", strings.Join(passes, "\n"), strings.Join(again, "\n"))
		}
		if ruled(t, got) != ruled(t, e) {
			t.Fatalf("ended\n%s\nand again\n%s", ruled(t, e), ruled(t, got))
		}
		ends[fmt.Sprint(e.Operation, " ", e.Verdict)]++
		twice += len(passes) - 1
	}
	for _, end := range []string{"register allowed", "register denied", "register failed", "update allowed", "update denied", "update failed", "delete allowed"} {
		if ends[end] < 20 {
			t.Errorf("only %d of %s: %v", ends[end], end, ends)
		}
	}
	if twice < 300 {
		t.Errorf("only %d were asked twice", twice)
	}
}

// anything makes one request by chance, and gives its entry and what policy was asked.
func (b *bench) anything(random *rand.Rand, i int, asked *[]string) (ledger.Entry, []string) {
	b.t.Helper()
	var ids []core.ClientID
	for id := range b.store.clients {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	req := b.request(core.Register, core.ChannelOperator, "", anyDocument(random, ""))
	if len(ids) > 5 && i%2 == 0 {
		id := ids[random.IntN(len(ids))]
		switch random.IntN(5) {
		case 0:
			req = b.request(core.Delete, core.ChannelOperator, id, "")
		case 1:
			req = b.request(core.Update, core.ChannelOperator, id, "")
			req.Body, req.Merge = parse(b.t, `{"client_name":"Shop `+fmt.Sprint(random.IntN(len(moods)))+`","contacts":[]}`), true
		case 2:
			req = b.request(core.Update, core.ChannelOperator, id, `{}`)
			req.Merge = true
		default:
			req = b.request(core.Update, core.ChannelOperator, id, anyDocument(random, id))
		}
	}
	*asked = nil
	approved, e, err := b.desk.Judge(b.t.Context(), req)
	if err == nil {
		if err := b.store.Commit(b.t.Context(), approved); err != nil {
			b.t.Fatal(err)
		}
	}
	return e, *asked
}
