package bff_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/oauth"
)

// discovered has a backend take its issuer for one that it knows only by its document.
func discovered(p *bff.Parts) {
	p.Discover = func(context.Context) (bff.Endpoints, error) { return bff.EndpointsOf(issuerURL), nil }
}

// An issuer that gives no registration access token: what it gave is kept, nobody registers again, and what cannot be done is told.
func TestWithoutARegistrationToken(t *testing.T) {
	s := newSite(t)
	s.op.bare = true
	var log bytes.Buffer
	with := settled()
	with.Push, with.Ticket = bff.PushOffered, "ticket-1"
	start := func(change func(*bff.Settings)) *bff.Backend {
		t.Helper()
		log.Reset()
		changed := with
		change(&changed)
		b := s.lone(changed, func(p *bff.Parts) { p.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		if err := b.Bootstrap(t.Context()); err != nil || b.Ready() != nil {
			t.Fatal(err)
		}
		return b
	}
	s.Backend = start(func(*bff.Settings) {})
	s.signIn()
	if kept := s.store.registration; kept.ClientID != "bff-server" || kept.Token != "" || kept.Ticket != "ticket-1" || !strings.Contains(log.String(), "cannot be managed") {
		t.Errorf("kept %+v\n%s", kept, log.String())
	}
	before := s.store.registration
	s.Backend = start(func(*bff.Settings) {})
	s.signIn()
	if strings.Contains(log.String(), "other settings") || !strings.Contains(log.String(), "cannot be managed") || !strings.Contains(log.String(), "Ready") {
		t.Errorf("a restart says:\n%s", log.String())
	}
	start(func(x *bff.Settings) { x.Scope = []string{"openid"} })
	if !strings.Contains(log.String(), "other settings or another key") {
		t.Errorf("with another scope it says:\n%s", log.String())
	}
	if s.counts(1, 0, 0); !s.store.registration.Equal(before) {
		t.Errorf("kept %+v", s.store.registration)
	}
	s.store.registration.Unsaved = true // another key was put in its place
	if start(func(*bff.Settings) {}); !strings.Contains(log.String(), "other settings or another key") {
		t.Errorf("with another key it says:\n%s", log.String())
	}
	s.store.registration.Unsaved = false

	s.op.failing(registers, 201, `{"client_id":"c-2"}`)
	start(func(x *bff.Settings) { x.Replace, x.Ticket = true, "ticket-2" })
	if s.store.registration.ClientID != "c-2" || !strings.Contains(log.String(), "could not be deleted") || s.op.count("DELETE /dcr/register/bff-server") != 0 {
		t.Errorf("replaced by %+v\n%s", s.store.registration, log.String())
	}
}

// The id is taken by a client that cannot be deleted: it is left to the operator, and what is known of it is kept.
func TestNotReplacedUnmanaged(t *testing.T) {
	s := newSite(t)
	s.op.bare = true
	if err := s.replica(settled()).Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, with := s.store.registration, settled()
	with.Replace, with.Ticket = true, "ticket-2"
	if err := s.replica(with).Bootstrap(t.Context()); !strings.Contains(core.AsError(err).Detail, "invalid_client_metadata") || !s.store.registration.Equal(before) {
		t.Errorf("%v, %+v", err, s.store.registration)
	}
}

// A key that the issuer cannot be told of never signs: the one that there is stays, however old.
func TestUnmanagedKeysStay(t *testing.T) {
	s := newSite(t)
	s.op.bare = true
	k := running(s)
	first := k.kids()
	k.after(91 * day)
	if got := k.kids(); len(got) != 1 || got[0] != first[0] || s.op.count(updates) != 0 {
		t.Errorf("before %v, after %v", first, got)
	}
	k.signIn()
}

// An operator's token brings a registration access token where the issuer has such an API; elsewhere the client does without.
func TestUnmanagedIsRenewed(t *testing.T) {
	for renewed, fails := range map[core.Secret]error{"RENEWED": nil, "": errors.New("no such API")} {
		s := newSite(t)
		s.op.bare = true
		if err := s.replica(settled()).Bootstrap(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.op.token = "RENEWED"
		b := s.lone(settled(), func(p *bff.Parts) {
			p.Renew = func(context.Context, core.ClientID) (core.Secret, error) { return renewed, fails }
		})
		if err := b.Bootstrap(t.Context()); err != nil || s.store.registration.Token != renewed || (s.op.count(reads) == 1) != (fails == nil) {
			t.Errorf("%q: %v, %+v, read %d", renewed.Reveal(), err, s.store.registration, s.op.count(reads))
		}
	}
}

// A token without an address, at an issuer that has nothing where clients are usually managed, is no token; at an address that the issuer
// named, the client is gone.
func TestNothingWhereItIsManaged(t *testing.T) {
	s := newSite(t)
	s.op.failing(registers, 201, `{"client_id":"bff-server","registration_access_token":"RAT","id_token_signed_response_alg":"ES256"}`)
	for _, status := range []int{404, 405, 501} {
		s.op.failing(reads, status, "nothing here")
		b := s.replica(settled())
		for range 2 {
			if err := b.Bootstrap(t.Context()); err != nil || b.Ready() != nil {
				t.Errorf("%d: %v", status, err)
			}
		}
	}
	if s.op.count(registers) != 1 || s.store.registration.Token != "RAT" {
		t.Errorf("registered %d times, kept %+v", s.op.count(registers), s.store.registration)
	}
	s.store.registration.URI = issuerURL + "/dcr/register/bff-server"
	if err := s.replica(settled()).Bootstrap(t.Context()); !strings.Contains(core.AsError(err).Detail, "not accepted any more") {
		t.Errorf("gone: %v", err)
	}
}

// An answer of which nothing can be used spends the token: no start makes another client with it. Another token does; and a client that
// was to be replaced stays.
func TestAnswerOfNoUse(t *testing.T) {
	for name, body := range map[string]string{"no id": `{"registration_access_token":"RAT"}`, "no JSON": `<html>made</html>`} {
		s := newSite(t)
		with := settled()
		with.Ticket = "ticket-1"
		s.op.failing(registers, 201, body)
		for range 3 {
			if err := s.replica(with).Bootstrap(t.Context()); !strings.Contains(core.AsError(err).Detail, "was spent on a registration") {
				t.Errorf("%s: %v", name, err)
			}
		}
		s.counts(1, 0, 0)
		s.op.healed(registers)
		with.Ticket = "ticket-2"
		if err := s.replica(with).Bootstrap(t.Context()); err != nil || s.store.registration.ClientID != "bff-server" {
			t.Errorf("%s: with another token: %v", name, err)
		}
		s.op.failing(registers, 201, body)
		before := s.store.registration
		with.Replace, with.Ticket = true, "ticket-3"
		for range 2 {
			if err := s.replica(with).Bootstrap(t.Context()); err != nil {
				t.Errorf("%s: replaced by nothing: %v", name, err)
			}
		}
		if before.Ticket = "ticket-3"; !s.store.registration.Equal(before) || s.op.count(registers) != 3 || s.op.count("DELETE /dcr/register/bff-server") != 0 {
			t.Errorf("%s: kept %+v, registered %d times", name, s.store.registration, s.op.count(registers))
		}
	}
}

// What was registered and cannot be kept is deleted again, or told of by its name: nothing is left that nobody knows of.
func TestRegisteredAndNotKept(t *testing.T) {
	for status, want := range map[int]string{204: "it was deleted again", 500: "it is left at the identity provider"} {
		s := newSite(t)
		s.op.failing("DELETE /dcr/register/bff-server", status, "{}")
		b := s.lone(settled(), func(p *bff.Parts) { p.Store = full{s.store} })
		if err := b.Bootstrap(t.Context()); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `the client "bff-server"`) || s.op.count("DELETE /dcr/register/bff-server") != 1 {
			t.Errorf("%v", err)
		}
	}
}

// What was kept stays, also when it cannot be read again at once: who registers is told to end meanwhile, say.
func TestRegisteredAndKept(t *testing.T) {
	s := newSite(t)
	ctx, end := context.WithCancel(t.Context())
	s.op.done = func(name string) {
		if name == registers {
			end()
		}
	}
	b := s.lone(settled(), func(p *bff.Parts) { p.Store = impatient{s.store} })
	if err := b.Bootstrap(ctx); err == nil || s.store.registration.ClientID != "bff-server" || s.op.count("DELETE /dcr/register/bff-server") != 0 {
		t.Errorf("%v, kept %+v", err, s.store.registration)
	}
}

// A client whose token somebody turned since it was kept is theirs, too.
func TestRegisteredAndTurnedSince(t *testing.T) {
	s := newSite(t)
	b := s.lone(settled(), func(p *bff.Parts) { p.Store = overtaken{s.store} })
	if err := b.Bootstrap(t.Context()); err == nil || s.store.registration.Token != "TURNED" || s.op.count("DELETE /dcr/register/bff-server") != 0 {
		t.Errorf("%v, kept %+v", err, s.store.registration)
	}
}

// overtaken is a store that keeps a registration, has it changed at once, and says that it failed.
type overtaken struct{ *memory }

// SaveRegistration implements bff.Registrations.
func (o overtaken) SaveRegistration(ctx context.Context, holder string, r bff.Registration) error {
	r.Token = "TURNED"
	return errors.Join(o.memory.SaveRegistration(ctx, holder, r), errors.New("the answer was lost"))
}

// An issuer that gives who registers again the client that they have: what cannot be kept of that costs nobody the client.
func TestRegisteredTheSameAgain(t *testing.T) {
	s := newSite(t)
	if err := s.replica(settled()).Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.op.failing(registers, 201, `{"client_id":"bff-server","registration_access_token":"ANOTHER","id_token_signed_response_alg":"ES256"}`)
	with := settled()
	with.Replace, with.Ticket = true, "ticket-2"
	b := s.lone(with, func(p *bff.Parts) { p.Store = full{s.store} })
	if err := b.Bootstrap(t.Context()); err == nil || !strings.Contains(err.Error(), "it is left at the identity provider") || s.op.count("DELETE /dcr/register/bff-server") != 0 {
		t.Errorf("%v", err)
	}
	s.op.failing(reads, 401, `{"error":"invalid_token"}`) // nobody has the id any more
	s.op.failing("DELETE /dcr/register/bff-server", 204, "")
	own := settled()
	own.Settled = false
	b = s.lone(own, func(p *bff.Parts) { p.Store = full{s.store} })
	if err := b.Bootstrap(t.Context()); err == nil || !strings.Contains(err.Error(), "it was deleted again") || s.op.count("DELETE /dcr/register/bff-server") != 1 {
		t.Errorf("%v", err)
	}
}

// impatient is a store that reads nothing for who has been told to end.
type impatient struct{ *memory }

// Registration implements bff.Registrations.
func (i impatient) Registration(ctx context.Context) (bff.Registration, error) {
	if err := ctx.Err(); err != nil {
		return bff.Registration{}, err
	}
	return i.memory.Registration(ctx)
}

// full is a store in which no registration has room.
type full struct{ *memory }

// SaveRegistration implements bff.Registrations.
func (full) SaveRegistration(context.Context, string, bff.Registration) error {
	return errors.New("no space left")
}

// closed is a store that can be read only.
type closed struct{ *memory }

// Lease implements bff.Registrations.
func (closed) Lease(context.Context, string, time.Time) error {
	return bff.Unusable(errors.New("read-only file system"))
}

// Credentials that others wrote and that cannot be written are enough for a client that is as it should be.
func TestReadOnlyCredentials(t *testing.T) {
	s := open(t)
	s.store.registration.Digest, s.store.registration.IDTokenAlg = "", "ES256"
	b := s.lone(settled(), func(p *bff.Parts) { p.Store = closed{s.store} })
	for range 2 {
		if err := b.Bootstrap(t.Context()); err != nil || b.Ready() != nil {
			t.Errorf("as it should be: %v", err)
		}
	}
	with := settled()
	with.Scope = []string{"openid"}
	if err := s.lone(with, func(p *bff.Parts) { p.Store = closed{s.store} }).Bootstrap(t.Context()); err == nil || s.op.count(updates) != 0 {
		t.Errorf("with another scope: %v", err)
	}
}

// An issuer that gives a new token at each read has the one before ended: the new one is kept. An issuer of this program ends nothing, and
// what it answers to a read is left alone.
func TestTokenTurnsAtReads(t *testing.T) {
	s := open(t)
	s.op.turns = true
	for range 3 {
		if err := s.lone(settled(), discovered).Bootstrap(t.Context()); err != nil || s.store.registration.Token.Reveal() != s.op.token {
			t.Fatalf("%v, kept %+v", err, s.store.registration)
		}
	}
	before := s.store.registration
	if err := s.replica(settled()).Bootstrap(t.Context()); err != nil || !s.store.registration.Equal(before) {
		t.Errorf("%v, kept %+v", err, s.store.registration)
	}
	s.op.token = before.Token.Reveal()
	if err := s.lone(settled(), func(p *bff.Parts) { discovered(p); p.Store = closed{s.store} }).Bootstrap(t.Context()); err != nil {
		t.Errorf("that cannot be kept: %v", err)
	}
}

// secretive are the settings of a backend that proves itself by a secret.
func secretive() bff.Settings {
	s := settled()
	s.Method = oauth.AuthClientSecretBasic
	return s
}
