package decision

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// anyRegistration fills a question by chance: every member may be absent, empty or have a value.
func anyRegistration(random *rand.Rand) *Registration {
	some := func() string {
		return []string{"", "a", `quote " and \`, "https://app.example/cb", "\u00e9\u2028", "openid"}[random.IntN(6)]
	}
	few := func() []string {
		if random.IntN(3) == 0 {
			return nil
		}
		list := []string{}
		for range random.IntN(3) {
			list = append(list, "https://app.example/"+fmt.Sprint(random.IntN(9)))
		}
		return list
	}
	document := func() (d Document) {
		d.ClientID = core.ClientID(some())
		for _, row := range metadata.Visible() {
			var v strictjson.Value
			switch row.Kind {
			case metadata.Text, metadata.URI:
				v = strictjson.String(some())
			case metadata.List, metadata.URIs, metadata.Scope:
				v = strictjson.Strings(few())
			case metadata.Number:
				v = strictjson.Int(int64(random.IntN(3)))
			case metadata.Flag:
				v = strictjson.Bool(random.IntN(2) == 0)
			case metadata.Object:
				v = strictjson.Object(strictjson.Member{Name: "keys", Value: strictjson.Strings(few())})
			}
			if random.IntN(2) == 0 {
				if err := row.Restore(&d.Metadata, v, random.IntN(2) == 0); err != nil {
					panic(err)
				}
			}
		}
		if random.IntN(2) == 0 {
			d.Metadata.Tagged = map[string]string{"client_name#fr": "\u00c9choppe", "logo_uri#de": "https://app.example/de.png"}
		}
		d.Extra = append(metadata.Beyond(&d.Metadata), strictjson.Member{Name: "x", Value: strictjson.Strings(few())})
		return d
	}
	r := &Registration{
		Operation: core.Operation(some()), Channel: core.ChannelDCR, Profile: some(), Pass: 1, Now: time.Unix(int64(random.IntN(3)), 0),
		RequestID: some(), Request: document(), Present: few(), Effective: document(), Before: document(), Changed: few(),
		Statement: Statement{Present: random.IntN(2) == 0, Trust: some(), Issuer: some(), Alg: some(), Kid: some()},
		IAT:       IAT{Present: random.IntN(2) == 0, ID: core.TokenID(some()), Label: some(), Profile: some(), MaxUses: 3, CreatedBy: core.Subject(some())},
		Caller: core.Caller{
			Kind: some(), IP: some(), Origin: some(), UserAgent: some(), Subject: core.Subject(some()), ClientID: core.ClientID(some()),
			Scopes: few(), Roles: few(),
		},
	}
	if random.IntN(2) == 0 {
		r.Keys = []Key{{Kty: some(), Alg: some(), Use: some(), Kid: some(), Crv: some(), Bits: random.IntN(4096)}}
		r.IAT.ExpiresAt = time.Unix(1_700_000_000, 0)
		r.IAT.Terms = core.Terms{Scopes: few(), RedirectHosts: few(), SoftwareIDs: few(), Origins: few(), PolicyData: `{"team":["a",1.50]}`}
		r.Statement.Claims = strictjson.Object(strictjson.Member{Name: "org", Value: strictjson.String(some())})
	}
	return r
}

// What was kept is read as it was asked: every Writer writes the same, and what policy cannot see is as it was, too.
func TestKeptQuestionIsTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	questions := []*Registration{new(Registration), fullRegistration()}
	for range 2000 {
		questions = append(questions, anyRegistration(random))
	}
	var whole Paths
	whole.Add()
	digester := NewDigester(&whole)
	marked := 0
	for _, q := range questions {
		kept := AppendKept(nil, q)
		back, err := ParseKept(kept)
		if err != nil {
			t.Fatalf("%v of %s", err, kept)
		}
		if got, want := string(AppendJSON(nil, back)), string(AppendJSON(nil, q)); got != want {
			t.Fatalf("policy would see\n%s\nand saw\n%s", got, want)
		}
		if got := string(AppendKept(nil, back)); got != string(kept) {
			t.Fatalf("kept again: %s\nkept first: %s", got, kept)
		}
		if digester.Sum(back) != digester.Sum(q) {
			t.Fatalf("another digest of %s", kept)
		}
		for _, two := range [][2]*core.Metadata{{&back.Effective.Metadata, &q.Effective.Metadata}, {&back.Before.Metadata, &q.Before.Metadata}} {
			if differs := metadata.Changed(two[0], two[1]); len(differs) > 0 {
				t.Fatalf("%v differ in %s", differs, kept)
			}
		}
		if strings.Contains(string(kept), `"explicit":`) {
			marked++
		}
	}
	if marked == 0 || marked == len(questions) {
		t.Errorf("%d of %d have empty members", marked, len(questions))
	}
}

func TestKeptQuestionIsReadStrictly(t *testing.T) {
	good := string(AppendKept(nil, fullRegistration()))
	for name, bad := range map[string]string{
		"nothing": "", "no object": "[]", "another contract": strings.Replace(good, Contract, "ostiary/9", 1),
		"a member is missing": strings.Replace(good, `"operation"`, `"operatiom"`, 1),
		"a client's":          strings.Replace(good, `"logo_uri":`, `"lego_uri":`, 1),
		"another type":        strings.Replace(good, `"pass":1`, `"pass":"1"`, 1),
		"a member's type":     strings.Replace(good, `"response_types":[`, `"response_types":"","x":[`, 1),
	} {
		if bad == good {
			t.Fatalf("%s: nothing was replaced", name)
		}
		if _, err := ParseKept([]byte(bad)); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	whole := string(AppendJSON(nil, fullRegistration())) // as it was kept when nothing was left out
	if back, err := ParseKept([]byte(whole)); err != nil || string(AppendKept(nil, back)) != good {
		t.Errorf("kept with all that follows from it: %v", err)
	}
}

// What a client does not have is not kept, and what it has empty is kept by name.
func TestOnlyWhatIsThereIsKept(t *testing.T) {
	q := fullRegistration()
	q.Effective.Metadata = core.Metadata{ClientName: "Books", Contacts: []string{}, Scope: []string{}, DefaultMaxAge: new(int64)}
	kept, err := strictjson.Parse(AppendKept(nil, q), strictjson.Stored)
	if err != nil {
		t.Fatal(err)
	}
	effective, _ := kept.Get("effective")
	if names := namesOf(effective); !slices.Equal(names, []string{"client_id", "client_name", "extra"}) {
		t.Errorf("effective has %v", names)
	}
	empties, _ := kept.Get(explicit)
	if names, _ := empties.Strings(); !slices.Contains(names, "effective.contacts") || !slices.Contains(names, "effective.default_max_age") || slices.Contains(names, "effective.scope") {
		t.Errorf("empty are %v", names)
	}
	for _, derived := range []string{"uris", "redirect_uris", "scopes"} {
		if _, there := kept.Get(derived); there {
			t.Errorf("%s is kept, although it follows from the client", derived)
		}
	}
}

func namesOf(v strictjson.Value) []string {
	var names []string
	for _, m := range v.Members() {
		names = append(names, m.Name)
	}
	return names
}
