package storage

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/seal"
)

// Codes keeps authorization codes by the hash of the code, sealed. Who gives one out makes its Insert part of an Apply of its
// own; Grants redeems it.
type Codes struct{ table Table[codeForm] }

// NewCodes opens the authorization codes of one issuer.
func NewCodes(engine Engine, issuer core.IssuerID, ring *seal.Ring) Codes {
	return Codes{table: NewTable[codeForm](engine, string(issuer), "code", 1).Sealed(ring)}
}

// insert gives the op that makes a code redeemable until it expires.
func (c Codes) insert(hash core.SecretHash, code core.AuthorizationCode) (Op, error) {
	return c.table.Insert(formOfCode(code), code.ExpiresAt, hash.String())
}

// redeemed gives the op that marks a code as used and keeps it, so that a second use is known for what it is.
func (c Codes) redeemed(hash core.SecretHash, at Version, code core.AuthorizationCode, until time.Time) (Op, error) {
	form := formOfCode(code)
	form.Used = true
	return c.table.Update(at, form, until, hash.String())
}

func (c Codes) get(ctx context.Context, hash core.SecretHash) (codeForm, Version, error) {
	form, record, err := c.table.Get(ctx, hash.String())
	return form, record.Version, err
}

type codeForm struct {
	Grant       familyForm `json:"grant"`
	RedirectURI string     `json:"redirect_uri,omitempty"`
	RedirectSet bool       `json:"redirect_set,omitempty"`
	Challenge   string     `json:"challenge,omitempty"`
	Nonce       string     `json:"nonce,omitempty"`
	ExpiresAt   time.Time  `json:"expires_at"`
	Used        bool       `json:"used,omitempty"`
}

func formOfCode(c core.AuthorizationCode) codeForm {
	return codeForm{
		Grant: formOfFamily(c.Grant), RedirectURI: c.RedirectURI, RedirectSet: c.RedirectSet,
		Challenge: c.Challenge, Nonce: c.Nonce, ExpiresAt: c.ExpiresAt,
	}
}

func (f codeForm) noun() core.AuthorizationCode {
	return core.AuthorizationCode{
		Grant: f.Grant.noun(), RedirectURI: f.RedirectURI, RedirectSet: f.RedirectSet,
		Challenge: f.Challenge, Nonce: f.Nonce, ExpiresAt: f.ExpiresAt,
	}
}

// familyForm is a core.Grant.
type familyForm struct {
	ID               core.GrantID   `json:"id"`
	Client           core.ClientID  `json:"client"`
	ClientGeneration uint64         `json:"client_generation"`
	Subject          core.Subject   `json:"subject"`
	UserGeneration   uint64         `json:"user_generation"`
	Session          core.SessionID `json:"session,omitempty"`
	Scope            []string       `json:"scope,omitempty"`
	Resources        []string       `json:"resources,omitempty"`
	AuthTime         time.Time      `json:"auth_time,omitzero"`
	Methods          []string       `json:"methods,omitempty"`
	CreatedAt        time.Time      `json:"created_at,omitzero"`
	ExpiresAt        time.Time      `json:"expires_at,omitzero"`
	Certificate      string         `json:"certificate,omitempty"`
	RefreshKey       string         `json:"refresh_key,omitempty"`
	Refreshed        uint64         `json:"refreshed,omitempty"`
	RotatedAt        time.Time      `json:"rotated_at,omitzero"`
}

func formOfFamily(g core.Grant) familyForm {
	return familyForm{
		ID: g.ID, Client: g.Client, ClientGeneration: g.ClientGeneration, Subject: g.Subject, UserGeneration: g.UserGeneration,
		Session: g.Session, Scope: g.Scope, Resources: g.Resources, AuthTime: g.AuthTime, Methods: g.Methods,
		CreatedAt: g.CreatedAt, ExpiresAt: g.ExpiresAt, Certificate: g.Certificate, RefreshKey: g.RefreshKey.Reveal(), Refreshed: g.Refreshed, RotatedAt: g.RotatedAt,
	}
}

func (f familyForm) noun() core.Grant {
	return core.Grant{
		ID: f.ID, Client: f.Client, ClientGeneration: f.ClientGeneration, Subject: f.Subject, UserGeneration: f.UserGeneration,
		Session: f.Session, Scope: f.Scope, Resources: f.Resources, AuthTime: f.AuthTime, Methods: f.Methods,
		CreatedAt: f.CreatedAt, ExpiresAt: f.ExpiresAt, Certificate: f.Certificate, RefreshKey: core.Secret(f.RefreshKey), Refreshed: f.Refreshed, RotatedAt: f.RotatedAt,
	}
}
