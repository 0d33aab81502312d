package storage

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The stored forms. They are private: a noun may change without them, and they change only with their version.

type clientForm struct {
	ID         core.ClientID    `json:"id"`
	Metadata   strictjson.Value `json:"metadata"`
	Custom     []string         `json:"custom,omitempty"` // which members of metadata are custom attributes
	IssuedAt   time.Time        `json:"issued_at"`
	UpdatedAt  time.Time        `json:"updated_at"`
	Expires    time.Time        `json:"expires,omitzero"`
	Lasts      int64            `json:"lasts,omitempty"` // seconds
	Asked      bool             `json:"lasts_as_asked,omitempty"`
	Renewed    time.Time        `json:"renewed_at,omitzero"`
	Channel    core.Channel     `json:"channel"`
	IAT        core.TokenID     `json:"iat,omitempty"`
	IATLabel   string           `json:"iat_label,omitempty"`
	IATTerms   termsForm        `json:"iat_terms,omitzero"`
	Profile    string           `json:"profile,omitempty"`
	Statement  string           `json:"statement_issuer,omitempty"`
	Entry      string           `json:"statement_entry,omitempty"`
	Registered core.DecisionID  `json:"registered_by"`
	Written    core.DecisionID  `json:"written_by"`
	Approved   core.DecisionID  `json:"approved_by,omitempty"`
	Revision   string           `json:"revision,omitempty"`
	Declared   string           `json:"declared,omitempty"`
	Shared     bool             `json:"shared,omitempty"`
	Plugins    []pluginForm     `json:"plugins,omitempty"`
	Locked     []string         `json:"locked,omitempty"`
	Generation uint64           `json:"generation"`
	Require    []obligationForm `json:"obligations,omitempty"`
	Limits     map[string]int64 `json:"limits,omitempty"`
	Labels     []string         `json:"labels,omitempty"`
	Trust      string           `json:"trust,omitempty"`
}

type pluginForm struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
}

type obligationForm struct {
	Name   string `json:"name"`
	Params string `json:"params,omitempty"`
	Rule   string `json:"rule"`
}

func formOfClient(c core.Client) clientForm {
	f := clientForm{
		ID: c.ID, Metadata: metadata.Document(&c.Metadata), IssuedAt: c.IssuedAt, UpdatedAt: c.UpdatedAt, Expires: c.Expires,
		Channel: c.Provenance.Channel, IAT: c.Provenance.IAT, IATLabel: c.Provenance.IATLabel, IATTerms: termsForm(c.Provenance.Terms),
		Profile: c.Provenance.Profile, Statement: c.Provenance.StatementIssuer, Entry: c.Provenance.StatementEntry, Declared: c.Provenance.Declared, Shared: c.Provenance.Shared,
		Registered: c.Provenance.RegisteredBy, Written: c.Provenance.WrittenBy, Approved: c.Provenance.ApprovedBy, Revision: c.Provenance.Revision,
		Lasts: int64(c.Life.Lasts / time.Second), Asked: c.Life.Asked, Renewed: c.Life.From,
		Locked: c.Locked, Generation: c.Generation, Limits: c.Governance.Limits, Labels: c.Governance.Labels, Trust: c.Governance.Trust,
	}
	f.Custom = slices.Sorted(maps.Keys(c.Metadata.Custom))
	for _, p := range c.Provenance.Plugins {
		f.Plugins = append(f.Plugins, pluginForm(p))
	}
	for _, o := range c.Governance.Obligations {
		f.Require = append(f.Require, obligationForm(o))
	}
	return f
}

func (f clientForm) noun() (core.Client, error) {
	doc, err := metadata.ParseStored(f.Metadata, f.Custom)
	if err != nil {
		return core.Client{}, fmt.Errorf("stored metadata of a client: %w", err)
	}
	c := core.Client{
		ID: f.ID, Metadata: doc.Metadata, IssuedAt: f.IssuedAt, UpdatedAt: f.UpdatedAt, Expires: f.Expires, Locked: f.Locked, Generation: f.Generation,
		Provenance: core.Provenance{
			Channel: f.Channel, IAT: f.IAT, IATLabel: f.IATLabel, Terms: core.Terms(f.IATTerms), Profile: f.Profile, StatementIssuer: f.Statement, StatementEntry: f.Entry,
			RegisteredBy: f.Registered, WrittenBy: f.Written, ApprovedBy: f.Approved, Revision: f.Revision, Declared: f.Declared, Shared: f.Shared,
		},
		Life:       core.Life{Lasts: time.Duration(f.Lasts) * time.Second, Asked: f.Asked, From: f.Renewed},
		Governance: core.Governance{Limits: f.Limits, Labels: f.Labels, Trust: f.Trust},
	}
	for _, p := range f.Plugins {
		c.Provenance.Plugins = append(c.Provenance.Plugins, core.PluginRef(p))
	}
	for _, o := range f.Require {
		c.Governance.Obligations = append(c.Governance.Obligations, core.Obligation(o))
	}
	return c, nil
}

type credentialsForm struct {
	Secrets      []secretForm `json:"secrets,omitempty"`
	Registration []grantForm  `json:"registration,omitempty"`
}

type secretForm struct {
	Alg       string    `json:"alg"`
	Hash      string    `json:"hash"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	From      string    `json:"from,omitempty"`
}

type grantForm struct {
	Hash       string    `json:"hash"`
	ValidUntil time.Time `json:"valid_until,omitzero"`
}

func formOfCredentials(c core.Credentials) credentialsForm {
	var f credentialsForm
	for _, s := range c.Secrets {
		f.Secrets = append(f.Secrets, secretForm(s))
	}
	for _, t := range c.Registration {
		f.Registration = append(f.Registration, grantForm{Hash: t.Hash.String(), ValidUntil: t.ValidUntil})
	}
	return f
}

func (f credentialsForm) noun() (core.Credentials, error) {
	var c core.Credentials
	for _, s := range f.Secrets {
		c.Secrets = append(c.Secrets, core.StoredSecret(s))
	}
	for _, t := range f.Registration {
		hash, err := parseHash(t.Hash)
		if err != nil {
			return core.Credentials{}, err
		}
		c.Registration = append(c.Registration, core.RegistrationToken{Hash: hash, ValidUntil: t.ValidUntil})
	}
	return c, nil
}

func parseHash(text string) (core.SecretHash, error) {
	var hash core.SecretHash
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(hash) {
		return hash, fmt.Errorf("a stored hash is malformed")
	}
	return core.SecretHash(raw), nil
}

type stateForm struct {
	State core.State `json:"state"`
}

type tokenForm struct {
	ID        core.TokenID `json:"id"`
	Label     string       `json:"label,omitempty"`
	Profile   string       `json:"profile,omitempty"`
	MaxUses   int64        `json:"max_uses"`
	CreatedAt time.Time    `json:"created_at"`
	ExpiresAt time.Time    `json:"expires_at"`
	CreatedBy core.Subject `json:"created_by"`
	Terms     termsForm    `json:"terms,omitzero"`
}

type termsForm struct {
	Scopes        []string `json:"scopes,omitempty"`
	RedirectHosts []string `json:"redirect_hosts,omitempty"`
	SoftwareIDs   []string `json:"software_ids,omitempty"`
	Origins       []string `json:"origins,omitempty"`
	PolicyData    string   `json:"policy_data,omitempty"`
}

// IsZero tells encoding/json and the writer by hand the same.
func (f *termsForm) IsZero() bool { return (*core.Terms)(f).IsZero() }

// A tokenUseForm stands beside the count of a token's uses. Counts from before there were such forms have no value.
type tokenUseForm struct {
	Last int64 `json:"last"` // milliseconds since 1970
}

type tokenIDForm struct {
	Hash string `json:"hash"`
}

func formOfToken(t core.InitialAccessToken) tokenForm {
	return tokenForm{ID: t.ID, Label: t.Label, Profile: t.Profile, MaxUses: t.MaxUses, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, CreatedBy: t.CreatedBy, Terms: termsForm(t.Terms)}
}

func (f tokenForm) noun(hash core.SecretHash) core.InitialAccessToken {
	return core.InitialAccessToken{
		ID: f.ID, Label: f.Label, Profile: f.Profile, MaxUses: f.MaxUses, CreatedAt: f.CreatedAt, ExpiresAt: f.ExpiresAt, CreatedBy: f.CreatedBy, Hash: hash,
		Terms: core.Terms(f.Terms),
	}
}
