package bff_test

import (
	"context"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
)

// memory is a bff.Store with the rules of the real one: what expires is gone, what is taken is taken once, and an update
// needs the stamp that was read.
type memory struct {
	now func() time.Time

	mu           sync.Mutex
	registration bff.Registration
	holder       string
	until        time.Time
	pending      map[core.SecretHash]bff.Pending
	sessions     map[core.SecretHash]bff.Session
	tokens       map[core.SecretHash]bff.Tokens
	stamps       byte
	people       bool         // the store knows those of the issuer
	person       bff.Standing // of alice
	issued       core.Session // hers with the issuer; without an ID it is over
	refuse       error        // what ends of sessions are answered with
}

func newMemory(now func() time.Time) *memory {
	return &memory{
		now: now, pending: map[core.SecretHash]bff.Pending{},
		sessions: map[core.SecretHash]bff.Session{}, tokens: map[core.SecretHash]bff.Tokens{},
	}
}

func (m *memory) stamp() bff.Stamp {
	m.stamps++
	return bff.Stamp{m.stamps}
}

func (m *memory) Registration(context.Context) (bff.Registration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.registration, nil
}

func (m *memory) Lease(_ context.Context, holder string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.holder != "" && m.now().Before(m.until) {
		return bff.ErrLeased
	}
	m.holder, m.until = holder, until
	return nil
}

func (m *memory) SaveRegistration(_ context.Context, holder string, r bff.Registration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.holder != holder {
		return bff.ErrLeased
	}
	m.registration, m.holder = r, ""
	return nil
}

func (m *memory) Release(_ context.Context, holder string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.holder == holder {
		m.holder = ""
	}
	return nil
}

func (m *memory) AddPending(_ context.Context, p bff.Pending) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p.Stamp = m.stamp()
	m.pending[p.State] = p
	return nil
}

func (m *memory) Pending(_ context.Context, state core.SecretHash) (bff.Pending, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.pending[state]; m.now().Before(p.ExpiresAt) {
		return p, nil
	}
	return bff.Pending{}, nil
}

func (m *memory) TakePending(_ context.Context, p bff.Pending) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pending[p.State].Stamp != p.Stamp {
		return bff.ErrChanged
	}
	delete(m.pending, p.State)
	return nil
}

func (m *memory) Origin(_ context.Context, subject core.Subject, id core.SessionID) (bff.Origin, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.people || subject != m.issued.Subject || id != m.issued.ID {
		return bff.Origin{Known: m.people}, nil
	}
	return bff.Origin{Known: true, Generation: m.issued.UserGeneration, Until: m.issued.ExpiresAt}, nil
}

func (m *memory) standing() bff.Standing {
	if !m.people {
		return bff.Standing{}
	}
	is := m.person
	is.Known, is.SignedIn = true, m.issued.ID != "" && m.now().Before(m.issued.ExpiresAt)
	return is
}

func (m *memory) AddSession(_ context.Context, s bff.Session, t bff.Tokens) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.Stamp = m.stamp()
	m.sessions[s.Hash], m.tokens[s.Hash] = s, t
	return nil
}

func (m *memory) Session(ctx context.Context, hash core.SecretHash) (bff.Session, error) {
	s, _, err := m.Tokens(ctx, hash)
	return s, err
}

func (m *memory) Tokens(_ context.Context, hash core.SecretHash) (bff.Session, bff.Tokens, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.sessions[hash]; m.now().Before(s.ExpiresAt) {
		s.Standing = m.standing()
		return s, m.tokens[hash], nil
	}
	return bff.Session{}, bff.Tokens{}, nil
}

func (m *memory) UpdateTokens(_ context.Context, s bff.Session, t bff.Tokens) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tokens[s.Hash].Stamp != t.Stamp {
		return bff.ErrChanged
	}
	t.Stamp = m.stamp()
	m.tokens[s.Hash] = t
	return nil
}

func (m *memory) EndSession(_ context.Context, hash core.SecretHash, at bff.Stamp) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		return m.refuse
	}
	if at != (bff.Stamp{}) && m.tokens[hash].Stamp != at {
		return bff.ErrChanged
	}
	delete(m.sessions, hash)
	delete(m.tokens, hash)
	return nil
}

// clock stands still until a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
