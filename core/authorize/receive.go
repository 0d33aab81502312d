package authorize

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// receive opens the flow that a browser brings back, or begins one.
func (e *Endpoint) receive(ctx context.Context, v Visit) (*pending, error) {
	p := &pending{visit: v, sealed: v.Flow}
	if v.Flow != "" {
		w, err := e.forms.open(v.Flow, v.Browser)
		if err != nil {
			return nil, err
		}
		if w.Leaving || w.Params == "" && w.Pushed == "" {
			return nil, core.Refuse(core.InvalidRequest, "This page is not part of a request. Start again from the application.")
		}
		p.flow = w
		return p, e.follow(ctx, p, time.Time{})
	}
	p.flow = flow{Asked: e.now().UnixMilli()}
	if reference := v.Params.Get("request_uri"); strings.HasPrefix(reference, referencePrefix) {
		return p, e.start(ctx, p, reference)
	}
	p.flow.Params = v.Params.Encode()
	return p, nil
}

// start begins with a pushed request. Whatever else was sent beside the reference does not count (RFC 9126 §4, RFC 9101 §5).
func (e *Endpoint) start(ctx context.Context, p *pending, reference string) error {
	if len(p.visit.Params["request_uri"]) > 1 || len(p.visit.Params["client_id"]) != 1 {
		return core.Refuse(core.InvalidRequest, "A pushed request needs client_id and request_uri, each once (RFC 9126 section 4). Start again from the application.")
	}
	p.flow.Pushed, p.flow.Client = reference, core.ClientID(p.visit.Params.Get("client_id"))
	return e.follow(ctx, p, e.now())
}

// follow reads the pushed request of a flow, if it is one. A browser that comes with it for the first time must be in time at
// now; one that comes back (zero) only finds it used up or not.
func (e *Endpoint) follow(ctx context.Context, p *pending, now time.Time) error {
	if p.flow.Pushed == "" {
		return nil
	}
	held, err := e.store.Pushed(ctx, core.Secret(p.flow.Pushed).Hash())
	if err != nil {
		return err
	}
	if held.Stamp == (Stamp{}) || held.Client != p.flow.Client || !now.IsZero() && !now.Before(held.StartBefore) {
		return usedReference(nil)
	}
	p.held = &held
	return nil
}

// usedReference is the one answer to every reference that does not count: unknown, expired, used, or another client's.
func usedReference(cause error) error {
	return core.Fail(core.InvalidRequestURI, "This request is unknown, was used, or has expired. Start again from the application.", cause)
}

// unused words the error of a write that uses a pushed request up.
func unused(err error) error {
	if errors.Is(err, ErrUsed) {
		return usedReference(err)
	}
	return err
}

// inquire makes ready for the checks.
func (e *Endpoint) inquire(ctx context.Context, p *pending) (*inquiry, error) {
	in := &inquiry{params: p.visit.Params, site: &e.site}
	switch {
	case p.held != nil:
		in.params, in.Pushed = p.held.Params, true
	case p.visit.Flow != "":
		in.params = p.flow.params()
	}
	var err error
	if e.admit != nil && p.sealed == "" && p.held == nil { // it has not been here before
		if err := e.admit(core.ClientID(in.params.Get("client_id")), p.visit.Caller); err != nil {
			return nil, err
		}
	}
	in.found, err = e.client(ctx, in.params)
	return in, err
}

// client finds whom the parameters name.
func (e *Endpoint) client(ctx context.Context, params oauth.Params) (core.Registered, error) {
	id := core.ClientID(params.Get("client_id"))
	if id == "" {
		return core.Registered{}, nil
	}
	found, err := e.clients.Registered(ctx, id)
	if core.CodeOf(err) == core.InvalidClient { // said to a person: it is the request that is not valid (RFC 6749 §4.1.2.1)
		page := *core.AsError(err)
		page.Code = core.InvalidRequest
		return core.Registered{}, &page
	}
	if found.Client.ExpiredAt(e.now()) {
		return core.Registered{}, err
	}
	return found, err
}
