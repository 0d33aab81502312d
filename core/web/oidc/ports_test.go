package oidc_test

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

// vault is a registration.Store in memory, as strict about stamps as a real one.
type vault struct {
	mu      sync.Mutex
	clients map[core.ClientID]registration.Stored
	tokens  map[core.SecretHash]registration.Held
	last    uint64
	fail    error // what Commit answers; nil: it works
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
	id := a.Client().ID
	have, exists := v.clients[id]
	switch {
	case v.fail != nil:
		return v.fail
	case a.Operation() == core.Register && exists:
		return registration.ErrTaken
	case a.Operation() != core.Register && have.Stamps != a.Before().Stamps:
		return registration.ErrChanged
	}
	if held, spends := a.Spends(); spends {
		now := v.tokens[held.Token.Hash]
		if now.Stamp != held.Stamp || now.Uses >= held.Token.MaxUses {
			return registration.ErrSpent
		}
		now.Uses++
		v.tokens[held.Token.Hash] = now
	}
	if a.Operation() == core.Delete {
		delete(v.clients, id)
		return nil
	}
	v.clients[id] = registration.Stored{
		Client: a.Client(), Credentials: a.Credentials(), State: a.State(),
		Stamps: registration.Stamps{Client: v.stamp(), Credentials: v.stamp()},
	}
	return nil
}

func (v *vault) ForgetEarlier(_ context.Context, id core.ClientID, at registration.Stamp) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	have := v.clients[id]
	if have.Stamps.Credentials != at {
		return registration.ErrChanged
	}
	tokens := have.Credentials.Registration
	have.Credentials.Registration = tokens[len(tokens)-1:]
	have.Stamps.Credentials = v.stamp()
	v.clients[id] = have
	return nil
}

var _ registration.Store = (*vault)(nil)

// The other ports of a desk speak of decisions, plugins and entries. No arrow leads from here to those nouns: the types are
// inferred from the ports themselves.

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

// notes is a book that only remembers.
type notes[E, ID, S any] struct {
	mu      sync.Mutex
	entries []E
}

func (n *notes[E, ID, S]) Record(e E) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.entries = append(n.entries, e)
}

func (n *notes[E, ID, S]) Shaped(ID, []S) {}

func (n *notes[E, ID, S]) last() (e E) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.entries) > 0 {
		e = n.entries[len(n.entries)-1]
	}
	return e
}

func notesFor[B, E, ID, S any](func(B, E), func(B, ID, []S)) *notes[E, ID, S] {
	return &notes[E, ID, S]{}
}
