package bff_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/strictjson"
)

const day = 24 * time.Hour

// A keeper is a backend that runs, one look at a time.
type keeper struct {
	*site
	waits chan time.Duration
	goOn  chan time.Time
}

// running starts a site's Run and waits for its first look to be over.
func running(s *site) *keeper {
	s.Helper()
	k := &keeper{site: s, waits: make(chan time.Duration), goOn: make(chan time.Time)}
	b, err := bff.New(bff.Parts{Store: s.store, Door: s.op.peer, Keys: s.op, Now: s.clock.now, Mint: s.mint, After: func(d time.Duration) <-chan time.Time {
		select {
		case k.waits <- d:
		case <-s.Context().Done():
		}
		return k.goOn
	}}, settings())
	if err != nil {
		s.Fatal(err)
	}
	k.site.Backend = b
	ctx, stop := context.WithCancel(s.Context())
	var running sync.WaitGroup
	running.Go(func() { b.Run(ctx) })
	s.Cleanup(func() { stop(); running.Wait() })
	k.wantWait()
	return k
}

func (k *keeper) wantWait() {
	k.Helper()
	if got := <-k.waits; got != time.Hour {
		k.Errorf("waits %v", got)
	}
}

// after moves the clock and has the backend look again.
func (k *keeper) after(d time.Duration) {
	k.Helper()
	k.clock.advance(d)
	k.goOn <- time.Time{}
	k.wantWait()
}

// kids lists the keys of a key set, and checks that the issuer has the same ones.
func (k *keeper) kids() []string {
	k.Helper()
	registered, _ := k.op.client.Get("jwks")
	if registered.String() != string(k.JWKS()) {
		k.Errorf("registered %s\npublished  %s", registered, k.JWKS())
	}
	doc, err := strictjson.Parse(k.JWKS(), strictjson.Default)
	if err != nil {
		k.Fatal(err)
	}
	list, _ := doc.Get("keys")
	var kids []string
	for _, jwk := range list.Items() {
		kid, _ := jwk.Get("kid")
		text, _ := kid.Text()
		kids = append(kids, text)
	}
	return kids
}

// After 90 days a new key signs, with the old one published beside it for a day; sign-in works all the while.
func TestKeysTurn(t *testing.T) {
	k := running(newSite(t))
	first := k.kids()
	k.after(90*day - time.Second)
	if got := k.kids(); len(first) != 1 || fmt.Sprint(got) != fmt.Sprint(first) || k.op.count(updates) != 0 {
		t.Fatalf("too early: %v, then %v", first, got)
	}
	other := k.replica(settings())
	if err := other.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.after(time.Second)
	both := k.kids()
	if len(both) != 2 || both[0] != first[0] || both[1] == first[0] || k.op.count(updates) != 1 {
		t.Fatalf("after 90 days: %v, before %v, %d updates", both, first, k.op.count(updates))
	}
	k.signIn()
	if _, err := other.Login(t.Context(), home, "/"); err != nil {
		t.Errorf("a replica that signs with the old key: %v", err)
	}
	k.after(day - time.Second)
	if got := k.kids(); fmt.Sprint(got) != fmt.Sprint(both) {
		t.Errorf("within a day: %v", got)
	}
	if err := other.Bootstrap(t.Context()); err != nil || string(other.JWKS()) != string(k.JWKS()) {
		t.Errorf("the replica has looked again: %v, %s", err, other.JWKS())
	}
	k.after(time.Second)
	if got := k.kids(); len(got) != 1 || got[0] != both[1] || k.op.count(updates) != 2 || len(k.store.registration.Older) > 0 {
		t.Errorf("after a day: %v, %d updates", got, k.op.count(updates))
	}
	k.signIn()
	if _, err := other.Login(t.Context(), home, "/"); err != nil {
		t.Errorf("the replica: %v", err)
	}
	if k.op.count(registers) != 1 || k.op.mint != 1 {
		t.Errorf("%d registrations", k.op.count(registers))
	}
}

// A key that cannot be turned goes on signing; the next look tries again. One that another replica turned is taken over.
func TestKeysTurnLater(t *testing.T) {
	k := running(newSite(t))
	first, before := k.kids(), k.store.registration.Key
	k.op.failing(updates, 503, "")
	k.after(90 * day)
	if got := k.kids(); fmt.Sprint(got) != fmt.Sprint(first) || k.Ready() != nil || k.store.holder != "" {
		t.Errorf("%v, %v, lease %q", got, k.Ready(), k.store.holder)
	}
	k.signIn()
	k.op.healed(updates)
	if err := k.store.Lease(t.Context(), "other", k.clock.now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	k.after(0)
	if got := k.kids(); fmt.Sprint(got) != fmt.Sprint(first) {
		t.Errorf("while another one is at it: %v", got)
	}
	k.after(time.Hour)
	if got := k.kids(); len(got) != 2 || got[0] != first[0] {
		t.Errorf("at last: %v", got)
	}
	late := running(&site{T: t, clock: k.clock, store: k.store, op: k.op})
	if string(late.JWKS()) != string(k.JWKS()) {
		t.Errorf("a later start has %s", late.JWKS())
	}
	for _, secret := range []core.Secret{k.store.registration.Key, before} {
		if secret == "" || strings.Contains(fmt.Sprint(k.op.bodies, string(k.JWKS())), secret.Reveal()) {
			t.Error("a private key left the house")
		}
	}
}
