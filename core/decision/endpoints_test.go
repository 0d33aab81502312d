package decision

import (
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
)

// held is a client as it is stored.
func held() *core.Client {
	return &core.Client{
		ID:         "c-1",
		Metadata:   core.Metadata{ClientName: "Desk", Scope: []string{"openid"}, Custom: map[string]string{"tier": `"gold"`}},
		Provenance: core.Provenance{Channel: core.ChannelOperator, Profile: "spa"},
		Governance: core.Governance{
			Trust: "issuer", Labels: []string{"partner"},
			Limits: map[string]int64{"access_token": 60, "refresh_token": 1 << 60, "client_lifetime": 7},
		},
	}
}

func ann() *core.User {
	return &core.User{Subject: "u-1", Username: "ann", Admin: true, Profile: core.Profile{Email: "ann@example.com", EmailVerified: true}}
}

func TestEndpointsSayWhatIsStored(t *testing.T) {
	when := time.Unix(1_700_000_000, 999)
	a := Authorization{RedirectURI: "https://app.example/cb", Challenge: true, Prompt: []string{"login"}}
	a.SetClient(held())
	a.SetUser(ann(), when, []string{"pwd"})
	k := Token{GrantType: "refresh_token", AuthMethod: "none"}
	k.SetClient(held())
	k.SetUser(ann(), when, []string{"pwd"})
	s := Session{For: core.ConsoleSession}
	s.SetClient(held())
	s.SetUser(ann(), when, []string{"pwd"})
	all := map[string]string{
		"client client_id": `"c-1"`, "client client_name": `"Desk"`, "client scope": `["openid"]`, "client extra": `{"tier":"gold"}`,
		"provenance": `{"channel":"operator","profile":"spa","trust":"issuer","labels":["partner"]}`,
		"subject":    `"u-1"`, "user": `{"present":true,"username":"ann","admin":true,"email":"ann@example.com","email_verified":true}`,
		"sign_in": `{"time":1700000000,"methods":["pwd"]}`, "contract": `"ostiary/1"`, "now": `0`,
	}
	for q, own := range map[Question]map[string]string{
		&a: {"redirect_uri registrable_domain": `"app.example"`, "challenge": `true`, "par": `false`, "prompt": `["login"]`},
		&s: {"for": `"console"`},
		&k: {"grant_type": `"refresh_token"`, "auth_method": `"none"`, "limits": `{"access_token":60,"id_token":0,"refresh_token":3153600000}`},
	} {
		v := parsed(t, q)
		for _, wants := range []map[string]string{all, own} {
			for path, want := range wants {
				if got := at(t, v, strings.Fields(path)...).String(); got != want {
					t.Errorf("%T: %s = %s, want %s", q, path, got, want)
				}
			}
		}
	}
}

// A sign-in that no client led to says so in every member about one.
func TestSessionWithoutClient(t *testing.T) {
	q := Session{}
	q.SetClient(&core.Client{Metadata: core.Metadata{ClientName: "nobody's"}, Provenance: core.Provenance{Channel: core.ChannelDCR}})
	v := parsed(t, &q)
	for path, want := range map[string]string{
		"client client_id": `""`, "client client_name": `""`, "for": `"provider"`,
		"provenance": `{"channel":"","profile":"","trust":"none","labels":[]}`,
		"user":       `{"present":false,"username":"","admin":false,"email":"","email_verified":false}`,
	} {
		if got := at(t, v, strings.Fields(path)...).String(); got != want {
			t.Errorf("%s = %s, want %s", path, got, want)
		}
	}
}

func TestUnknownTrustIsNone(t *testing.T) {
	if got := at(t, parsed(t, new(Token)), "provenance", "trust").String(); got != `"none"` {
		t.Errorf("trust = %s", got)
	}
}

func TestLifetimesAreNeverRoundedToNone(t *testing.T) {
	q := Token{ClientLimits: Lifetimes{AccessToken: time.Millisecond, IDToken: time.Second, RefreshToken: 1500 * time.Millisecond}}
	if got := at(t, parsed(t, &q), "limits").String(); got != `{"access_token":1,"id_token":1,"refresh_token":2}` {
		t.Errorf("limits = %s", got)
	}
}

// change is a step in which two questions differ.
type change struct {
	path string
	do   func(*Authorization, *Token)
}

var changes = []change{
	{"now", func(a *Authorization, k *Token) { a.Now, k.Now = time.Unix(9, 0), time.Unix(9, 0) }},
	{"request_id", func(a *Authorization, k *Token) { a.RequestID, k.RequestID = "d-2", "d-2" }},
	{"client.client_id", func(a *Authorization, k *Token) { a.Client.ClientID, k.Client.ClientID = "c-2", "c-2" }},
	{"client.client_name", func(a *Authorization, k *Token) {
		a.Client.Metadata.ClientName, k.Client.Metadata.ClientName = "x", "x"
	}},
	{"client.scope", func(a *Authorization, k *Token) { a.Client.Metadata.Scope, k.Client.Metadata.Scope = nil, nil }},
	{"provenance.channel", func(a *Authorization, k *Token) { a.ClientChannel, k.ClientChannel = "import", "import" }},
	{"provenance.labels", func(a *Authorization, k *Token) { a.ClientLabels, k.ClientLabels = nil, nil }},
	{"redirect_uri", func(a *Authorization, _ *Token) { a.RedirectURI = "https://b.example/" }},
	{"par", func(a *Authorization, _ *Token) { a.PAR = true }},
	{"prompt", func(a *Authorization, _ *Token) { a.Prompt = []string{"none"} }},
	{"grant_type", func(_ *Authorization, k *Token) { k.GrantType = "refresh_token" }},
	{"limits.id_token", func(_ *Authorization, k *Token) { k.ClientLimits.IDToken = time.Hour }},
	{"scopes", func(a *Authorization, k *Token) { a.Scopes, k.Scopes = []string{"a", "b"}, []string{"a", "b"} }},
	{"subject", func(a *Authorization, k *Token) { a.Subject, k.Subject = "u-9", "u-9" }},
	{"user.admin", func(a *Authorization, k *Token) { a.UserAdmin, k.UserAdmin = true, true }},
	{"sign_in.time", func(a *Authorization, k *Token) { a.AuthTime, k.AuthTime = time.Unix(7, 0), time.Unix(7, 0) }},
	{"caller.ip", func(a *Authorization, k *Token) { a.Caller.IP, k.Caller.IP = "192.0.2.1", "192.0.2.1" }},
}

func TestDigestOfEndpointsSeesWhatIsRead(t *testing.T) {
	for _, read := range append(changes, change{path: ""}) {
		var p Paths
		if read.path == "" {
			p.Add() // the whole
		} else {
			p.Add(strings.Split(read.path, ".")...)
		}
		d := NewDigester(&p)
		a0, k0 := d.Sum(fullAuthorization()), d.Sum(fullToken())
		for _, step := range changes {
			a, k := fullAuthorization(), fullToken()
			step.do(a, k)
			seen := (read.path == "" || read.path == step.path) && step.path != "now" && step.path != "request_id"
			ofA := step.path != "grant_type" && step.path != "limits.id_token"
			ofK := step.path != "redirect_uri" && step.path != "par" && step.path != "prompt"
			if differs := d.Sum(a) != a0; differs != (seen && ofA) {
				t.Errorf("authorization, reading %q, changing %s: digest differs %v", read.path, step.path, differs)
			}
			if differs := d.Sum(k) != k0; differs != (seen && ofK) {
				t.Errorf("token, reading %q, changing %s: digest differs %v", read.path, step.path, differs)
			}
		}
	}
}

// A rule may read what is computed from a value and not the value.
func TestDigestSeesComputedFacts(t *testing.T) {
	for _, path := range []string{"redirect_uri.host", "redirect_uri.registrable_domain", "redirect_uri"} {
		var p Paths
		p.Add(strings.Split(path, ".")...)
		d := NewDigester(&p)
		sums := map[[32]byte]bool{}
		for _, uri := range []string{"https://a.example/cb", "https://b.example/cb", "https://c.a.test/cb"} {
			sums[d.Sum(&Authorization{RedirectURI: uri})] = true
		}
		if len(sums) != 3 {
			t.Errorf("reading %s: %d digests of 3 redirect URIs", path, len(sums))
		}
	}
}
