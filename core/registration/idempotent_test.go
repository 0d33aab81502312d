package registration_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

func idempotent(s *registration.Site) { s.Registration.Idempotent = true }

const public = `{"client_name":"Connector","redirect_uris":["https://claude.example/cb"],"token_endpoint_auth_method":"none"}`

// openly registers without a credential.
func (b *bench) openly(body string) strictjson.Value {
	b.t.Helper()
	doc, err := b.do(b.request(core.Register, core.ChannelDCR, "", body))
	if err != nil {
		b.t.Fatalf("%s: %v", body, err)
	}
	return doc
}

// Who registers the same is given the same client, which nobody can manage and whose consent is never remembered.
func TestIdempotent(t *testing.T) {
	b := newBench(t, idempotent)
	first := b.openly(public)
	b.now = b.now.Add(time.Hour)
	again := b.openly(strings.Replace(public, "{", `{"unknown":"ignored","logo_uri":"",`, 1))
	id := text(first, "client_id")
	if id == "" || text(again, "client_id") != id || len(b.store.clients) != 1 || b.store.commits != 1 {
		t.Errorf("%q and %q, %d clients, %d commits", id, text(again, "client_id"), len(b.store.clients), b.store.commits)
	}
	for _, doc := range []strictjson.Value{first, again} {
		checkMembers(t, doc, "registration_access_token", "", "registration_client_uri", "", "client_secret", "", "client_name", `"Connector"`,
			"client_id_issued_at", "1772366400")
	}
	if text(first, "decision_id") == text(again, "decision_id") {
		t.Error("both have one decision id")
	}
	stored := b.stored(core.ClientID(id))
	if !stored.Client.Provenance.Shared || !stored.Client.Governance.Obliges(decision.ObligeConsentAlways) || len(stored.Credentials.Registration) > 0 {
		t.Errorf("stored %+v, %+v", stored.Client, stored.Credentials)
	}
	if e := b.lastEntry(); e.Verdict != ledger.Allowed || e.Outcome != ledger.Unchanged || string(e.ClientID) != id {
		t.Errorf("the entry is %s, %s, %s", e.Verdict, e.Outcome, e.ClientID)
	}
}

// By default, and for whoever holds anything or is anybody, every registration is a client of its own.
func TestNotIdempotent(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	for name, c := range map[string]struct {
		change func(*registration.Site)
		body   string
		token  bool
	}{
		"switched off":                {nil, public, false},
		"with a token":                {idempotent, public, true},
		"with a secret":               {idempotent, shop, false},
		"with keys":                   {idempotent, strings.Replace(public, "{", `{"jwks_uri":"https://claude.example/jwks",`, 1), false},
		"with a statement":            {idempotent, strings.Replace(public, "{", `{"software_statement":"`+issuer.sign(t, `"software_id":"s"`)+`",`, 1), false},
		"public by an untrusted word": {idempotent, strings.Replace(public, `"none"`, `"private_key_jwt","jwks_uri":"https://claude.example/jwks"`, 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, trusting(t, issuer), func(s *registration.Site) {
				if c.change != nil {
					c.change(s)
				}
			})
			var ids []string
			for range 2 {
				req := b.request(core.Register, core.ChannelDCR, "", c.body)
				if c.token {
					req.Credential.Bearer = b.token(1, "")
				}
				doc, err := b.do(req)
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, text(doc, "client_id"))
				if text(doc, "registration_access_token") == "" {
					t.Error("no registration access token")
				}
			}
			if ids[0] == ids[1] || len(b.store.clients) != 2 {
				t.Errorf("%v", ids)
			}
		})
	}
}

// What makes another client: any member, the lifetime, the profile, the site, what policy attaches.
func TestWhatMakesAnother(t *testing.T) {
	b := newBench(t, idempotent, withProfiles)
	seen := map[string]string{text(b.openly(public), "client_id"): "the first"}
	check := func(name, body string) {
		t.Helper()
		id := text(b.openly(body), "client_id")
		if seen[id] != "" {
			t.Errorf("%s is %s", name, seen[id])
		}
		seen[id] = name
		if again := text(b.openly(body), "client_id"); again != id {
			t.Errorf("%s is another the second time", name)
		}
	}
	check("another name", strings.Replace(public, "Connector", "connector", 1))
	check("one more redirect", strings.Replace(public, `/cb"`, `/cb","https://claude.example/cb2"`, 1))
	check("another profile", strings.Replace(public, "{", `{"client_profile":"spa",`, 1))
	check("a lifetime", strings.Replace(public, "{", `{"lifetime":3600,`, 1))
	check("a translation", strings.Replace(public, "{", `{"client_name#de":"Stecker",`, 1))
	for name, v := range map[string]decision.Verdict{
		"a limit":       {Allow: true, Limits: map[string]int64{decision.LimitAccessToken: 60}},
		"another limit": {Allow: true, Limits: map[string]int64{decision.LimitAccessToken: 61}},
		"a label":       {Allow: true, Labels: []string{"x"}},
		"an obligation": {Allow: true, Require: []core.Obligation{{Name: decision.ObligePAR, Rule: "r"}}},
	} {
		b.policy = func(*decision.Registration) (decision.Verdict, error) { return v, nil }
		check(name, public)
	}
	b.policy = allow
	site := registration.DefaultSite()
	idempotent(&site)
	site.Policy.Redirects.Max = 19
	b.desk.SetSite(prepared(t, site))
	check("another site", public)
	site.Limits.Name.Burst++
	b.desk.SetSite(prepared(t, site))
	if id := text(b.openly(public), "client_id"); seen[id] != "another site" {
		t.Error("other limits make another client")
	}
}

// What operators make of a shared client stands: who registers the same again gets it as it is, and no second one around it.
func TestSharedClientAsItIs(t *testing.T) {
	b := newBench(t, idempotent)
	first := b.openly(public)
	id := core.ClientID(text(first, "client_id"))
	b.mustDo(b.request(core.Disable, core.ChannelOperator, id, ""))
	checkMembers(t, b.openly(public), "client_id", `"`+string(id)+`"`, "registration_status", `"disabled"`)
	b.mustDo(b.request(core.Enable, core.ChannelOperator, id, ""))
	b.mustDo(b.request(core.Update, core.ChannelOperator, id, strings.Replace(public, "Connector", "Ours", 1)))
	checkMembers(t, b.openly(public), "client_id", `"`+string(id)+`"`, "client_name", `"Ours"`)
	if changed := b.stored(id).Client; !changed.Governance.Obliges(decision.ObligeConsentAlways) {
		t.Error("after an update its consent is remembered")
	}
	b.mustDo(b.request(core.Update, core.ChannelOperator, id, shop)) // confidential now: not for everybody any more
	other := b.openly(public)
	if text(other, "client_id") == string(id) || text(b.openly(public), "client_id") != text(other, "client_id") {
		t.Errorf("%s after %s became confidential", text(other, "client_id"), id)
	}
	generation := b.stored(core.ClientID(text(other, "client_id"))).Client.Generation
	b.mustDo(b.request(core.Delete, core.ChannelOperator, core.ClientID(text(other, "client_id")), ""))
	b.now = b.now.Add(time.Second)
	fresh := b.openly(public)
	if got := b.stored(core.ClientID(text(fresh, "client_id"))).Client.Generation; got == generation {
		t.Error("what was made under the deleted client counts for the new one")
	}
}

// Nobody owns a shared client, and no operator can make somebody its owner: he would have in hand where all of its people are sent.
func TestSharedClientHasNoOwner(t *testing.T) {
	b := newBench(t, idempotent)
	id := core.ClientID(text(b.openly(public), "client_id"))
	_, err := b.do(b.rotation(id, registration.RotateToken, 0))
	checkCode(t, err, core.Conflict, "nobody owns it")
	if held := b.stored(id).Credentials.Registration; len(held) > 0 {
		t.Errorf("it has %d tokens", len(held))
	}
	b.mustDo(b.request(core.Update, core.ChannelOperator, id, shop)) // confidential now: not for everybody any more
	doc, err := b.do(b.rotation(id, registration.RotateToken, 0))
	if err != nil {
		t.Fatal(err)
	}
	owned := clientOf(doc)
	b.mustDo(b.manage(core.Update, client{id: id, rat: owned.rat}, strings.Replace(public, "{", `{"client_id":"`+string(id)+`",`, 1)))
	if other := b.openly(public); text(other, "client_id") == string(id) {
		t.Error("a client that somebody owns is given to everybody")
	}
}

// A shared client that waits for approval is waited for by all who register it.
func TestSharedClientWaits(t *testing.T) {
	b := newBench(t, idempotent)
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		return decision.Verdict{Allow: true, Require: []core.Obligation{{Name: decision.ObligeApproval, Rule: "approval"}}}, nil
	}
	first := b.openly(public)
	b.now = b.now.Add(time.Hour)
	again := b.openly(public)
	checkMembers(t, again, "client_id", `"`+text(first, "client_id")+`"`, "registration_status", `"pending"`)
	for _, doc := range []strictjson.Value{first, again} {
		end := b.stored(core.ClientID(text(first, "client_id"))).Client.Expires.UTC().Format(time.RFC3339)
		if warnings, _ := doc.Get("warnings"); strings.Count(warnings.String(), "waits for an operator") != 1 || !strings.Contains(warnings.String(), end) {
			t.Errorf("warnings %s, want the end %s", warnings, end)
		}
	}
}

// A shared client ends when it first said, and whoever registers it is told when that is.
func TestSharedClientEnds(t *testing.T) {
	b := newBench(t, idempotent)
	brief := strings.Replace(public, "{", `{"lifetime":3600,`, 1)
	first := b.openly(brief)
	b.now = b.now.Add(time.Minute)
	again := b.openly(brief)
	checkMembers(t, again, "client_id", `"`+text(first, "client_id")+`"`)
	for _, doc := range []strictjson.Value{first, again} {
		if warnings, _ := doc.Get("warnings"); strings.Count(warnings.String(), "ends at 2026-03-01T13:00:00Z") != 1 {
			t.Errorf("warnings %s", warnings)
		}
	}
}

// A plugin that gives ids gives each client its own.
func TestPluginsIDsAreNotShared(t *testing.T) {
	b := newBench(t, idempotent)
	n := 0
	b.plug(hook.MintClientID, asking("acme", "", func(hook.Call) (hook.Result, error) {
		n++
		return hook.Result{Action: hook.Give, ClientID: core.ClientID(fmt.Sprintf("acme-%d", n))}, nil
	}))
	if one, two := text(b.openly(public), "client_id"), text(b.openly(public), "client_id"); one == two || !strings.HasPrefix(one, "acme-") {
		t.Errorf("%s, %s", one, two)
	}
}

// However many register the same at once, there is one client, and all of them have it.
func TestIdempotentTogether(t *testing.T) {
	b := newBench(t, idempotent, func(s *registration.Site) { s.Limits.Name.Burst = 1000 })
	requests := make([]registration.Request, 100)
	for i := range requests {
		requests[i] = b.request(core.Register, core.ChannelDCR, "", public)
	}
	ids := make([]core.ClientID, len(requests))
	var all sync.WaitGroup
	for i, req := range requests {
		all.Go(func() {
			answer, err := b.desk.Do(t.Context(), req)
			if err != nil {
				t.Error(err)
			}
			ids[i] = answer.ClientID
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("ids %v", ids)
		}
	}
	if len(b.store.clients) != 1 || b.store.commits != 1 {
		t.Errorf("%d clients, %d commits", len(b.store.clients), b.store.commits)
	}
}
