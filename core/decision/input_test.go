package decision

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

func parsed(t *testing.T, r Question) strictjson.Value {
	t.Helper()
	v, err := strictjson.Parse(AppendJSON(nil, r), strictjson.Stored)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// at follows member names.
func at(t *testing.T, v strictjson.Value, names ...string) strictjson.Value {
	t.Helper()
	for _, name := range names {
		next, ok := v.Get(name)
		if !ok {
			t.Fatalf("no member %s in %v", name, v)
		}
		v = next
	}
	return v
}

func TestJSONKeepsWhatItIsGiven(t *testing.T) {
	r := Registration{
		Operation: core.Register, Profile: `quote " and \`, Now: time.Unix(1_700_000_000, 999),
		Effective: Document{
			Metadata: core.Metadata{RedirectURIs: []string{"https://app.example/cb"}, Scope: []string{"openid", "email"}, JWKS: `{"keys":[]}`},
			Extra:    []strictjson.Member{{Name: "x", Value: strictjson.Int(7)}},
		},
	}
	v := parsed(t, &r)
	for want, path := range map[string][]string{
		`"register"`: {"operation"}, `"quote \" and \\"`: {"profile"}, `1700000000`: {"now"},
		`["openid","email"]`: {"scopes"}, `{"keys":[]}`: {"effective", "jwks"}, `{"x":7}`: {"effective", "extra"},
		`{}`: {"before", "jwks"}, `[]`: {"before", "scope"}, `false`: {"iat", "present"},
	} {
		if got := at(t, v, path...).String(); got != want {
			t.Errorf("%v = %s, want %s", path, got, want)
		}
	}
	uris := at(t, v, "redirect_uris").Items()
	if len(uris) != 1 || at(t, uris[0], "registrable_domain").String() != `"app.example"` {
		t.Errorf("redirect_uris = %v", uris)
	}
}

func TestJSONWriterResets(t *testing.T) {
	var w JSONWriter
	for range 2 {
		w.Reset()
		new(Registration).Write(&w)
		if want := AppendJSON(nil, new(Registration)); string(w.Bytes()) != string(want) {
			t.Fatalf("got %s, want %s", w.Bytes(), want)
		}
	}
}

// shapeOf lists the paths and types of a document, lists by their first item.
func shapeOf(v strictjson.Value, path string, found map[string]string) {
	found[path] = v.Kind().String()
	for name, member := range v.All() {
		if name == "" {
			name = "[]"
		}
		shapeOf(member, path+"."+name, found)
	}
}

// kinds are the decisions, each with its schema, an input in which every list has an item, and an empty one.
var kinds = map[string]struct {
	schema      func() []byte
	full, empty Question
}{
	"registration":  {RegistrationSchema, fullRegistration(), new(Registration)},
	"authorization": {AuthorizationSchema, fullAuthorization(), new(Authorization)},
	"token":         {TokenSchema, fullToken(), new(Token)},
	"session":       {SessionSchema, fullSession(), new(Session)},
}

func TestEveryInputHasTheSameMembers(t *testing.T) {
	for name, kind := range kinds {
		full, empty := map[string]string{}, map[string]string{}
		shapeOf(parsed(t, kind.full), "", full)
		shapeOf(parsed(t, kind.empty), "", empty)
		for path, kind := range full {
			if strings.Contains(path, "[]") {
				continue
			}
			if empty[path] != kind {
				t.Errorf("%s: %s is %s in a full input, %q in an empty one", name, path, kind, empty[path])
			}
		}
	}
}

func TestSchemaNamesEverything(t *testing.T) {
	schemas := map[string]strictjson.Value{}
	for name, kind := range kinds {
		schema, err := strictjson.Parse(kind.schema(), strictjson.Stored)
		if err != nil {
			t.Fatal(err)
		}
		schemas[name] = at(t, schema, "properties")
		noEmptyLists(t, schema, name)
	}
	properties := schemas["registration"]
	for _, row := range metadata.Visible() {
		at(t, properties, "effective", "properties", row.Name)
		at(t, schemas["authorization"], "client", "properties", row.Name)
		at(t, schemas["token"], "client", "properties", row.Name)
		at(t, schemas["session"], "client", "properties", row.Name)
	}
	at(t, properties, "redirect_uris", "items", "properties", "registrable_domain")
	at(t, properties, "uris", "items", "properties", "member")
	at(t, properties, "keys", "items", "properties", "kty")
	at(t, schemas["authorization"], "redirect_uri", "properties", "registrable_domain")
	for _, free := range [][]string{{"effective", "properties", "extra"}, {"effective", "properties", "jwks"}, {"software_statement", "properties", "claims"}} {
		if got := at(t, properties, free...).String(); got != `{"type":"object"}` {
			t.Errorf("%v = %s", free, got)
		}
	}
}

// noEmptyLists fails for a list of which nothing is known.
func noEmptyLists(t *testing.T, schema strictjson.Value, path string) {
	if kind, _ := schema.Get("type"); kind.String() == `"array"` {
		items, _ := schema.Get("items")
		if items.Kind() != strictjson.KindObject {
			t.Errorf("%s: the sample has no item", path)
		}
		noEmptyLists(t, items, path+"[]")
	}
	properties, _ := schema.Get("properties")
	for name, member := range properties.All() {
		noEmptyLists(t, member, path+"."+name)
	}
}

func TestPaths(t *testing.T) {
	var p Paths
	p.Add("iat", "label")
	p.Add("caller")
	p.Add("caller", "kind") // already there
	if got := p.String(); got != "caller iat.label" {
		t.Errorf("paths = %s", got)
	}
	for path, want := range map[string]bool{"iat": true, "iat label": true, "iat id": false, "caller kind": true, "now": false} {
		if got := p.Has(strings.Fields(path)...); got != want {
			t.Errorf("Has(%s) = %v", path, got)
		}
	}
	p.Add()
	if !p.Whole() || !p.Has("now") || p.String() != "." {
		t.Errorf("whole paths = %s", p.String())
	}
}

func TestSelectPassesOnWhatIsAskedFor(t *testing.T) {
	r := fullRegistration()
	r.Statement.Claims = strictjson.Object(
		strictjson.Member{Name: "org", Value: strictjson.Object(strictjson.Member{Name: "id", Value: strictjson.Int(1)}, strictjson.Member{Name: "name", Value: strictjson.String("n")})},
		strictjson.Member{Name: "list", Value: strictjson.Strings([]string{"a"})})
	for _, test := range []struct {
		paths []string
		want  string
	}{
		{[]string{"iat.present"}, `{"iat":{"present":true}}`},
		{[]string{"operation", "scopes"}, `{"operation":"update","scopes":["https://app.example/callback#"]}`},
		{[]string{"software_statement.claims.org.id"}, `{"software_statement":{"claims":{"org":{"id":1}}}}`},
		{[]string{"software_statement.claims.list.deeper"}, `{"software_statement":{"claims":{"list":["a"]}}}`},
		{[]string{"software_statement.claims.absent"}, `{"software_statement":{"claims":{}}}`},
		{[]string{"effective.grant_types.deeper"}, `{"effective":{"grant_types":["https://app.example/callback#"]}}`},
		{[]string{"effective.jwks"}, `{"effective":{"jwks":{}}}`},
		{[]string{"iat.label", "effective.extra"}, `{"effective":{"extra":{}},"iat":{"label":""}}`},
		{nil, `{}`},
	} {
		var p Paths
		for _, path := range test.paths {
			p.Add(strings.Split(path, ".")...)
		}
		var w JSONWriter
		r.Write(Select(&p, &w))
		if got := string(w.Bytes()); got != test.want {
			t.Errorf("%v: got %s, want %s", test.paths, got, test.want)
		}
	}
	var everything Paths
	everything.Add()
	var w JSONWriter
	r.Write(Select(&everything, &w))
	if got, want := string(w.Bytes()), string(AppendJSON(nil, r)); got != want {
		t.Errorf("the whole is not the whole: %s", got)
	}
}

// steps change an input in one place each.
var steps = map[string]func(*Registration){
	"now":                    func(r *Registration) { r.Now = time.Unix(5, 0) },
	"request_id":             func(r *Registration) { r.RequestID = "d-2" },
	"operation":              func(r *Registration) { r.Operation = core.Delete },
	"redirect_uris":          func(r *Registration) { r.Effective.Metadata.RedirectURIs = []string{"https://b.example/"} },
	"uris":                   func(r *Registration) { r.Effective.Metadata.LogoURI = "https://b.example/logo" },
	"scopes":                 func(r *Registration) { r.Effective.Metadata.Scope = []string{"a", "b"} },
	"keys":                   func(r *Registration) { r.Keys = []Key{{Kty: "EC", Bits: 256}} },
	"iat.max_uses":           func(r *Registration) { r.IAT.MaxUses = 3 },
	"caller.roles":           func(r *Registration) { r.Caller.Roles = nil },
	"before.client_name":     func(r *Registration) { r.Before.Metadata.ClientName = "x" },
	"software_statement.kid": func(r *Registration) { r.Statement.Kid = "k" },
	"signed_request.trust":   func(r *Registration) { r.Signed.Trust = "self" },
	"request.require_auth_time": func(r *Registration) {
		yes := true
		r.Request.Metadata.RequireAuthTime = &yes
	},
	"software_statement.claims": func(r *Registration) {
		r.Statement.Claims = strictjson.Object(strictjson.Member{Name: "a", Value: strictjson.Null()})
	},
}

func TestDigestSeesWhatIsRead(t *testing.T) {
	for read := range steps {
		var p Paths
		p.Add(strings.Split(read, ".")...)
		d := NewDigester(&p)
		before := d.Sum(fullRegistration())
		for changed, step := range steps {
			r := fullRegistration()
			step(r)
			differs := d.Sum(r) != before
			want := read == changed && changed != "now" && changed != "request_id"
			if differs != want {
				t.Errorf("reading %s, changing %s: digest differs %v", read, changed, differs)
			}
		}
	}
}

func TestDigestOfTheWholeLeavesTimeOut(t *testing.T) {
	var whole Paths
	whole.Add()
	d := NewDigester(&whole)
	before := d.Sum(fullRegistration())
	for changed, step := range steps {
		r := fullRegistration()
		step(r)
		if differs, want := d.Sum(r) != before, changed != "now" && changed != "request_id"; differs != want {
			t.Errorf("changing %s: digest differs %v", changed, differs)
		}
	}
}

// Neighbouring texts must not run into each other.
func TestDigestTellsNeighboursApart(t *testing.T) {
	var p Paths
	p.Add("present")
	d := NewDigester(&p)
	seen := map[string]string{}
	for _, list := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"as\x01b"}, {"a]"}, {"a", "]"}} {
		sum := fmt.Sprintf("%x", d.Sum(&Registration{Present: list}))
		if other, taken := seen[sum]; taken {
			t.Errorf("%q and %s have one digest", list, other)
		}
		seen[sum] = fmt.Sprintf("%q", list)
	}
}

func TestTrustRank(t *testing.T) {
	if !(TrustRank("none") < TrustRank("self") && TrustRank("self") < TrustRank("issuer")) || TrustRank("much") != -1 {
		t.Error("trust levels are out of order")
	}
}
