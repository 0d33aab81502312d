package registration_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

func ptr(n int64) *int64 { return &n }

func TestMint(t *testing.T) {
	b := newBench(t, withProfiles)
	tokens := registration.NewTokens(b.store, b.desk.Site, func() time.Time { return b.now })
	for name, test := range map[string]struct {
		req      registration.TokenRequest
		uses     int64
		lifetime time.Duration
		says     string // "": minted
	}{
		"defaults":           {registration.TokenRequest{}, 1, time.Hour, ""},
		"max_uses":           {registration.TokenRequest{MaxUses: ptr(5), ExpiresIn: ptr(60)}, 5, time.Minute, ""},
		"max_usages":         {registration.TokenRequest{MaxUsages: ptr(10000)}, 10000, time.Hour, ""},
		"both alike":         {registration.TokenRequest{MaxUses: ptr(2), MaxUsages: ptr(2)}, 2, time.Hour, ""},
		"both and different": {registration.TokenRequest{MaxUses: ptr(2), MaxUsages: ptr(3)}, 0, 0, "mean the same and differ"},
		"no uses":            {registration.TokenRequest{MaxUses: ptr(0)}, 0, 0, "from 1 to 10000"},
		"less than none":     {registration.TokenRequest{MaxUsages: ptr(-1)}, 0, 0, "from 1 to 10000"},
		"too many":           {registration.TokenRequest{MaxUses: ptr(10001)}, 0, 0, "from 1 to 10000"},
		"no time":            {registration.TokenRequest{ExpiresIn: ptr(0)}, 0, 0, "expires_in"},
		"too long is cut":    {registration.TokenRequest{ExpiresIn: ptr(1<<63 - 1)}, 1, 30 * 24 * time.Hour, ""},
		"profile":            {registration.TokenRequest{Profile: "spa", Label: "team"}, 1, time.Hour, ""},
		"unknown profile":    {registration.TokenRequest{Profile: "nope"}, 0, 0, `profile "nope" is not offered`},
		"disabled profile":   {registration.TokenRequest{Profile: "old"}, 0, 0, "is not offered"},
		"long label":         {registration.TokenRequest{Label: string(make([]byte, 201))}, 0, 0, "label is longer"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(b.store.tokens)
			token, secret, err := tokens.Mint(t.Context(), "ada", test.req)
			if test.says != "" {
				checkCode(t, err, core.InvalidRequest, test.says)
				if secret != "" || len(b.store.tokens) != before {
					t.Error("a token was minted all the same")
				}
				return
			}
			held, _ := b.store.TokenByHash(t.Context(), secret.Hash())
			if err != nil || !reflect.DeepEqual(held.Token, token) || token.MaxUses != test.uses || !token.ExpiresAt.Equal(b.now.Add(test.lifetime)) ||
				token.CreatedBy != "ada" || token.Profile != test.req.Profile || token.Label != test.req.Label || held.Uses != 0 {
				t.Errorf("token = %+v, %v", token, err)
			}
		})
	}
}

func TestListAndRevoke(t *testing.T) {
	b := newBench(t)
	tokens := registration.NewTokens(b.store, b.desk.Site, func() time.Time { return b.now })
	token, secret, err := tokens.Mint(t.Context(), "ada", registration.TokenRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := tokens.List(t.Context(), "", 10); err != nil || len(list) != 1 || !reflect.DeepEqual(list[0].Token, token) {
		t.Errorf("List = %+v, %v", list, err)
	}
	if err := tokens.Revoke(t.Context(), token.ID); err != nil {
		t.Error(err)
	}
	checkCode(t, tokens.Revoke(t.Context(), token.ID), core.NotFound, "no initial access token")
	req := b.request(core.Register, core.ChannelDCR, "", shop)
	req.Credential.Bearer = secret
	_, err = b.do(req)
	checkCode(t, err, core.InvalidToken, "revoked")
}
