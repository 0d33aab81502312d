package keys_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// A publisher answers for every address, or fails.
type publisher struct {
	mu    sync.Mutex
	body  string
	fail  error
	count int
}

func (p *publisher) fetch(context.Context, string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	return []byte(p.body), p.fail
}

// keySet gives a set of fresh keys and the ids of its keys.
func keySet(t *testing.T, count int) (body string, ids []string) {
	t.Helper()
	var jwks []string
	for range count {
		key, err := jose.Generate(jose.ES256)
		if err != nil {
			t.Fatal(err)
		}
		jwk, err := jose.PublicJWK(key)
		if err != nil {
			t.Fatal(err)
		}
		jwks, ids = append(jwks, string(jwk)), append(ids, key.ID())
	}
	return `{"keys":[` + strings.Join(jwks, ",") + `]}`, ids
}

// The life of a remote set: kept while fresh, fetched early for a key that is not in it, served stale for a day.
func TestRemoteSetOverTime(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first, old := keySet(t, 1)
	second, young := keySet(t, 1)
	p := &publisher{body: first}
	r := keys.NewRemote(p.fetch, func() time.Time { return now })
	for _, step := range []struct {
		what  string
		after time.Duration
		body  string // what is published from now on; "" fails
		kid   string
		has   string // the kid that the set must have; "" expects ErrUnreachable
		count int    // fetches so far
	}{
		{"the first time", 0, first, old[0], old[0], 1},
		{"fresh", 9 * time.Minute, first, old[0], old[0], 1},
		{"no kid asked for", 0, first, "", old[0], 1},
		{"a new key is fetched at once", 0, second, young[0], young[0], 2},
		{"but not again and again", 29 * time.Second, second, "made-up", young[0], 2},
		{"after the pause it may be asked again", time.Second, second, "made-up", young[0], 3},
		{"old", 10 * time.Minute, second, young[0], young[0], 4},
		{"the publisher is down", 10 * time.Minute, "", young[0], young[0], 5},
		{"still", 20 * time.Second, "", young[0], young[0], 5},
		{"garbage is as bad", time.Minute, "[]", young[0], young[0], 6},
		{"so is a set of no use to us", time.Minute, `{"keys":[{"kty":"AKP"}]}`, young[0], young[0], 7},
		{"a day on", 24 * time.Hour, "", young[0], "", 8},
		{"back again", time.Minute, first, old[0], old[0], 9},
	} {
		now = now.Add(step.after)
		p.body, p.fail = step.body, nil
		if step.body == "" {
			p.fail = errors.New("down")
		}
		set, err := r.Set(t.Context(), "https://issuer.example/jwks", step.kid)
		if step.has == "" {
			if !errors.Is(err, keys.ErrUnreachable) {
				t.Errorf("%s: %v", step.what, err)
			}
		} else if err != nil || !set.Has(step.has) {
			t.Errorf("%s: %+v, %v", step.what, set.Facts(), err)
		}
		if p.count != step.count {
			t.Errorf("%s: fetched %d times, want %d", step.what, p.count, step.count)
		}
	}
}

// A crowd that asks for one address at once makes one fetch.
func TestRemoteSetIsFetchedOnce(t *testing.T) {
	body, ids := keySet(t, 2)
	p := &publisher{body: body}
	r := keys.NewRemote(p.fetch, time.Now)
	var crowd sync.WaitGroup
	for range 50 {
		crowd.Go(func() {
			if set, err := r.Set(t.Context(), "https://issuer.example/jwks", ids[1]); err != nil || set.Len() != 2 {
				t.Errorf("%d keys, %v", set.Len(), err)
			}
		})
	}
	crowd.Wait()
	if p.count != 1 {
		t.Errorf("fetched %d times", p.count)
	}
}

// Who gives up leaves; what it led to is not held against the address.
func TestRemoteSetGivenUp(t *testing.T) {
	body, _ := keySet(t, 1)
	var patient atomic.Bool
	r := keys.NewRemote(func(ctx context.Context, _ string) ([]byte, error) {
		if patient.Load() {
			return []byte(body), nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}, time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	var both sync.WaitGroup
	for range 2 { // one fetches, one waits for its turn
		both.Go(func() {
			if _, err := r.Set(ctx, "https://issuer.example/jwks", ""); !errors.Is(err, context.Canceled) || !errors.Is(err, keys.ErrUnreachable) {
				t.Errorf("err = %v", err)
			}
		})
	}
	cancel()
	both.Wait()
	patient.Store(true)
	if set, err := r.Set(t.Context(), "https://issuer.example/jwks", ""); err != nil || set.Len() != 1 {
		t.Errorf("%d keys, %v", set.Len(), err)
	}
}

// However many addresses are asked for, those in use stay known.
func TestRemoteForgetsWhatIsNotUsed(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	body, _ := keySet(t, 1)
	counts := map[string]int{}
	r := keys.NewRemote(func(_ context.Context, uri string) ([]byte, error) {
		counts[uri]++
		return []byte(body), nil
	}, func() time.Time { now = now.Add(time.Millisecond); return now })
	const busy = "https://busy.example/jwks"
	for i := range 2000 {
		for _, uri := range []string{busy, fmt.Sprintf("https://%d.example/jwks", i)} {
			if _, err := r.Set(t.Context(), uri, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	if counts[busy] != 1 {
		t.Errorf("the busy one was fetched %d times", counts[busy])
	}
	if _, err := r.Set(t.Context(), "https://0.example/jwks", ""); err != nil || counts["https://0.example/jwks"] != 2 {
		t.Errorf("the first one was not forgotten: %d, %v", counts["https://0.example/jwks"], err)
	}
}

// A document of the publisher says where its keys are; what it says is believed only if it can be a peer's address.
func TestRemoteSetConfigured(t *testing.T) {
	body, ids := keySet(t, 1)
	for said, want := range map[string]string{
		`{"ssa_jwks_endpoint":"https://issuer.example/keys"}`:   "",
		`{"ssa_jwks_endpoint":"http://issuer.example/keys"}`:    "no https address",
		`{"ssa_jwks_endpoint":"https://u@issuer.example/keys"}`: "no https address",
		`{"ssa_jwks_endpoint":["https://issuer.example/keys"]}`: "no https address",
		`{"jwks_uri":"https://issuer.example/keys"}`:            "no https address",
		`[]`: "no https address",
		`{`:  "the configuration document",
		``:   "down",
	} {
		r := keys.NewRemote(func(_ context.Context, uri string) ([]byte, error) {
			switch {
			case uri == "https://issuer.example/keys":
				return []byte(body), nil
			case said == "" || uri != "https://issuer.example/conf":
				return nil, errors.New("down")
			}
			return []byte(said), nil
		}, time.Now)
		set, err := r.Configured(t.Context(), "https://issuer.example/conf", "ssa_jwks_endpoint", ids[0])
		switch {
		case want == "" && (err != nil || !set.Has(ids[0])):
			t.Errorf("%s: %v", said, err)
		case want != "" && (!errors.Is(err, keys.ErrUnreachable) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", said, err, want)
		}
	}
}

// Who needs a key of a kind has the set fetched again while there is none in it, as for a kid, and learns whether that could be done.
func TestRemoteSetHaving(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	signing, _ := keySet(t, 1)
	encrypting := strings.Replace(strings.Replace(signing, `"use":"sig"`, `"use":"enc"`, 1), `"alg":"ES256",`, "", 1)
	fits := func(set jose.KeySet) bool {
		_, err := set.Recipient("ECDH-ES", "A128GCM")
		return err == nil
	}
	p := &publisher{}
	r := keys.NewRemote(p.fetch, func() time.Time { return now })
	for _, step := range []struct {
		what  string
		after time.Duration
		body  string // what is published from now on; "" fails
		want  string // fits, none or unreachable
		count int
	}{
		{"nobody there", 0, "", "unreachable", 1},
		{"not asked again at once", time.Second, encrypting, "unreachable", 1},
		{"a key for something else", time.Minute, signing, "none", 2},
		{"nor is that asked again at once", time.Second, encrypting, "none", 2},
		{"the key has come", time.Minute, encrypting, "fits", 3},
		{"which is believed", 9 * time.Minute, signing, "fits", 3},
		{"until it is gone", time.Minute, signing, "none", 4},
		{"who cannot tell whether it came back says so", time.Minute, "", "unreachable", 5},
		{"it came back", time.Minute, encrypting, "fits", 6},
		{"it serves while the publisher is down", time.Hour, "", "fits", 7},
	} {
		now = now.Add(step.after)
		p.body, p.fail = step.body, nil
		if step.body == "" {
			p.fail = errors.New("down")
		}
		set, err := r.Having(t.Context(), "https://shop.example/jwks", fits)
		got := "none"
		switch {
		case errors.Is(err, keys.ErrUnreachable):
			got = "unreachable"
		case err != nil:
			got = err.Error()
		case fits(set):
			got = "fits"
		}
		if got != step.want || p.count != step.count {
			t.Errorf("%s: %s after %d fetches, want %s after %d", step.what, got, p.count, step.want, step.count)
		}
	}
}
