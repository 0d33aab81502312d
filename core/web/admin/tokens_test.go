package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
)

const tokens = "/dcr/initial-access-tokens"

func (a answer) number(path string) int64 {
	n, _ := a.at(path).Int64()
	return n
}

// The answer has every member that clients of the API know, in both spellings of the request; what is left out gets a default.
func TestMintToken(t *testing.T) {
	h := open(t)
	for body, want := range map[string]struct {
		uses, seconds int64
		label         string
	}{
		`{}`: {1, 3600, ""},
		`{"label":"ci","expires_in":60,"max_uses":10}`:  {10, 60, "ci"},
		`{"label":"ci","expires_in":60,"max_usages":9}`: {9, 60, "ci"},
		`{"max_uses":7,"max_usages":7}`:                 {7, 3600, ""},
		`{"max_uses":null}`:                             {1, 3600, ""},
		`{"max_uses":10000,"expires_in":999999999}`:     {10000, 30 * 24 * 3600, ""},
	} {
		a := h.want(h.ask("POST", tokens, body), http.StatusCreated)
		made, err := time.Parse(time.RFC3339, a.text("created_at"))
		ends, err2 := time.Parse(time.RFC3339, a.text("expires_at"))
		if err != nil || err2 != nil || ends.Sub(made) != time.Duration(want.seconds)*time.Second {
			t.Errorf("%s: from %s to %s", body, a.text("created_at"), a.text("expires_at"))
		}
		if a.number("max_uses") != want.uses || a.number("uses_left") != want.uses || a.number("expires_in") != want.seconds || a.text("label") != want.label ||
			!strings.HasPrefix(a.text("id"), "iat-") || len(a.text("token")) != 43 || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Ostiary-Decision-Id") != "" {
			t.Errorf("%s: %v %s", body, a.Header, a.body)
		}
		if held := h.vault.tokens[core.Secret(a.text("token")).Hash()]; held.Token.CreatedBy != "ada" || held.Token.MaxUses != want.uses {
			t.Errorf("%s: kept as %+v", body, held)
		}
	}
	if a := h.want(h.ask("POST", tokens, `{"profile":"bff"}`), http.StatusCreated); a.text("profile") != "bff" {
		t.Errorf("%s", a.body)
	}
}

// What means nothing, or two things, is refused by name and makes no token.
func TestMintRefuses(t *testing.T) {
	h := open(t)
	for body, says := range map[string]string{
		`{"max_uses":1,"max_usages":2}`:                "max_uses and max_usages",
		`{"max_uses":0}`:                               "max_uses must be from 1",
		`{"max_usages":-1}`:                            "max_uses must be from 1",
		`{"max_uses":10001}`:                           "max_uses must be from 1",
		`{"max_uses":1.5}`:                             "max_uses",
		`{"max_uses":"1"}`:                             "max_uses",
		`{"max_uses":9223372036854775808}`:             "max_uses",
		`{"expires_in":0}`:                             "expires_in",
		`{"expires_in":-9223372036854775808}`:          "expires_in",
		`{"expires_in":"3600"}`:                        "expires_in",
		`{"max_use":1}`:                                "max_use",
		`{"Label":"x"}`:                                "Label",
		`{"label":"x","label":"y"}`:                    "label",
		`{"label":["x"]}`:                              "label",
		`{"label":"` + strings.Repeat("x", 201) + `"}`: "label is longer",
		`{"profile":"nope\"\r\n"}`:                     "profile",
		`{"subject":"root"}`:                           "subject",
		`[]`:                                           "cannot be used",
		`null`:                                         "cannot be used",
		``:                                             "cannot be used",
		`{"a":` + strings.Repeat("[", 5000):            "cannot be used",
	} {
		h.refused(h.ask("POST", tokens, body), http.StatusBadRequest, core.InvalidRequest, says)
	}
	if len(h.vault.tokens) != 0 {
		t.Errorf("%d tokens", len(h.vault.tokens))
	}
}

// Lists show the newest first, page by page, and never the token itself.
func TestListTokens(t *testing.T) {
	h := open(t)
	var ids, secrets []string
	for range 5 {
		a := h.want(h.ask("POST", tokens, `{"max_uses":3}`), http.StatusCreated)
		ids, secrets = append(ids, a.text("id")), append(secrets, a.text("token"))
	}
	held := h.vault.tokens[core.Secret(secrets[4]).Hash()]
	held.Uses = 2
	h.vault.tokens[held.Token.Hash] = held
	var seen []string
	cursor := ""
	for range 4 {
		a := h.want(h.ask("GET", tokens+"?limit=2&cursor="+cursor, ""), http.StatusOK)
		for i := range a.at("items").Len() {
			seen = append(seen, a.text("items."+string(rune('0'+i))+".id"))
		}
		for _, secret := range secrets {
			if strings.Contains(a.body, secret) || strings.Contains(a.body, core.Secret(secret).Hash().String()) {
				t.Errorf("a token is shown: %s", a.body)
			}
		}
		if cursor = a.text("next_cursor"); cursor == "" {
			break
		}
	}
	if strings.Join(seen, " ") != strings.Join([]string{ids[4], ids[3], ids[2], ids[1], ids[0]}, " ") {
		t.Errorf("listed %v of %v", seen, ids)
	}
	if first := h.ask("GET", tokens, ""); first.number("items.0.uses_left") != 1 || first.number("items.0.max_uses") != 3 || first.number("items.0.expires_in") < 3590 {
		t.Errorf("%s", first.body)
	}
}

// A revoked token is gone at once; a second time there is none.
func TestRevokeToken(t *testing.T) {
	h := open(t)
	a := h.want(h.ask("POST", tokens, "{}"), http.StatusCreated)
	gone := h.ask("DELETE", tokens+"/"+a.text("id"), "")
	if gone.StatusCode != http.StatusNoContent || gone.body != "" || len(h.vault.tokens) != 0 {
		t.Errorf("%d %s, %d tokens", gone.StatusCode, gone.body, len(h.vault.tokens))
	}
	h.refused(h.ask("DELETE", tokens+"/"+a.text("id"), ""), http.StatusNotFound, core.NotFound, "no initial access token")
	h.refused(h.ask("DELETE", tokens+"/"+a.text("token"), ""), http.StatusNotFound, core.NotFound, "no initial access token")
}

// A token shows what it lays down, and its clients show what holds them.
func TestShowToken(t *testing.T) {
	h := open(t)
	made := h.want(h.ask("POST", tokens, `{"scopes":["openid"],"allowed_origins":["https://app.example"],"policy_data":{"team":"a"},"label":"partner"}`), http.StatusCreated)
	a := h.want(h.ask("GET", tokens+"/"+made.text("id"), ""), http.StatusOK)
	if a.text("label") != "partner" || a.text("scopes.0") != "openid" || a.text("origins.0") != "https://app.example" || a.text("policy_data.team") != "a" ||
		a.text("created_by") != "ada" || a.text("token") != "" || a.number("uses") != 0 {
		t.Errorf("%s", a.body)
	}
	h.refused(h.ask("GET", tokens+"/iat-none", ""), http.StatusNotFound, core.NotFound, "no initial access token")
	for _, bad := range []string{`{"scopes":"openid"}`, `{"scopes":[]}`, `{"origins":["https://a.example"],"allowed_origins":["https://b.example"]}`, `{"policy_data":"a"}`} {
		h.refused(h.ask("POST", tokens, bad), http.StatusBadRequest, core.InvalidRequest, "")
	}
}
