package metadata_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Every member that differs is named, and only it.
func TestChangedNamesEachMember(t *testing.T) {
	base := parse(t, everything, "department").Metadata
	for _, row := range metadata.Rows() {
		other := metadata.Clone(base)
		v := value(t, good(row))
		if strictjson.Equal(v, row.Get(&base)) {
			v = strictjson.Null()
		}
		if err := row.Set(&other, v); err != nil {
			t.Fatal(err)
		}
		if v.IsNull() && row.Get(&base).IsAbsent() {
			continue
		}
		if got := metadata.Changed(&base, &other); !slices.Equal(got, []string{row.Name}) {
			t.Errorf("%s set to %s: Changed = %v", row.Name, v, got)
		}
	}
	if got := metadata.Changed(&base, &base); got != nil {
		t.Errorf("a client differs from itself in %v", got)
	}
}

func TestChangedComparesMeaning(t *testing.T) {
	for name, test := range map[string]struct {
		before, after string
		want          []string
	}{
		"order of a key set's members": {`{"jwks":{"keys":[],"x":1}}`, `{"jwks":{"x":1,"keys":[]}}`, nil},
		"order of a custom object":     {`{"team":{"a":1,"b":2}}`, `{"team":{"b":2,"a":1}}`, nil},
		"order of a list":              {`{"contacts":["a","b"]}`, `{"contacts":["b","a"]}`, []string{"contacts"}},
		"empty list and none":          {`{"response_types":[]}`, `{}`, []string{"response_types"}},
		"empty scope and none":         {`{"scope":"  "}`, `{}`, nil},
		"zero and none":                {`{"default_max_age":0}`, `{}`, []string{"default_max_age"}},
		"false and none":               {`{"require_auth_time":false}`, `{}`, []string{"require_auth_time"}},
		"translations and customs":     {`{"client_name#fr":"a","team":1}`, `{"client_name#de":"a","team":2}`, []string{"client_name#de", "client_name#fr", "team"}},
		"custom gone":                  {`{"team":1}`, `{}`, []string{"team"}},
	} {
		before, after := parse(t, test.before, "team").Metadata, parse(t, test.after, "team").Metadata
		if got := metadata.Changed(&before, &after); !slices.Equal(got, test.want) {
			t.Errorf("%s: Changed = %v, want %v", name, got, test.want)
		}
	}
	stripped := core.Metadata{Scope: []string{}}
	if got := metadata.Changed(&stripped, &core.Metadata{}); got != nil {
		t.Errorf("a scope that was stripped bare differs from none: %v", got)
	}
}

// Whatever is done to a clone, the original stays as it is.
func TestCloneSharesNothing(t *testing.T) {
	original := parse(t, everything, "department").Metadata
	want := metadata.Document(&original).String()
	clone := metadata.Clone(original)
	if got := metadata.Document(&clone).String(); got != want {
		t.Fatalf("the clone is %s", got)
	}
	for _, list := range [][]string{clone.RedirectURIs, clone.GrantTypes, clone.ResponseTypes, clone.Scope, clone.Contacts} {
		list[0] = "changed"
		_ = append(list[:0], "changed")
	}
	*clone.DefaultMaxAge, *clone.RequireAuthTime = 99, true
	clone.Tagged["client_name#fr"], clone.Custom["department"] = "changed", `"changed"`
	delete(clone.Tagged, "client_uri#fr")
	if got := metadata.Document(&original).String(); got != want {
		t.Errorf("the original became %s\nit was %s", got, want)
	}
	bare := metadata.Clone(core.Metadata{})
	if len(metadata.Write(&bare)) > 0 || bare.Tagged != nil || bare.Scope != nil {
		t.Errorf("the clone of nothing is %+v", bare)
	}
}

func TestCopyTakesOneMember(t *testing.T) {
	from := parse(t, everything).Metadata
	for _, row := range metadata.Rows() {
		var to core.Metadata
		row.Copy(&to, &from)
		if !strictjson.Equal(row.Get(&to), row.Get(&from)) {
			t.Errorf("%s: copied %s, want %s", row.Name, row.Get(&to), row.Get(&from))
		}
		if n := len(metadata.Write(&to)); n > 1 {
			t.Errorf("%s: %d members were copied", row.Name, n)
		}
		row.Copy(&to, &core.Metadata{})
		if !row.Get(&to).IsAbsent() {
			t.Errorf("%s: copying an absent member left %s", row.Name, row.Get(&to))
		}
	}
}

// Patch says what Diff says of the whole documents, whatever members two clients have.
func TestPatchIsTheDiffOfTheDocuments(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	custom := []string{"department", "odd/na~me"}
	whole := parse(t, everything, custom...).Metadata
	some := func() core.Metadata {
		doc := metadata.Document(&whole).With("odd/na~me", strictjson.Object(strictjson.Member{Name: "a/b", Value: strictjson.Int(random.Int64N(2))}))
		for _, m := range doc.Members() {
			switch random.IntN(4) {
			case 0:
				doc = doc.Without(m.Name)
			case 1:
				if s, ok := m.Value.Text(); ok && m.Name != "scope" {
					doc = doc.With(m.Name, strictjson.String(s+"x"))
				}
			}
		}
		return parse(t, doc.String(), custom...).Metadata
	}
	for range 500 {
		before, after := some(), some()
		got := metadata.Patch(&before, &after, metadata.Changed(&before, &after))
		want := strictjson.Diff(metadata.Document(&before), metadata.Document(&after))
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	}
	if got := metadata.Patch(&whole, &whole, nil); got != nil {
		t.Errorf("a client differs from itself by %v", got)
	}
}
