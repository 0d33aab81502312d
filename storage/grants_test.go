package storage_test

import (
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/token"
	"github.com/ostiary/ostiary/storage"
)

func (d *desk) grants() storage.Grants {
	return storage.NewGrants(d.engine, issuer, d.ring, d.clients, d.clock.now)
}

// codeOf gives a code, and what it stands for, with something in every field.
func (d *desk) codeOf(client core.ClientID) (core.SecretHash, core.AuthorizationCode) {
	d.Helper()
	now := d.clock.now()
	secret := core.NewSecret()
	code := core.AuthorizationCode{
		RedirectURI: "https://shop.example/cb", RedirectSet: true, Challenge: "challenge", Nonce: "n", ExpiresAt: now.Add(time.Minute),
		Grant: core.Grant{
			ID: core.NewGrantID(now), Client: client, ClientGeneration: d.load(client).Client.Generation, Subject: "u-ann-of-the-test", UserGeneration: 3,
			Session: "s-1", Scope: []string{"openid"}, Resources: []string{"urn:api"}, AuthTime: now.Add(-time.Minute), Methods: []string{"pwd"},
			CreatedAt: now, ExpiresAt: now.Add(time.Hour), Certificate: "x5t", RefreshKey: core.NewSecret(), Refreshed: 2, RotatedAt: now.Add(-time.Second),
		},
	}
	err := storage.NewAuthorizations(d.engine, issuer, d.ring).Issue(d.Context(), authorize.Issue{Code: secret.Hash(), Value: code})
	if err != nil {
		d.Fatal(err)
	}
	return secret.Hash(), code
}

func (d *desk) held(hash core.SecretHash) token.HeldCode {
	d.Helper()
	held, err := d.grants().Code(d.Context(), hash)
	if err != nil {
		d.Fatal(err)
	}
	return held
}

func (d *desk) grant(id core.GrantID) token.HeldGrant {
	d.Helper()
	held, err := d.grants().Grant(d.Context(), id)
	if err != nil {
		d.Fatal(err)
	}
	return held
}

func TestCodeAndGrantRoundTrip(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		hash, want := d.codeOf(d.register(app("")))
		seen := fields{}
		seen.see(want)
		if left := seen.empty(); len(left) > 0 {
			t.Fatalf("the round trip leaves out %v", left)
		}
		held := d.held(hash)
		if !reflect.DeepEqual(held.Code, want) || held.Used || held.Hash != hash || held.Stamp == (token.Stamp{}) {
			t.Errorf("got %+v, want %+v", held, want)
		}
		if err := d.grants().Redeem(t.Context(), held, want.Grant); err != nil {
			t.Fatal(err)
		}
		if used := d.held(hash); !used.Used || !reflect.DeepEqual(used.Code, want) {
			t.Errorf("a used code is %+v", used)
		}
		kept := d.grant(want.Grant.ID)
		if !reflect.DeepEqual(kept.Grant, want.Grant) {
			t.Errorf("got %+v, want %+v", kept.Grant, want.Grant)
		}
		for _, secret := range []string{want.Grant.RefreshKey.Reveal(), string(want.Grant.Subject), "challenge"} {
			if s.shows(secret) {
				t.Errorf("%q stands in the store in clear", secret)
			}
		}
		elsewhere := storage.NewGrants(s.engine, "other", s.ring, storageOf(s, "other", d), s.clock.now)
		if none, err := elsewhere.Grant(t.Context(), want.Grant.ID); err != nil || none.Stamp != (token.Stamp{}) {
			t.Errorf("another issuer's: %+v, %v", none, err)
		}
	})
}

func TestWhatThereIsNot(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		if held := d.held(core.Secret("x").Hash()); held.Stamp != (token.Stamp{}) {
			t.Errorf("an unknown code: %+v", held)
		}
		long := core.GrantID(make([]byte, 2000))
		for _, id := range []core.GrantID{"", "g-1", long} {
			if held := d.grant(id); held.Stamp != (token.Stamp{}) {
				t.Errorf("an unknown grant: %+v", held)
			}
			if err := d.grants().EndGrant(t.Context(), id); err != nil {
				t.Errorf("ending what there is not: %v", err)
			}
		}
		if r, err := d.clients.Registered(t.Context(), "none"); err != nil || r.Client.ID != "" {
			t.Errorf("an unknown client: %+v, %v", r, err)
		}
	})
}

// Codes end after their minute, used codes are remembered for a day, grants end when they say.
func TestCodesAndGrantsExpire(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		client := d.register(app(""))
		late, _ := d.codeOf(client)
		hash, code := d.codeOf(client)
		if err := d.grants().Redeem(t.Context(), d.held(hash), code.Grant); err != nil {
			t.Fatal(err)
		}
		held := d.held(late)
		s.clock.advance(time.Minute)
		if d.held(late).Stamp != (token.Stamp{}) {
			t.Error("a code outlived its minute")
		}
		checkIs(t, "redeemed when it is too late", d.grants().Redeem(t.Context(), held, held.Code.Grant), token.ErrUsed)
		s.clock.advance(time.Hour - time.Minute)
		if !d.held(hash).Used {
			t.Error("an hour later nobody knows that the code was used")
		}
		if d.grant(code.Grant.ID).Stamp != (token.Stamp{}) {
			t.Error("the grant outlived its end")
		}
		s.clock.advance(24 * time.Hour)
		if d.held(hash).Stamp != (token.Stamp{}) {
			t.Error("the used code is kept for ever")
		}
	})
}

// A code is redeemed for a client as it is: not for one that was disabled or deleted since, nor for another of the same id.
func TestRedeemRequiresTheClient(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		for what, request := range map[string]func(core.ClientID) registration.Request{
			"disabled": func(id core.ClientID) registration.Request { return d.byOperator(core.Disable, id, "") },
			"deleted":  func(id core.ClientID) registration.Request { return d.byOperator(core.Delete, id, "") },
		} {
			id := d.register(app(""))
			hash, code := d.codeOf(id)
			held := d.held(hash)
			d.do(request(id))
			checkIs(t, what, d.grants().Redeem(t.Context(), held, code.Grant), token.ErrVoid)
			if d.held(hash).Used || d.grant(code.Grant.ID).Stamp != (token.Stamp{}) {
				t.Errorf("%s: something was written", what)
			}
		}
	})
}

// Redemptions and changes of the client at once: a change that leaves the generation alone hinders none, and after a client was
// disabled no grant of the old generation is made.
func TestRedeemWhileTheClientChanges(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		id := d.register(app(""))
		const codes = 24
		var held [codes]token.HeldCode
		for i := range held {
			hash, _ := d.codeOf(id)
			held[i] = d.held(hash)
		}
		var updates [4]registration.Request
		for i := range updates {
			updates[i] = d.byOperator(core.Update, id, d.document(id, "client_name", fmt.Sprint("Shop ", i)))
		}
		together(codes+len(updates), func(i int) {
			if i >= codes {
				_, _ = d.Do(t.Context(), updates[i-codes]) // some of them lose to another, which is no matter here
				return
			}
			if err := d.grants().Redeem(t.Context(), held[i], held[i].Code.Grant); err != nil {
				t.Errorf("redeem: %v", err)
			}
		})
		d.do(d.byOperator(core.Disable, id, ""))
		for _, h := range held {
			if g := d.grant(h.Code.Grant.ID).Grant; g.ID != "" && g.ClientGeneration == d.load(id).Client.Generation {
				t.Error("a grant survives disabling")
			}
		}
	})
}

// 200 redeem one code at once: one grant is made.
func TestOneRedemption(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		hash, code := d.codeOf(d.register(app("")))
		held := d.held(hash)
		var won, lost atomic.Int64
		together(callers, func(int) {
			switch err := d.grants().Redeem(t.Context(), held, code.Grant); err {
			case nil:
				won.Add(1)
			case token.ErrUsed:
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
		if won.Load() != 1 || lost.Load() != callers-1 {
			t.Errorf("%d won, %d lost", won.Load(), lost.Load())
		}
	})
}

// 200 rotate one family at once: it moves by one. Who ends it meanwhile ends it for good.
func TestOneRotation(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		hash, code := d.codeOf(d.register(app("")))
		if err := d.grants().Redeem(t.Context(), d.held(hash), code.Grant); err != nil {
			t.Fatal(err)
		}
		held := d.grant(code.Grant.ID)
		next := held.Grant
		next.Refreshed++
		var won atomic.Int64
		together(callers, func(int) {
			switch err := d.grants().Rotate(t.Context(), held, next); err {
			case nil:
				won.Add(1)
			case token.ErrUsed:
			default:
				t.Error(err)
			}
		})
		now := d.grant(code.Grant.ID)
		if won.Load() != 1 || now.Grant.Refreshed != next.Refreshed {
			t.Errorf("%d won, the family is at %d", won.Load(), now.Grant.Refreshed)
		}
		next.Refreshed++
		together(callers, func(i int) {
			if i == callers/2 {
				if err := d.grants().EndGrant(t.Context(), next.ID); err != nil {
					t.Error(err)
				}
				return
			}
			_ = d.grants().Rotate(t.Context(), now, next)
		})
		if left := d.grant(next.ID); left.Stamp != (token.Stamp{}) {
			t.Errorf("a rotation revived an ended family: %+v", left)
		}
	})
}

func TestOnce(t *testing.T) {
	onEach(t, func(s *store) {
		once := storage.NewOnce(s.engine, issuer)
		hash, until := core.Secret("jti").Hash(), s.clock.now().Add(time.Minute)
		var first atomic.Int64
		together(callers, func(int) {
			yes, err := once.Once(t.Context(), "assertion", hash, until)
			if err != nil {
				t.Error(err)
			}
			if yes {
				first.Add(1)
			}
		})
		if first.Load() != 1 {
			t.Errorf("%d were first", first.Load())
		}
		check := func(what, kind string, hash core.SecretHash, seen bool) {
			t.Helper()
			if got, err := once.Seen(t.Context(), kind, hash); err != nil || got != seen {
				t.Errorf("%s: seen %t, %v", what, got, err)
			}
		}
		check("it", "assertion", hash, true)
		check("another kind", "token", hash, false)
		check("another hash", "assertion", core.Secret("x").Hash(), false)
		if yes, err := storage.NewOnce(s.engine, "other").Once(t.Context(), "assertion", hash, until); err != nil || !yes {
			t.Errorf("another issuer: %t, %v", yes, err)
		}
		s.clock.advance(time.Minute)
		check("when it has expired", "assertion", hash, false)
		if yes, err := once.Once(t.Context(), "assertion", hash, until.Add(time.Minute)); err != nil || !yes {
			t.Errorf("again: %t, %v", yes, err)
		}
	})
}
