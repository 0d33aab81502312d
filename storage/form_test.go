package storage_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/storage"
)

// A stocked store has one record in every table that keeps values.
type stocked struct {
	*desk
	id       core.ClientID
	token    core.InitialAccessToken
	entry    core.DecisionID
	secrets  map[string]string // what must never be read in the store, by what it is
	policies storage.Policies
}

func stock(s *store) *stocked {
	s.Helper()
	i := newSigner(s, string(issuer))
	keys, err := storage.NewKeys(s.engine, issuer, s.ring).Keys(s.Context())
	if err != nil || len(keys) != 1 {
		s.Fatalf("%d keys, %v", len(keys), err)
	}
	d := &stocked{desk: openDesk(s, trusting(i)), policies: storage.NewPolicies(s.engine, issuer, s.ring)}
	const rules = "package ostiary.registration.site.rule_of_ann"
	if err := d.policies.Save(s.Context(), storage.PolicySource{Revision: "r", Files: map[string]string{"a.rego": rules}, Site: "site-of-ann: 1"}); err != nil {
		s.Fatal(err)
	}
	token, secret := d.mint(9)
	d.token = token
	answer := d.do(d.byToken(secret, app(`,"software_id":"s","contacts":["ann@shop.example"]`)))
	d.id, d.entry = core.ClientID(member(answer, "client_id")), core.DecisionID(member(answer, "decision_id"))
	d.secrets = map[string]string{
		"initial access token": secret.Reveal(), "registration access token": member(answer, "registration_access_token"),
		"client secret": member(answer, "client_secret"), "user agent": userAgent, "rules": "rule_of_ann", "site": "site-of-ann",
		"private key": string(keys[0].Private), "private key's middle": string(keys[0].Private[40:60]),
	}
	d.do(d.byOperator(core.Disable, d.id, ""))
	err = d.ledger.Append(s.Context(), nil, map[core.DecisionID][]ledger.Stage{d.entry: {{Stage: "shape"}}})
	if err != nil {
		s.Fatal(err)
	}
	d.settle()
	return d
}

// reads are all the ways to read what a stocked store has, by the table that each of them needs.
func (d *stocked) reads(ring *seal.Ring) map[string]func(context.Context) error {
	clients, entries := d.reopened(), storage.NewLedger(d.engine, issuer, ring, storage.DefaultRetention(), d.clock.now)
	client := func(ctx context.Context) error { _, err := clients.Client(ctx, d.id); return err }
	return map[string]func(context.Context) error{
		"client": client, "client_credentials": client, "client_state": client,
		"client list": func(ctx context.Context) error {
			_, _, err := clients.Page(ctx, registration.Filter{}, "", 10)
			return err
		},
		"iat":            func(ctx context.Context) error { _, err := clients.TokenByHash(ctx, d.token.Hash); return err },
		"iat_by_id":      func(ctx context.Context) error { _, err := clients.Tokens(ctx, "", 10); return err },
		"iat revoked":    func(ctx context.Context) error { _, err := clients.RevokeToken(ctx, d.token.ID); return err },
		"ledger":         func(ctx context.Context) error { _, _, err := entries.Entry(ctx, d.entry); return err },
		"ledger list":    func(ctx context.Context) error { _, err := entries.Entries(ctx, "", "", 10); return err },
		"ledger history": func(ctx context.Context) error { _, err := entries.Entries(ctx, d.id, "", 10); return err },
		"ledger_input":   func(ctx context.Context) error { _, _, err := entries.Entry(ctx, d.entry); return err },
		"ledger_shaping": func(ctx context.Context) error { _, _, err := entries.Entry(ctx, d.entry); return err },
		"signing_key": func(ctx context.Context) error {
			_, err := storage.NewKeys(d.engine, issuer, ring).Keys(ctx)
			return err
		},
		"policy": func(ctx context.Context) error {
			_, _, err := storage.NewPolicies(d.engine, issuer, ring).LastGood(ctx)
			return err
		},
	}
}

// needs are the tables of the reads that are named after more than their table.
var needs = map[string]string{"client list": "client", "iat revoked": "iat_by_id", "ledger list": "ledger", "ledger history": "ledger"}

// What a newer version wrote, and what is damaged, is an error that says so: it is never read as something else.
func TestForeignForms(t *testing.T) {
	damages := []struct {
		name, says string
		change     func(value []byte) []byte
	}{
		{"newer form", "has form 2, this version reads 1: was the store written by a newer ostiary?", func(v []byte) []byte { v[0] = 2; return v }},
		{"no form", "has form -1", func([]byte) []byte { return nil }},
		{"empty", "record: ", func(v []byte) []byte { return v[:1] }},
		{"cut", "record: ", func(v []byte) []byte { return v[:len(v)-1] }},
		{"longer", "record: ", func(v []byte) []byte { return append(v, '{') }},
		{"another document", "record: ", func([]byte) []byte { return []byte("\x01{\"newer\":1}") }},
		{"a changed byte", "record: ", func(v []byte) []byte { v[1] ^= 4; return v }},
	}
	onEach(t, func(s *store) {
		d := stock(s)
		whole := s.records()
		for name, read := range d.reads(s.ring) {
			if name == "iat revoked" {
				continue // when it works, there is no token any more
			}
			if err := read(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for name, read := range d.reads(s.ring) {
			table := name
			if t := needs[name]; t != "" {
				table = t
			}
			for _, damage := range damages {
				var back []storage.Op
				for key, r := range whole {
					if key.Parts()[1] == table && key.Parts()[0] == string(issuer) {
						s.apply(storage.Put(key, damage.change(slices.Clone(r.Value)), r.Expires))
						back = append(back, storage.Put(key, r.Value, r.Expires))
					}
				}
				if len(back) == 0 {
					t.Errorf("the store has no %s", table)
				}
				err := read(t.Context())
				checkSays(t, name+", "+damage.name, err, damage.says)
				checkSays(t, name+", "+damage.name, err, table)
				checkCode(t, name+", "+damage.name, err, core.ServerError)
				s.apply(back...)
			}
		}
	})
}

// Secrets are kept as hashes or sealed: neither they nor what a caller told of themselves can be read in the store.
func TestSecretsAtRest(t *testing.T) {
	onEach(t, func(s *store) {
		d := stock(s)
		if !s.shows("ann@shop.example") || !s.shows("Shop") {
			t.Fatal("the search does not even find what is stored in clear")
		}
		for what, secret := range d.secrets {
			if len(secret) < 8 {
				t.Errorf("there is no %s", what)
			}
			for _, spelling := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))} {
				if s.shows(strings.TrimRight(spelling, "=")) {
					t.Errorf("the %s stands in the store", what)
				}
			}
		}
		if e, _, err := d.ledger.Entry(t.Context(), d.entry); err != nil || !bytes.Contains(e.Input, []byte(userAgent)) {
			t.Errorf("who may open it does not find the user agent: %v", err)
		}
	})
}

// What is sealed does not open with another ring: it is an error, not garbage. What is not sealed needs no ring.
func TestAnotherRing(t *testing.T) {
	onEach(t, func(s *store) {
		d := stock(s)
		sealed := map[string]bool{"signing_key": true, "policy": true, "ledger_input": true}
		other := newRing(t)
		for name, read := range d.reads(other) {
			if sealed[name] {
				checkSays(t, name, read(t.Context()), "open "+name+" record: sealed under a key that is not in the ring")
			}
		}
		if _, err := storage.NewLedger(s.engine, issuer, other, storage.DefaultRetention(), s.clock.now).Entries(t.Context(), d.id, "", 10); err != nil {
			t.Errorf("history: %v", err)
		}
	})
}
