package authorize

import (
	"bytes"
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
)

// CodeLifetime is how long a code may be redeemed (RFC 6749 §4.1.2 recommends at most ten minutes).
const CodeLifetime = time.Minute

// Parts are what an Endpoint is made of. All are needed but Admit.
type Parts struct {
	Site          Site
	Clients       Clients
	Authenticator Authenticator
	Browser       Browser
	Policy        Policy
	Store         Store
	Forms         *Forms
	Now           func() time.Time
	// Admit may refuse a client_id that somebody brings along, before the client is looked for; nil: it refuses none.
	Admit func(id core.ClientID, caller core.Caller) error
}

// An Endpoint is the authorization endpoint of one issuer. It is safe for concurrent use.
type Endpoint struct {
	site    Site
	clients Clients
	auth    Authenticator
	browser Browser
	policy  Policy
	store   Store
	forms   *Forms
	now     func() time.Time
	admit   func(core.ClientID, core.Caller) error
}

// New makes an Endpoint.
func New(p Parts) *Endpoint {
	return &Endpoint{
		site: p.Site, clients: p.Clients, auth: p.Authenticator, browser: p.Browser, policy: p.Policy, store: p.Store, forms: p.Forms, now: p.Now,
		admit: p.Admit,
	}
}

// A Visit is a browser at the endpoint.
type Visit struct {
	Params    oauth.Params // of a new request, as they were sent: what is repeated is refused by the checks
	Flow      string       // or a request that was here before
	Cookie    core.Secret  // of the session with us; empty: none
	Browser   core.Secret  // the cookie that pages are bound to (Forms.Browser)
	Caller    core.Caller
	RequestID string
}

// A pending is a request on its way through the endpoint.
type pending struct {
	visit   Visit
	flow    flow
	sealed  string // the flow as the browser has it; empty: not sealed yet
	held    *Held  // nil: the request was not pushed
	request Request
	session core.Session
	user    core.User
	verdict decision.AuthorizationVerdict
	past    core.Consent // what the person has allowed before
	given   core.Consent // what the person allowed just now
	facts   facts
}

// Authorize takes a new request, or one that comes back from a page. An error is for a page: nothing may be sent to the client.
func (e *Endpoint) Authorize(ctx context.Context, v Visit) (Answer, error) {
	p, err := e.receive(ctx, v)
	if err != nil {
		return Answer{}, err
	}
	return e.judge(ctx, p)
}

// judge runs the checks and then walks.
func (e *Endpoint) judge(ctx context.Context, p *pending) (Answer, error) {
	in, err := e.inquire(ctx, p)
	if err != nil {
		return Answer{}, err
	}
	err = in.check()
	p.request = in.Request
	switch {
	case err != nil && p.request.Mode == "": // not even the mode was reached, so redirect_uri does not hold
		return Answer{}, err
	case err != nil:
		return e.sendError(ctx, p, core.AsError(err))
	}
	p.facts.prompt, p.facts.maxAge, p.facts.hinted = p.request.Prompt, p.request.MaxAge, p.request.Hinted
	return e.walk(ctx, p)
}

// walk is the dispatcher: it does what next says until that is an end.
func (e *Endpoint) walk(ctx context.Context, p *pending) (Answer, error) {
	for {
		var err error
		switch s := next(p.facts); s.do {
		case lookUp:
			err = e.lookUp(ctx, p)
		case decide:
			err = e.decide(ctx, p)
		case recall:
			err = e.recall(ctx, p)
		case showLogin:
			return e.login(p), nil
		case showConsent:
			return e.consent(p), nil
		case refuse:
			return e.sendError(ctx, p, s.refusal)
		case issue:
			return e.issue(ctx, p)
		}
		if err != nil {
			return Answer{}, err // a fault of ours: a page says so and the log why
		}
	}
}

// lookUp finds out who is signed in.
func (e *Endpoint) lookUp(ctx context.Context, p *pending) error {
	p.facts.lookedUp = true
	if p.visit.Cookie == "" {
		return nil
	}
	session, user, found, err := e.browser.Session(ctx, p.visit.Cookie)
	if err != nil || !found {
		return err
	}
	p.session, p.user = session, user
	p.facts.subject = user.Subject
	if p.facts.hinted != "" && e.site.Names.Name(&p.request.Client, user.Subject) == p.facts.hinted {
		p.facts.hinted = user.Subject // the client knows this person by another name
	}
	p.facts.age = e.now().Sub(session.AuthTime)
	// Sign-in times have whole seconds; that the cookie is another one tells what the clock cannot. The session may be the same:
	// who proves again to be the same person stays in it.
	again := !bytes.Equal(hashOf(p.visit.Cookie), p.flow.Cookie)
	p.facts.renewed = p.sealed != "" && again && session.AuthTime.Unix() >= p.flow.Asked/1000
	return nil
}

// decide asks policy. Somebody whose sign-in does not count is not there yet.
func (e *Endpoint) decide(ctx context.Context, p *pending) error {
	r := &p.request
	q := decision.Authorization{
		RedirectURI: r.RedirectURI, ResponseType: string(oauth.ResponseCode), ResponseMode: r.Mode, Scopes: r.Scope, Resources: r.Resources,
		Prompt: r.Prompt.words(), PAR: r.Pushed, Challenge: r.Challenge != "",
		Caller: p.visit.Caller, Now: e.now(), RequestID: p.visit.RequestID,
	}
	q.SetClient(&r.Client)
	if !p.facts.mustSignIn() {
		q.SetUser(&p.user, p.session.AuthTime, p.session.Methods)
	}
	verdict, err := e.policy.DecideAuthorization(ctx, &q)
	if err != nil {
		return err
	}
	p.verdict, p.facts.decided = verdict, true
	if !verdict.Allowed {
		p.facts.denied = denial(verdict)
		return nil
	}
	p.facts.stepUp, p.facts.always = verdict.MaxAge, verdict.Consent || r.unremembered()
	p.facts.waived = verdict.Waived
	p.facts.agreed = covers(p.given, verdict.Scopes, r.Resources)
	return nil
}

// denial is what the client may know of it: the reasons that are public, or none.
func denial(v decision.AuthorizationVerdict) *core.Error {
	code, detail := v.Code, "Policy does not allow this request."
	if code == "" {
		code = core.AccessDenied
	}
	for _, r := range v.Reasons {
		if r.Public && r.Message != "" {
			detail = r.Message
			break
		}
	}
	return core.Refuse(code, "%s", detail)
}

// issue makes the code and ends the request, all in one write.
func (e *Endpoint) issue(ctx context.Context, p *pending) (Answer, error) {
	code, now := core.NewSecret(), e.now()
	order := Issue{Code: code.Hash(), Value: p.code(now), Pushed: p.held}
	if p.facts.answer == allowed && !p.request.unremembered() {
		given := p.remembered(now)
		order.Consent = &given
	}
	if err := unused(e.store.Issue(ctx, order)); err != nil {
		return Answer{}, err
	}
	return e.sendBack(p, oauth.Params{"code": {code.Reveal()}}), nil
}

// code is what the code stands for.
func (p *pending) code(now time.Time) core.AuthorizationCode {
	r := &p.request
	return core.AuthorizationCode{
		Grant: core.Grant{
			ID: core.NewGrantID(now), Client: r.Client.ID, ClientGeneration: r.Client.Generation,
			Subject: p.user.Subject, UserGeneration: p.user.Generation, Session: p.session.ID,
			Scope: p.verdict.Scopes, Resources: r.Resources, AuthTime: p.session.AuthTime, Methods: p.session.Methods, CreatedAt: now,
		},
		RedirectURI: r.RedirectURI, RedirectSet: r.RedirectSet, Challenge: r.Challenge, Nonce: r.Nonce, ExpiresAt: now.Add(CodeLifetime),
	}
}
