package storage

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/seal"
)

// Clients keeps clients, their credentials and states, and the initial access tokens they are registered with. Commit is the
// only exported way to write a client's metadata.
type Clients struct {
	engine      Engine
	now         func() time.Time
	clients     Table[clientForm]
	credentials Table[credentialsForm]
	states      Table[stateForm]
	tokens      Table[tokenForm]
	tokenUses   Table[tokenUseForm]
	tokenIDs    Table[tokenIDForm]
	index       Table[struct{}]
	uses        Table[useForm]
	since       Table[sinceForm]
	ledger      Ledger
	kept        *PluginKV
	once        Once
	ring        *seal.Ring // seals cursors
	cache       *clientCache
}

var _ registration.Store = (*Clients)(nil)

// NewClients opens the clients of one issuer.
func NewClients(engine Engine, issuer core.IssuerID, ledger Ledger, ring *seal.Ring, now func() time.Time) *Clients {
	id := string(issuer)
	return &Clients{
		engine: engine, now: now, ledger: ledger, ring: ring,
		clients:     NewTable[clientForm](engine, id, "client", 1).Packed(),
		credentials: NewTable[credentialsForm](engine, id, "client_credentials", 1).Packed(),
		states:      NewTable[stateForm](engine, id, "client_state", 1),
		tokens:      NewTable[tokenForm](engine, id, "iat", 1),
		tokenUses:   NewTable[tokenUseForm](engine, id, "iat_uses", 1),
		tokenIDs:    NewTable[tokenIDForm](engine, id, "iat_by_id", 1),
		index:       NewTable[struct{}](engine, id, "client_by", 1),
		uses:        NewTable[useForm](engine, id, "client_use", 1),
		since:       NewTable[sinceForm](engine, id, "client_use_since", 1),
		kept:        NewPluginKV(engine, issuer, ring, now),
		once:        NewOnce(engine, issuer),
		cache:       newClientCache(),
	}
}

// Client gives a client with its credentials and state in one consistent view; the zero Stored when there is none.
func (c *Clients) Client(ctx context.Context, id core.ClientID) (registration.Stored, error) {
	if id == "" || len(id) > longestID {
		return registration.Stored{}, nil
	}
	stored, err := c.read(ctx, id)
	return stored, asError(err)
}

func (c *Clients) read(ctx context.Context, id core.ClientID) (registration.Stored, error) {
	records, stamps, err := c.records(ctx, id)
	if err != nil || stamps == (registration.Stamps{}) {
		return registration.Stored{}, err
	}
	if stored, ok := c.cache.get(id, stamps); ok {
		return stored, nil
	}
	stored, err := c.decode(records)
	stored.Stamps = stamps
	if err == nil {
		c.cache.put(id, stored)
	}
	return stored, err
}

func (c *Clients) decode(records []Record) (registration.Stored, error) {
	var stored registration.Stored
	client, err := c.clients.Decode(records[0])
	if err != nil {
		return stored, err
	}
	credentials, err := c.credentials.Decode(records[1])
	if err != nil {
		return stored, err
	}
	state, err := c.states.Decode(records[2])
	if err != nil {
		return stored, err
	}
	stored.Client, err = client.noun()
	if err != nil {
		return registration.Stored{}, err
	}
	stored.Credentials, err = credentials.noun()
	stored.State = core.Active
	if state.State != "" {
		stored.State = state.State
	}
	return stored, err
}

// Presence gives a client's credentials and stamps in one consistent view; zero ones when there is no client.
func (c *Clients) Presence(ctx context.Context, id core.ClientID) (core.Credentials, registration.Stamps, error) {
	if id == "" || len(id) > longestID {
		return core.Credentials{}, registration.Stamps{}, nil
	}
	records, stamps, err := c.records(ctx, id)
	if err != nil || stamps == (registration.Stamps{}) {
		return core.Credentials{}, stamps, asError(err)
	}
	if credentials, ok := c.cache.credentials(id, stamps); ok {
		return credentials, stamps, nil
	}
	form, err := c.credentials.Decode(records[1])
	if err != nil {
		return core.Credentials{}, stamps, asError(err)
	}
	credentials, err := form.noun()
	return credentials, stamps, asError(err)
}

// records reads the three records of a client in one view. Zero stamps: there is no client.
func (c *Clients) records(ctx context.Context, id core.ClientID) ([]Record, registration.Stamps, error) {
	records, err := c.engine.Get(ctx, c.clients.Key(string(id)), c.credentials.Key(string(id)), c.states.Key(string(id)))
	if err != nil || records[0].Version.IsZero() {
		return nil, registration.Stamps{}, err
	}
	return records, registration.Stamps{
		Client: registration.Stamp(records[0].Version), Credentials: registration.Stamp(records[1].Version), State: registration.Stamp(records[2].Version),
	}, nil
}

// Kept is what plugins keep.
func (c *Clients) Kept() *PluginKV { return c.kept }

// Commit carries out an approved write: client, credentials, state, index rows, ledger entry, the token's use and what plugins
// keep of it in one Apply.
func (c *Clients) Commit(ctx context.Context, a registration.Approved) error {
	if a.IsZero() {
		return registration.ErrZero
	}
	p := newPlan()
	for _, once := range a.Onces() {
		p.expect(c.once.plan(once.Kind, once.Hash, once.Until), once.Replayed())
	}
	if a.Unchanged() {
		return p.apply(ctx, c.engine)
	}
	switch a.Operation() {
	case core.Register:
		c.planInsert(&p, a)
	case core.Delete, core.Reject:
		c.planDelete(&p, a)
	case core.Rotate, core.Read: // of reads only those come here that rotate a token
		c.planRotate(&p, a)
	default:
		c.planUpdate(&p, a)
	}
	c.ledger.plan(&p, a.Entry())
	c.kept.plan(&p, a.Writes())
	err := p.apply(ctx, c.engine)
	c.cache.drop(a.Client().ID)
	return err
}

func (c *Clients) planInsert(p *plan, a registration.Approved) {
	client := a.Client()
	id, expires := string(client.ID), client.Expires
	op, err := c.clients.Insert(formOfClient(client), expires, id)
	p.madeExpecting(op, err, registration.ErrTaken)
	p.made(c.credentials.Put(formOfCredentials(a.Credentials()), expires, id))
	if a.State() != core.Active {
		p.made(c.states.Put(stateForm{State: a.State()}, expires, id))
	}
	for _, key := range c.indexKeys(client, a.State()) {
		p.add(Put(key, nil, expires))
	}
	if held, ok := a.Spends(); ok {
		c.planSpend(p, held, client.UpdatedAt)
	}
}

// planSpend requires that the token is as it was and counts one use of it, which it says the time of.
func (c *Clients) planSpend(p *plan, held registration.Held, now time.Time) {
	hash := held.Token.Hash.String()
	p.expect(Require(c.tokens.Key(hash), Version(held.Stamp)), registration.ErrSpent)
	key := c.tokenUses.Key(hash)
	last, err := c.tokenUses.Encode(key, tokenUseForm{Last: now.UnixMilli()})
	p.madeExpecting(AddWith(key, last, 1, 0, held.Token.MaxUses, held.Token.ExpiresAt), err, registration.ErrSpent)
}

func (c *Clients) planUpdate(p *plan, a registration.Approved) {
	client, before := a.Client(), a.Before()
	id, expires := string(client.ID), client.Expires
	op, err := c.clients.Update(Version(before.Stamps.Client), formOfClient(client), expires, id)
	p.madeExpecting(op, err, registration.ErrChanged)
	op, err = c.credentials.Update(Version(before.Stamps.Credentials), formOfCredentials(a.Credentials()), expires, id)
	p.madeExpecting(op, err, registration.ErrChanged)
	c.planState(p, client, a.State(), Version(before.Stamps.State))
	c.planReindex(p, before, client, a.State())
}

// planRotate writes the credentials alone, of a client that is as it was: its entity tag stays.
func (c *Clients) planRotate(p *plan, a registration.Approved) {
	client, before := a.Client(), a.Before()
	id := string(client.ID)
	p.expect(Require(c.clients.Key(id), Version(before.Stamps.Client)), registration.ErrChanged)
	op, err := c.credentials.Update(Version(before.Stamps.Credentials), formOfCredentials(a.Credentials()), client.Expires, id)
	p.madeExpecting(op, err, registration.ErrChanged)
}

// planState keeps the row that a client has while it is not active. It lives exactly as long as the client.
func (c *Clients) planState(p *plan, client core.Client, state core.State, at Version) {
	var op Op
	var err error
	id := string(client.ID)
	switch {
	case state == core.Active && at.IsZero():
		return
	case state == core.Active:
		op = Delete(c.states.Key(id), at)
	case at.IsZero():
		op, err = c.states.Insert(stateForm{State: state}, client.Expires, id)
	default:
		op, err = c.states.Update(at, stateForm{State: state}, client.Expires, id)
	}
	p.madeExpecting(op, err, registration.ErrChanged)
}

// planReindex removes index rows that no longer hold and writes those that do.
func (c *Clients) planReindex(p *plan, before registration.Stored, client core.Client, state core.State) {
	wanted := make(map[Key]bool)
	for _, key := range c.indexKeys(client, state) {
		wanted[key] = true
	}
	for _, key := range c.indexKeys(before.Client, before.State) {
		if !wanted[key] {
			p.add(Delete(key, Version{}))
		} else if client.Expires.Equal(before.Client.Expires) {
			delete(wanted, key)
		}
	}
	for _, key := range c.indexKeys(client, state) {
		if wanted[key] {
			p.add(Put(key, nil, client.Expires))
		}
	}
}

func (c *Clients) planDelete(p *plan, a registration.Approved) {
	before := a.Before()
	id := string(before.Client.ID)
	p.expect(Delete(c.clients.Key(id), Version(before.Stamps.Client)), registration.ErrChanged)
	p.add(Delete(c.credentials.Key(id), Version{}))
	p.add(Delete(c.states.Key(id), Version{}))
	c.planUnused(p, a)
	for _, key := range c.indexKeys(before.Client, before.State) {
		p.add(Delete(key, Version{}))
	}
}

// ForgetEarlier ends all registration access tokens but the current one.
func (c *Clients) ForgetEarlier(ctx context.Context, id core.ClientID, at registration.Stamp) error {
	stored, err := c.read(ctx, id)
	if err != nil {
		return asError(err)
	}
	tokens := stored.Credentials.Registration
	if stored.Stamps.Credentials != at || len(tokens) == 0 {
		return registration.ErrChanged
	}
	credentials := stored.Credentials
	credentials.Registration = tokens[len(tokens)-1:]
	var p plan
	op, err := c.credentials.Update(Version(at), formOfCredentials(credentials), stored.Client.Expires, string(id))
	p.madeExpecting(op, err, registration.ErrChanged)
	defer c.cache.drop(id)
	return p.apply(ctx, c.engine)
}
