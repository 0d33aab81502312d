package registration_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A door is one way in which a document comes to the desk, as an attacker finds it.
type door struct {
	channel core.Channel
	name    string                   // what is done through it
	mine    func(s *siege) client    // whose document it is; nil: it is a new client's
	merges  bool                     // only what changes is sent
	present func(s *siege, d *knock) // adds the credential, and what else the channel wants
	needs   string                   // members that every document must have there
	site    func(*registration.Site) // what makes a way of it; nil: nothing
}

// A knock is a request in the making.
type knock struct {
	registration.Request
	client client
}

// doors are all of them. A new channel needs a row here, or one in doorless that says why there is none.
var doors = []door{
	{channel: core.ChannelDCR, name: "with a token", present: func(s *siege, k *knock) { k.Credential.Bearer = s.token(1, "") }},
	{channel: core.ChannelDCR, name: "openly"},
	{channel: core.ChannelDCR, name: "with an access token", present: asRegistrar},
	{channel: core.ChannelDCR, name: "with a certificate", site: certificatesRegister, needs: `,"tls_client_auth_subject_dn":"CN=bank,C=DE"`, present: withCertificate},
	{channel: core.ChannelManage, name: "replacing", mine: inside, present: withOwnToken},
	{channel: core.ChannelManage, name: "merging", mine: inside, merges: true, present: withOwnToken},
	{channel: core.ChannelManage, name: "replacing with an access token", mine: inside, site: clientsManage, present: withAccessToken},
	{channel: core.ChannelManage, name: "merging with an access token", mine: inside, merges: true, site: clientsManage, present: withAccessToken},
	{channel: core.ChannelOperator, name: "registering"},
	{channel: core.ChannelOperator, name: "replacing", mine: inside, present: withoutToken},
	{channel: core.ChannelOperator, name: "merging", mine: inside, merges: true, present: withoutToken},
	{channel: core.ChannelImport, name: "declaring", present: declared},
	{channel: core.ChannelImport, name: "declaring what is there", mine: inside, present: declared},
}

// doorless are channels that take no document.
var doorless = map[core.Channel]string{
	core.ChannelSystem:   "only this server asks, and says nothing of the client",
	core.ChannelDocument: "nothing is stored, and of lists what this server cannot do is left out: TestDocumentOnTheOneRoad plays the attacks",
}

func inside(s *siege) client { return s.open }

// declared is a declaration under the id that the operator chose.
func declared(s *siege, k *knock) {
	k.Credential = registration.Credential{Operator: "ada"}
	if k.Declared = (&registration.Declaration{Set: "shop"}); k.ClientID == "" {
		k.ClientID = core.ClientID(fmt.Sprintf("shop-%d", len(s.store.clients)))
	}
	withoutToken(s, k)
}

func certificatesRegister(s *registration.Site) { s.Access.MTLS = true }

func clientsManage(s *registration.Site) { s.Access.ClientCredentials = true }

// asRegistrar is a client that an operator let register others.
func asRegistrar(s *siege, k *knock) {
	s.bearing(k, registration.ClientToken{ClientID: "c-registrar", Scopes: []string{registration.ScopeRegister}})
}

// withAccessToken is a client with a token that it got for itself. It has not looked whether the client still is let have one.
func withAccessToken(s *siege, k *knock) {
	s.bearing(k, registration.ClientToken{ClientID: k.client.id})
	withoutToken(s, k)
}

func (s *siege) bearing(k *knock, token registration.ClientToken) {
	s.accessTokens = wallet{"a.b.c": token}.verify
	s.certify(nil)
	k.Credential.Bearer = "a.b.c"
}

func withCertificate(s *siege, k *knock) {
	k.Credential.Certificates = named(s.t.(*testing.T), "bank")
	k.Caller.Certificate = &core.Certificate{Subject: "CN=bank,C=DE", SHA256: "00", Trusted: true}
}

func withOwnToken(_ *siege, k *knock) { k.Credential.Bearer = k.client.rat }

func withoutToken(_ *siege, k *knock) {
	if text(k.Body, "registration_access_token") == k.client.rat.Reveal() {
		k.Body = k.Body.Without("registration_access_token")
	}
}

// document is what is sent: names and JSON values take the place of what was there, "" leaves a member out.
func (d *door) document(t *testing.T, c client, changes ...string) string {
	t.Helper()
	if !d.merges {
		return c.put(t, changes...)
	}
	doc := strictjson.Object()
	for i := 0; i < len(changes); i += 2 {
		v := strictjson.Null()
		if changes[i+1] != "" {
			v = parse(t, changes[i+1])
		}
		doc = doc.With(changes[i], v)
	}
	if _, has := doc.Get("client_id"); !has {
		doc = doc.With("client_id", strictjson.String(string(c.id)))
	}
	return doc.String()
}

// client is whose document an attack starts from.
func (d *door) client(s *siege) client {
	if d.mine == nil {
		return client{doc: parse(s.t, `{`+citizen+d.needs+`}`)}
	}
	return d.mine(s)
}

func (d *door) besiege(t *testing.T) *siege {
	t.Helper()
	if d.site == nil {
		return besiege(t)
	}
	return besiege(t, d.site)
}

// bring sends a text through the door.
func (d *door) bring(s *siege, c client, body string) (strictjson.Value, error) {
	s.t.Helper()
	doc, err := strictjson.Parse([]byte(body), strictjson.Default)
	if err != nil {
		return doc, core.Refuse(core.InvalidRequest, "%v", err) // as web does, before the desk is asked
	}
	op := core.Update
	if d.mine == nil {
		op = core.Register
	}
	k := knock{Request: s.request(op, d.channel, c.id, ""), client: c}
	k.Body, k.Merge = doc, d.merges
	if d.present != nil {
		d.present(s, &k)
	}
	return s.do(k.Request)
}

// besieged plays something at each door.
func besieged(t *testing.T, name string, play func(t *testing.T, s *siege, d door)) {
	t.Helper()
	for _, d := range doors {
		t.Run(name+" by "+string(d.channel)+" "+d.name, func(t *testing.T) {
			s := d.besiege(t)
			before := maps.Clone(s.store.clients)
			play(t, s, d)
			s.checkWalls(t)
			s.checkOwn(t, before, d)
		})
	}
}

// checkOwn holds what is stored to what the desk alone writes: whoever sent what, it is as it was, or as a new client's.
func (s *siege) checkOwn(t *testing.T, before map[core.ClientID]registration.Stored, d door) {
	t.Helper()
	for id, now := range s.store.clients {
		was, old := before[id]
		if !old {
			was.Client = core.Client{
				ID: id, IssuedAt: s.now, Generation: uint64(s.now.UnixMicro()), Governance: core.Governance{Trust: registration.TrustNone},
				Provenance: core.Provenance{Channel: d.channel, Profile: registration.DefaultProfile, RegisteredBy: now.Client.Provenance.RegisteredBy, IAT: now.Client.Provenance.IAT},
			}
			was.State = core.Active
			if d.channel == core.ChannelImport {
				was.Client.Provenance.Declared = "shop"
			}
			if !core.IsMinted(string(id)) && (d.channel != core.ChannelImport || !strings.HasPrefix(string(id), "shop-")) {
				t.Errorf("%s was not given by the desk", id)
			}
		}
		for _, c := range []*core.Client{&was.Client, &now.Client} { // these may change
			c.Metadata, c.UpdatedAt, c.Provenance.WrittenBy, c.Provenance.Revision = core.Metadata{}, s.now, "", ""
		}
		if got, want := fmt.Sprintf("%+v %s", now.Client, now.State), fmt.Sprintf("%+v %s", was.Client, was.State); got != want {
			t.Errorf("%s became %s\nwant %s", id, got, want)
		}
	}
}

// Every channel has a door, so that none is built that the attacks do not try.
func TestEveryChannelHasADoor(t *testing.T) {
	for _, channel := range core.Channels() {
		has := slices.ContainsFunc(doors, func(d door) bool { return d.channel == channel })
		if has == (doorless[channel] != "") {
			t.Errorf("the channel %s needs one row in doors, or else in doorless", channel)
		}
	}
}

// What is not allowed does not get in by any door, however it is spelt.
func TestAttacksAtEachDoor(t *testing.T) {
	attacks := map[string]struct {
		changes []string
		code    core.Code
	}{
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
		"method that is not built":         {[]string{"token_endpoint_auth_method", `"client_secret_jwt"`}, core.InvalidClientMetadata},
		"method in capitals":               {[]string{"token_endpoint_auth_method", `"NONE"`}, core.InvalidClientMetadata},
		"keys in two places":               {[]string{"jwks", `{"keys":[]}`, "jwks_uri", `"https://shop.example/jwks"`}, core.InvalidClientMetadata},
		"flip: string for a list":          {[]string{"grant_types", `"authorization_code"`}, core.InvalidClientMetadata},
		"flip: list for a string":          {[]string{"client_name", `["Shop"]`}, core.InvalidClientMetadata},
		"flip: object for a list":          {[]string{"contacts", `{"0":"a@shop.example"}`}, core.InvalidClientMetadata},
		"flip: number for a string":        {[]string{"client_name", `1`}, core.InvalidClientMetadata},
		"flip: list in a list":             {[]string{"contacts", `[["a@shop.example"]]`}, core.InvalidClientMetadata},
		"flip: string for a number":        {[]string{"default_max_age", `"60"`}, core.InvalidClientMetadata},
		"flip: string for a flag":          {[]string{"require_auth_time", `"true"`}, core.InvalidClientMetadata},
		"flip: number for a flag":          {[]string{"require_auth_time", `1`}, core.InvalidClientMetadata},
		"flip: half a number":              {[]string{"default_max_age", `0.5`}, core.InvalidClientMetadata},
		"flip: less than nothing":          {[]string{"default_max_age", `-1`}, core.InvalidClientMetadata},
		"flip: null in a list":             {[]string{"contacts", `["a@shop.example",null]`}, core.InvalidClientMetadata},
		"flip: string for a key set":       {[]string{"jwks", `"{\"keys\":[]}"`}, core.InvalidClientMetadata},
		"a name that is too long":          {[]string{"client_name", `"` + strings.Repeat("n", 4097) + `"`}, core.InvalidClientMetadata},
		"a list that is too long":          {[]string{"contacts", `["` + strings.Repeat(`a@b.c","`, 200) + `a@b.c"]`}, core.InvalidClientMetadata},
		"a member whose name is too long":  {[]string{strings.Repeat("m", 129), `1`}, core.InvalidClientMetadata},
		"a language that is none":          {[]string{"client_name#de en", `"Laden"`}, core.InvalidClientMetadata},
		"more languages than anybody has":  {languages(51), core.InvalidClientMetadata},
		"a statement that nobody can read": {[]string{"software_statement", `"e30.e30.e30"`}, core.InvalidSoftwareStatement},
	}
	besieged(t, "attacks", func(t *testing.T, s *siege, d door) {
		for name, attack := range attacks {
			commits, c := s.store.commits, d.client(s)
			_, err := d.bring(s, c, d.document(t, c, attack.changes...))
			if core.CodeOf(err) != attack.code || s.store.commits != commits {
				t.Errorf("%s: %v, %d commits; want %s", name, err, s.store.commits-commits, attack.code)
			}
		}
	})
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
		if _, err := d.bring(s, c, d.document(t, c)); err != nil || s.store.commits != commits {
			t.Errorf("%v, %d commits", err, s.store.commits-commits)
		}
		_, err := d.bring(s, c, d.document(t, c, "client_name", `"New"`))
		checkCode(t, err, core.AccessDenied, "")
	})
}

// judgedByNobody denies all.
func judgedByNobody(*decision.Registration) (decision.Verdict, error) {
	return decision.Verdict{Deny: []core.Reason{{Rule: "nobody", Code: core.AccessDenied, Message: "No.", Public: true}}}, nil
}

// A registration access token does nothing for a disabled client, whatever is sent with it.
func TestDisabledAtEachDoor(t *testing.T) {
	besieged(t, "disabled", func(t *testing.T, s *siege, d door) {
		if d.channel != core.ChannelManage {
			return
		}
		for _, changes := range [][]string{{}, {"client_name", `"Back"`}, {"registration_status", `"active"`}, {"client_id", `"` + string(s.open.id) + `"`}} {
			_, err := d.bring(s, s.disabled, d.document(t, s.disabled, changes...))
			checkCode(t, err, core.AccessDenied, "disabled")
		}
	})
}

// What is the desk's own can be written by nobody: it is refused, or it is not taken over.
func TestOwnMembersAtEachDoor(t *testing.T) {
	foreign := []string{ // no such members are known: they are as good as any unknown one
		"id", "state", "status", "channel", "provenance", "registered_by", "written_by", "approved_by", "policy_revision", "revision", "iat", "created_at",
		"issued_at", "updated_at", "expires", "expires_at", "generation", "locked", "governance", "obligations", "limits", "labels", "trust", "shared", "credentials",
		"secrets", "software_statement_trust", "metadata", "extra", "__proto__", "constructor",
	}
	own := []string{"client_id", "client_secret", "client_secret_expires_at", "client_id_issued_at", "registration_access_token", "registration_client_uri"}
	answerOnly := []string{"registration_status", "decision_id", "warnings"}
	poison := []string{`"active"`, `"` + strings.Repeat("evil-", 5) + `"`, `1`, `true`, `["evil"]`, `{"evil":true}`}
	besieged(t, "own members", func(t *testing.T, s *siege, d door) {
		for _, member := range slices.Concat(foreign, own, answerOnly) {
			for _, value := range poison {
				c := d.client(s)
				answer, err := d.bring(s, c, d.document(t, c, member, value))
				refused := d.mine != nil && slices.Contains(own, member)
				if code := core.CodeOf(err); refused && code != core.InvalidRequest || !refused && code != "" {
					t.Fatalf("%s = %s: %v", member, value, err)
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
				doc := d.document(t, c)
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
			doc := d.document(t, c, name, value)
			_, err := d.bring(s, c, doc[:len(doc)-1]+`,"`+name+`":`+value+`}`)
			checkCode(t, err, core.InvalidRequest, "")
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
				answer, err := d.bring(s, c, d.document(t, c, row.Name, empty))
				needed := strings.Contains(d.needs, row.Name) // it is an answer of its own not to have it
				if code := core.CodeOf(err); !needed && code != "" && code != core.InvalidRedirectURI && code != core.InvalidClientMetadata {
					t.Errorf("%s %s: %s = %s: %v", d.channel, d.name, row.Name, empty, err)
				}
				s.learn(d, answer)
				if v, has := answer.Get(row.Name); has && (v.IsNull() || v.String() == `""`) {
					t.Errorf("%s %s: %s came back as %s", d.channel, d.name, row.Name, v)
				}
			}
			for _, wrong := range []string{`[[]]`, `{"x":[1]}`, `1.5`, `[{"a":1}]`} {
				c := d.client(s)
				answer, err := d.bring(s, c, d.document(t, c, row.Name, wrong))
				if err == nil && row.Kind != metadata.Object {
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

// learn takes over the token that an update gave.
func (s *siege) learn(d door, answer strictjson.Value) {
	if rat := text(answer, "registration_access_token"); rat != "" && d.mine != nil {
		s.open.rat, s.open.doc = core.Secret(rat), s.open.doc.With("registration_access_token", strictjson.String(rat))
	}
}
