package bff_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/fetch"
)

const puts = "PUT /dcr/register/bff-server"

// ending makes a site whose client has a secret that ends after thirty days.
func ending(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.op.ends = 30 * day
	s.Backend = s.replica(secretive())
	if err := s.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// look is a start at some later time.
func (s *site) look(after time.Duration, change func(*bff.Parts)) (log string, err error) {
	s.Helper()
	s.clock.advance(after)
	var text bytes.Buffer
	err = s.lone(secretive(), func(p *bff.Parts) {
		p.Log = slog.New(slog.NewTextHandler(&text, nil))
		change(p)
	}).Bootstrap(s.Context())
	return text.String(), err
}

func asItIs(*bff.Parts) {}

// A secret that ends is renewed in the last third of its life, by an update that changes nothing.
func TestSecretIsRenewed(t *testing.T) {
	s := ending(t)
	first := s.store.registration
	if first.Secret.Reveal() != s.op.secret || !first.Until.Equal(s.clock.now().Add(30*day)) {
		t.Fatalf("kept %+v", first)
	}
	if _, err := s.look(20*day-time.Second, asItIs); err != nil || s.op.count(puts) != 0 {
		t.Errorf("too early: %v, %d updates", err, s.op.count(puts))
	}
	log, err := s.look(time.Second, asItIs)
	after := s.store.registration
	if err != nil || s.op.count(puts) != 1 || after.Secret == first.Secret || after.Secret.Reveal() != s.op.secret || !after.Until.Equal(s.clock.now().Add(30*day)) {
		t.Errorf("renewed: %v, %d updates, kept %+v", err, s.op.count(puts), after)
	}
	if after.Token.Reveal() != s.op.token || after.Key != first.Key || !strings.Contains(log, "the client_secret was renewed") || strings.Contains(log, s.op.secret) {
		t.Errorf("kept %+v\n%s", after, log)
	}
	if sent := s.op.bodies[len(s.op.bodies)-1]; strings.Contains(sent, "registration_access_token") || strings.Contains(sent, "client_secret_expires_at") {
		t.Errorf("sent %s", sent)
	}
	if _, err := s.look(0, asItIs); err != nil || s.op.count(puts) != 1 {
		t.Errorf("again: %v, %d updates", err, s.op.count(puts))
	}
}

// A secret that ends sooner is all the same one that an update found: what the issuer answers to a read counts.
func TestSecretIsReadAnew(t *testing.T) {
	s := ending(t)
	s.op.secret, s.op.until = "ANOTHER-SECRET", s.clock.now().Add(40*day)
	if _, err := s.look(25*day, discovered); err != nil || s.store.registration.Secret != "ANOTHER-SECRET" || s.op.count(puts) != 0 {
		t.Errorf("%v, kept %+v, %d updates", err, s.store.registration, s.op.count(puts))
	}
}

// Where an update brings none, an operator does; where nobody does, it is told as long as the secret is good, and ends it then.
func TestSecretCannotBeRenewed(t *testing.T) {
	s := ending(t)
	s.op.lasts = true
	log, err := s.look(21*day, asItIs)
	if err != nil || !strings.Contains(log, "the client_secret ends, and could not be renewed") || !strings.Contains(log, "2026-03-31T12:00:00Z") {
		t.Errorf("%v\n%s", err, log)
	}
	refuse := func(p *bff.Parts) {
		p.RenewSecret = func(context.Context, core.ClientID) (bff.GivenSecret, error) {
			return bff.GivenSecret{}, errors.New("no such API")
		}
	}
	if log, err = s.look(0, refuse); err != nil || !strings.Contains(log, "no such API") {
		t.Errorf("an operator who cannot: %v\n%s", err, log)
	}
	s.op.failing(puts, 400, `{"error":"invalid_client_metadata"}`)
	if log, err = s.look(0, asItIs); err != nil || !strings.Contains(log, "invalid_client_metadata") || !strings.Contains(log, "could not be renewed") {
		t.Errorf("an update that is refused: %v\n%s", err, log)
	}
	if _, err := s.look(9*day, asItIs); err == nil || !strings.Contains(core.AsError(err).Detail, "client_secret must be renewed") {
		t.Errorf("once it has ended: %v", err)
	}
	given := bff.GivenSecret{Secret: "OF-AN-OPERATOR", Until: s.clock.now().Add(10 * day)}
	_, err = s.look(0, func(p *bff.Parts) {
		p.RenewSecret = func(context.Context, core.ClientID) (bff.GivenSecret, error) { return given, nil }
	})
	if kept := s.store.registration; err != nil || kept.Secret != given.Secret || !kept.Until.Equal(given.Until) || s.op.count(registers) != 1 {
		t.Errorf("by an operator: %v, kept %+v", err, kept)
	}
}

// The backend in a server registers anew, where nothing else helps: that is its own to decide.
func TestSecretBringsAnotherClient(t *testing.T) {
	s := ending(t)
	s.op.lasts = true
	s.clock.advance(25 * day)
	with := secretive()
	with.Settled = false
	s.op.failing(puts, 400, `{"error":"invalid_client_metadata"}`)
	before := s.store.registration
	if err := s.replica(with).Bootstrap(t.Context()); err != nil || s.store.registration.Secret == before.Secret || s.store.registration.Secret.Reveal() != s.op.secret || s.op.count(registers) < 2 {
		t.Errorf("%v, kept %+v, registered %d times", err, s.store.registration, s.op.count(registers))
	}
}

// A secret without an end is good for ever, however the issuer says so.
func TestSecretWithoutAnEnd(t *testing.T) {
	for _, end := range []string{"0", "-1", "9223372036854775807", "1e300", "null", `"never"`} {
		s := newSite(t)
		s.op.failing(registers, 201, `{"client_id":"c-1","client_secret":"SECRET","client_secret_expires_at":`+end+`}`)
		log, err := s.look(0, asItIs)
		if kept := s.store.registration; err != nil || kept.Secret != "SECRET" || !kept.Until.IsZero() || strings.Contains(log, "ends") {
			t.Errorf("%s: %v, kept %+v\n%s", end, err, kept, log)
		}
	}
}

// A client that cannot be managed, and whose secret ends: nothing is asked of the issuer, and it is told.
func TestSecretOfAnUnmanagedClient(t *testing.T) {
	s := newSite(t)
	s.op.failing(registers, 201, `{"client_id":"c-1","client_secret":"SECRET","client_secret_expires_at":1772452800}`) // 2 March, 12:00
	if _, err := s.look(0, asItIs); err != nil {
		t.Fatal(err)
	}
	if log, err := s.look(20*time.Hour, asItIs); err != nil || !strings.Contains(log, "could not be renewed") || s.op.count(registers) != 1 {
		t.Errorf("%v\n%s", err, log)
	}
	if _, err := s.look(4*time.Hour, asItIs); err == nil || s.op.count(registers) != 1 {
		t.Errorf("once it has ended: %v", err)
	}
	own := secretive()
	own.Secret = "THE-OPERATORS" // whose end is the operator's
	if err := s.replica(own).Bootstrap(t.Context()); err != nil {
		t.Errorf("with the operator's own: %v", err)
	}
}

// A backend looks earlier than usual when its secret is to be renewed before.
func TestLooksInTime(t *testing.T) {
	s := newSite(t)
	s.op.ends = 30 * time.Minute
	waits, goOn := make(chan time.Duration), make(chan time.Time)
	b := s.lone(secretive(), func(p *bff.Parts) {
		p.After = func(d time.Duration) <-chan time.Time {
			select {
			case waits <- d:
			case <-t.Context().Done():
			}
			return goOn
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go b.Run(ctx)
	for range 2 {
		if got := <-waits; got != 20*time.Minute {
			t.Errorf("waits %v", got)
		}
		s.clock.advance(20 * time.Minute)
		goOn <- time.Time{}
	}
	if got := <-waits; got != 20*time.Minute || s.op.count(puts) != 2 {
		t.Errorf("waits %v after %d updates", got, s.op.count(puts))
	}
}

// An operator's API is asked as it wants to be asked, and held to its answer.
func TestRenewSecretAt(t *testing.T) {
	for body, want := range map[string]string{
		`{"client_secret":"S","client_secret_expires_at":1772452800}`: "",
		`{"client_secret":"S","client_secret_expires_at":0}`:          "",
		`{"client_id":"c/1"}`: "without a client_secret",
		`refused`:             "404",
	} {
		door := doorFunc(func(r fetch.Request) (fetch.Response, error) {
			if r.Method != http.MethodPost || r.URL != "https://id.example.com/api/admin/clients/c%2F1/secret" || r.Header.Get("Authorization") != "Bearer OPERATOR" {
				t.Errorf("asked %s %s", r.Method, r.URL)
			}
			if body == "refused" {
				return fetch.Response{Status: http.StatusNotFound, Body: []byte(`{"code":"not_found"}`)}, nil
			}
			return fetch.Response{Status: http.StatusOK, Body: []byte(body)}, nil
		})
		got, err := bff.RenewSecretAt(door, "https://id.example.com", "OPERATOR")(t.Context(), "c/1")
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", body, err)
			}
			continue
		}
		if err != nil || got.Secret != "S" || got.Until.IsZero() != strings.Contains(body, ":0}") {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
}
