package storage

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/seal"
)

// Authorizations keeps what the authorization endpoint remembers: pushed requests, sealed, by the hash of their reference;
// consents by person and client; and it gives out codes.
type Authorizations struct {
	engine   Engine
	pushed   Table[pushedForm]
	consents Table[consentForm]
	codes    Codes
}

var _ authorize.Store = Authorizations{}

// NewAuthorizations opens the authorizations of one issuer.
func NewAuthorizations(engine Engine, issuer core.IssuerID, ring *seal.Ring) Authorizations {
	return Authorizations{
		engine:   engine,
		pushed:   NewTable[pushedForm](engine, string(issuer), "pushed", 1).Sealed(ring),
		consents: NewTable[consentForm](engine, string(issuer), "consent", 1),
		codes:    NewCodes(engine, issuer, ring),
	}
}

// Push keeps a pushed request until it is forgotten.
func (a Authorizations) Push(ctx context.Context, reference core.SecretHash, p authorize.Pushed) error {
	var plan plan
	plan.made(a.pushed.Insert(formOfPushed(p), p.ForgetAt, reference.String()))
	return plan.apply(ctx, a.engine)
}

// Pushed gives a pushed request; the zero Held when there is none, or none any more.
func (a Authorizations) Pushed(ctx context.Context, reference core.SecretHash) (authorize.Held, error) {
	form, record, err := a.pushed.Get(ctx, reference.String())
	if err != nil || record.Version.IsZero() {
		return authorize.Held{}, asError(err)
	}
	return authorize.Held{Pushed: form.noun(record.Expires), Reference: reference, Stamp: authorize.Stamp(record.Version)}, nil
}

// Consent gives what a person has allowed a client; the zero Consent when nothing is remembered.
func (a Authorizations) Consent(ctx context.Context, subject core.Subject, client core.ClientID) (core.Consent, error) {
	form, record, err := a.consents.Get(ctx, string(subject), string(client))
	if err != nil || record.Version.IsZero() {
		return core.Consent{}, asError(err)
	}
	return form.noun(subject, client), nil
}

// Issue makes a code redeemable, remembers a consent and uses up a pushed request, all or nothing. Of any number of codes for
// one pushed request, one is issued.
func (a Authorizations) Issue(ctx context.Context, i authorize.Issue) error {
	var p plan
	if i.Pushed != nil {
		p.expect(a.used(*i.Pushed), authorize.ErrUsed)
	}
	p.made(a.codes.insert(i.Code, i.Value))
	if c := i.Consent; c != nil {
		p.made(a.consents.Put(formOfConsent(*c), c.GivenAt.Add(consentKept), string(c.Subject), string(c.Client)))
	}
	return p.apply(ctx, a.engine)
}

// Drop uses up a pushed request that leads to no code.
func (a Authorizations) Drop(ctx context.Context, h authorize.Held) error {
	var p plan
	p.expect(a.used(h), authorize.ErrUsed)
	return p.apply(ctx, a.engine)
}

// used takes a pushed request away as it was read: of any number of answers to it, one is given.
func (a Authorizations) used(h authorize.Held) Op {
	return Delete(a.pushed.Key(h.Reference.String()), Version(h.Stamp))
}

// consentKept is how long a consent is remembered: clients come and go, and people should be asked again some day.
const consentKept = 400 * 24 * time.Hour

type pushedForm struct {
	Client      core.ClientID `json:"client"`
	Params      oauth.Params  `json:"params"`
	StartBefore time.Time     `json:"start_before"`
}

func formOfPushed(p authorize.Pushed) pushedForm {
	return pushedForm{Client: p.Client, Params: p.Params, StartBefore: p.StartBefore}
}

func (f pushedForm) noun(expires time.Time) authorize.Pushed {
	return authorize.Pushed{Client: f.Client, Params: f.Params, StartBefore: f.StartBefore, ForgetAt: expires}
}

type consentForm struct {
	UserGeneration   uint64    `json:"user_generation"`
	ClientGeneration uint64    `json:"client_generation"`
	Scope            []string  `json:"scope,omitempty"`
	Resources        []string  `json:"resources,omitempty"`
	GivenAt          time.Time `json:"given_at"`
}

func formOfConsent(c core.Consent) consentForm {
	return consentForm{
		UserGeneration: c.UserGeneration, ClientGeneration: c.ClientGeneration, Scope: c.Scope, Resources: c.Resources, GivenAt: c.GivenAt,
	}
}

func (f consentForm) noun(subject core.Subject, client core.ClientID) core.Consent {
	return core.Consent{
		Subject: subject, UserGeneration: f.UserGeneration, Client: client, ClientGeneration: f.ClientGeneration,
		Scope: f.Scope, Resources: f.Resources, GivenAt: f.GivenAt,
	}
}
