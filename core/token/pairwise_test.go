package token_test

import (
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

const person core.Subject = "u-ann"

var names = core.NewPairwise("salt")

func subOf(claims strictjson.Value) string {
	sub, _ := claims.Get("sub")
	text, _ := sub.Text()
	return text
}

// pairwise makes a client know people by names of its sector.
func (h *house) pairwise(id core.ClientID) core.Subject {
	h.change(id, func(r *core.Registered) {
		r.Client.Metadata.SubjectType, r.Client.Metadata.RedirectURIs = "pairwise", []string{"https://" + string(id) + ".example/cb"}
	})
	client := h.clients[id].Client
	return names.Name(&client, person)
}

// Whoever a pairwise client shows its tokens to knows the person by the client's name for her, and nobody by her own.
func TestPairwiseSubjects(t *testing.T) {
	h := open(t)
	want := h.pairwise("web")
	if want == person || want == "" {
		t.Fatalf("name %q", want)
	}
	answer := h.got(h.redeeming("web", h.code("web")))
	for what, sub := range map[string]string{
		"access token": subOf(h.claims(answer.AccessToken, "at+jwt", "ES256")), "ID token": subOf(h.claims(answer.IDToken, "JWT", "RS256")),
	} {
		if sub != string(want) {
			t.Errorf("%s: sub %q, want %q", what, sub, want)
		}
	}
	info, err := h.UserInfo(t.Context(), answer.AccessToken, nil)
	if err != nil || subOf(parse(t, info.Body)) != string(want) {
		t.Errorf("userinfo: %s, %v", info.Body, err)
	}
	for what, token := range map[string]core.Secret{"access token": answer.AccessToken, "refresh token": answer.RefreshToken} {
		body, err := h.Introspect(t.Context(), h.as("web", "token", token.Reveal()))
		if err != nil || subOf(parse(t, body)) != string(want) {
			t.Errorf("introspection of the %s: %s, %v", what, body, err)
		}
	}
	access, err := h.Verify(t.Context(), answer.AccessToken)
	if err != nil || access.Subject != want || access.Person != person {
		t.Errorf("we know her as %q, the client as %q, %v", access.Person, access.Subject, err)
	}
	again := h.got(h.refreshing("web", answer.RefreshToken))
	if sub := subOf(h.claims(again.IDToken, "JWT", "RS256")); sub != string(want) {
		t.Errorf("refreshed: sub %q", sub)
	}
	if h.asked.Subject != person {
		t.Errorf("policy was asked about %q", h.asked.Subject)
	}
	if other := h.pairwise("spa"); other == want {
		t.Error("two sectors know her by one name")
	}
	client := h.clients["web"].Client
	for what, token := range map[string]core.Secret{"ID token": answer.IDToken, "refreshed ID token": again.IDToken} {
		sid, _ := h.claims(token, "JWT", "RS256").Get("sid")
		if got, _ := sid.Text(); got != string(names.Session(&client, "s-1")) || got == "s-1" {
			t.Errorf("%s: sid %q", what, got)
		}
	}
}

// A token that was made while the client knew people by other names is void.
func TestSubjectTypeChanges(t *testing.T) {
	h := open(t)
	answer := h.got(h.redeeming("web", h.code("web")))
	h.pairwise("web")
	if _, err := h.Verify(t.Context(), answer.AccessToken); core.CodeOf(err) != core.InvalidToken {
		t.Errorf("the public name still counts: %v", err)
	}
	h.got(h.refreshing("web", answer.RefreshToken))
}

// A client that acts for itself has its own id, whatever it knows people by.
func TestPairwiseClientItself(t *testing.T) {
	h := open(t)
	h.pairwise("web")
	if sub := subOf(h.claims(h.got(h.forItself("web")).AccessToken, "at+jwt", "ES256")); sub != "web" {
		t.Errorf("sub %q", sub)
	}
}
