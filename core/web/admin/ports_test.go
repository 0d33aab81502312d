package admin_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web/admin"
)

// errKey is what a real engine answers when it is asked for a key that it could not keep.
var errKey = errors.New("key: too large")

const maxKey = 1000

// vault keeps clients and tokens in memory, as strict about stamps and keys as a real store.
type vault struct {
	mu      sync.Mutex
	clients map[core.ClientID]registration.Stored
	tokens  map[core.SecretHash]registration.Held
	entries map[core.DecisionID]ledger.Entry // those of commits
	last    uint64
	before  func() // what happens just before a commit; nil: nothing
}

func (v *vault) stamp() (s registration.Stamp) {
	v.last++
	binary.BigEndian.PutUint64(s[:], v.last)
	return s
}

func (v *vault) Client(_ context.Context, id core.ClientID) (registration.Stored, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.clients[id], nil
}

func (v *vault) Presence(ctx context.Context, id core.ClientID) (core.Credentials, registration.Stamps, error) {
	stored, err := v.Client(ctx, id)
	return stored.Credentials, stored.Stamps, err
}

func (v *vault) TokenByHash(_ context.Context, hash core.SecretHash) (registration.Held, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tokens[hash], nil
}

func (v *vault) Commit(_ context.Context, a registration.Approved) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.before != nil {
		v.before()
	}
	id := a.Client().ID
	have, exists := v.clients[id]
	switch {
	case a.Unchanged():
		return nil
	case a.Operation() == core.Register && exists:
		return registration.ErrTaken
	case a.Operation() != core.Register && have.Stamps != a.Before().Stamps:
		return registration.ErrChanged
	}
	v.entries[a.Entry().DecisionID] = a.Entry()
	if op := a.Operation(); op == core.Delete || op == core.Reject {
		delete(v.clients, id)
		return nil
	}
	v.clients[id] = registration.Stored{
		Client: a.Client(), Credentials: a.Credentials(), State: a.State(),
		Stamps: registration.Stamps{Client: v.stamp(), Credentials: v.stamp()},
	}
	return nil
}

func (v *vault) ForgetEarlier(context.Context, core.ClientID, registration.Stamp) error { return nil }

func (v *vault) AddToken(_ context.Context, t core.InitialAccessToken) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tokens[t.Hash] = registration.Held{Token: t, Stamp: v.stamp()}
	return nil
}

func (v *vault) Token(_ context.Context, id core.TokenID) (registration.Held, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, h := range v.tokens {
		if h.Token.ID == id {
			return h, nil
		}
	}
	return registration.Held{}, nil
}

func (v *vault) Tokens(_ context.Context, after core.TokenID, limit int) ([]registration.Held, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	id := func(h registration.Held) string { return string(h.Token.ID) }
	return page(slices.Collect(maps.Values(v.tokens)), id, string(after), limit)
}

func (v *vault) RevokeToken(_ context.Context, id core.TokenID) (bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(id) > maxKey {
		return false, errKey
	}
	before := len(v.tokens)
	maps.DeleteFunc(v.tokens, func(_ core.SecretHash, h registration.Held) bool { return h.Token.ID == id })
	return len(v.tokens) < before, nil
}

func (v *vault) Page(_ context.Context, f registration.Filter, cursor string, limit int) ([]registration.Stored, string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, known := v.clients[core.ClientID(cursor)]; cursor != "" && !known {
		return nil, "", core.Refuse(core.InvalidRequest, "cursor is not one that this list gave out.")
	}
	kept := slices.DeleteFunc(slices.Collect(maps.Values(v.clients)), func(s registration.Stored) bool { return !f.Holds(s) })
	found, err := page(kept, func(s registration.Stored) string { return string(s.Client.ID) }, cursor, limit)
	if err != nil || len(found) < limit {
		return found, "", err
	}
	return found, string(found[limit-1].Client.ID), nil
}

func (v *vault) Use(_ context.Context, id core.ClientID) (registration.Use, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.clients[id].Use, nil
}

// page cuts a page out of a list, newest first: ids sort by time.
func page[T any](list []T, id func(T) string, after string, limit int) ([]T, error) {
	if len(after) > maxKey {
		return nil, errKey
	}
	list = slices.DeleteFunc(list, func(item T) bool { return after != "" && id(item) >= after })
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(id(b), id(a)) })
	return list[:min(limit, len(list))], nil
}

// book is a ledger in memory, over what the vault's commits brought.
type book struct {
	vault *vault

	mu      sync.Mutex
	entries map[core.DecisionID]ledger.Entry
}

func (b *book) Record(e ledger.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entries[e.DecisionID] = e
}

func (b *book) Shaped(core.DecisionID, []ledger.Stage) {}

func (b *book) all() map[core.DecisionID]ledger.Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.vault.mu.Lock()
	defer b.vault.mu.Unlock()
	all := maps.Clone(b.entries)
	maps.Copy(all, b.vault.entries)
	return all
}

func (b *book) Find(_ context.Context, id core.DecisionID) (ledger.Entry, bool, error) {
	if len(id) > maxKey {
		return ledger.Entry{}, false, errKey
	}
	e, found := b.all()[id]
	return e, found, nil
}

func (b *book) Search(_ context.Context, f ledger.Filter, after core.DecisionID, limit int) ([]ledger.Entry, core.DecisionID, error) {
	if len(f.Client) > maxKey {
		return nil, "", errKey
	}
	list := slices.DeleteFunc(slices.Collect(maps.Values(b.all())), func(e ledger.Entry) bool { return !f.Holds(e) })
	found, err := page(list, func(e ledger.Entry) string { return string(e.DecisionID) }, string(after), limit)
	if err != nil || len(found) < limit {
		return found, "", err
	}
	return found, found[limit-1].DecisionID, nil
}

// book explains entries, too: rules stand in files whose lines are their numbers, and no client was anything before.
func (b *book) Before(ledger.Entry) strictjson.Value { return strictjson.Object() }

func (b *book) Line(_, file string, line int) string { return fmt.Sprintf("line %d of %s", line, file) }

var (
	_ registration.Store      = (*vault)(nil)
	_ registration.TokenStore = (*vault)(nil)
	_ admin.Clients           = (*vault)(nil)
	_ registration.Book       = (*book)(nil)
	_ admin.Decisions         = (*book)(nil)
)

// The other ports of a desk speak of decisions and plugins. No arrow leads from here to those nouns: the types are inferred
// from the ports themselves.

// rules answers every question alike.
type rules[Q, V any] struct{ verdict V }

func (r *rules[Q, V]) DecideRegistration(context.Context, *Q) (V, error) { return r.verdict, nil }

func rulesFor[P, Q, V any](func(P, context.Context, *Q) (V, error)) *rules[Q, V] {
	return &rules[Q, V]{}
}

// unplugged is a chain without plugins.
type unplugged[P, L any] struct{}

func (unplugged[P, L]) At(P) (none L, err error) { return none, nil }
func (unplugged[P, L]) Serves(P) bool            { return false }

func unplug[C interface{ At(P) (L, error) }, P, L any](chain *C) { *chain = any(unplugged[P, L]{}).(C) }
