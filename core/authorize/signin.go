package authorize

import (
	"context"

	"github.com/ostiary/ostiary/core"
)

// A SignIn is the login form on its way back.
type SignIn struct {
	Visit
	Token string // of the form
}

// MaySignIn holds that the form was shown to this browser, before any password is looked at. An empty flow is the login page
// of the person's own account.
func (e *Endpoint) MaySignIn(s SignIn) error {
	if err := e.forms.Check(s.Token, s.Browser, "login", s.Flow); err != nil || s.Flow == "" {
		return err
	}
	_, err := e.forms.open(s.Flow, s.Browser)
	return err
}

// LoginPage shows the login page once more, after a sign-in that did not succeed.
func (e *Endpoint) LoginPage(ctx context.Context, v Visit) (Answer, error) {
	if v.Flow == "" {
		return e.AccountLogin(v.Browser), nil
	}
	p, err := e.receive(ctx, v)
	if err != nil {
		return Answer{}, err
	}
	in, err := e.inquire(ctx, p)
	if err != nil {
		return Answer{}, err
	}
	if err := in.check(); err != nil {
		return Answer{}, err
	}
	p.request = in.Request
	return e.login(p), nil
}

// AccountLogin shows the login page of somebody who wants to see the own account.
func (e *Endpoint) AccountLogin(browser core.Secret) Answer {
	return Answer{Show: ShowLogin, Token: e.forms.Token(browser, "login", "")}
}
