package storage_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

const connector = `{"client_name":"Connector","redirect_uris":["https://claude.example/cb"],"token_endpoint_auth_method":"none"}`

func openIdempotent(s *store) *desk {
	return openDesk(s, func(site *registration.Site) {
		site.Registration.Idempotent = true
		site.Limits.Name.Burst = 1000
	})
}

// A hundred register the same at once, without a credential: one client is made, and each of them has it.
func TestIdempotentTogether(t *testing.T) {
	onEach(t, func(s *store) {
		d := openIdempotent(s)
		const callers = 100
		requests := make([]registration.Request, callers)
		for i := range requests {
			requests[i] = d.request(core.Register, core.ChannelDCR, "", connector)
		}
		ids, failed := make([]core.ClientID, callers), make([]error, callers)
		together(callers, func(i int) {
			answer, err := d.Do(d.Context(), requests[i])
			ids[i], failed[i] = answer.ClientID, err
		})
		for i := range ids {
			if failed[i] != nil || ids[i] == "" || ids[i] != ids[0] {
				t.Fatalf("caller %d has %q, not %q; %v", i, ids[i], ids[0], failed[i])
			}
		}
		d.checkList("all", registration.Filter{}, ids[0])
		stored, err := d.reopened().Client(t.Context(), ids[0])
		if err != nil || !stored.Client.Provenance.Shared || len(stored.Credentials.Registration) > 0 {
			t.Errorf("stored %+v, %v", stored, err)
		}
	})
}

// When a shared client has ended, the same registration makes it anew, and nothing of the old one counts for it.
func TestIdempotentAfterTheEnd(t *testing.T) {
	onEach(t, func(s *store) {
		d := openIdempotent(s)
		d.policy = expiring(3600)
		register := func() registration.Stored {
			t.Helper()
			id := core.ClientID(member(d.do(d.request(core.Register, core.ChannelDCR, "", connector)), "client_id"))
			stored, err := d.clients.Client(t.Context(), id)
			if err != nil || stored.Client.ID != id {
				t.Fatalf("%s: %v, %v", id, stored, err)
			}
			return stored
		}
		first := register()
		d.clock.advance(59 * time.Minute)
		if again := register(); again.Stamps != first.Stamps {
			t.Error("a repeated registration wrote something")
		}
		d.clock.advance(2 * time.Minute)
		next := register()
		if next.Client.ID != first.Client.ID || next.Client.Generation == first.Client.Generation || !next.Client.Expires.After(first.Client.Expires) {
			t.Errorf("after %+v came %+v", first.Client, next.Client)
		}
	})
}
