package registration_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/registration"
)

// withLifetime reads what dcr_config.yaml says of lives.
func withLifetime(t *testing.T, text string) func(*registration.Site) {
	t.Helper()
	read, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	return func(s *registration.Site) { s.Lifetime, s.JanssenLife = read.Lifetime, read.JanssenLife }
}

const plain = `{"redirect_uris":["https://a.example/cb"]`

// How long a client lives: what it asks for, what the site lets it, what policy limits; the secret ends with it.
func TestLifetime(t *testing.T) {
	const day = 24 * time.Hour
	for name, test := range map[string]struct {
		site, asked string
		limit       int64
		want        time.Duration
		warned      string
	}{
		"for ever":                         {"", "", 0, 0, ""},
		"never, as Janssen says it":        {"dynamicRegistrationExpirationTime: -1", "", 0, 0, ""},
		"zero is never":                    {"dynamic_registration_expiration_time: 0", "", 0, 0, ""},
		"the site's":                       {"lifetime: {client: 24h}", "", 0, day, "ends at 2026-03-02T12:00:00Z"},
		"Janssen's":                        {"dynamicRegistrationExpirationTime: 86400", "", 0, day, "ends at"},
		"asked for":                        {"", "3600", 0, time.Hour, "ends at"},
		"asked for less":                   {"lifetime: {client: 24h}", "3600", 0, time.Hour, "ends at"},
		"asked for more":                   {"lifetime: {client: 24h}", "172800", 0, day, "ends at"},
		"more is granted":                  {"lifetime: {client: 24h, in_request: any}", "172800", 0, 2 * day, "ends at"},
		"more is granted, as Janssen does": {"dcrForbidExpirationTimeInRequest: false\nlifetime: {client: 24h}", "172800", 0, 2 * day, "ends at"},
		"said nothing of, more is asked":   {"dynamicRegistrationExpirationTime: 86400", "172800", 0, day, "ends at"},
		"not forbidden, less is asked":     {"dcrForbidExpirationTimeInRequest: false\ndynamicRegistrationExpirationTime: 86400", "3600", 0, time.Hour, "ends at"},
		"not forbidden, for ever here":     {"dcrForbidExpirationTimeInRequest: false", "3600", 0, time.Hour, "ends at"},
		"forbidden, more is asked":         {"dcrForbidExpirationTimeInRequest: true\ndynamicRegistrationExpirationTime: 86400", "172800", 0, day, "cannot say here"},
		"asking is ignored":                {"lifetime: {in_request: ignored}", "3600", 0, 0, "cannot say here how long"},
		"asking is forbidden":              {"dcrForbidExpirationTimeInRequest: true\ndynamicRegistrationExpirationTime: 86400", "3600", 0, day, "cannot say here"},
		"nonsense that is ignored":         {"dcr_forbid_expiration_time_in_request: true", `"soon"`, 0, 0, "cannot say here"},
		"policy is less":                   {"lifetime: {client: 24h}", "7200", 60, time.Minute, "ends at"},
		"policy is more":                   {"lifetime: {client: 24h}", "", 864000, day, "ends at"},
		"a number too large to be true":    {"", "9223372036854775807", 0, 100 * 365 * day, "ends at"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, withLifetime(t, test.site))
			if test.limit > 0 {
				b.policy = func(*decision.Registration) (decision.Verdict, error) {
					return decision.Verdict{Allow: true, Limits: map[string]int64{decision.LimitClientLifetime: test.limit}}, nil
				}
			}
			body := plain + `}`
			if test.asked != "" {
				body = plain + `,"lifetime":` + test.asked + `}`
			}
			c := b.register(body)
			s := b.stored(c.id)
			checkExpiry(t, "client", s.Client.Expires, b.now, test.want)
			checkExpiry(t, "secret", s.Credentials.Secrets[0].ExpiresAt, b.now, test.want)
			if warnings, _ := c.doc.Get("warnings"); test.warned == "" && warnings.Len() > 0 || !strings.Contains(warnings.String(), test.warned) {
				t.Errorf("warnings = %s, want %q", warnings, test.warned)
			}
		})
	}
}

// A lifetime is asked for once, when the client registers, and as what it is.
func TestLifetimeIsAskedForOnce(t *testing.T) {
	b := newBench(t)
	for _, bad := range []string{"0", "-5", `"3600"`, "1.5", "true", "[1]", "1e40"} {
		req := b.request(core.Register, core.ChannelDCR, "", plain+`,"lifetime":`+bad+`}`)
		req.Credential.Bearer = b.token(1, "")
		_, err := b.do(req)
		checkCode(t, err, core.InvalidClientMetadata, "lifetime must be a whole number of seconds")
	}
	c := b.register(plain + `,"lifetime":3600}`)
	end := b.stored(c.id).Client.Expires
	b.now = b.now.Add(time.Minute)
	next := b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"N"`, "lifetime", "999999")))
	checkMembers(t, next.doc, "warnings", `[{"rule":"lifetime","fields":["lifetime"],"message":"A lifetime can be asked for only when a client registers; it was not taken over."}]`)
	if got := b.stored(c.id).Client.Expires; !got.Equal(end) {
		t.Errorf("an update moved the end from %s to %s", end, got)
	}
	b.now = end
	_, err := b.do(b.manage(core.Read, next, ""))
	checkCode(t, err, core.InvalidToken, "")

	// What an operator registers lives for ever, unless the operator says otherwise.
	b = newBench(t, withLifetime(t, "lifetime: {client: 24h, in_request: ignored}"))
	made := b.mustDo(b.request(core.Register, core.ChannelOperator, "", shop))
	checkExpiry(t, "client", b.stored(made.id).Client.Expires, b.now, 0)
	made = b.mustDo(b.request(core.Register, core.ChannelOperator, "", plain+`,"lifetime":60}`))
	checkExpiry(t, "client", b.stored(made.id).Client.Expires, b.now, time.Minute)
}

// A client that waits for approval has no more time for that than it has at all, and its secret is not the shorter lived for it.
func TestLifetimeOfWhoWaits(t *testing.T) {
	b := newBench(t, withLifetime(t, "lifetime: {client: 2400h}"))
	b.policy = func(q *decision.Registration) (decision.Verdict, error) {
		if q.Operation == core.Approve {
			return decision.Verdict{Allow: true}, nil
		}
		return decision.Verdict{Allow: true, Require: []core.Obligation{{Name: decision.ObligeApproval, Params: `{"expires_in":3600}`, Rule: "r"}}}, nil
	}
	c := b.register(shop)
	checkExpiry(t, "waiting", b.stored(c.id).Client.Expires, b.now, time.Hour)
	b.mustDo(b.request(core.Approve, core.ChannelOperator, c.id, ""))
	checkExpiry(t, "approved", b.stored(c.id).Client.Expires, b.now, 2400*time.Hour)
	checkExpiry(t, "secret", b.stored(c.id).Credentials.Secrets[0].ExpiresAt, b.now, 2400*time.Hour)
}

// Settings that contradict each other, that say something twice or that ask for what is not built are refused, each by its name.
func TestLifetimeSettings(t *testing.T) {
	for text, says := range map[string]string{
		"lifetime: {in_request: longer}":                                                   "lifetime.in_request: must be shorter, any or ignored",
		"lifetime: {rotate_registration_token: sometimes}":                                 "must be on_update, always or never",
		"lifetime: {idle: 1h}":                                                             "lifetime.idle: must be 2h0m0s or more",
		"lifetime: {never_used: 24h, track_use: false}":                                    "nobody knows what is used",
		"lifetime: {never_used: 24h}\nupdateClientAccessTime: false":                       "nobody knows what is used",
		"lifetime: {renew: true}":                                                          "lifetime.renew: needs client",
		"lifetime: {client: 1h}\ndynamicRegistrationExpirationTime: 7200":                  "says the same as lifetime.client",
		"lifetime: {reap_every: 2h}\ncleanServiceInterval: 60":                             "says the same as lifetime.reap_every",
		"returnClientSecretOnRead: true":                                                   "only the hash of a client_secret is kept",
		"trustedClientEnabled: false\nclient_profiles: {own: {trusted: true}}":             "client_profiles.own has trusted",
		"dynamicRegistrationExpirationTime: -2":                                            "dynamicRegistrationExpirationTime",
		"cleanServiceBatchChunkSize: 0":                                                    "cleanServiceBatchChunkSize",
		"cleanServiceInterval: 60\nclean_service_interval: 60":                             "given twice",
		"custom_attributes: [lifetime]":                                                    "how a registration says how long",
		"lifetime: {client: forever}":                                                      "lifetime.client",
		"dcrForbidExpirationTimeInRequest: false\nlifetime: {client: 1h, in_request: any}": "says the same as lifetime.in_request",
	} {
		if _, err := read(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	site, err := read(`
dynamicRegistrationExpirationTime: 86400
dcrForbidExpirationTimeInRequest: true
dynamicRegistrationPersistClientAuthorizations: true
cleanServiceInterval: -1
cleanServiceBatchChunkSize: 50
updateClientAccessTime: true
rotateClientRegistrationAccessTokenOnUsage: true
returnClientSecretOnRead: false
enableClientGrantTypeUpdate: true
trustedClientEnabled: true
client_profiles: {own: {trusted: true}}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := registration.DefaultLifetime()
	want.Client, want.InRequest, want.ReapEvery, want.ReapBatch, want.RotateToken = 24*time.Hour, "ignored", 0, 50, "always"
	if got := prepared(t, site).Lifetime; got != want {
		t.Errorf("lifetimes are %+v, want %+v", got, want)
	}
}

// on_update is tested in manage_test.go. never: the client keeps its token; what it used ends those before it.
func TestTokenStaysForEver(t *testing.T) {
	rotating, staying := newBench(t), withLifetime(t, "lifetime: {rotate_registration_token: never}")
	b := rotating
	c := b.register(shop)
	second := b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"Two"`)))
	site := registration.DefaultSite()
	staying(&site)
	b.desk.SetSite(prepared(t, site))
	third := b.mustDo(b.manage(core.Update, second, second.put(t, "client_name", `"Three"`)))
	if third.rat != second.rat || len(b.stored(c.id).Credentials.Registration) != 1 {
		t.Errorf("kept %+v", b.stored(c.id).Credentials)
	}
	_, err := b.do(b.manage(core.Read, c, ""))
	checkCode(t, err, core.InvalidToken, "")
	b.now = b.now.Add(1000 * time.Hour)
	b.mustDo(b.manage(core.Read, third, ""))
}

// always: every read brings a new token, and destroys none before the new one is used.
func TestTokenRotatesOnReads(t *testing.T) {
	b := newBench(t, withLifetime(t, "rotateClientRegistrationAccessTokenOnUsage: true"))
	first := b.register(shop)
	var second client
	for range 3 { // whoever does not keep what a read answers goes on with what they have
		b.now = b.now.Add(1000 * time.Hour)
		if second = b.mustDo(b.manage(core.Read, first, "")); second.rat == first.rat || second.rat == "" {
			t.Fatalf("a read answered the token %q", second.rat)
		}
	}
	checkMembers(t, second.doc, "decision_id", "", "client_secret", "")
	third := b.mustDo(b.manage(core.Read, second, ""))
	_, err := b.do(b.manage(core.Read, first, ""))
	checkCode(t, err, core.InvalidToken, "")
	if n := len(b.stored(first.id).Credentials.Registration); n != 2 {
		t.Errorf("%d tokens are kept, want 2", n)
	}
	unchanged := b.mustDo(b.manage(core.Update, third, third.put(t)))
	if unchanged.rat != third.rat {
		t.Error("an update that changed nothing rotated the token")
	}
	b.mustDo(b.request(core.Read, core.ChannelOperator, first.id, "")) // an operator's read is no use of it
	b.mustDo(b.manage(core.Read, third, ""))
}

// Of two reads at once one rotates; the other answers what it was asked with, which is good still.
func TestTwoReadsAtOnce(t *testing.T) {
	b := newBench(t, withLifetime(t, "lifetime: {rotate_registration_token: always}"))
	c := b.register(shop)
	var first client
	b.store.committing = func(n int) {
		b.store.committing = nil
		first = b.mustDo(b.manage(core.Read, c, ""))
	}
	second := b.mustDo(b.manage(core.Read, c, ""))
	if second.rat != c.rat || first.rat == c.rat {
		t.Errorf("the reads answered %q and %q", first.rat, second.rat)
	}
	b.mustDo(b.manage(core.Read, c, ""))
}

// A client cannot change its grant types where the site says so; an operator can.
func TestGrantTypesStay(t *testing.T) {
	b := newBench(t, withLifetime(t, "enableClientGrantTypeUpdate: false"))
	c := b.register(`{"redirect_uris":["https://a.example/cb"],"grant_types":["refresh_token","authorization_code"]}`)
	_, err := b.do(b.manage(core.Update, c, c.put(t, "grant_types", `["authorization_code"]`)))
	checkCode(t, err, core.InvalidClientMetadata, "grant_types cannot be changed here")
	next := b.mustDo(b.manage(core.Update, c, c.put(t, "grant_types", "", "client_name", `"N"`)))
	checkMembers(t, next.doc, "grant_types", `["refresh_token","authorization_code"]`)
	next = b.mustDo(b.manage(core.Update, next, next.put(t, "grant_types", `["authorization_code","refresh_token"]`, "client_name", `"M"`)))
	b.mustDo(b.request(core.Update, core.ChannelOperator, c.id, `{"redirect_uris":["https://a.example/cb"],"grant_types":["authorization_code"]}`))
	if got := b.stored(next.id).Client.Metadata.GrantTypes; !slices.Equal(got, []string{"authorization_code"}) {
		t.Errorf("grant_types = %v", got)
	}
}

// Consent is asked for every time where the site says so, of clients that register themselves.
func TestConsentIsForgotten(t *testing.T) {
	b := newBench(t, withLifetime(t, "dynamicRegistrationPersistClientAuthorizations: false"))
	c := b.register(shop)
	check := func(id core.ClientID, want bool) {
		t.Helper()
		if g := b.stored(id).Client.Governance; g.Obliges(decision.ObligeConsentAlways) != want {
			t.Errorf("obligations = %+v", g.Obligations)
		}
	}
	check(c.id, true)
	b.mustDo(b.manage(core.Update, c, c.put(t, "client_name", `"N"`)))
	check(c.id, true)
	if n := len(b.stored(c.id).Client.Governance.Obligations); n != 1 {
		t.Errorf("%d obligations, want 1", n)
	}
	check(b.mustDo(b.request(core.Register, core.ChannelOperator, "", shop)).id, false)
}
