package policies

import (
	"context"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

func TestStepUpAndConsent(t *testing.T) {
	q := exampleAuthorization()
	for _, test := range []struct {
		rego    string
		age     time.Duration // below zero: none
		consent bool
	}{
		{"", -1, false},
		{`limit contains {"rule": "a", "name": "max_age", "value": 600}

limit contains {"rule": "b", "name": "max_age", "value": 300}
`, 5 * time.Minute, false},
		{`limit contains {"rule": "now", "name": "max_age", "value": 0}` + "\n", 0, false},
		{`require contains {"rule": "ask", "name": "consent"} if "offline_access" in input.scopes` + "\n", -1, true},
		{`require contains {"rule": "ask", "name": "consent"} if "admin.api" in input.scopes` + "\n", -1, false},
	} {
		file := test.rego
		if file != "" {
			file = houseOf(authorization) + file
		}
		v, err := engineWith(t, file).DecideAuthorization(context.Background(), &q)
		if err != nil || !v.Allowed || v.Consent != test.consent || (v.MaxAge == nil) != (test.age < 0) || v.MaxAge != nil && *v.MaxAge != test.age {
			t.Errorf("%s: %+v, %v", test.rego, v, err)
		}
	}
}

// Consent is waived by rules and by trusted profiles; that another rule wants it stands beside that.
func TestConsentIsWaived(t *testing.T) {
	q := exampleAuthorization()
	q.ClientProfile, q.ClientChannel = "own", core.ChannelImport
	profile, _ := strictjson.Parse([]byte(`{"own":{"token_endpoint_auth_methods":{},"grant_types":{},"allowed_scopes":{},"trusted":true}}`), strictjson.Default)
	for _, test := range []struct {
		rego            string
		profiles        strictjson.Value
		waived, consent bool
	}{
		{"", strictjson.Object(), false, false},
		{"", profile, true, false},
		{`require contains {"rule": "ours", "name": "skip_consent"}` + "\n", strictjson.Object(), true, false},
		{`require contains {"rule": "ask", "name": "consent"}` + "\n", profile, true, true},
	} {
		src := Source{Origin: Folder, Files: map[string][]byte{}, Site: exampleConfig().With("profiles", test.profiles)}
		if test.rego != "" {
			src.Files["house.rego"] = []byte(houseOf(authorization) + test.rego)
		}
		e := NewEngine(Options{Deadline: long, TrialTime: long})
		if err := e.Replace(src); err != nil {
			t.Fatal(err)
		}
		v, err := e.DecideAuthorization(context.Background(), &q)
		if err != nil || !v.Allowed || v.Waived != test.waived || v.Consent != test.consent {
			t.Errorf("%s: %+v, %v", test.rego, v, err)
		}
	}
}

// Limits given at registration and by rules of the token decision: the smallest of each name counts.
func TestLifetimes(t *testing.T) {
	client := exampleClient()
	client.Governance.Limits = map[string]int64{"access_token": 60, "refresh_token": 7200, "client_lifetime": 5}
	q := exampleToken()
	q.SetClient(&client)
	for rego, want := range map[string]decision.Lifetimes{
		"": {AccessToken: time.Minute, RefreshToken: 2 * time.Hour},
		houseOf(token) + `limit contains {"rule": "house.short", "name": "refresh_token", "value": 3600}

limit contains {"rule": "house.long", "name": "access_token", "value": 300}

limit contains {"rule": "house.other", "name": "id_token", "value": 1000000000000}
`: {AccessToken: time.Minute, IDToken: decision.Seconds(1 << 62), RefreshToken: time.Hour},
	} {
		v, err := engineWith(t, rego).DecideToken(context.Background(), &q)
		if err != nil || !v.Allowed || v.Lifetimes != want {
			t.Errorf("%+v, %v", v, err)
		}
	}
}

func TestRegistrationMayLimitTokens(t *testing.T) {
	v := ask(t, engineWith(t, house+`limit contains {"rule": "house.short", "name": "access_token", "value": 60}`+"\n"), nil)
	if v.Limits[decision.LimitAccessToken] != 60 {
		t.Errorf("limits = %v", v.Limits)
	}
}

// Who holds the scopes that give power over the server itself.
func TestPower(t *testing.T) {
	e := engineWith(t, "")
	for name, test := range map[string]struct {
		change func(*decision.Token)
		holds  bool
	}{
		"a client that an operator registered":   {func(*decision.Token) {}, true},
		"one that registered itself":             {func(q *decision.Token) { q.ClientChannel = core.ChannelDCR }, false},
		"an administrator":                       {func(q *decision.Token) { q.UserPresent, q.UserAdmin, q.GrantType = true, true, "refresh_token" }, true},
		"an administrator with any client":       {func(q *decision.Token) { q.UserPresent, q.UserAdmin, q.ClientChannel = true, true, core.ChannelDCR }, true},
		"somebody else":                          {func(q *decision.Token) { q.UserPresent = true }, false},
		"an administrator who is not there":      {func(q *decision.Token) { q.UserAdmin, q.GrantType = true, "authorization_code" }, false},
		"a client that is not registered for it": {func(q *decision.Token) { q.Client.Metadata.Scope = []string{"openid"} }, false},
		"its own token by another grant":         {func(q *decision.Token) { q.GrantType = "refresh_token" }, false},
	} {
		q := exampleClientCredentials()
		test.change(&q)
		v, err := e.DecideToken(context.Background(), &q)
		if err != nil || !v.Allowed || len(v.Scopes) == 1 != test.holds || len(v.Scopes)+min(len(v.Reasons), 1) != 1 {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}
