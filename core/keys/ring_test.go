package keys_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
)

// memory is a Store; its gate, when set, holds every first write until all racers have read the empty store.
type memory struct {
	mu    sync.Mutex
	keys  []keys.Stored
	last  byte
	reads *sync.WaitGroup
	count int // readings
	fail  error
	race  func() // what happens just before the next change; nil: nothing
}

func (m *memory) Keys(context.Context) ([]keys.Stored, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count++
	return slices.Clone(m.keys), m.fail
}

func (m *memory) Change(_ context.Context, c keys.Change) error {
	if race := m.race; race != nil {
		m.race = nil
		race()
	}
	if m.reads != nil { // every racer has read an empty store before the first one writes
		m.reads.Done()
		m.reads.Wait()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range c.Add {
		if slices.ContainsFunc(m.keys, func(k keys.Stored) bool { return k.Alg == key.Alg && k.Slot == key.Slot }) {
			return keys.ErrOvertaken
		}
	}
	for _, key := range slices.Concat(c.Update, c.Remove) {
		if !slices.ContainsFunc(m.keys, func(k keys.Stored) bool { return k.ID == key.ID && k.Stamp == key.Stamp }) {
			return keys.ErrOvertaken
		}
	}
	m.last++
	for _, key := range slices.Concat(c.Update, c.Remove) {
		m.keys = slices.DeleteFunc(m.keys, func(k keys.Stored) bool { return k.ID == key.ID })
	}
	for _, key := range slices.Concat(c.Add, c.Update) {
		key.Stamp = keys.Stamp{m.last}
		m.keys = append(m.keys, key)
	}
	return nil
}

func clock() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func open(t *testing.T, store keys.Store, algs ...string) *keys.Ring {
	t.Helper()
	ring, err := keys.Open(t.Context(), store, algs, clock)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestOpenMakesMissingKeysOnce(t *testing.T) {
	store := &memory{}
	first := open(t, store, jose.RS256, jose.ES256)
	second := open(t, store, jose.RS256, jose.ES256)

	body, tag := first.JWKS()
	again, sameTag := second.JWKS()
	if string(body) != string(again) || tag != sameTag {
		t.Error("opening the same store twice gave two key sets")
	}
	if len(store.keys) != 2 {
		t.Errorf("%d keys stored, want 2", len(store.keys))
	}
	set, err := jose.ParseJWKS(body)
	if err != nil {
		t.Fatalf("our own key set is not acceptable to our parser: %v", err)
	}
	for _, fact := range set.Facts() {
		if fact.Kid != fact.Thumbprint || fact.Use != "sig" {
			t.Errorf("key %+v: kid must be the thumbprint and use sig", fact)
		}
	}
}

// An algorithm that is new to the plan gets its key where others have theirs already, and an older process, which does not know of it,
// publishes it all the same and leaves it alone.
func TestAlgorithmComesLater(t *testing.T) {
	store := &memory{}
	before := open(t, store, jose.ES256, jose.RS256)
	rsa, _ := before.Signer(jose.RS256)
	after := open(t, store, jose.ES256, jose.RS256, jose.PS256)
	pss, err := after.Signer(jose.PS256)
	if still, _ := after.Signer(jose.RS256); err != nil || len(store.keys) != 3 || still.KeyID() != rsa.KeyID() || pss.KeyID() == rsa.KeyID() {
		t.Fatalf("%d keys, %v", len(store.keys), err)
	}
	token, err := pss.Sign("JWT", []byte(`{"sub":"s"}`))
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := before.Tick(t.Context()); err != nil || len(changed) > 0 || len(store.keys) != 3 {
		t.Errorf("the older process changed %v, %v", changed, err)
	}
	for name, ring := range map[string]*keys.Ring{"older": before, "newer": after} {
		body, _ := ring.JWKS()
		set, err := jose.ParseJWKS(body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jose.Verify(token, set, []string{jose.PS256}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := jose.Verify(token, set, []string{jose.RS256}); err == nil || !strings.Contains(string(body), `"alg":"PS256"`) {
			t.Errorf("%s: the key is for another algorithm: %s", name, body)
		}
	}
}

func TestSignerVerifiesWithPublicSet(t *testing.T) {
	ring := open(t, &memory{}, jose.ES256, jose.EdDSA)
	for _, alg := range []string{jose.ES256, jose.EdDSA} {
		signer, err := ring.Signer(alg)
		if err != nil {
			t.Fatal(err)
		}
		token, err := signer.Sign("at+jwt", []byte(`{"sub":"s"}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jose.Verify(token, ring.Public(), []string{alg}); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		header, _, err := jose.Peek(token, 0)
		if err != nil || header.Kid != signer.KeyID() || header.Typ != "at+jwt" || header.Alg != signer.Alg() {
			t.Errorf("header %+v, %v", header, err)
		}
	}
	if _, err := ring.Signer(jose.PS256); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("signer of an algorithm without a key: %v", err)
	}
}

// A library that compares the algorithm of a key with that of a token finds the Ed25519 key under both names: it names none.
func TestPublishedAlgorithms(t *testing.T) {
	body, _ := open(t, &memory{}, jose.ES256, jose.EdDSA).JWKS()
	doc, err := strictjson.Parse(body, strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	list, _ := doc.Get("keys")
	for _, key := range list.Items() {
		curve, _ := key.Get("crv")
		alg, named := key.Get("alg")
		if name, _ := curve.Text(); named == (name == "Ed25519") || list.Len() != 2 {
			t.Errorf("key of %s: alg %s", curve, alg)
		}
	}
}

func TestRaceHasOneWinner(t *testing.T) {
	const racers = 8
	store := &memory{reads: &sync.WaitGroup{}}
	store.reads.Add(racers)
	rings := make([]*keys.Ring, racers)
	var done sync.WaitGroup
	for i := range rings {
		done.Go(func() { rings[i], _ = keys.Open(context.Background(), store, []string{jose.ES256}, clock) })
	}
	done.Wait()
	if len(store.keys) != 1 {
		t.Fatalf("%d keys stored, want 1", len(store.keys))
	}
	for i, ring := range rings {
		if ring == nil {
			t.Fatalf("racer %d failed", i)
		}
		if signer, err := ring.Signer(jose.ES256); err != nil || signer.KeyID() != store.keys[0].ID {
			t.Errorf("racer %d signs with %v, %v", i, signer.KeyID(), err)
		}
	}
}

func TestRetiredKeyStaysPublished(t *testing.T) {
	store := &memory{}
	old, err := open(t, store, jose.ES256).Signer(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	token, err := old.Sign("JWT", []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	store.keys[0].State, store.keys[0].Removes = keys.Retired, clock().Add(time.Hour)
	ring := open(t, store, jose.ES256) // makes a new one, in the next slot
	signer, err := ring.Signer(jose.ES256)
	if err != nil || signer.KeyID() == old.KeyID() {
		t.Errorf("a retired key still signs (%v)", err)
	}
	if _, err := jose.Verify(token, ring.Public(), []string{jose.ES256}); err != nil {
		t.Errorf("a token of the retired key: %v", err)
	}
	if got := ring.Entries(); len(got) != 2 {
		t.Errorf("entries %v", got)
	}
}

func TestBadStoreFailsAndKeepsRing(t *testing.T) {
	store := &memory{}
	ring := open(t, store, jose.ES256, jose.EdDSA)
	before, _ := ring.JWKS()

	for name, spoil := range map[string]func(){
		"unreadable":    func() { store.keys[0].Private = []byte("junk") },
		"wrong alg":     func() { store.keys[0].Alg = jose.RS256 },
		"exchanged id":  func() { store.keys[0].ID = store.keys[1].ID },
		"store is down": func() { store.fail = errors.New("down") },
	} {
		good := slices.Clone(store.keys)
		spoil()
		store.keys[0].Stamp[15]++
		if err := ring.Reload(t.Context()); err == nil {
			t.Errorf("%s: reload succeeded", name)
		}
		if _, err := keys.Open(t.Context(), store, nil, clock); err == nil {
			t.Errorf("%s: open succeeded", name)
		}
		store.keys, store.fail = good, nil
	}
	if after, _ := ring.JWKS(); string(after) != string(before) {
		t.Error("a failed reload changed the ring")
	}
	if err := ring.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestKeySetOfEmptyRing(t *testing.T) {
	body, tag := open(t, &memory{}).JWKS()
	if string(body) != `{"keys":[]}` || tag == "" {
		t.Errorf("%s %s", body, tag)
	}
	if _, err := strictjson.Parse(body, strictjson.Limits{}); err != nil {
		t.Error(err)
	}
}
