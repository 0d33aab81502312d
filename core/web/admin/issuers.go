package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/web"
)

// Issuers knows whose software statements and signed requests are believed (core/registration).
type Issuers interface {
	Issuers() []registration.ListedIssuer
}

// issuer is an entry of the table of trusted issuers, without key sets and secrets.
type issuer struct {
	Issuer  string      `json:"issuer"`
	For     []string    `json:"for"`
	From    string      `json:"from"`  // trusted_issuers, janssen or declared
	Entry   string      `json:"entry"` // its name: a client's software_statement_entry is the one that its statement rests on
	Set     string      `json:"set,omitempty"`
	Keys    issuerKeys  `json:"keys"`
	Terms   issuerTerms `json:"terms"`
	Revokes *revokes    `json:"revocation,omitempty"`
}

type issuerKeys struct {
	Kind         string `json:"kind"` // jwks, jwks_uri, configuration, shared_secret or plugin
	Address      string `json:"address,omitempty"`
	SharedSecret bool   `json:"shared_secret"` // whether it has one, beside
}

// issuerTerms are those that are set.
type issuerTerms struct {
	Require        []string            `json:"require,omitempty"`
	MaxAge         int64               `json:"max_age,omitempty"` // seconds
	OneTime        bool                `json:"one_time,omitempty"`
	Audiences      []string            `json:"audiences,omitempty"`
	Claims         []string            `json:"claims,omitempty"`
	Map            map[string]string   `json:"map,omitempty"`
	RoleScopes     map[string][]string `json:"role_scopes,omitempty"`
	Scopes         []string            `json:"scopes,omitempty"`
	GrantScopes    []string            `json:"grant_scopes,omitempty"`
	RedirectsClaim string              `json:"redirects_claim,omitempty"`
	Certificate    certificateTerms    `json:"certificate,omitzero"`
	RequestKeys    requestKeys         `json:"request_keys,omitzero"`
}

type certificateTerms struct {
	CN      string   `json:"cn,omitempty"`
	OU      string   `json:"ou,omitempty"`
	UID     string   `json:"uid,omitempty"`
	Issuers []string `json:"issuers,omitempty"`
}

// IsZero leaves it out where no certificate is asked for.
func (c certificateTerms) IsZero() bool {
	return c.CN == "" && c.OU == "" && c.UID == "" && len(c.Issuers) == 0
}

type requestKeys struct {
	JWKSURI string `json:"jwks_uri,omitempty"`
	JWKS    string `json:"jwks,omitempty"`
}

// revokes says how the issuer takes statements back, and what came of the last look at the clients made from them.
type revokes struct {
	List          string `json:"list,omitempty"`
	Introspection string `json:"introspection,omitempty"`
	Every         int64  `json:"every"` // seconds
	LastLook      *look  `json:"last_look,omitempty"`
}

type look struct {
	Time     time.Time `json:"time"`
	Looked   int       `json:"looked"`
	Disabled int       `json:"disabled"`
	Failed   int       `json:"failed"`
	Error    string    `json:"error,omitempty"`
}

// ListIssuers lists the table of trusted issuers in force, however it was written.
func (h *Handlers) ListIssuers(context.Context, *web.Request, operator.Operator) (web.Response, error) {
	page := list[issuer]{Items: []issuer{}}
	for _, t := range h.Issuers.Issuers() {
		page.Items = append(page.Items, issuerOf(t))
	}
	return reply(http.StatusOK, page)
}

func issuerOf(t registration.ListedIssuer) issuer {
	shown := issuer{Issuer: t.Issuer, For: t.For, From: t.From, Entry: t.Entry(), Set: t.Set, Terms: termsOf(t.Terms), Keys: issuerKeys{Kind: t.Keys, SharedSecret: t.SharedSecret != ""}}
	if len(shown.For) == 0 {
		shown.For = []string{registration.ForStatements, registration.ForRequests}
	}
	switch t.Keys {
	case "jwks_uri":
		shown.Keys.Address = t.JWKSURI
	case "configuration":
		shown.Keys.Address = t.Configuration.Endpoint
	}
	if t.Asks > 0 {
		shown.Revokes = &revokes{List: t.Terms.Revocation.List, Introspection: t.Terms.Revocation.Introspection, Every: int64(t.Asks / time.Second)}
		if l := t.Look; !l.Time.IsZero() {
			shown.Revokes.LastLook = &look{l.Time.UTC(), l.Looked, l.Disabled, l.Failed, l.Error}
		}
	}
	return shown
}

func termsOf(t registration.Terms) issuerTerms {
	return issuerTerms{
		Require: t.Require, MaxAge: int64(t.MaxAge / time.Second), OneTime: t.OneTime, Audiences: t.Audiences, Claims: t.Claims, Map: t.Map,
		RoleScopes: t.RoleScopes, Scopes: t.Scopes, GrantScopes: t.GrantScopes, RedirectsClaim: t.RedirectsClaim,
		Certificate: certificateTerms(t.Certificate), RequestKeys: requestKeys(t.RequestKeys),
	}
}
