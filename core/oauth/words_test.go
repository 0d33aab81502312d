package oauth_test

import (
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

func TestParseResponseType(t *testing.T) {
	for _, rt := range oauth.ResponseTypes() {
		if got, ok := oauth.ParseResponseType(string(rt)); !ok || got != rt {
			t.Errorf("%q was read as %q, %v", rt, got, ok)
		}
	}
	if got, ok := oauth.ParseResponseType("token id_token code"); !ok || got != oauth.ResponseCodeIDTokenToken {
		t.Errorf("another order was read as %q, %v", got, ok)
	}
	for _, text := range []string{"", " ", "Code", "code ", "code  token", "code code", "code none", "code code token", "device", "code\ttoken"} {
		if got, ok := oauth.ParseResponseType(text); ok {
			t.Errorf("%q was read as %q", text, got)
		}
	}
}

// TestResponseTypeNeedsGrant is the table of OpenID Connect Dynamic Client Registration §2.
func TestResponseTypeNeedsGrant(t *testing.T) {
	const code, implicit = oauth.GrantAuthorizationCode, oauth.GrantImplicit
	for rt, want := range map[oauth.ResponseType][]oauth.GrantType{
		"code":                {code},
		"id_token":            {implicit},
		"id_token token":      {implicit},
		"token":               {implicit},
		"code id_token":       {code, implicit},
		"code token":          {code, implicit},
		"code id_token token": {code, implicit},
		"none":                nil,
		"unheard-of":          nil,
	} {
		if got := oauth.ResponseTypeNeedsGrant(rt); !slices.Equal(got, want) {
			t.Errorf("%s needs %v, want %v", rt, got, want)
		}
	}
}

func TestNeedsRedirect(t *testing.T) {
	for _, grant := range oauth.GrantTypes() {
		want := grant == "authorization_code" || grant == "implicit"
		if oauth.NeedsRedirect(grant) != want {
			t.Errorf("%s: want %v", grant, want)
		}
	}
}

func TestAuthMethods(t *testing.T) {
	type uses struct{ secret, keys, assertion, certificate bool }
	want := map[oauth.AuthMethod]uses{
		"none":                        {},
		"client_secret_basic":         {secret: true},
		"client_secret_post":          {secret: true},
		"client_secret_jwt":           {secret: true, assertion: true},
		"private_key_jwt":             {keys: true, assertion: true},
		"tls_client_auth":             {certificate: true},
		"self_signed_tls_client_auth": {keys: true, certificate: true},
	}
	if len(want) != len(oauth.AuthMethods()) {
		t.Fatalf("%d methods, the table has %d", len(oauth.AuthMethods()), len(want))
	}
	for _, m := range oauth.AuthMethods() {
		got := uses{oauth.UsesSecret(m), oauth.UsesKeys(m), oauth.UsesAssertion(m), oauth.UsesCertificate(m)}
		if got != want[m] {
			t.Errorf("%s: %+v, want %+v", m, got, want[m])
		}
	}
}

// TestListsAreTheCallersOwn holds that no list can be changed for others, has duplicates or has "none" as an algorithm.
func TestListsAreTheCallersOwn(t *testing.T) {
	checkList(t, oauth.GrantTypes)
	checkList(t, oauth.ResponseTypes)
	checkList(t, oauth.AuthMethods)
	checkList(t, oauth.ApplicationTypes)
	checkList(t, oauth.SubjectTypes)
	checkList(t, oauth.AsymmetricAlgorithms)
	checkList(t, oauth.SymmetricAlgorithms)
	checkList(t, oauth.KeyEncryptions)
	checkList(t, oauth.ContentEncryptions)
	checkList(t, oauth.Problems)
}

func checkList[T ~string](t *testing.T, list func() []T) {
	t.Helper()
	first := list()
	slices.Sort(first)
	if len(first) == 0 || len(slices.Compact(first)) != len(list()) {
		t.Errorf("empty or with duplicates: %v", list())
	}
	first[0] = "changed"
	if slices.Contains(list(), "changed") {
		t.Errorf("shared: %v", list())
	}
}

func TestIsSymmetric(t *testing.T) {
	for _, alg := range oauth.SymmetricAlgorithms() {
		if !oauth.IsSymmetric(alg) {
			t.Errorf("%s is symmetric", alg)
		}
	}
	for _, alg := range append(oauth.AsymmetricAlgorithms(), "none", "") {
		if oauth.IsSymmetric(alg) {
			t.Errorf("%s is not symmetric", alg)
		}
	}
}
