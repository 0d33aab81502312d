package authorize

import (
	"context"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
)

// Sessions is the session of a browser, to be looked at and ended (core/login).
type Sessions interface {
	Browser
	SignOut(ctx context.Context, cookie core.Secret) error
}

// ExitParts are what an Exit is made of. All are needed.
type ExitParts struct {
	Site     Site
	Clients  Clients
	Sessions Sessions
	Forms    *Forms
	Now      func() time.Time
}

// An Exit is the end session endpoint (OpenID Connect RP-Initiated Logout 1.0).
type Exit struct{ parts ExitParts }

// NewExit makes an Exit.
func NewExit(p ExitParts) *Exit { return &Exit{parts: p} }

// A Leaving is a browser at the end session endpoint.
type Leaving struct {
	Params  oauth.Params // of a new request
	Flow    string       // or the one that the person was asked about
	Token   string       // of the form that asked
	Cookie  core.Secret
	Browser core.Secret
}

// A Farewell is what the browser gets. With neither Ask nor To, a page says that the person is signed out.
type Farewell struct {
	Ask     bool // a page must ask the person first
	Flow    string
	Token   string
	User    core.User
	Client  core.Client // who asks; without ID: nobody in particular
	Locales []string    // languages that the person reads, the best liked first
	To      string      // where the browser is sent, if anywhere; with Ask: after the person agreed
	Ended   bool        // the browser came with a cookie, and its session is over: now, or it was before
}

// A parting is a request to sign out that passed the checks.
type parting struct {
	client core.Client
	hint   hint
	to     string // where the browser may go after; empty: to no other site
}

// Leave ends the browser's session with us. It asks first, unless an ID token proves that who sends the browser knows whose
// session it is: else any page could sign people out.
func (x *Exit) Leave(ctx context.Context, l Leaving) (Farewell, error) {
	params, confirmed, err := x.receive(l)
	if err != nil {
		return Farewell{}, err
	}
	p, err := x.check(ctx, params)
	if err != nil {
		return Farewell{}, err
	}
	session, user, signedIn, err := x.parts.Sessions.Session(ctx, l.Cookie)
	if err != nil {
		return Farewell{}, err
	}
	if signedIn && !confirmed && !x.proves(p, session) {
		f := Farewell{Ask: true, User: user, Client: p.client, To: p.to, Locales: oauth.ParseLocales(params.Get("ui_locales"))}
		f.Flow = x.parts.Forms.seal(flow{Params: params.Encode(), Leaving: true, Asked: x.parts.Now().UnixMilli()}, l.Browser)
		f.Token = x.parts.Forms.Token(l.Browser, "logout", f.Flow)
		return f, nil
	}
	if err := x.parts.Sessions.SignOut(ctx, l.Cookie); err != nil {
		return Farewell{}, err
	}
	return Farewell{To: p.to, Client: p.client, Ended: l.Cookie != ""}, nil
}

// receive gives the parameters of the request, and whether the person has confirmed it.
func (x *Exit) receive(l Leaving) (params oauth.Params, confirmed bool, err error) {
	if l.Flow == "" {
		return l.Params, false, nil
	}
	if err := x.parts.Forms.Check(l.Token, l.Browser, "logout", l.Flow); err != nil {
		return nil, false, err
	}
	w, err := x.parts.Forms.open(l.Flow, l.Browser)
	if err == nil && !w.Leaving {
		err = core.Refuse(core.InvalidRequest, "This page is not part of signing out. Start again from the application.")
	}
	return w.params(), err == nil, err
}

// check reads who asks, on whose behalf, and where the browser is to go (RP-Initiated Logout §2, §3).
func (x *Exit) check(ctx context.Context, params oauth.Params) (parting, error) {
	if name := params.Repeated(); name != "" {
		return parting{}, core.Refuse(core.InvalidRequest, "%s was sent twice; send it once.", core.Clip(name))
	}
	if len(params.Encode()) > maxRequest {
		return parting{}, core.Refuse(core.InvalidRequest, "The request is longer than %d bytes.", maxRequest)
	}
	var p parting
	id := params.Get("client_id")
	if token := params.Get("id_token_hint"); token != "" {
		if jose.LooksEncrypted(token) {
			return parting{}, core.Refuse(core.InvalidRequest, "id_token_hint is encrypted: the application must decrypt it and send the signed ID token that is in it. Sign out from your account page instead.")
		}
		var ok bool
		if p.hint, ok = x.parts.Site.hint(token); !ok {
			return parting{}, core.Refuse(core.InvalidRequest, "id_token_hint is not an ID token of this server. Sign out from your account page instead.")
		}
		if id == "" {
			id = p.hint.audience[0]
		}
		if !slices.Contains(p.hint.audience, id) {
			return parting{}, core.Refuse(core.InvalidRequest, "id_token_hint was issued to another client than client_id.")
		}
	}
	var err error
	p.client, err = x.client(ctx, core.ClientID(id), len(p.hint.audience) > 0)
	p.to = x.target(p, params)
	return p, err
}

// client finds who asks; the zero Client when nobody is named who counts. One that only a document describes counts when an ID token
// shows that somebody has dealt with it: anybody can write a document. That it cannot be had keeps nobody signed in.
func (x *Exit) client(ctx context.Context, id core.ClientID, proved bool) (core.Client, error) {
	if id == "" || id.IsDocument() && !proved {
		return core.Client{}, nil
	}
	found, err := x.parts.Clients.Registered(ctx, id)
	if err != nil && id.IsDocument() && ctx.Err() == nil {
		return core.Client{}, nil
	}
	if found.State != core.Active || found.Client.ExpiredAt(x.parts.Now()) { // it has nobody sent anywhere
		return core.Client{}, err
	}
	return found.Client, err
}

// target is where the browser may go after: only to where the client may have it sent, and only with proof or consent. Anything
// else ends on our own page (RP-Initiated Logout §3: never an open redirector).
func (x *Exit) target(p parting, params oauth.Params) string {
	uri := params.Get("post_logout_redirect_uri")
	if uri == "" || p.client.ID == "" || len(oauth.RedirectProblems(oauth.ParseURI(uri))) > 0 || !x.parts.Site.SignedOut(p.client, uri) {
		return ""
	}
	if state := params.Get("state"); state != "" {
		return withQuery(uri, oauth.Params{"state": {state}})
	}
	return uri
}

// proves tells that the ID token belongs to this session or, if it names none, to who is signed in. One of another session of
// the same person proves nothing (RP-Initiated Logout §2).
func (x *Exit) proves(p parting, s core.Session) bool {
	if p.hint.session != "" {
		return p.hint.session == x.parts.Site.Names.Session(&p.client, s.ID)
	}
	return p.hint.subject != "" && p.hint.subject == x.parts.Site.Names.Name(&p.client, s.Subject)
}
