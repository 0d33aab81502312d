package main

import (
	"bufio"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/strictjson"
)

// A foreign issuer is one that this program has no part in: npm oidc-provider, which testdata/clients/oidc-provider.mjs starts.
type foreign struct {
	*stand
	tickets []string
}

// newForeign starts one; differs holds settings of its own.
func newForeign(t *testing.T, differs string) *foreign {
	t.Helper()
	node := needNode(t)
	if _, err := os.Stat(filepath.Join(packages, "oidc-provider")); err != nil {
		lacking(t, "the npm package oidc-provider")
	}
	cmd := nodeCommand(t, node, "oidc-provider.mjs")
	cmd.Env = append(os.Environ(), "ISSUER="+differs)
	var said transcript
	cmd.Stderr = &said
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	t.Cleanup(func() {
		_ = alive.Close()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the issuer: %s", &said)
		}
	})
	if err != nil {
		t.Fatalf("the issuer did not start: %v\n%s", err, &said)
	}
	doc, err := strictjson.Parse([]byte(line), strictjson.Default)
	if err != nil {
		t.Fatal(err)
	}
	f := &foreign{stand: &stand{devServer: &devServer{T: t}, dir: t.TempDir(), logout: "/session/end?"}}
	f.Issuer, f.DemoUser = textOf(doc, "issuer"), demoUser{Username: "demo", Password: "any"}
	list, _ := doc.Get("tickets")
	f.tickets, _ = list.Strings()
	return f
}

// ticket takes one of the initial access tokens.
func (f *foreign) ticket() string {
	f.Helper()
	next := f.tickets[0]
	f.tickets = f.tickets[1:]
	return "DCR_IAT=" + next
}

// begin starts a backend beside it.
func (f *foreign) begin(environment ...string) *lone {
	f.Helper()
	b := f.run(append(environment, "OIDC_ISSUER="+f.Issuer, "DCR_REDIRECT_URIS="+automate+"/auth/callback", "OIDC_PROMPT=consent")...)
	b.wantReady()
	return b
}

// credentials reads what a backend keeps.
func (f *foreign) credentials() strictjson.Value {
	f.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, "keys", "bff_client.json"))
	if err != nil {
		f.Fatal(err)
	}
	doc, err := strictjson.Parse(text, strictjson.Default)
	if err != nil {
		f.Fatal(err)
	}
	return doc
}

// At an issuer of others a backend registers, signs somebody in, renews their tokens and signs them out; it is changed by PUT, for there
// is no PATCH, keeps the token that each update gives, turns its key, and is replaced by another client.
func TestForeignIssuer(t *testing.T) {
	f := newForeign(t, "")
	b := f.begin(f.ticket())
	first := textOf(f.credentials(), "client_id")
	b.wantSaid("Client registered: " + first)
	p, to := b.wantSignIn(automate)
	if got := p.visit(to, automate+"/"); got != automate+"/" {
		t.Errorf("signed out to %s", got)
	}
	if asked := p.asked; asked != 1 {
		t.Errorf("the password was asked %d times", asked)
	}
	p.visit(automate+"/auth/login?return_to=%2Finbox", automate+"/inbox")
	if p.asked != 2 { // the issuer's session has ended
		t.Errorf("after the sign-out the password was asked %d times", p.asked)
	}
	_ = b.end()

	b = f.begin()
	b.wantSaid("Ready: the registration is as it should be")
	_ = b.end()
	before := textOf(f.credentials(), "registration_access_token")
	b = f.begin("OIDC_SCOPES=openid profile offline_access", "BFF_JWK_ROTATE_AFTER_DAYS=0")
	b.wantSaid("Client updated: " + first)
	for !strings.Contains(b.said.String(), "keys were turned") && t.Context().Err() == nil {
		if strings.Contains(b.said.String(), "could not be looked after") {
			t.Fatalf("the key was not turned:\n%s", b.said)
		}
		runtime.Gosched()
	}
	b.wantSignIn(automate)
	_ = b.end()
	keys, _ := f.credentials().Get("keys")
	if after := f.credentials(); textOf(after, "client_id") != first || textOf(after, "registration_access_token") == before || len(keys.Items()) != 2 {
		t.Errorf("kept %s", after)
	}

	b = f.begin("OIDC_SCOPES=openid profile offline_access", "DCR_FORCE_REPLACE=true", f.ticket())
	b.wantSignIn(automate)
	if second := textOf(f.credentials(), "client_id"); second == first || strings.Contains(b.said.String(), "could not be deleted") {
		t.Errorf("replaced by %s\n%s", second, b.said)
	}
}

// The same with a secret; and without asking for consent, where this issuer gives no refresh token: that is told.
func TestForeignIssuerWithASecret(t *testing.T) {
	f := newForeign(t, "")
	for _, change := range [][]string{{"MS_BFF_TOKEN_AUTH_METHOD=client_secret_basic", f.ticket()}, {"MS_BFF_TOKEN_AUTH_METHOD=client_secret_post"}} {
		b := f.begin(change...)
		b.wantSignIn(automate)
		_ = b.end()
	}
	b := f.run("MS_BFF_TOKEN_AUTH_METHOD=client_secret_post", "OIDC_ISSUER="+f.Issuer, "DCR_REDIRECT_URIS="+automate+"/auth/callback")
	b.wantReady()
	b.visitor().visit(automate+"/auth/login?return_to=%2Finbox", automate+"/inbox")
	b.wantSaid("gave no refresh token", "OIDC_PROMPT=consent")
}

// An issuer that gives neither a registration access token nor an address to use it at: the one client that it made serves from then on,
// and no start makes another one, with a token at hand or without.
func TestForeignIssuerGivesNoRegistrationToken(t *testing.T) {
	f := newForeign(t, `{"features":{"registration":{"issueRegistrationAccessToken":false}}}`)
	ticket := f.ticket()
	b := f.begin(ticket)
	b.wantSaid("Client registered: ", "the client cannot be managed", "DCR_FORCE_REPLACE=true with a new DCR_IAT")
	b.wantSignIn(automate)
	_ = b.end()
	first := f.credentials()
	if first.String() == "" || textOf(first, "client_id") == "" || textOf(first, "registration_access_token") != "" {
		t.Errorf("kept %s", first)
	}
	for _, change := range [][]string{{ticket}, {f.ticket()}, nil, {"BFF_JWK_ROTATE_AFTER_DAYS=0"}} {
		b = f.begin(change...)
		b.wantSaid("Ready", "the client cannot be managed")
		b.wantSignIn(automate)
		_ = b.end()
		if now := f.credentials(); !strictjson.Equal(now, first) {
			t.Errorf("%v: kept %s", change, now)
		}
	}
	b = f.begin("OIDC_SCOPES=openid profile")
	b.wantSaid("registered with other settings or another key")
	if got := b.visitor().get(automate + "/auth/session"); got.Status != http.StatusOK {
		t.Errorf("with other settings: %d", got.Status)
	}
	_ = b.end()
	b = f.begin("DCR_FORCE_REPLACE=true", f.ticket())
	b.wantSaid("could not be deleted")
	b.wantSignIn(automate)
	if ids := []string{textOf(first, "client_id"), textOf(f.credentials(), "client_id")}; slices.Contains(ids, "") || ids[0] == ids[1] {
		t.Errorf("replaced %v", ids)
	}
}
