package storage

import (
	"context"
	"math"
	"sync/atomic"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/login"
)

// Among gives the same store for a backend whose issuer keeps its people in it too, so that what becomes of a person is seen at
// the next read of a session.
func (s BFF) Among(users *Users, sessions *Sessions, clients *Clients) BFF {
	s.people, s.cache = &bffPeople{users: users, sessions: sessions, clients: clients, client: new(atomic.Pointer[bffClient])}, newBFFCache()
	return s
}

// bffPeople are the people of the issuer; nil when it keeps them elsewhere.
type bffPeople struct {
	users    *Users
	sessions *Sessions
	clients  *Clients
	client   *atomic.Pointer[bffClient] // as it was read last: a backend is one client
}

// A bffClient is the generation that a client has at a version of its record.
type bffClient struct {
	version    Version
	generation uint64
}

// keys lists the records that say how things stand with a session's person: the user, the index row of the issuer's session, and
// the client.
func (p *bffPeople) keys(s bff.Session) []Key {
	if p == nil {
		return nil
	}
	return []Key{
		p.users.users.Key(string(s.Subject)), p.sessions.byUser.Key(string(s.Subject), string(s.Issued)), p.clients.clients.Key(string(s.Client)),
	}
}

// standing reads what keys asked for. A user who is disabled has no generation.
func (p *bffPeople) standing(s bff.Session, records []Record) (bff.Standing, error) {
	if p == nil {
		return bff.Standing{}, nil
	}
	user, err := p.user(s.Subject, records[0])
	standing := bff.Standing{Known: true, SignedIn: !records[1].Version.IsZero()}
	if !user.Disabled {
		standing.Generation = user.Generation
	}
	if err != nil || s.Origin.ClientGeneration == 0 { // it was begun before anybody looked
		return standing, err
	}
	standing.ClientGeneration, err = p.generation(records[2])
	return standing, err
}

// generation opens a record of a client, unless that was done before; 0 when there is none.
func (p *bffPeople) generation(r Record) (uint64, error) {
	if r.Version.IsZero() {
		return 0, nil
	}
	if seen := p.client.Load(); seen != nil && seen.version == r.Version {
		return seen.generation, nil
	}
	form, err := p.clients.clients.Decode(r)
	if err != nil {
		return 0, err
	}
	p.client.Store(&bffClient{r.Version, form.Generation})
	return form.Generation, nil
}

// clientNow is the generation that a client has now; one that no client ever has when there is none.
func (p *bffPeople) clientNow(ctx context.Context, id core.ClientID) (uint64, error) {
	if len(id) > longestID {
		return gone, nil
	}
	records, err := p.clients.engine.Get(ctx, p.clients.clients.Key(string(id)))
	if err != nil {
		return 0, asError(err)
	}
	generation, err := p.generation(records[0])
	if generation == 0 {
		generation = gone
	}
	return generation, err
}

// gone is the generation of a client that was deleted while somebody signed in by it.
const gone = math.MaxUint64

// user opens a record of a user, unless that was done before.
func (p *bffPeople) user(id core.Subject, r Record) (core.User, error) {
	if r.Version.IsZero() {
		return core.User{}, nil
	}
	at := login.Stamp(r.Version)
	if stored, ok := p.users.cache.get(id, at); ok {
		return stored.User, nil
	}
	form, err := p.users.users.Decode(r)
	if err != nil {
		return core.User{}, err
	}
	p.users.cache.put(login.Stored{User: form.noun(), Stamp: at})
	return form.noun(), nil
}

// origin gives the issuer's own session, as it was when it began. The generation is that of the session, not the user's of now:
// who is signed out everywhere while a login is under way stays out.
func (p *bffPeople) origin(ctx context.Context, subject core.Subject, id core.SessionID) (bff.Origin, error) {
	if p == nil {
		return bff.Origin{}, nil
	}
	ended := bff.Origin{Known: true}
	if subject == "" || len(subject) > longestID || id == "" || len(id) > longestID {
		return ended, nil
	}
	form, row, err := p.sessions.byUser.Get(ctx, string(subject), string(id))
	if err != nil || row.Version.IsZero() {
		return ended, asError(err)
	}
	cookie, err := parseHash(form.Cookie)
	if err != nil {
		return ended, err
	}
	session, err := p.sessions.Session(ctx, cookie)
	if err != nil || session.ID != id || session.Subject != subject {
		return ended, err
	}
	return bff.Origin{Known: true, Generation: session.UserGeneration, Until: row.Expires}, nil
}
