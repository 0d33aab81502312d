package clientauth_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/oauth"
)

func TestSecretsInTheHeaderAndInTheForm(t *testing.T) {
	h := open(t)
	h.add("c-1", oauth.AuthClientSecretBasic, secrets("one", "two"))
	h.add("c-2", oauth.AuthClientSecretPost, secrets("p@ss word+%"))
	h.add("absent", "", secrets("one")) // RFC 7591 §2: the default is client_secret_basic
	h.add("odd id:+%", oauth.AuthClientSecretBasic, secrets("a:b +%é"))
	for what, p := range map[string]clientauth.Presented{
		"first secret":    {Authorization: basic("c-1", "one")},
		"second secret":   {Authorization: basic("c-1", "two")},
		"any case":        {Authorization: "bAsIc  " + basic("c-1", "one")[6:]},
		"and its id":      {Authorization: basic("c-1", "one"), Form: form("client_id", "c-1")},
		"other parameter": {Authorization: basic("c-1", "one"), Form: form("code", "x")},
	} {
		h.accepted(what, p, "c-1")
	}
	h.accepted("post", clientauth.Presented{Form: form("client_id", "c-2", "client_secret", "p@ss word+%")}, "c-2")
	h.accepted("absent method", clientauth.Presented{Authorization: basic("absent", "one")}, "absent")
	h.accepted("form-encoded halves (RFC 6749 §2.3.1)", clientauth.Presented{Authorization: basic("odd id:+%", "a:b +%é")}, "odd id:+%")
}

func TestRefusedSecrets(t *testing.T) {
	h := open(t)
	h.add("c-1", oauth.AuthClientSecretBasic, secrets("one"))
	h.add("post", oauth.AuthClientSecretPost, secrets("one"))
	h.add("bare", oauth.AuthClientSecretBasic)
	h.add("none", oauth.AuthNone)
	h.add("gone", oauth.AuthClientSecretBasic, secrets("one"), func(r *core.Registered) { r.Client.Expires = h.now })
	expired := func(r *core.Registered) { r.Credentials.Secrets[0].ExpiresAt = h.now }
	h.add("old", oauth.AuthClientSecretBasic, secrets("one"), expired)
	h.add("slow", oauth.AuthClientSecretBasic, secrets("one"), func(r *core.Registered) { r.Credentials.Secrets[0].Alg = "argon2id" })
	h.add("broken", oauth.AuthClientSecretBasic, secrets("one"), func(r *core.Registered) { r.Credentials.Secrets[0].Hash = "zz" })
	const same = "there is no such client, or its credentials do not match"
	for _, c := range []struct {
		what, header string
		form         oauth.Params
		says         string
	}{
		{"unknown client", basic("nobody", "one"), nil, same},
		{"wrong secret", basic("c-1", "On"), nil, same},
		{"no secret", basic("c-1", ""), nil, same},
		{"the hash of the secret", basic("c-1", core.Secret("one").Hash().String()), nil, same},
		{"a client without a secret", basic("bare", ""), nil, same},
		{"an expired client", basic("gone", "one"), nil, same},
		{"an expired secret", basic("old", "one"), nil, same},
		{"a hash of another kind", basic("slow", "one"), nil, same},
		{"a damaged hash", basic("broken", "one"), nil, same},
		{"unknown in the form", "", form("client_id", "nobody", "client_secret", "one"), same},
		{"unknown and public", "", form("client_id", "nobody"), same},
		{"the form instead of the header", "", form("client_id", "c-1", "client_secret", "one"), "by client_secret_basic, not by client_secret_post"},
		{"the header instead of the form", basic("post", "one"), nil, "by client_secret_post, not by client_secret_basic"},
		{"nothing instead of a secret", "", form("client_id", "c-1"), "by client_secret_basic, not by none"},
		{"a secret of a public client", basic("none", ""), nil, "by none, not by client_secret_basic"},
		{"nothing at all", "", form("grant_type", "x"), "No client authentication"},
		{"not base64", "Basic !!!", nil, "not Basic"},
		{"line break in base64", "Basic Yy0x\nOm9uZQ==", nil, "not Basic"},
		{"no colon", "Basic YWJj", nil, "not Basic"},
		{"no id", basic("", "one"), nil, "not Basic"},
		{"bad escape", "Basic " + "JXp6Om9uZQ==", nil, "not Basic"},
		{"another scheme", "Bearer abc", nil, "not Basic"},
		{"scheme only", "Basic", nil, "not Basic"},
		{"a space", " ", nil, "not Basic"},
	} {
		h.refused(c.what, clientauth.Presented{Authorization: c.header, Form: c.form}, core.InvalidClient, c.says)
	}
	h.now = h.now.Add(-time.Second)
	h.accepted("a secret just before it expires", clientauth.Presented{Authorization: basic("old", "one")}, "old")
}

// RFC 6749 §2.3: one method in a request, and one client.
func TestTwoMethodsAreRefused(t *testing.T) {
	h := open(t)
	h.add("c-1", oauth.AuthClientSecretBasic, secrets("one"))
	header := basic("c-1", "one")
	for what, p := range map[string]clientauth.Presented{
		"header and secret":         {Authorization: header, Form: form("client_id", "c-1", "client_secret", "one")},
		"header and assertion":      {Authorization: header, Form: form("client_assertion", "x")},
		"header and assertion type": {Authorization: header, Form: form("client_assertion_type", clientauth.AssertionType)},
		"secret and assertion":      {Form: form("client_id", "c-1", "client_secret", "one", "client_assertion", "x")},
	} {
		h.refused(what, p, core.InvalidRequest, "Two methods")
	}
	h.refused("another client_id", clientauth.Presented{Authorization: header, Form: form("client_id", "c-2")}, core.InvalidRequest, "not the client")
}

// Only who proved to be the client learns what an operator did to it.
func TestClientsThatMayNotBeUsed(t *testing.T) {
	h := open(t)
	for state, says := range map[core.State]string{core.Pending: "approval", core.Disabled: "disabled", "": "disabled"} {
		h.add("c-1", oauth.AuthClientSecretBasic, secrets("one"), func(r *core.Registered) { r.State = state })
		h.add("pub", oauth.AuthNone, func(r *core.Registered) { r.State = state })
		h.refused(string(state), clientauth.Presented{Authorization: basic("c-1", "one")}, core.UnauthorizedClient, says)
		h.refused(string(state)+", public", clientauth.Presented{Form: form("client_id", "pub")}, core.UnauthorizedClient, says)
		h.refused(string(state)+", wrong secret", clientauth.Presented{Authorization: basic("c-1", "two")}, core.InvalidClient, "do not match")
	}
	h.add("pub", oauth.AuthNone)
	h.accepted("active and public", clientauth.Presented{Form: form("client_id", "pub")}, "pub")
}

// Whose client_id is not admitted is refused before anything is looked for.
func TestAdmission(t *testing.T) {
	h := open(t)
	a := clientauth.New(clientauth.Parts{
		Clients: nil, Now: func() time.Time { return h.now },
		Admit: func(id core.ClientID, caller core.Caller) error {
			return core.Refuse(core.TooManyRequests, "%s of %s", id, caller.IP)
		},
	})
	_, err := a.Authenticate(t.Context(), clientauth.Presented{Form: form("client_id", "https://c.example/c"), Caller: core.Caller{IP: "192.0.2.1"}})
	if core.CodeOf(err) != core.TooManyRequests || core.AsError(err).Detail != "https://c.example/c of 192.0.2.1" {
		t.Error(err)
	}
}
