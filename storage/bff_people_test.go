package storage_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/storage"
)

// counted counts the reads of an engine.
type counted struct {
	storage.Engine
	gets int
}

// Get implements storage.Engine.
func (c *counted) Get(ctx context.Context, keys ...storage.Key) ([]storage.Record, error) {
	c.gets++
	return c.Engine.Get(ctx, keys...)
}

// A neighbour is a backend beside the issuer's people, with ann signed in at both.
type neighbour struct {
	*people
	storage.BFF
	engine *counted
	ann    core.User
	issued core.Session
	hash   core.SecretHash
}

func besidePeople(s *store) *neighbour {
	n := &neighbour{people: openPeople(s, issuer), engine: &counted{Engine: s.engine}}
	n.BFF = storage.NewBFF(n.engine, issuer, s.ring).Among(n.users, n.sessions, storage.NewClients(n.engine, issuer, storage.Ledger{}, s.ring, s.clock.now))
	n.ann = n.create("ann")
	n.issued, _ = n.signIn("ann")
	session, tokens := s.session()
	session.Subject, session.Issued, n.hash = n.ann.Subject, n.issued.ID, session.Hash
	if err := n.AddSession(s.Context(), session, tokens); err != nil {
		s.Fatal(err)
	}
	return n
}

// wantStanding reads the session in both ways.
func (n *neighbour) wantStanding(what string, want bff.Standing) {
	n.Helper()
	want.Known = true
	who, err := n.BFF.Session(n.Context(), n.hash)
	same, tokens, errTokens := n.Tokens(n.Context(), n.hash)
	if errors.Join(err, errTokens) != nil || who.Standing != want || same != who || tokens.Access != "ACCESS" {
		n.Errorf("%s: %+v, %+v, %v, %v; want %+v", what, who.Standing, same.Standing, err, errTokens, want)
	}
}

// What becomes of a person shows at the next read, from whichever process it came.
func TestBFFStanding(t *testing.T) {
	onEach(t, func(s *store) {
		n := besidePeople(s)
		d := openDesk(s)
		session, tokens := s.session()
		session.Subject, session.Issued, session.Hash, session.Client = n.ann.Subject, n.issued.ID, core.Secret("2").Hash(), d.register(app(""))
		if err := n.AddSession(t.Context(), session, tokens); err != nil {
			t.Fatal(err)
		}
		generation := d.load(session.Client).Client.Generation
		check := func(what string, want uint64) {
			t.Helper()
			who, err := n.BFF.Session(t.Context(), session.Hash)
			if err != nil || who.Origin.ClientGeneration != generation || who.Standing.ClientGeneration != want {
				t.Errorf("%s: %+v, %v; want client generation %d", what, who, err, want)
			}
		}
		check("its client is there", generation)
		check("and was read before", generation)
		d.do(d.byOperator(core.Update, session.Client, app(`,"client_uri":"https://shop.example/"`)))
		check("its client was changed", generation)
		d.do(d.byOperator(core.Disable, session.Client, ""))
		check("its client was disabled", generation+1)
		d.do(d.byOperator(core.Delete, session.Client, ""))
		check("its client was deleted", 0)
		session.Hash = core.Secret("3").Hash()
		if err := n.AddSession(t.Context(), session, tokens); err != nil {
			t.Fatal(err)
		}
		if who, err := n.BFF.Session(t.Context(), session.Hash); err != nil || who.Standing.ClientGeneration == who.Origin.ClientGeneration {
			t.Errorf("begun when its client was gone: %+v, %v", who, err)
		}
		n.wantStanding("at first", bff.Standing{Generation: 1, SignedIn: true})
		elsewhere := openPeople(s, issuer)
		if err := elsewhere.EndAll(t.Context(), n.ann.Subject); err != nil {
			t.Fatal(err)
		}
		n.wantStanding("signed out everywhere", bff.Standing{Generation: 2, SignedIn: true})
		if err := elsewhere.End(t.Context(), n.ann.Subject, n.issued.ID); err != nil {
			t.Fatal(err)
		}
		n.wantStanding("signed out", bff.Standing{Generation: 2})
		off := true
		if _, err := elsewhere.Update(t.Context(), n.ann.Subject, login.Edit{Disabled: &off}); err != nil {
			t.Fatal(err)
		}
		n.wantStanding("disabled", bff.Standing{})
		if err := elsewhere.Delete(t.Context(), n.ann.Subject); err != nil {
			t.Fatal(err)
		}
		n.wantStanding("deleted", bff.Standing{})
	})
}

// Who is signed in is one read of the store, once it is known whose session it is.
func TestBFFSessionIsOneRead(t *testing.T) {
	onEach(t, func(s *store) {
		n := besidePeople(s)
		for i, want := range []int{2, 1, 1} {
			n.engine.gets = 0
			n.BFF.Session(t.Context(), n.hash)
			if n.engine.gets != want {
				t.Errorf("reading %d took %d reads", i, n.engine.gets)
			}
			n.engine.gets = 0
			if n.Tokens(t.Context(), n.hash); n.engine.gets != 1 {
				t.Errorf("tokens took %d reads", n.engine.gets)
			}
		}
		again, tokens := s.session() // ended and begun anew under the same name: what was kept of it counts for nothing
		again.Subject, again.Issued, again.Name = "u-bob", "s-other", "Bob"
		other := storage.NewBFF(s.engine, issuer, s.ring)
		if err := errors.Join(other.EndSession(t.Context(), n.hash, bff.Stamp{}), other.AddSession(t.Context(), again, tokens)); err != nil {
			t.Fatal(err)
		}
		if who, err := n.BFF.Session(t.Context(), n.hash); err != nil || who.Name != "Bob" || who.Standing != (bff.Standing{Known: true}) {
			t.Errorf("%+v, %v", who, err)
		}
		if err := n.EndSession(t.Context(), n.hash, bff.Stamp{}); err != nil {
			t.Fatal(err)
		}
		if who, err := n.BFF.Session(t.Context(), n.hash); err != nil || who != (bff.Session{}) {
			t.Errorf("after its end: %+v, %v", who, err)
		}
	})
}

// A login comes from the issuer's session as it was when it began, or from none.
func TestBFFOrigin(t *testing.T) {
	onEach(t, func(s *store) {
		n := besidePeople(s)
		if err := n.EndAll(t.Context(), n.ann.Subject); err != nil {
			t.Fatal(err)
		}
		got, err := n.Origin(t.Context(), n.ann.Subject, n.issued.ID)
		if err != nil || !got.Known || got.Generation != 1 || !got.Until.Equal(n.issued.ExpiresAt) {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := s.openBFF(issuer).Origin(t.Context(), n.ann.Subject, n.issued.ID); err != nil || got != (bff.Origin{}) {
			t.Errorf("the issuer's people are elsewhere: %+v, %v", got, err)
		}
		none := func(what string, subject core.Subject, id core.SessionID) {
			if got, err := n.Origin(t.Context(), subject, id); err != nil || got != (bff.Origin{Known: true}) {
				t.Errorf("%s: %+v, %v", what, got, err)
			}
		}
		none("no session", n.ann.Subject, "")
		none("of another", "u-bob", n.issued.ID)
		none("too long", core.Subject(strings.Repeat("x", 5000)), core.SessionID(strings.Repeat("x", 5000)))
		s.clock.advance(login.DefaultLifetime)
		none("it has expired", n.ann.Subject, n.issued.ID)
		s.clock.advance(-time.Second)
		if err := n.End(t.Context(), n.ann.Subject, n.issued.ID); err != nil {
			t.Fatal(err)
		}
		none("it was ended", n.ann.Subject, n.issued.ID)
	})
}
