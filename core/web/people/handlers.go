package people

import (
	"context"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/login"
)

// Endpoint is the authorization endpoint (core/authorize).
type Endpoint interface {
	Authorize(ctx context.Context, v authorize.Visit) (authorize.Answer, error)
	Decide(ctx context.Context, d authorize.Decision) (authorize.Answer, error)
	Push(ctx context.Context, p authorize.Push) (reference core.Secret, lifetime time.Duration, err error)
	MaySignIn(s authorize.SignIn) error
	Asking(ctx context.Context, v authorize.Visit) (core.Client, error)
	LoginPage(ctx context.Context, v authorize.Visit) (authorize.Answer, error)
}

// Exit is the end session endpoint (core/authorize).
type Exit interface {
	Leave(ctx context.Context, l authorize.Leaving) (authorize.Farewell, error)
}

// Desk is where people sign in (core/login).
type Desk interface {
	SignIn(ctx context.Context, a login.Attempt) (core.Session, core.Secret, error)
	Session(ctx context.Context, cookie core.Secret) (core.Session, core.User, bool, error)
}

// Accounts is what people do with the own account (core/login).
type Accounts interface {
	LinkOwner(ctx context.Context, link core.Secret) (core.User, bool, error)
	SetPassword(ctx context.Context, link, password core.Secret) (core.User, error)
	ChangePassword(ctx context.Context, s core.Session, before, after core.Secret) (core.Session, core.Secret, error)
	Sessions(ctx context.Context, id core.Subject, after core.SessionID, limit int) ([]core.Session, error)
	End(ctx context.Context, id core.Subject, session core.SessionID) error
	EndAll(ctx context.Context, id core.Subject) error
}

// Forms binds pages to a browser (core/authorize).
type Forms interface {
	Browser(cookie core.Secret) core.Secret
	Token(browser core.Secret, about ...string) string
	Check(token string, browser core.Secret, about ...string) error
}

// Failures counts sign-ins that failed, by address (web.Limiter).
type Failures interface {
	Ready(addr netip.Addr, now time.Time) (ok bool, retry time.Duration)
	Allow(addr netip.Addr, now time.Time) (ok bool, retry time.Duration)
}

// Parts are what Handlers are made of. All are needed.
type Parts struct {
	Issuer   string
	Endpoint Endpoint
	Exit     Exit
	Desk     Desk
	Failures Failures
	Accounts Accounts
	Forms    Forms
	Now      func() time.Time
}

// Handlers serve the pages of one issuer.
type Handlers struct {
	endpoint Endpoint
	exit     Exit
	desk     Desk
	failures Failures
	accounts Accounts
	forms    Forms
	now      func() time.Time

	base   string // the issuer's path, without a slash at its end
	secure bool   // the issuer is https
	pages  pages
}

// New makes the handlers of an issuer.
func New(p Parts) (*Handlers, error) {
	issuer, err := url.Parse(p.Issuer)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(issuer.EscapedPath(), "/")
	return &Handlers{
		endpoint: p.Endpoint, exit: p.Exit, desk: p.Desk, failures: p.Failures, accounts: p.Accounts, forms: p.Forms, now: p.Now,
		base: base, secure: issuer.Scheme == "https", pages: newPages(base, issuer.Host),
	}, nil
}

// at gives a path of ours, for the browser.
func (h *Handlers) at(path string) string { return h.base + "/" + path }
