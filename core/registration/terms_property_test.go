package registration_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Whatever is asked for, whatever rules give, and however often the client changes itself: what is stored is within its token.
func TestNothingGoesBeyondTheToken(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 11))
	some := func(from []string) []string {
		var picked []string
		for _, s := range from {
			if random.IntN(2) == 0 {
				picked = append(picked, s)
			}
		}
		return picked
	}
	scopes := []string{"openid", "email", "profile", "payments", "offline_access"}
	patterns := []string{"app.example.com", "*.partner.example", "127.0.0.1", "[::1]"}
	uris := []string{"https://app.example.com/cb", "https://a.partner.example/cb", "https://partner.example/cb", "http://127.0.0.1/cb", "http://[::1]:5/cb", "com.example:/cb"}
	ids := []string{"s1", "s2", "s3"}
	b := newBench(t, func(s *registration.Site) { s.Policy.AllowedScopes = append(s.Policy.AllowedScopes, "payments") })
	b.policy = func(*decision.Registration) (decision.Verdict, error) {
		v := decision.Verdict{Allow: true}
		for _, s := range some(scopes) {
			v.Grant = append(v.Grant, decision.Scope{Scope: s})
		}
		if random.IntN(8) == 0 {
			v.Set = []decision.Setting{{Field: "redirect_uris", Value: strictjson.Strings(uris[:1+random.IntN(len(uris)-1)])}}
		}
		return v, nil
	}
	document := func() strictjson.Value {
		return strictjson.Object(
			strictjson.Member{Name: "redirect_uris", Value: strictjson.Strings([]string{uris[random.IntN(len(uris))], uris[random.IntN(len(uris))] + "?again"})},
			strictjson.Member{Name: "scope", Value: strictjson.String(oauth.FormatScope(some(scopes)))},
			strictjson.Member{Name: "software_id", Value: strictjson.String(ids[random.IntN(len(ids))])},
		)
	}
	stored := 0
	for range 2000 {
		terms := registration.TokenRequest{Scopes: some(scopes), RedirectHosts: some(patterns), SoftwareIDs: some(ids)}
		doc, err := b.with(b.terms(terms), document().String())
		if err != nil {
			continue
		}
		c := clientOf(doc)
		for range 3 {
			stored++
			checkWithin(t, b.stored(c.id).Client.Metadata, terms)
			if doc, err = b.do(b.manage(core.Update, c, document().With("client_id", strictjson.String(string(c.id))).String())); err == nil {
				c.rat = core.Secret(text(doc, "registration_access_token"))
			}
		}
	}
	if stored < 100 {
		t.Errorf("only %d documents were stored: this proves nothing", stored)
	}
}

func checkWithin(t *testing.T, m core.Metadata, terms registration.TokenRequest) {
	t.Helper()
	for _, scope := range m.Scope {
		if terms.Scopes != nil && !slices.Contains(terms.Scopes, scope) {
			t.Errorf("scope %s is stored, beyond %v", scope, terms.Scopes)
		}
	}
	for _, raw := range m.RedirectURIs {
		matches := func(pattern string) bool {
			ok, err := oauth.HostMatches(oauth.ParseURI(raw).Host, pattern)
			return ok && err == nil
		}
		if terms.RedirectHosts != nil && !slices.ContainsFunc(terms.RedirectHosts, matches) {
			t.Errorf("%s is stored, beyond %v", raw, terms.RedirectHosts)
		}
	}
	if terms.SoftwareIDs != nil && !slices.Contains(terms.SoftwareIDs, m.SoftwareID) {
		t.Errorf("software_id %q is stored, beyond %v", m.SoftwareID, terms.SoftwareIDs)
	}
}
