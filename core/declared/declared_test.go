package declared_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/declared"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

func parse(t testing.TB, text string) strictjson.Value {
	t.Helper()
	v, err := strictjson.Parse([]byte(text), strictjson.Stored)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// The members of the seeds' clients.yaml, as they are (E-POL-05).
func TestReadTheSeedsForm(t *testing.T) {
	entry, problems := declared.Read(parse(t, `{"client_id":"bff-server","token_endpoint_auth_method":"private_key_jwt",
		"jwks":{"keys":[{"kid":"k1","alg":"RS256","n":"AQAB","e":"AQAB"}]},"redirect_uris":["https://app.example.com/auth/callback"],
		"scopes":["openid","email"],"scope":"email openid","allowed_audiences":["https://api.example.com"],
		"post_logout_redirect_uris":["https://app.example.com/"],"client_secret":"s3cret","client_secret_expires_at":1772366400}`), []string{})
	if len(problems) > 0 || entry.ID != "bff-server" || len(entry.Secrets) != 1 || entry.Secrets[0].Clear.Reveal() != "s3cret" ||
		!entry.Secrets[0].ExpiresAt.Equal(time.Unix(1772366400, 0)) {
		t.Fatalf("%+v, %v", entry, problems)
	}
	for name, want := range map[string]string{
		"scope": `"email openid"`, "jwks": `{"keys":[{"kid":"k1","alg":"RS256","n":"AQAB","e":"AQAB","kty":"RSA"}]}`, "allowed_audiences": `["https://api.example.com"]`,
	} {
		if v, _ := entry.Document.Get(name); v.String() != want {
			t.Errorf("%s is %s, want %s", name, v, want)
		}
	}
	for _, name := range []string{"client_id", "scopes", "client_secret", "client_secret_expires_at"} {
		if _, there := entry.Document.Get(name); there {
			t.Errorf("%s is in the document that policy sees", name)
		}
	}
}

func TestReadTellsWhatIsWrong(t *testing.T) {
	const bcrypt = "$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga"
	for text, want := range map[string]string{
		`[]`:                                  "must be an object",
		`{}`:                                  "client_id is missing",
		`{"client_id":""}`:                    "client_id: is empty",
		`{"client_id":1}`:                     "client_id: must be a string, not a number; put it in quotes",
		`{"client_id":"a","scopes":"openid"}`: "scopes: must be a list of scopes",
		`{"client_id":"a","scopes":["a b"]}`:  "scopes[0]: is no scope",
		`{"client_id":"a","scopes":["a"],"scope":"b"}`:                                                     "scope: does not name the same",
		`{"client_id":"a","redirect_uris":"x"}`:                                                            "redirect_uris: must be an array of strings",
		`{"client_id":"a","decision_id":"x"}`:                                                              "decision_id: cannot be declared",
		`{"client_id":"a","registration_access_token":"x"}`:                                                "registration_access_token: cannot be declared",
		`{"client_id":"a","redirecturis":[]}`:                                                              "did you mean redirect_uris?",
		`{"client_id":"a","client_secret_hash":"plain"}`:                                                   "client_secret_hash: is no hash that can be used",
		`{"client_id":"a","client_secret_hash":{"alg":"argon2id","hash":"` + bcrypt + `"}}`:                "says alg argon2id and is bcrypt",
		`{"client_id":"a","client_secret_hash":{"alg":"sha256","hash":"00"}}`:                              "64 hexadecimal digits",
		`{"client_id":"a","client_secret_hash":{"hash":"` + bcrypt + `","salt":"x"}}`:                      "client_secret_hash.salt: is unknown",
		`{"client_id":"a","client_secret_hash":{"hash":"` + bcrypt + `","expires_at":"soon"}}`:             "client_secret_hash.expires_at: must be seconds",
		`{"client_id":"a","client_secret":"x","client_secret_hashes":["` + bcrypt + `","` + bcrypt + `"]}`: "more than 2 secrets",
		`{"client_id":"a","client_secret_hashes":"x"}`:                                                     "client_secret_hashes: must be a list",
		`{"client_id":"a","client_secret":"` + strings.Repeat("x", 257) + `"}`:                             "longer than 256 bytes",
		`{"client_id":"a","client_secret_expires_at":-1}`:                                                  "client_secret_expires_at: must be seconds",
	} {
		_, problems := declared.Read(parse(t, text), []string{})
		var all []string
		for _, p := range problems {
			all = append(all, strings.TrimPrefix(p.Path+": "+p.Text, ": "))
		}
		if !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("%s: %q, want %q", text, all, want)
		}
		if strings.Contains(strings.Join(all, "\n"), "XajjQ") {
			t.Errorf("%s: a hash is quoted: %q", text, all)
		}
	}
	if _, problems := declared.Read(parse(t, `{"client_id":"a","team":"x"}`), nil); len(problems) > 0 {
		t.Errorf("where nobody knows the custom attributes: %v", problems)
	}
}

// What is written reads as the same client.
func TestWriteThenRead(t *testing.T) {
	request, err := metadata.Parse(parse(t, `{"client_name":"A","client_name#fr":"B","scope":"openid email","redirect_uris":["https://a.example/cb"],
		"jwks":{"keys":[]},"default_max_age":3,"require_auth_time":false,"team":{"a":1}}`), []string{"team"})
	if err != nil {
		t.Fatal(err)
	}
	c := core.Client{ID: "a", Metadata: request.Metadata, Provenance: core.Provenance{Profile: "spa"}}
	hash := core.StoredSecret{Alg: "sha256", Hash: core.Secret("x").Hash().String(), ExpiresAt: time.Unix(1772366400, 0)}
	entry, problems := declared.Read(declared.Write(c, []core.StoredSecret{hash}), []string{"team"})
	if len(problems) > 0 || len(entry.Secrets) != 1 || entry.Secrets[0].Hash != hash.Hash || !entry.Secrets[0].ExpiresAt.Equal(hash.ExpiresAt) {
		t.Fatalf("%+v, %v", entry, problems)
	}
	again, err := metadata.Parse(entry.Document, []string{"team"})
	if err != nil || len(metadata.Changed(&c.Metadata, &again.Metadata)) > 0 {
		t.Errorf("changed: %v, %v", metadata.Changed(&c.Metadata, &again.Metadata), err)
	}
}

// The schema has every member of the table.
func TestSchemas(t *testing.T) {
	for name, schema := range map[string]strictjson.Value{"metadata": declared.MetadataSchema(), "client": declared.ClientSchema()} {
		properties, _ := schema.Get("properties")
		for _, row := range metadata.Rows() {
			p, there := properties.Get(row.Name)
			if about, _ := p.Get("description"); !there || about.String() != strictjson.String(row.Source).String() {
				t.Errorf("%s: %s is %s", name, row.Name, p)
			}
		}
	}
}

// Whatever name a registration may have a member by stands in the schema of metadata, and no other.
func TestSchemaHasEveryName(t *testing.T) {
	names := append(metadata.Controls(), "lifetime", "evidence")
	for _, row := range metadata.Rows() {
		names = append(names, row.Name)
	}
	for _, c := range metadata.Choices() {
		names = append(names, c.Name)
	}
	names = slices.AppendSeq(names, maps.Keys(metadata.OtherNames()))
	properties, _ := declared.MetadataSchema().Get("properties")
	var there []string
	for name, shape := range properties.All() {
		there = append(there, name)
		if kind, _ := shape.Get("type"); kind.Kind() != strictjson.KindString {
			t.Errorf("%s has no type: %s", name, shape)
		}
		if !metadata.IsReserved(name) && name != "lifetime" && name != "evidence" {
			t.Errorf("%s is no member", name)
		}
	}
	slices.Sort(names)
	slices.Sort(there)
	if !slices.Equal(names, there) {
		t.Errorf("the schema has %v\nwant %v", there, names)
	}
	patterns, _ := declared.MetadataSchema().Get("patternProperties")
	for pattern := range patterns.All() {
		if !regexp.MustCompile(pattern).MatchString(strings.TrimSuffix(pattern[1:], "#[A-Za-z0-9-]+$") + "#de-CH") {
			t.Errorf("%s is no translation", pattern)
		}
	}
}

// number is a number of a JSON Schema, 0 when it has none.
func number(shape strictjson.Value, name string) int64 {
	v, _ := shape.Get(name)
	n, _ := v.Int64()
	return n
}

// takes tells whether a member can have a value, but for the words that it may be.
func takes(row *metadata.Row, v strictjson.Value) bool {
	var m core.Metadata
	if err := row.Set(&m, v); err != nil {
		return false
	}
	return !slices.ContainsFunc(metadata.Floor(&m), func(r core.Reason) bool {
		return slices.Equal(r.Fields, []string{row.Name}) && r.Rule != "floor.unsupported_value" && r.Rule != "floor.malformed_value"
	})
}

// longText makes a value of a member that is so long.
func longText(row *metadata.Row, n int64) string {
	switch row.Kind {
	case metadata.URI, metadata.URIs:
		const begin = "https://a.example/"
		return begin + strings.Repeat("a", int(n)-len(begin))
	case metadata.Scope:
		return "a" + strings.Repeat(" ", int(n)-1)
	}
	return strings.Repeat("a", int(n))
}

// The caps of the schema are those that are enforced: a value at a cap is taken, one beyond it refused.
func TestSchemaHasTheCaps(t *testing.T) {
	properties, _ := declared.MetadataSchema().Get("properties")
	for _, row := range metadata.Rows() {
		shape, _ := properties.Get(row.Name)
		switch row.Kind {
		case metadata.Text, metadata.URI, metadata.Scope:
			most := number(shape, "maxLength")
			if !takes(row, strictjson.String(longText(row, most))) || takes(row, strictjson.String(longText(row, most+1))) {
				t.Errorf("%s: maxLength %d", row.Name, most)
			}
		case metadata.List, metadata.URIs:
			checkListCaps(t, row, shape)
		case metadata.Number:
			least, most := number(shape, "minimum"), number(shape, "maximum")
			if !takes(row, strictjson.Int(least)) || takes(row, strictjson.Int(least-1)) || most > 0 && (!takes(row, strictjson.Int(most)) || takes(row, strictjson.Int(most+1))) {
				t.Errorf("%s: minimum %d, maximum %d", row.Name, least, most)
			}
		}
	}
}

func checkListCaps(t *testing.T, row *metadata.Row, shape strictjson.Value) {
	t.Helper()
	item, _ := shape.Get("items")
	most, items := number(item, "maxLength"), number(shape, "maxItems")
	list := func(n int64) strictjson.Value {
		var texts []string
		for i := range n {
			texts = append(texts, longText(row, most-i))
		}
		return strictjson.Strings(texts)
	}
	if !takes(row, list(items)) {
		t.Errorf("%s: %d items of %d are refused", row.Name, items, most)
	}
	for what, v := range map[string]strictjson.Value{
		"an item too many": list(items + 1), "an item too long": strictjson.Strings([]string{longText(row, most+1)}),
		"minLength 1": strictjson.Strings([]string{""}), "uniqueItems": strictjson.Strings([]string{longText(row, 30), longText(row, 30)}),
	} {
		if takes(row, v) {
			t.Errorf("%s: %s is taken", row.Name, what)
		}
	}
}

// So are those of the lists that a client leaves the server to choose from.
func TestSchemaHasTheCapsOfChoices(t *testing.T) {
	properties, _ := declared.MetadataSchema().Get("properties")
	for _, c := range metadata.Choices() {
		shape, _ := properties.Get(c.Name)
		least, most := number(shape, "minItems"), number(shape, "maxItems")
		for n, fine := range map[int64]bool{least: true, least - 1: false, most: true, most + 1: false} {
			list := strictjson.Strings(slices.Repeat([]string{"x"}, int(n)))
			if _, err := metadata.Parse(strictjson.Object(strictjson.Member{Name: c.Name, Value: list}), nil); (err == nil) != fine {
				t.Errorf("%s of %d: %v", c.Name, n, err)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"client_id":"a","scopes":["openid"],"client_secret_hashes":[{"alg":"sha256"}],"jwks":{"keys":[{"n":"","e":""},1]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := strictjson.Parse([]byte(text), strictjson.Default)
		if err != nil {
			return
		}
		if entry, problems := declared.Read(doc, nil); len(problems) == 0 {
			if _, again := declared.Read(entry.Document.With("client_id", strictjson.String(string(entry.ID))), nil); len(again) > 0 {
				t.Errorf("%s: what was read cannot be read: %v", text, again)
			}
		}
	})
}
