package authorize

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
)

// Every road through the endpoint, read from the facts alone.
func TestNext(t *testing.T) {
	ms := func(d time.Duration) *time.Duration { return &d }
	with := func(changes ...func(*facts)) facts {
		f := facts{lookedUp: true, subject: "ann", age: time.Hour, decided: true, recalled: true, covered: true}
		for _, change := range changes {
			change(&f)
		}
		return f
	}
	stranger := func(f *facts) { f.subject, f.age, f.recalled, f.covered = "", 0, false, false }
	undecided := func(f *facts) { f.decided = false }
	none := func(f *facts) { f.prompt.None = true }
	renewed := func(f *facts) { f.renewed, f.age = true, time.Second }
	asksLogin := func(f *facts) { f.prompt.Login = true }
	asksAccount := func(f *facts) { f.prompt.SelectAccount = true }
	asksConsent := func(f *facts) { f.prompt.Consent = true }
	age := func(d time.Duration) func(*facts) { return func(f *facts) { f.maxAge = ms(d) } }
	stepUp := func(d time.Duration) func(*facts) { return func(f *facts) { f.stepUp = ms(d) } }
	hinted := func(f *facts) { f.hinted = "bob" }
	open := func(f *facts) { f.covered = false }
	always := func(f *facts) { f.always = true }
	waived := func(f *facts) { f.waived = true }
	yes := func(f *facts) { f.answer = allowed }
	agreed := func(f *facts) { f.answer, f.agreed = allowed, true }
	no := func(f *facts) { f.answer = refused }

	for _, test := range []struct {
		name string
		f    facts
		do   action
		code core.Code
	}{
		{"nothing is known", facts{}, lookUp, ""},
		{"nobody is there: policy first", with(stranger, undecided), decide, ""},
		{"somebody is there: policy", with(undecided), decide, ""},
		{"policy denies a stranger", with(stranger, func(f *facts) { f.denied = core.Refuse(core.InvalidScope, "no") }), refuse, core.InvalidScope},
		{"policy denies", with(func(f *facts) { f.denied = core.Refuse(core.AccessDenied, "no") }), refuse, core.AccessDenied},
		{"nobody", with(stranger), showLogin, ""},
		{"nobody, prompt=none", with(stranger, none), refuse, core.LoginRequired},
		{"all is well", with(), issue, ""},
		{"all is well, prompt=none", with(none), issue, ""},
		{"prompt=login", with(asksLogin), showLogin, ""},
		{"prompt=login, done", with(asksLogin, renewed), issue, ""},
		{"prompt=select_account", with(asksAccount), showLogin, ""},
		{"prompt=select_account, done", with(asksAccount, renewed), issue, ""},
		{"max_age exceeded", with(age(time.Minute)), showLogin, ""},
		{"max_age exceeded, prompt=none", with(age(time.Minute), none), refuse, core.LoginRequired},
		{"max_age reached", with(age(time.Hour)), issue, ""},
		{"max_age=0", with(age(0), func(f *facts) { f.age = 0 }), showLogin, ""},
		{"max_age=0, done", with(age(0), renewed), issue, ""},
		{"policy wants a newer sign-in", with(stepUp(time.Minute)), showLogin, ""},
		{"policy wants a newer sign-in, prompt=none", with(stepUp(time.Minute), none), refuse, core.LoginRequired},
		{"policy wants a newer sign-in, done", with(stepUp(0), renewed), issue, ""},
		{"somebody else is hinted at", with(hinted), showLogin, ""},
		{"somebody else is hinted at, prompt=none", with(hinted, none), refuse, core.LoginRequired},
		{"somebody else has signed in than hinted at", with(hinted, renewed), refuse, core.LoginRequired},
		{"what was allowed is not known", with(func(f *facts) { f.recalled = false }), recall, ""},
		{"not allowed yet", with(open), showConsent, ""},
		{"not allowed yet, prompt=none", with(open, none), refuse, core.ConsentRequired},
		{"prompt=consent", with(asksConsent), showConsent, ""},
		{"policy always asks", with(always), showConsent, ""},
		{"policy always asks, prompt=none", with(always, none), refuse, core.ConsentRequired},
		{"policy needs no consent", with(open, waived), issue, ""},
		{"policy needs no consent, prompt=none", with(open, waived, none), issue, ""},
		{"policy needs no consent, prompt=consent", with(open, waived, asksConsent), showConsent, ""},
		{"policy needs none and always asks", with(open, waived, always), showConsent, ""},
		{"policy needs no consent, nobody", with(stranger, waived), showLogin, ""},
		{"policy needs none, the person refused", with(waived, no), refuse, core.AccessDenied},
		{"the person allowed it", with(open, agreed), issue, ""},
		{"the person allowed it, prompt=consent", with(asksConsent, agreed), issue, ""},
		{"the person allowed it, policy always asks", with(always, agreed), issue, ""},
		{"the person allowed less than would be issued", with(open, yes), showConsent, ""},
		{"the person allowed it but has signed out", with(stranger, agreed), showLogin, ""},
		{"the person allowed it but policy denies now", with(agreed, func(f *facts) { f.denied = core.Refuse(core.AccessDenied, "no") }), refuse, core.AccessDenied},
		{"the person refused", with(open, no), refuse, core.AccessDenied},
		{"the person refused, whatever else", facts{answer: refused}, refuse, core.AccessDenied},
	} {
		got := next(test.f)
		if got.do != test.do || (got.refusal == nil) != (test.code == "") || got.refusal != nil && got.refusal.Code != test.code {
			t.Errorf("%s: %+v, want %d %s", test.name, got, test.do, test.code)
		}
	}
}

// PKCE by client and request (DESIGN: PKCE; RFC 9700 §2.1.1).
func TestPKCERequired(t *testing.T) {
	for _, test := range []struct {
		name, method, profile string
		obliged               bool
		scope, nonce          string
		want                  bool
	}{
		{"public", "none", "default", false, "openid", "n", true},
		{"public, profile oidc", "none", "oidc", false, "openid", "n", true},
		{"obliged", "client_secret_basic", "oidc", true, "openid", "n", true},
		{"fapi2", "private_key_jwt", "fapi2", false, "openid", "n", true},
		{"profile oidc", "client_secret_basic", "oidc", false, "email", "", false},
		{"confidential, OAuth", "client_secret_basic", "default", false, "email", "n", true},
		{"confidential, OpenID without nonce", "client_secret_basic", "default", false, "openid", "", true},
		{"confidential, OpenID with nonce", "client_secret_basic", "default", false, "openid", "n", false},
		{"a method that is not said is basic", "", "default", false, "openid", "n", false},
	} {
		c := core.Client{Metadata: core.Metadata{TokenEndpointAuthMethod: test.method}, Provenance: core.Provenance{Profile: test.profile}}
		if test.obliged {
			c.Governance.Obligations = []core.Obligation{{Name: "pkce_s256"}}
		}
		if got := pkceRequired(&c, &Request{Scope: []string{test.scope}, Nonce: test.nonce}); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}
