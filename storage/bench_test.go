package storage_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/memory"
)

// A sink is an engine that forgets what is written to it.
type sink struct{ storage.Engine }

// Apply implements storage.Engine.
func (sink) Apply(context.Context, ...storage.Op) error { return nil }

// BenchmarkRegister measures a registration without its engine: the whole road, and the commit alone.
func BenchmarkRegister(b *testing.B) {
	ring, err := seal.New(seal.NewKey())
	if err != nil {
		b.Fatal(err)
	}
	kept := memory.New(time.Now)
	engine := sink{kept}
	entries := storage.NewLedger(engine, issuer, ring, storage.DefaultRetention(), time.Now)
	clients := storage.NewClients(engine, issuer, entries, ring, time.Now)
	book := ledger.NewBook(entries, 1, time.Now, slog.New(slog.DiscardHandler))
	defer book.Close()
	site := registration.DefaultSite()
	ready, err := site.Prepared()
	if err != nil {
		b.Fatal(err)
	}
	front := registration.NewDesk(registration.Parts{
		Store: clients, Policy: &desk{policy: allow}, Plugins: hook.None{}, Book: book, Site: ready, Now: time.Now,
		ClientURI: func(id core.ClientID) string { return "https://op.example/dcr/register/" + string(id) },
	})
	secret := core.NewSecret()
	token := core.InitialAccessToken{ID: core.NewTokenID(time.Now()), Hash: secret.Hash(), MaxUses: 1 << 40, ExpiresAt: time.Now().AddDate(1, 0, 0)}
	if err := storage.NewClients(kept, issuer, entries, ring, time.Now).AddToken(b.Context(), token); err != nil {
		b.Fatal(err)
	}
	body, err := strictjson.Parse([]byte(app(`,"software_id":"s","contacts":["ann@shop.example"],"client_uri":"https://shop.example/"`)), strictjson.Default)
	if err != nil {
		b.Fatal(err)
	}
	request := func() registration.Request {
		return registration.Request{
			Operation: core.Register, Channel: core.ChannelDCR, RequestID: "req", Decision: core.NewDecisionID(time.Now()), Body: body,
			Caller: core.Caller{IP: "192.0.2.1", UserAgent: userAgent}, Credential: registration.Credential{Bearer: secret},
		}
	}
	b.Run("road", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := front.Do(b.Context(), request()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("commit", func(b *testing.B) {
		approved := make([]registration.Approved, b.N)
		for i := range approved {
			if approved[i], _, err = front.Judge(b.Context(), request()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportAllocs()
		b.ResetTimer()
		for _, a := range approved {
			if err := clients.Commit(b.Context(), a); err != nil {
				b.Fatal(err)
			}
		}
	})
}
