package clientauth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/slowhash"
)

// allmine is bcrypt's own test vector.
const allmine = "$2a$10$XajjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga"

// cheap is the hash of "secret" at the least cost that there is, for who makes many.
const cheap = "$2a$04$JQctZhcleszE7l4v58ouA.XCpY4B.6XMcC0TSsU.3m2do8GKN15b6"

// keeper is told of better hashes.
type keeper struct {
	*house
	replaced int
	fails    bool
}

func (k *keeper) ReplaceSecret(_ context.Context, id core.ClientID, from, to core.StoredSecret) error {
	k.replaced++
	if k.fails {
		return errors.New("the store is full")
	}
	r := k.clients[id]
	r.Credentials.Secrets = slices.Clone(r.Credentials.Secrets)
	for i, s := range r.Credentials.Secrets {
		if s == from {
			r.Credentials.Secrets[i] = to
		}
	}
	k.clients[id] = r
	return nil
}

func kept(list ...core.StoredSecret) func(*core.Registered) {
	return func(r *core.Registered) { r.Credentials.Secrets = append(r.Credentials.Secrets, list...) }
}

// An imported hash is verified, and becomes one of ours at its first use, with the same end; one of ours stays.
func TestImportedSecrets(t *testing.T) {
	h := open(t)
	k := &keeper{house: h}
	h.Authenticator = clientauth.New(clientauth.Parts{
		Clients: h, Secrets: k, Keys: h, Once: h, Issuer: issuer, TokenEndpoint: endpoint, Now: func() time.Time { return h.now },
	})
	ends := h.now.Add(time.Hour)
	h.add("c-1", oauth.AuthClientSecretBasic, secrets("ours"), kept(core.StoredSecret{Alg: slowhash.AlgBcrypt, Hash: allmine, ExpiresAt: ends}))
	right := clientauth.Presented{Authorization: basic("c-1", "allmine")}
	h.accepted("a secret that was made here", clientauth.Presented{Authorization: basic("c-1", "ours")}, "c-1")
	h.refused("a wrong one", clientauth.Presented{Authorization: basic("c-1", "allmin")}, core.InvalidClient, "no such client")
	if k.replaced != 0 {
		t.Error("something was rehashed for nothing")
	}
	k.fails = true
	h.accepted("while nothing can be kept", right, "c-1")
	k.fails = false
	h.accepted("imported", right, "c-1")
	now := h.clients["c-1"].Credentials.Secrets
	if k.replaced != 2 || len(now) != 2 || now[1].Alg != slowhash.AlgArgon2id || !now[1].ExpiresAt.Equal(ends) || len(now[1].From) != 64 || now[0].Alg != "sha256" {
		t.Fatalf("replaced %d times; kept %+v", k.replaced, now)
	}
	h.accepted("as one of ours", right, "c-1")
	again := clientauth.New(clientauth.Parts{Clients: h, Secrets: k, Keys: h, Once: h, Issuer: issuer, TokenEndpoint: endpoint, Now: func() time.Time { return h.now }})
	if _, err := again.Authenticate(t.Context(), right); err != nil || k.replaced != 2 {
		t.Errorf("after a restart: %v, replaced %d times", err, k.replaced)
	}
	h.now = ends
	h.refused("after its end, though it was right before", right, core.InvalidClient, "no such client")
}

// Who guesses wrong waits, by address, and further guesses cost this server nothing; others go on, and so does who was right before.
func TestGuessesAreLimited(t *testing.T) {
	h := open(t)
	h.add("c-1", oauth.AuthClientSecretBasic, kept(core.StoredSecret{Alg: slowhash.AlgBcrypt, Hash: cheap}))
	try := func(ip, secret string) clientauth.Presented {
		return clientauth.Presented{Authorization: basic("c-1", secret), Caller: core.Caller{IP: ip}}
	}
	for i := range 20 {
		h.refused("a guess", try(fmt.Sprintf("2001:db8:0:1%02d::%d", i, i), "wrong"), core.InvalidClient, "no such client")
	}
	for _, secret := range []string{"wrong", "secret"} {
		h.refused("one more", try("2001:db8:0:1ff::1", secret), core.TooManyRequests, "wait and try again")
	}
	h.accepted("from elsewhere", try("192.0.2.1", "secret"), "c-1")
	h.accepted("known meanwhile", try("2001:db8:0:1ff::1", "secret"), "c-1")
	h.now = h.now.Add(time.Second)
	h.refused("a second later", try("2001:db8:0:1ff::1", "wrong"), core.InvalidClient, "no such client")
	h.refused("and again", try("2001:db8:0:1ff::1", "wrong"), core.TooManyRequests, "wait and try again")
}

// A hash that says it is of another kind than it is, or that is damaged, is nobody's.
func TestDamagedImportedSecrets(t *testing.T) {
	h := open(t)
	h.add("c-1", oauth.AuthClientSecretBasic, kept(core.StoredSecret{Alg: slowhash.AlgArgon2id, Hash: allmine}, core.StoredSecret{Alg: slowhash.AlgBcrypt, Hash: allmine[:59]}))
	h.refused("damaged", clientauth.Presented{Authorization: basic("c-1", "allmine")}, core.InvalidClient, "no such client")
	h.add("c-2", oauth.AuthClientSecretBasic, kept(core.StoredSecret{Alg: slowhash.AlgBcrypt, Hash: allmine}))
	h.accepted("nobody is told of better ones", clientauth.Presented{Authorization: basic("c-2", "allmine")}, "c-2")
	h.refused("no secret", clientauth.Presented{Authorization: basic("c-2", "")}, core.InvalidClient, "no such client")
}
