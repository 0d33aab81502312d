package storage_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/storage"
)

// authorizations opens what the endpoint remembers.
func (s *store) authorizations() storage.Authorizations {
	return storage.NewAuthorizations(s.engine, issuer, s.ring)
}

// pushed keeps a request and gives it as it is read.
func (s *store) pushed(a storage.Authorizations, reference core.Secret) authorize.Held {
	s.Helper()
	now := s.clock.now()
	p := authorize.Pushed{
		Client: "c-1", Params: oauth.Params{"state": {"marker-state"}, "resource": {"https://a/", "https://b/"}},
		StartBefore: now.Add(90 * time.Second), ForgetAt: now.Add(time.Hour),
	}
	if err := a.Push(s.Context(), reference.Hash(), p); err != nil {
		s.Fatal(err)
	}
	held, err := a.Pushed(s.Context(), reference.Hash())
	if err != nil || held.Stamp == (authorize.Stamp{}) || held.Client != p.Client || !held.StartBefore.Equal(p.StartBefore) || !held.ForgetAt.Equal(p.ForgetAt) ||
		!slices.Equal(held.Params["resource"], p.Params["resource"]) || held.Reference != reference.Hash() {
		s.Fatalf("%+v, %v; want %+v", held, err, p)
	}
	return held
}

func aCode(s *store) core.AuthorizationCode {
	return core.AuthorizationCode{
		Grant: core.Grant{ID: core.NewGrantID(s.clock.now()), Client: "c-1", Subject: "u-1"}, RedirectURI: "https://shop.example/cb", ExpiresAt: s.clock.now().Add(time.Minute),
	}
}

// A pushed request is kept sealed, under the hash of its reference, for as long as it lasts.
func TestPushedRequests(t *testing.T) {
	onEach(t, func(s *store) {
		a, reference := s.authorizations(), core.NewSecret()
		s.pushed(a, reference)
		if s.shows(reference.Reveal()) || s.shows("marker-state") {
			s.Error("the reference or what was pushed can be read in the store")
		}
		if held, err := a.Pushed(s.Context(), core.NewSecret().Hash()); err != nil || held.Stamp != (authorize.Stamp{}) {
			s.Errorf("another reference: %+v, %v", held, err)
		}
		s.clock.advance(time.Hour)
		if held, err := a.Pushed(s.Context(), reference.Hash()); err != nil || held.Stamp != (authorize.Stamp{}) {
			s.Errorf("expired: %+v, %v", held, err)
		}
	})
}

// 50 complete one pushed request at once: one code is issued and nothing of the others is written.
func TestPushedRequestIsUsedOnce(t *testing.T) {
	onEach(t, func(s *store) {
		a := s.authorizations()
		held := s.pushed(a, core.NewSecret())
		before := s.records()
		var won atomic.Int64
		together(50, func(int) {
			consent := core.Consent{Subject: "u-1", Client: "c-1", Scope: []string{"openid"}, GivenAt: s.clock.now()}
			switch err := a.Issue(s.Context(), authorize.Issue{Code: core.NewSecret().Hash(), Value: aCode(s), Consent: &consent, Pushed: &held}); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, authorize.ErrUsed):
				s.Errorf("who lost: %v", err)
			}
		})
		if after := s.records(); won.Load() != 1 || len(after) != len(before)+1 { // minus the request, plus code and consent
			s.Errorf("%d won; %d records became %d", won.Load(), len(before), len(after))
		}
		if again, err := a.Pushed(s.Context(), held.Reference); err != nil || again.Stamp != (authorize.Stamp{}) {
			s.Errorf("the request is still there: %+v, %v", again, err)
		}
	})
}

// 50 give up or complete one pushed request at once: one answer counts, and a request that was given up issues nothing.
func TestPushedRequestIsDroppedOnce(t *testing.T) {
	onEach(t, func(s *store) {
		a := s.authorizations()
		held := s.pushed(a, core.NewSecret())
		var dropped, issued atomic.Int64
		together(50, func(i int) {
			err, won := error(nil), &dropped
			if i%2 == 0 {
				err = a.Drop(s.Context(), held)
			} else {
				err, won = a.Issue(s.Context(), authorize.Issue{Code: core.NewSecret().Hash(), Value: aCode(s), Pushed: &held}), &issued
			}
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, authorize.ErrUsed):
				s.Errorf("who lost: %v", err)
			}
		})
		if dropped.Load()+issued.Load() != 1 || int64(len(s.records())) != issued.Load() {
			s.Errorf("%d dropped, %d issued, %d records", dropped.Load(), issued.Load(), len(s.records()))
		}
		newer := s.pushed(a, core.NewSecret())
		newer.Stamp = held.Stamp
		checkIs(s.T, "drop at another version", a.Drop(s.Context(), newer), authorize.ErrUsed)
	})
}

// A request that has expired between reading and issuing issues nothing.
func TestPushedRequestExpiresBeforeIssue(t *testing.T) {
	onEach(t, func(s *store) {
		a := s.authorizations()
		held := s.pushed(a, core.NewSecret())
		s.clock.advance(time.Hour)
		checkIs(s.T, "issue", a.Issue(s.Context(), authorize.Issue{Code: core.NewSecret().Hash(), Value: aCode(s), Pushed: &held}), authorize.ErrUsed)
		if s.sweep(); len(s.records()) > 0 {
			s.Errorf("written: %v", s.records())
		}
	})
}

func TestConsents(t *testing.T) {
	onEach(t, func(s *store) {
		a := s.authorizations()
		want := core.Consent{
			Subject: "u-1", UserGeneration: 2, Client: "c-1", ClientGeneration: 3, Scope: []string{"openid", "email"}, Resources: []string{"https://a/"}, GivenAt: s.clock.now(),
		}
		if err := a.Issue(s.Context(), authorize.Issue{Code: core.NewSecret().Hash(), Value: aCode(s), Consent: &want}); err != nil {
			s.Fatal(err)
		}
		got, err := a.Consent(s.Context(), "u-1", "c-1")
		if err != nil || got.Subject != want.Subject || got.Client != want.Client || got.UserGeneration != 2 || got.ClientGeneration != 3 ||
			!slices.Equal(got.Scope, want.Scope) || !slices.Equal(got.Resources, want.Resources) || !got.GivenAt.Equal(want.GivenAt) {
			s.Errorf("%+v, %v; want %+v", got, err, want)
		}
		for _, other := range [][2]string{{"u-1", "c-2"}, {"u-2", "c-1"}, {"", ""}} {
			if got, err := a.Consent(s.Context(), core.Subject(other[0]), core.ClientID(other[1])); err != nil || !got.GivenAt.IsZero() {
				s.Errorf("%v: %+v, %v", other, got, err)
			}
		}
		if err := a.Issue(s.Context(), authorize.Issue{Code: core.NewSecret().Hash(), Value: aCode(s)}); err != nil {
			s.Fatal(err)
		}
		if got, err := a.Consent(s.Context(), "u-1", "c-1"); err != nil || got.GivenAt.IsZero() {
			s.Errorf("an issue without consent took it away: %+v, %v", got, err)
		}
		s.clock.advance(400 * 24 * time.Hour)
		if s.sweep(); len(s.records()) > 0 {
			s.Errorf("kept for ever: %v", s.records())
		}
	})
}
