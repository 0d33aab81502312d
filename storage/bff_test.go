package storage_test

import (
	"errors"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/storage"
)

func (s *store) openBFF(of core.IssuerID) storage.BFF { return storage.NewBFF(s.engine, of, s.ring) }

func (s *store) pending() bff.Pending {
	return bff.Pending{
		State: core.Secret("state").Hash(), Browser: core.Secret("cookie").Hash(), Verifier: "VERIFIER", Nonce: "NONCE",
		RedirectURI: "https://app.example.com/auth/callback", ReturnTo: "/inbox", ExpiresAt: s.clock.now().Add(10 * time.Minute),
	}
}

func (s *store) session() (bff.Session, bff.Tokens) {
	now := s.clock.now()
	return bff.Session{
			Hash: core.Secret("cookie").Hash(), Subject: "u-alice", Issued: "s-1", Username: "alice", Name: "Alice",
			Email: "alice@example.com", EmailVerified: true, CreatedAt: now, ExpiresAt: now.Add(8 * time.Hour),
			Origin: bff.Origin{Known: true, Generation: 3, Until: now.Add(time.Hour), ClientGeneration: 4}, Client: "c-1",
		}, bff.Tokens{
			Access: "ACCESS", AccessFrom: now, AccessUntil: now.Add(5 * time.Minute), Refresh: "REFRESH",
		}
}

func TestBFFRegistration(t *testing.T) {
	onEach(t, func(s *store) {
		kept := s.openBFF(issuer)
		if got, err := kept.Registration(t.Context()); err != nil || !got.Equal(bff.Registration{}) {
			t.Errorf("at first: %+v, %v", got, err)
		}
		want := bff.Registration{
			Issuer: "https://id.example.com", ClientID: "bff-server", Token: "RAT-TOKEN", URI: "https://id.example.com/dcr/register/bff-server",
			IDTokenAlg: "ES256", Key: "PRIVATE-KEY", KeyAlg: "ES256", KeyID: "k-1", KeyFrom: s.clock.now(), Secret: "CLIENT-SECRET",
			Since: s.clock.now(), Until: s.clock.now().Add(time.Hour), Digest: "digest", Ticket: "t-1",
			Older: []bff.OlderKey{{JWK: "{}", From: s.clock.now()}},
		}
		seen := fields{}
		seen.see(want)
		checkIs(t, "without a lease", kept.SaveRegistration(t.Context(), "me", want), bff.ErrLeased)
		until := s.clock.now().Add(time.Minute)
		if err := kept.Lease(t.Context(), "me", until); err != nil {
			t.Fatal(err)
		}
		checkIs(t, "a second lease", kept.Lease(t.Context(), "you", until), bff.ErrLeased)
		checkIs(t, "another's lease", kept.SaveRegistration(t.Context(), "you", want), bff.ErrLeased)
		if err := kept.Release(t.Context(), "you"); err != nil {
			t.Errorf("release of what it has not: %v", err)
		}
		if err := kept.SaveRegistration(t.Context(), "me", want); err != nil {
			t.Fatal(err)
		}
		if got, err := kept.Registration(t.Context()); err != nil || !got.Equal(want) || !slices.Equal(seen.empty(), []string{".Unsaved"}) {
			t.Errorf("got %+v, %v; left out %v", got, err, seen.empty())
		}
		checkIs(t, "saved twice", kept.SaveRegistration(t.Context(), "me", want), bff.ErrLeased)
		if err := kept.Lease(t.Context(), "you", until); err != nil {
			t.Errorf("the lease is not free: %v", err)
		}
		if err := kept.Release(t.Context(), "you"); err != nil {
			t.Error(err)
		}
		if err := kept.Lease(t.Context(), "me", until); err != nil {
			t.Errorf("the lease was not released: %v", err)
		}
		s.clock.advance(time.Minute)
		if err := kept.Lease(t.Context(), "third", until.Add(time.Minute)); err != nil {
			t.Errorf("the lease does not run out: %v", err)
		}
		checkIs(t, "a lease that ran out", kept.SaveRegistration(t.Context(), "me", want), bff.ErrLeased)
		if got, err := s.openBFF("other").Registration(t.Context()); err != nil || got.ClientID != "" {
			t.Errorf("of another issuer: %+v, %v", got, err)
		}
		for _, secret := range []string{"RAT-TOKEN", "PRIVATE-KEY", "CLIENT-SECRET"} {
			if s.shows(secret) {
				t.Errorf("%s stands in the store", secret)
			}
		}
	})
}

func TestBFFLogin(t *testing.T) {
	onEach(t, func(s *store) {
		kept, want := s.openBFF(issuer), s.pending()
		if err := kept.AddPending(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := kept.Pending(t.Context(), want.State)
		seen := fields{}
		seen.see(got)
		want.Stamp = got.Stamp
		got.ExpiresAt = got.ExpiresAt.UTC()
		if err != nil || !reflect.DeepEqual(got, want) || len(seen.empty()) > 0 {
			t.Errorf("got  %+v, %v\nwant %+v; left out %v", got, err, want, seen.empty())
		}
		checkIs(t, "without a stamp", kept.TakePending(t.Context(), s.pending()), bff.ErrChanged)
		if other, err := kept.Pending(t.Context(), core.Secret("other").Hash()); err != nil || other != (bff.Pending{}) {
			t.Errorf("another state: %+v, %v", other, err)
		}
		for _, secret := range []string{"VERIFIER", "NONCE"} {
			if s.shows(secret) {
				t.Errorf("%s stands in the store", secret)
			}
		}
		s.clock.advance(10 * time.Minute)
		if late, err := kept.Pending(t.Context(), want.State); err != nil || late != (bff.Pending{}) {
			t.Errorf("too late: %+v, %v", late, err)
		}
		checkIs(t, "taken too late", kept.TakePending(t.Context(), got), bff.ErrChanged)
		s.sweep()
		if left := s.records(); len(left) > 0 {
			t.Errorf("%d records stay", len(left))
		}
	})
}

func TestBFFSession(t *testing.T) {
	onEach(t, func(s *store) {
		kept := s.openBFF(issuer)
		session, tokens := s.session()
		if err := kept.AddSession(t.Context(), session, tokens); err != nil {
			t.Fatal(err)
		}
		who, err := kept.Session(t.Context(), session.Hash)
		who.ExpiresAt = who.ExpiresAt.UTC()
		if err != nil || who != session {
			t.Errorf("got  %+v, %v\nwant %+v", who, err, session)
		}
		same, held, err := kept.Tokens(t.Context(), session.Hash)
		same.ExpiresAt = same.ExpiresAt.UTC()
		seen := fields{}
		seen.see(same)
		seen.see(bff.Session{Standing: bff.Standing{Known: true, Generation: 1, SignedIn: true, ClientGeneration: 1}}) // bff_people_test.go
		seen.see(held)
		tokens.Stamp = held.Stamp
		if err != nil || same != session || held != tokens || len(seen.empty()) > 0 {
			t.Errorf("got %+v, %+v, %v; left out %v", same, held, err, seen.empty())
		}
		stale := tokens.Stamp
		tokens.Access = "ACCESS-2"
		if err := kept.UpdateTokens(t.Context(), session, tokens); err != nil {
			t.Fatal(err)
		}
		_, held, _ = kept.Tokens(t.Context(), session.Hash)
		if held.Access != "ACCESS-2" || held.Stamp == stale {
			t.Errorf("after the update: %s", held.Access.Reveal())
		}
		checkIs(t, "an update at an old stamp", kept.UpdateTokens(t.Context(), session, tokens), bff.ErrChanged)
		checkIs(t, "an end at an old stamp", kept.EndSession(t.Context(), session.Hash, stale), bff.ErrChanged)
		for _, secret := range []string{"ACCESS", "REFRESH", "alice"} {
			if s.shows(secret) {
				t.Errorf("%s stands in the store", secret)
			}
		}
		if err := kept.EndSession(t.Context(), session.Hash, held.Stamp); err != nil {
			t.Fatal(err)
		}
		checkIs(t, "an update after the end", kept.UpdateTokens(t.Context(), session, held), bff.ErrChanged)
		if err := kept.EndSession(t.Context(), session.Hash, bff.Stamp{}); err != nil {
			t.Errorf("a second end: %v", err)
		}
		if left := s.records(); len(left) > 0 {
			t.Errorf("%d records stay", len(left))
		}
	})
}

// A session is gone at its end, tokens and all, also when they were renewed in between.
func TestBFFSessionExpires(t *testing.T) {
	onEach(t, func(s *store) {
		kept := s.openBFF(issuer)
		session, tokens := s.session()
		if err := kept.AddSession(t.Context(), session, tokens); err != nil {
			t.Fatal(err)
		}
		s.clock.advance(8*time.Hour - time.Second)
		_, tokens, _ = kept.Tokens(t.Context(), session.Hash)
		if err := kept.UpdateTokens(t.Context(), session, tokens); err != nil {
			t.Fatal(err)
		}
		s.clock.advance(time.Second)
		who, err := kept.Session(t.Context(), session.Hash)
		same, held, errTokens := kept.Tokens(t.Context(), session.Hash)
		if errors.Join(err, errTokens) != nil || who != (bff.Session{}) || same != (bff.Session{}) || held != (bff.Tokens{}) {
			t.Errorf("it lives: %+v, %+v, %v, %v", who, held, err, errTokens)
		}
		s.sweep()
		if left := s.records(); len(left) > 0 {
			t.Errorf("%d records stay", len(left))
		}
	})
}

// Of many at once one takes the lease, one the login, and one the update.
func TestBFFOneWinner(t *testing.T) {
	onEach(t, func(s *store) {
		kept, p := s.openBFF(issuer), s.pending()
		session, tokens := s.session()
		if err := errors.Join(kept.AddPending(t.Context(), p), kept.AddSession(t.Context(), session, tokens)); err != nil {
			t.Fatal(err)
		}
		p, _ = kept.Pending(t.Context(), p.State)
		_, tokens, _ = kept.Tokens(t.Context(), session.Hash)
		var leases, logins, updates atomic.Int32
		once := func(what string, won *atomic.Int32, err, lost error) {
			if err == nil {
				won.Add(1)
			} else {
				checkIs(t, what, err, lost)
			}
		}
		together(25, func(i int) {
			once("lease", &leases, kept.Lease(t.Context(), string(rune('a'+i)), s.clock.now().Add(time.Minute)), bff.ErrLeased)
			once("login", &logins, kept.TakePending(t.Context(), p), bff.ErrChanged)
			once("update", &updates, kept.UpdateTokens(t.Context(), session, tokens), bff.ErrChanged)
		})
		if leases.Load() != 1 || logins.Load() != 1 || updates.Load() != 1 {
			t.Errorf("%d leases, %d logins, %d updates", leases.Load(), logins.Load(), updates.Load())
		}
	})
}
