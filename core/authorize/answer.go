package authorize

import (
	"context"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// Show says what an Answer is.
type Show int

// The kinds of answers.
const (
	ShowLogin   Show = iota + 1 // the login page
	ShowConsent                 // the consent page
	Redirect                    // send the browser to To
	Post                        // have the browser post Fields to To (OAuth 2.0 Form Post Response Mode)
)

// An Answer is what the browser gets.
type Answer struct {
	Show Show

	// of Redirect and Post
	To     string
	Fields oauth.Params

	// of Redirect and Post, when the person is to be asked before: why the request was refused
	Aside *core.Error

	// of the pages
	Flow        string // the request, for the form to send back
	Token       string // for the form to send back (CSRF)
	Shown       string // of the consent page: what it lists, for the form to send back
	Client      core.Client
	RedirectURI string
	User        core.User // who is signed in; on the login page: nobody, or who must sign in again
	LoginHint   string
	Locales     []string // languages that the person reads, the best liked first
	Scope       []string // as they would be issued
	Resources   []string
}

// login shows the login page.
func (e *Endpoint) login(p *pending) Answer {
	a := e.page(p, ShowLogin)
	a.Token = e.forms.Token(p.visit.Browser, "login", a.Flow)
	return a
}

// consent shows the consent page.
func (e *Endpoint) consent(p *pending) Answer {
	a := e.page(p, ShowConsent)
	a.Scope, a.Resources = p.verdict.Scopes, p.request.Resources
	a.Shown = oauth.Params{"scope": a.Scope, "resource": a.Resources}.Encode()
	a.Token = e.forms.Token(p.visit.Browser, consentForm(a.Flow, p.visit.Cookie, a.Shown)...)
	return a
}

func (e *Endpoint) page(p *pending, show Show) Answer {
	if p.sealed == "" {
		p.flow.Cookie = hashOf(p.visit.Cookie)
		p.sealed = e.forms.seal(p.flow, p.visit.Browser)
	}
	return Answer{
		Show: show, Flow: p.sealed, Client: p.request.Client, RedirectURI: p.request.RedirectURI, User: p.user, LoginHint: p.request.LoginHint,
		Locales: p.request.Locales,
	}
}

// sendError is RFC 6749 §4.1.2.1. When the person took part, it uses a pushed request up as a code does (RFC 9126 §4).
func (e *Endpoint) sendError(ctx context.Context, p *pending, refusal *core.Error) (Answer, error) {
	if p.held != nil && p.visit.Flow != "" {
		if err := unused(e.store.Drop(ctx, *p.held)); err != nil {
			return Answer{}, err
		}
	}
	answer := e.sendBack(p, oauth.Params{"error": {string(refusal.Code)}, "error_description": {describable(refusal.Detail)}})
	if p.unasked() {
		answer.Aside, answer.Client, answer.RedirectURI = refusal, p.request.Client, p.request.RedirectURI
	}
	return answer, nil
}

// unasked tells a request by which anybody could send browsers on to a site of their own choice (RFC 9700 §4.11.2): the client is
// whoever wrote its metadata document, and the person has not said a word yet. A program on the person's own machine is no such site.
func (p *pending) unasked() bool {
	return p.visit.Flow == "" && p.request.Client.ID.IsDocument() && oauth.ParseURI(p.request.RedirectURI).Class == oauth.ClassHTTPS
}

// sendBack answers the client: every answer names its state and who gives it (RFC 9207 §2).
func (e *Endpoint) sendBack(p *pending, params oauth.Params) Answer {
	if p.request.State != "" {
		params["state"] = []string{p.request.State}
	}
	params["iss"] = []string{e.site.Issuer}
	if p.request.Mode == modeForm {
		return Answer{Show: Post, To: p.request.RedirectURI, Fields: params}
	}
	return Answer{Show: Redirect, To: withQuery(p.request.RedirectURI, params)}
}

// withQuery adds to a URI's query and keeps what it has (RFC 6749 §3.1.2). A redirect URI has no fragment.
func withQuery(uri string, params oauth.Params) string {
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return uri + separator + params.Encode()
}

// describable keeps what error_description may have (RFC 6749 §4.1.2.1).
func describable(detail string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"':
			return '\''
		case c < ' ' || c > '~' || c == '\\':
			return '?'
		}
		return c
	}, detail)
}
