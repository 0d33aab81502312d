package keys

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
)

// How long a remote key set is believed.
const (
	remoteFresh = 10 * time.Minute // after that it is fetched again
	remoteStale = 24 * time.Hour   // so long it serves while its publisher cannot be reached
	remotePause = 30 * time.Second // the least time between two fetches of one address
	maxRemote   = 1000             // addresses that are remembered
)

// ErrUnreachable says that a key set could not be had. What stands behind it is for the log.
var ErrUnreachable = errors.New("the key set could not be fetched")

// A Remote keeps the key sets that others publish at an address (jwks_uri). It is safe for use by many goroutines: one
// address is fetched by one of them at a time.
type Remote struct {
	fetch func(ctx context.Context, uri string) ([]byte, error)
	now   func() time.Time
	mu    sync.Mutex
	known map[string]*published
}

// published is what is known of one address. Whoever holds the place in turn may read and change it.
type published struct {
	turn chan struct{}
	used time.Time // guarded by Remote.mu
	held
	fetched time.Time // when set was fetched; zero: never
	tried   time.Time
}

// NewRemote makes a Remote that reads documents with fetch, which bounds time and size.
func NewRemote(fetch func(ctx context.Context, uri string) ([]byte, error), now func() time.Time) *Remote {
	return &Remote{fetch: fetch, now: now, known: map[string]*published{}}
}

// Set gives the keys published at an address. A set that is old, or has no key with this kid, is fetched again, but not more
// often than twice a minute whatever tokens say; while that fails, the last one serves for a day. ErrUnreachable says that
// there is none.
func (r *Remote) Set(ctx context.Context, uri, kid string) (jose.KeySet, error) {
	k, err := r.keys(ctx, uri, hasKid(kid), r.at(uri))
	return k.set, err
}

// Having is Set for who needs a key that it can tell by more than a kid: a set without one is fetched again. While that fails
// nobody knows whether there is one by now, so that this is ErrUnreachable, too. A set that still has none is given all the same.
func (r *Remote) Having(ctx context.Context, uri string, has func(jose.KeySet) bool) (jose.KeySet, error) {
	k, err := r.keys(ctx, uri, has, r.at(uri))
	if err == nil && k.failure != nil && !has(k.set) {
		return jose.KeySet{}, fmt.Errorf("%w: %w", ErrUnreachable, k.failure)
	}
	return k.set, err
}

// at fetches from an address.
func (r *Remote) at(uri string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) { return r.fetch(ctx, uri) }
}

// hasKid tells whether a set has the key that is looked for; none in particular every set has.
func hasKid(kid string) func(jose.KeySet) bool {
	return func(set jose.KeySet) bool { return kid == "" || set.Has(kid) }
}

// Configured is Set for an address that a member of a document says: the document is fetched whenever the keys are.
func (r *Remote) Configured(ctx context.Context, endpoint, claim, kid string) (jose.KeySet, error) {
	k, err := r.keys(ctx, endpoint+" "+claim, hasKid(kid), func(ctx context.Context) ([]byte, error) {
		body, err := r.fetch(ctx, endpoint)
		if err != nil {
			return nil, err
		}
		uri, err := addressIn(body, claim)
		if err != nil {
			return nil, err
		}
		return r.fetch(ctx, uri)
	})
	return k.set, err
}

// addressIn reads the https address of a key set out of a document.
func addressIn(body []byte, claim string) (string, error) {
	doc, err := strictjson.Parse(body, strictjson.Default)
	if err != nil {
		return "", fmt.Errorf("the configuration document: %w", err)
	}
	v, _ := doc.Get(claim)
	address, _ := v.Text()
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "", fmt.Errorf("the configuration document has no https address in its member %q", claim)
	}
	return address, nil
}

// held is what a place has.
type held struct {
	set     jose.KeySet
	failure error // of the last try to fetch it again
}

func (r *Remote) keys(
	ctx context.Context, place string, has func(jose.KeySet) bool, fetch func(context.Context) ([]byte, error),
) (held, error) {
	p := r.place(place)
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return held{}, fmt.Errorf("%w: %w", ErrUnreachable, ctx.Err())
	}
	if now := r.now(); p.wants(has, now) {
		r.refresh(ctx, p, fetch)
	}
	if p.fetched.IsZero() || r.now().Sub(p.fetched) > remoteStale {
		return held{}, fmt.Errorf("%w: %w", ErrUnreachable, p.failure)
	}
	return p.held, nil
}

// wants tells whether the set is worth fetching now.
func (p *published) wants(has func(jose.KeySet) bool, now time.Time) bool {
	if !p.tried.IsZero() && now.Sub(p.tried) < remotePause {
		return false
	}
	return p.fetched.IsZero() || now.Sub(p.fetched) >= remoteFresh || !has(p.set)
}

// refresh fetches the set. A request that was given up says nothing about the address and is not remembered.
func (r *Remote) refresh(ctx context.Context, p *published, fetch func(context.Context) ([]byte, error)) {
	body, err := fetch(ctx)
	if err != nil && ctx.Err() != nil {
		p.failure = ctx.Err()
		return
	}
	p.tried, p.failure = r.now(), err
	if err != nil {
		return
	}
	set, err := jose.ParsePublished(body)
	if err == nil && set.Len() == 0 {
		err = errors.New("it has no key that we can use")
	}
	if err != nil {
		p.failure = err
		return
	}
	p.set, p.fetched = set, p.tried
}

// place finds or makes the place of an address.
func (r *Remote) place(uri string) *published {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.known[uri]
	if !ok {
		if len(r.known) >= maxRemote {
			r.forgetOldest()
		}
		p = &published{turn: make(chan struct{}, 1)}
		r.known[uri] = p
	}
	p.used = r.now()
	return p
}

// forgetOldest makes room: of the addresses, a tenth goes, those that were not asked for the longest.
func (r *Remote) forgetOldest() {
	uris := make([]string, 0, len(r.known))
	for uri := range r.known {
		uris = append(uris, uri)
	}
	slices.SortFunc(uris, func(a, b string) int { return r.known[a].used.Compare(r.known[b].used) })
	for _, uri := range uris[:len(uris)/10] {
		delete(r.known, uri)
	}
}
