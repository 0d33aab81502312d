package registration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/metadata"
)

// Every channel has a door, so that none is built that the attacks do not try.
func TestEveryChannelHasADoor(t *testing.T) {
	for _, channel := range core.Channels() {
		has := slices.ContainsFunc(doors, func(d door) bool { return d.channel == channel })
		if has == (doorless[channel] != "") {
			t.Errorf("the channel %s needs one row in doors, or else in doorless", channel)
		}
	}
}

// An attack is a change of a good document, and how it ends.
type attack struct {
	changes []string
	code    core.Code
}

// attacks are what policy, floor or the reader of a statement must see.
var attacks = map[string]attack{
	"omitted":                          {[]string{"contacts", ""}, core.InvalidClientMetadata},
	"null":                             {[]string{"contacts", "null"}, core.InvalidClientMetadata},
	"empty list":                       {[]string{"contacts", "[]"}, core.InvalidClientMetadata},
	"redirect swapped":                 {[]string{"redirect_uris", `["https://evil.example/cb"]`}, core.InvalidRedirectURI},
	"redirect added":                   {[]string{"redirect_uris", `["https://shop.example/cb","https://evil.example/cb"]`}, core.InvalidRedirectURI},
	"redirect of look-alike":           {[]string{"redirect_uris", `["https://shop.example.evil.example/cb"]`}, core.InvalidRedirectURI},
	"redirect by userinfo":             {[]string{"redirect_uris", `["https://shop.example@evil.example/cb"]`}, core.InvalidRedirectURI},
	"redirect by backslash":            {[]string{"redirect_uris", `["https://evil.example\\@shop.example/cb"]`}, core.InvalidRedirectURI},
	"redirect that is a script":        {[]string{"redirect_uris", `["javascript:alert(1)"]`}, core.InvalidRedirectURI},
	"scope swapped":                    {[]string{"scope", `"admin.api"`}, core.InvalidScope},
	"scope added":                      {[]string{"scope", `"openid admin.api"`}, core.InvalidScope},
	"scope twice":                      {[]string{"scope", `"openid admin.api admin.api"`}, core.InvalidScope},
	"grant that is not built":          {[]string{"grant_types", `["authorization_code","password"]`}, core.InvalidClientMetadata},
	"response type that is not built":  {[]string{"response_types", `["token"]`}, core.InvalidClientMetadata},
	"algorithm that is none":           {[]string{"id_token_signed_response_alg", `"none"`}, core.InvalidClientMetadata},
	"algorithm with a shared key":      {[]string{"id_token_signed_response_alg", `"HS256"`}, core.InvalidClientMetadata},
	"encryption with a shared key":     {[]string{"id_token_encrypted_response_alg", `"A128KW"`}, core.InvalidClientMetadata},
	"encryption without a key":         {[]string{"userinfo_encrypted_response_alg", `"RSA-OAEP"`}, core.InvalidClientMetadata},
	"method that is not built":         {[]string{"token_endpoint_auth_method", `"client_secret_jwt"`}, core.InvalidClientMetadata},
	"method in capitals":               {[]string{"token_endpoint_auth_method", `"NONE"`}, core.InvalidClientMetadata},
	"keys in two places":               {[]string{"jwks", `{"keys":[]}`, "jwks_uri", `"https://shop.example/jwks"`}, core.InvalidClientMetadata},
	"a statement that nobody can read": {[]string{"software_statement", `"e30.e30.e30"`}, core.InvalidSoftwareStatement},
}

// malformed are documents that say no client's metadata at all.
var malformed = map[string]attack{
	"flip: string for a list":         {[]string{"grant_types", `"authorization_code"`}, core.InvalidClientMetadata},
	"flip: list for a string":         {[]string{"client_name", `["Shop"]`}, core.InvalidClientMetadata},
	"flip: object for a list":         {[]string{"contacts", `{"0":"a@shop.example"}`}, core.InvalidClientMetadata},
	"flip: number for a string":       {[]string{"client_name", `1`}, core.InvalidClientMetadata},
	"flip: list in a list":            {[]string{"contacts", `[["a@shop.example"]]`}, core.InvalidClientMetadata},
	"flip: string for a number":       {[]string{"default_max_age", `"60"`}, core.InvalidClientMetadata},
	"flip: string for a flag":         {[]string{"require_auth_time", `"true"`}, core.InvalidClientMetadata},
	"flip: number for a flag":         {[]string{"require_auth_time", `1`}, core.InvalidClientMetadata},
	"flip: half a number":             {[]string{"default_max_age", `0.5`}, core.InvalidClientMetadata},
	"flip: less than nothing":         {[]string{"default_max_age", `-1`}, core.InvalidClientMetadata},
	"flip: null in a list":            {[]string{"contacts", `["a@shop.example",null]`}, core.InvalidClientMetadata},
	"flip: string for a key set":      {[]string{"jwks", `"{\"keys\":[]}"`}, core.InvalidClientMetadata},
	"a name that is too long":         {[]string{"client_name", `"` + strings.Repeat("n", 4097) + `"`}, core.InvalidClientMetadata},
	"a list that is too long":         {[]string{"contacts", `["` + strings.Repeat(`a@b.c","`, 200) + `a@b.c"]`}, core.InvalidClientMetadata},
	"a member whose name is too long": {[]string{strings.Repeat("m", 129), `1`}, core.InvalidClientMetadata},
	"a language that is none":         {[]string{"client_name#de en", `"Laden"`}, core.InvalidClientMetadata},
	"more languages than anybody has": {languages(51), core.InvalidClientMetadata},
}

// What is not allowed does not get in by any door, however it is spelt.
func TestAttacksAtEachDoor(t *testing.T) {
	besieged(t, "attacks", func(t *testing.T, s *siege, d door) {
		try := func(name string, a attack, want core.Code) {
			commits, c := s.store.commits, d.client(s)
			answer, err := d.bring(s, c, d.document(s, c, a.changes...))
			if core.CodeOf(err) != want || s.store.commits != commits && want != "" {
				t.Errorf("%s: %v, %d commits; want %q", name, err, s.store.commits-commits, want)
			}
			s.learn(d, answer)
		}
		for name, a := range attacks {
			try(name, a, d.end(name, a.code))
		}
		for name, a := range malformed {
			try(name, a, d.end(name, d.end("malformed", a.code)))
		}
	})
}

// An exception in the table is one, and says why.
func TestEndsAtDoors(t *testing.T) {
	elsewhere := map[string]core.Code{"malformed": core.InvalidClientMetadata, "unchanged": "", "a name twice": core.InvalidRequest, "iat": ""}
	for _, member := range ownMembers {
		elsewhere[member] = core.InvalidRequest
	}
	for name, a := range attacks {
		elsewhere[name] = a.code
	}
	for name, a := range malformed {
		elsewhere[name] = a.code
	}
	for name, p := range proposals {
		elsewhere[name] = p.code
	}
	for _, d := range doors {
		for what, e := range d.ends {
			code, known := elsewhere[what]
			if !known || e.why == "" || code == e.code {
				t.Errorf("%s %s: %q ends as %q: known %t, elsewhere %q, because %q", d.channel, d.name, what, e.code, known, code, e.why)
			}
		}
	}
}

func languages(n int) []string {
	var pairs []string
	for i := range n {
		pairs = append(pairs, fmt.Sprintf("client_name#x-%d", i), `"n"`)
	}
	return pairs
}

// A document that is the client's own passes by every door that has one, though policy would not have it any more.
func TestUnchangedAtEachDoor(t *testing.T) {
	besieged(t, "unchanged", func(t *testing.T, s *siege, d door) {
		if d.mine == nil {
			return
		}
		c, commits := d.client(s), s.store.commits
		s.policy = judgedByNobody
		if _, err := d.bring(s, c, d.document(s, c)); core.CodeOf(err) != d.end("unchanged", "") || s.store.commits != commits {
			t.Errorf("%v, %d commits", err, s.store.commits-commits)
		}
		_, err := d.bring(s, c, d.document(s, c, "contacts", `["b@shop.example"]`))
		checkCode(t, err, core.AccessDenied, "")
	})
}

// judgedByNobody denies all.
func judgedByNobody(*decision.Registration) (decision.Verdict, error) {
	return decision.Verdict{Deny: []core.Reason{{Rule: "nobody", Code: core.AccessDenied, Message: "No.", Public: true}}}, nil
}

// Who manages its own client does nothing for one that is disabled, waits for approval or both, whatever is sent; an operator's change
// leaves it so (checkWalls).
func TestDisabledAtEachDoor(t *testing.T) {
	besieged(t, "disabled", func(t *testing.T, s *siege, d door) {
		if d.mine == nil {
			return
		}
		for _, c := range []client{s.disabled, s.pending, s.shelved} {
			for _, changes := range [][]string{{}, {"client_uri", `"https://shop.example/"`}, {"registration_status", `"active"`}, {"client_id", `"` + string(s.open.id) + `"`}} {
				commits := s.store.commits
				_, err := d.bring(s, c, d.document(s, c, changes...))
				switch code := core.CodeOf(err); {
				case d.channel == core.ChannelManage && code != core.AccessDenied, err != nil && s.store.commits != commits:
					t.Errorf("%s: %v", changes, err)
				case d.channel != core.ChannelManage && code != "" && code != d.end("client_id", core.InvalidRequest):
					t.Errorf("%s: %v", changes, err)
				}
			}
		}
	})
}

// A proposal is what policy sets, or a plugin patches, of a good document.
type proposal struct {
	policy answers
	patch  string // of a plugin
	code   core.Code
}

var proposals = map[string]proposal{
	"policy's set fights its deny":  {judgedByForbiddenSetting("scope", `"openid admin.api"`), "", core.PolicyUnstable},
	"policy's set breaks the floor": {judgedByForbiddenSetting("redirect_uris", `["data:text/html,x"]`), "", core.PolicyUnstable},
	"a plugin takes a scope":        {judgedByForbidden, `{"scope":"openid admin.api"}`, core.InvalidScope},
	"a plugin adds a redirect":      {judgedByForbidden, `{"redirect_uris":["https://shop.example/cb","https://evil.example/cb"]}`, core.InvalidRedirectURI},
	"a plugin breaks the floor":     {allow, `{"redirect_uris":["javascript:alert(1)"]}`, core.InvalidRedirectURI},
	"a plugin takes out a member":   {judgedByForbidden, `{"contacts":null}`, core.InvalidClientMetadata},
}

func judgedByForbiddenSetting(field, value string) answers {
	return func(q *decision.Registration) (decision.Verdict, error) {
		v, err := judgedByForbidden(q)
		v.Set = []decision.Setting{setting(field, value)}
		return v, err
	}
}

// What policy sets and what plugins propose walk the road like what was sent: the floor holds for it, and policy is asked about it.
func TestProposalsAtEachDoor(t *testing.T) {
	for name, p := range proposals {
		besieged(t, name, func(t *testing.T, s *siege, d door) {
			c, commits := d.client(s), s.store.commits
			body := d.document(s, c, "client_uri", `"https://shop.example/"`)
			if s.policy = p.policy; p.patch != "" {
				eager := patching(t, "eager", "scope redirect_uris contacts", p.patch)
				s.plug(hook.PreRegister, eager)
				s.plug(hook.PreUpdate, eager)
			}
			_, err := d.bring(s, c, body)
			if want := d.end(name, p.code); core.CodeOf(err) != want || s.store.commits != commits {
				t.Errorf("%v, %d commits; want %q", err, s.store.commits-commits, want)
			}
		})
	}
}

// ownMembers are those that the desk gives. At an update they may be repeated.
var ownMembers = []string{
	"client_id", "client_secret", "client_secret_expires_at", "client_id_issued_at", "registration_access_token", "registration_client_uri",
}

// What is the desk's own can be written by nobody: it is refused, or it is not taken over.
func TestOwnMembersAtEachDoor(t *testing.T) {
	foreign := []string{ // no such members are known: they are as good as any unknown one
		"id", "state", "status", "channel", "provenance", "registered_by", "written_by", "approved_by", "policy_revision", "revision", "iat", "created_at",
		"issued_at", "updated_at", "expires", "expires_at", "generation", "locked", "governance", "obligations", "limits", "labels", "trust", "shared", "credentials",
		"secrets", "software_statement_trust", "metadata", "extra", "__proto__", "constructor",
	}
	answerOnly := []string{"registration_status", "decision_id", "warnings"}
	poison := []string{`"active"`, `"` + strings.Repeat("evil-", 5) + `"`, `1`, `true`, `["evil"]`, `{"evil":true}`}
	besieged(t, "own members", func(t *testing.T, s *siege, d door) {
		for _, member := range slices.Concat(foreign, ownMembers, answerOnly) {
			for _, value := range poison {
				c := d.client(s)
				answer, err := d.bring(s, c, d.document(s, c, member, value))
				want := core.Code("")
				if d.mine != nil && slices.Contains(ownMembers, member) {
					want = core.InvalidRequest
				}
				if want = d.end(member, want); core.CodeOf(err) != want {
					t.Fatalf("%s = %s: %v; want %q", member, value, err, want)
				}
				if got, has := answer.Get(member); has && strings.Contains(got.String(), "evil") || has && slices.Contains(foreign, member) {
					t.Errorf("%s = %s came back as %s", member, value, got)
				}
				s.learn(d, answer)
			}
		}
	})
}

// Names are exact: what differs in case, in the form of a letter or in a blank is unknown, and does nothing. The same name twice is no
// document at all.
func TestNamesAreExactAtEachDoor(t *testing.T) {
	evil := map[string]string{"redirect_uris": `["https://evil.example/cb"]`, "scope": `"admin.api"`, "client_id": `"evil"`, "contacts": `[]`}
	for name, value := range evil {
		variants := []string{
			strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], " " + name, name + " ", name + "\\u0000", strings.ReplaceAll(name, "_", "-"),
			strings.ReplaceAll(name, "s", "ſ"), strings.ReplaceAll(name, "c", "с"), name + "[]", name + ".0",
		}
		besieged(t, name, func(t *testing.T, s *siege, d door) {
			for _, variant := range variants {
				c := d.client(s)
				if variant == name {
					continue
				}
				doc := d.document(s, c)
				for _, body := range []string{doc[:len(doc)-1] + `,"` + variant + `":` + value + `}`, `{"` + variant + `":` + value + `,` + doc[1:]} {
					answer, err := d.bring(s, c, body)
					if err != nil && strings.ContainsRune(variant, '\\') {
						continue // no name has a NUL
					}
					if err != nil {
						t.Fatalf("%q: %v", variant, err)
					}
					if strings.Contains(answer.String(), "evil.example") || strings.Contains(answer.String(), "admin.api") {
						t.Errorf("%q came back: %s", variant, answer)
					}
					s.learn(d, answer)
					c = d.client(s)
				}
			}
			c, commits := d.client(s), s.store.commits
			doc := d.document(s, c, name, value)
			_, err := d.bring(s, c, doc[:len(doc)-1]+`,"`+name+`":`+value+`}`)
			checkCode(t, err, d.end("a name twice", core.InvalidRequest), "")
			if s.store.commits != commits {
				t.Error("a document with a name twice was committed")
			}
		})
	}
}

// Of every member there is: null and "" are as good as absent, and what is of another kind is refused by its name.
func TestKindsAtEachDoor(t *testing.T) {
	for _, d := range doors {
		s := d.besiege(t)
		s.policy = allow
		for _, row := range metadata.Rows() {
			if row.Name == "software_statement" {
				continue // its own errors are tried elsewhere
			}
			for _, empty := range []string{"null", `""`} {
				c := d.client(s)
				answer, err := d.bring(s, c, d.document(s, c, row.Name, empty))
				if code := core.CodeOf(err); !d.needs(s, row.Name) && // it is an answer of its own not to have it
					code != "" && code != core.InvalidRedirectURI && code != core.InvalidClientMetadata {
					t.Errorf("%s %s: %s = %s: %v", d.channel, d.name, row.Name, empty, err)
				}
				s.learn(d, answer)
				if v, has := answer.Get(row.Name); has && (v.IsNull() || v.String() == `""`) {
					t.Errorf("%s %s: %s came back as %s", d.channel, d.name, row.Name, v)
				}
			}
			for _, wrong := range []string{`[[]]`, `{"x":[1]}`, `1.5`, `[{"a":1}]`} {
				c := d.client(s)
				answer, err := d.bring(s, c, d.document(s, c, row.Name, wrong))
				kept, _ := answer.Get(row.Name)
				decimal := row.Name == "software_version" && kept.String() == `"`+wrong+`"` // a directory's is the text that it wrote
				if err == nil && row.Kind != metadata.Object && !decimal {
					t.Errorf("%s %s: %s = %s was taken", d.channel, d.name, row.Name, wrong)
				}
				if err != nil && !strings.Contains(core.AsError(err).Detail, row.Name) {
					t.Errorf("%s %s: %s = %s: the error does not name it: %v", d.channel, d.name, row.Name, wrong, err)
				}
				s.learn(d, answer)
			}
		}
	}
}
