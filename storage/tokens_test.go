package storage_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/storage"
)

// tokenOf makes an initial access token with something in every field.
func (s *store) tokenOf(name string) core.InitialAccessToken {
	s.clock.advance(time.Second)
	now := s.clock.now()
	return core.InitialAccessToken{
		ID: core.NewTokenID(now), Label: "label \"" + name + "\" é", Profile: "spa", MaxUses: 3,
		CreatedAt: now, ExpiresAt: now.Add(time.Hour), CreatedBy: "ada", Hash: core.Secret(name).Hash(),
		Terms: core.Terms{
			Scopes: []string{"openid"}, RedirectHosts: []string{"*.app.example"}, SoftwareIDs: []string{"s1", "é\""}, Origins: []string{"https://app.example"},
			PolicyData: `{"team":"é"}`,
		},
	}
}

func (d *desk) add(tokens ...core.InitialAccessToken) {
	d.Helper()
	for _, token := range tokens {
		if err := d.clients.AddToken(d.Context(), token); err != nil {
			d.Fatal(err)
		}
	}
}

func TestTokenRoundTrip(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		want := s.tokenOf("one")
		seen := fields{}
		seen.see(want)
		if left := seen.empty(); len(left) > 0 {
			t.Fatalf("the round trip leaves out %v", left)
		}
		d.add(want, s.tokenOf("other"))
		held, err := d.clients.TokenByHash(t.Context(), want.Hash)
		if err != nil || !reflect.DeepEqual(held.Token, want) || held.Uses != 0 || held.Stamp == (registration.Stamp{}) {
			t.Errorf("got %+v, %v; want %+v", held, err, want)
		}
		if none, err := d.clients.TokenByHash(t.Context(), core.Secret("none").Hash()); err != nil || !reflect.DeepEqual(none, registration.Held{}) {
			t.Errorf("an unknown token: %+v, %v", none, err)
		}
		if none, err := storageOf(s, "other", d).TokenByHash(t.Context(), want.Hash); err != nil || !reflect.DeepEqual(none, registration.Held{}) {
			t.Errorf("another issuer's: %+v, %v", none, err)
		}
		before := s.records()
		if err := d.clients.AddToken(t.Context(), want); err == nil {
			t.Error("a token was added twice")
		}
		if got := s.tables(before); got != "" {
			t.Errorf("and wrote %s", got)
		}
	})
}

// Tokens are listed newest first, in pages; which of them were used is told.
func TestTokenPages(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		var want []core.TokenID
		for i := range 25 {
			token := s.tokenOf(fmt.Sprint(i))
			token.Profile, token.Terms = "", core.Terms{}
			d.add(token)
			want = append(want, token.ID)
		}
		slices.Reverse(want)
		for range 2 {
			d.do(d.byToken("3", app("")))
		}
		for _, limit := range []int{1, 10, 25, 100} {
			var got []core.TokenID
			var uses int64
			for after, more := core.TokenID(""), true; more; {
				page, err := d.clients.Tokens(t.Context(), after, limit)
				if err != nil {
					t.Fatal(err)
				}
				for _, held := range page {
					got, uses, after = append(got, held.Token.ID), uses+held.Uses, held.Token.ID
				}
				more = len(page) == limit
			}
			if !slices.Equal(got, want) || uses != 2 {
				t.Errorf("pages of %d list %v with %d uses, want %v with 2", limit, got, uses, want)
			}
		}
		for id, used := range map[core.TokenID]time.Time{want[21]: d.clock.now(), want[0]: {}} { // the last but 21 is "3"
			if held, err := d.clients.Token(t.Context(), id); err != nil || held.Token.ID != id || !held.LastUsed.Equal(used) {
				t.Errorf("last used at %s, want %s; %v", held.LastUsed, used, err)
			}
		}
		_, err := d.clients.Tokens(t.Context(), core.TokenID(strings.Repeat("x", 5000)), 10)
		checkCode(t, "after what is no id", err, core.InvalidRequest)
	})
}

// When a token was last used stays true when the client that used it last is gone. A count that was kept without its time goes by the
// clients that are still there, until the next use.
func TestLastUseOutlivesTheClient(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		token := s.tokenOf("one")
		token.Profile, token.Terms = "", core.Terms{}
		d.add(token)
		lastUsed := func(what string, want time.Time) {
			t.Helper()
			if held, err := d.clients.Token(t.Context(), token.ID); err != nil || !held.LastUsed.Equal(want) {
				t.Errorf("%s: last used at %s, want %s; %v", what, held.LastUsed, want, err)
			}
		}
		lastUsed("never", time.Time{})
		d.do(d.byToken("one", app("")))
		first := d.clock.now()
		d.clock.advance(90 * time.Second)
		id, _ := d.do(d.byToken("one", app(""))).Get("client_id")
		second, _ := id.Text()
		lastUsed("twice", d.clock.now())
		d.do(d.byOperator(core.Delete, core.ClientID(second), ""))
		lastUsed("its client deleted", d.clock.now())

		for key, r := range s.records() {
			if key.Parts()[1] == "iat_uses" {
				s.apply(storage.Update(key, r.Version, nil, r.Expires)) // which keeps the count
			}
		}
		lastUsed("counted only", first.Truncate(time.Second))
		d.clock.advance(time.Second)
		d.do(d.byToken("one", app("")))
		lastUsed("used again", d.clock.now())
	})
}

// A revoked token is gone with everything of it, at once and for ever; one that expired is gone too, and swept.
func TestTokenEnds(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		before := s.records()
		revoked, expired := s.tokenOf("revoked"), s.tokenOf("expired")
		revoked.Profile, expired.Profile = "", ""
		revoked.Terms, expired.Terms = core.Terms{}, core.Terms{}
		d.add(revoked, expired)
		d.do(d.byToken("revoked", app("")))
		d.do(d.byToken("expired", app("")))
		if found, err := d.clients.RevokeToken(t.Context(), revoked.ID); err != nil || !found {
			t.Errorf("revoke: %t, %v", found, err)
		}
		for what, id := range map[string]core.TokenID{"again": revoked.ID, "unknown": "iat-none", "no id": core.TokenID(strings.Repeat("\x00", 5000))} {
			if found, err := d.clients.RevokeToken(t.Context(), id); err != nil || found {
				t.Errorf("revoke, %s: %t, %v", what, found, err)
			}
		}
		if list, err := d.clients.Tokens(t.Context(), "", 10); err != nil || len(list) != 1 || list[0].Token.ID != expired.ID || list[0].Uses != 1 {
			t.Errorf("list: %+v, %v", list, err)
		}
		d.clock.advance(time.Hour)
		if list, err := d.clients.Tokens(t.Context(), "", 10); err != nil || len(list) > 0 {
			t.Errorf("list after the end: %+v, %v", list, err)
		}
		if held, err := d.clients.TokenByHash(t.Context(), expired.Hash); err != nil || !reflect.DeepEqual(held, registration.Held{}) {
			t.Errorf("after its end: %+v, %v", held, err)
		}
		s.sweep()
		if got := s.tables(before); strings.Contains(got, "iat") {
			t.Errorf("left in %s", got)
		}
	})
}
