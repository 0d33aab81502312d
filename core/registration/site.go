package registration

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Site is what the operator decided about registration in dcr_config.yaml. Policy reads it as data.ostiary.config; the desk
// reads profiles, trusted issuers and custom attributes from it.
type Site struct {
	Policy           SitePolicy         `yaml:"policy"`
	Registration     SiteRegistration   `yaml:"registration"`
	Profiles         map[string]Profile `yaml:"client_profiles"`
	CustomAttributes []string           `yaml:"custom_attributes"`
	Members          SiteMembers        `yaml:"members"`
	TrustedIssuers   []TrustedIssuer    `yaml:"trusted_issuers"`
	Janssen          Janssen            `yaml:",inline"` // a prepared site has them among its TrustedIssuers
	Documents        SiteDocuments      `yaml:"client_id_metadata_documents"`
	Limits           SiteLimits         `yaml:"limits"`
	Access           SiteAccess         `yaml:",inline"`
	Lifetime         SiteLifetime       `yaml:"lifetime"`
	JanssenLife      JanssenLifetime    `yaml:",inline"`
	JanssenMembers   JanssenMembers     `yaml:",inline"` // a prepared site has them among its Members and CustomAttributes

	digest    [sha256.Size]byte           // of what policy reads, but for the limits
	templates map[string]strictjson.Value // of initial access tokens: what was declared
}

// SitePolicy is what the shipped rules read.
type SitePolicy struct {
	AllowedScopes     []string      `yaml:"allowed_scopes"`
	DefaultScopes     []string      `yaml:"default_scopes"` // for a request without scope
	Redirects         SiteRedirects `yaml:"redirects"`
	SoftwareStatement SiteStatement `yaml:"software_statement"`
	SignedRequest     SiteSigned    `yaml:"signed_request"`
}

// SiteRedirects narrows redirect URIs.
type SiteRedirects struct {
	AllowedHosts          []string `yaml:"allowed_hosts"`           // empty: any host
	Allowed               []string `yaml:"allowed"`                 // patterns (oauth.URLPattern), one of which each redirect URI matches; empty: any
	Blocked               []string `yaml:"blocked"`                 // patterns, none of which a redirect URI matches
	AllowedPrivateSchemes []string `yaml:"allowed_private_schemes"` // beside reverse-domain ones
	Max                   int64    `yaml:"max" range:"1..200"`      // how many a client may have

	allowed, blocked []oauth.URLPattern
}

// SiteStatement says when software statements are needed.
type SiteStatement struct {
	Required         bool `yaml:"required"`
	AcceptSelfSigned bool `yaml:"accept_self_signed"`
}

// SiteSigned says when requests must come signed.
type SiteSigned struct {
	Required bool `yaml:"required"`
}

// SiteRegistration switches the desk's ways in.
type SiteRegistration struct {
	Open       bool  `yaml:"open"`       // without an initial access token
	Enabled    *bool `yaml:"enabled"`    // absent: yes; else nobody but operators registers clients, and no endpoint for it is advertised
	Idempotent bool  `yaml:"idempotent"` // an open registration that is like an earlier one gives that client again

	ApprovedMayChange []string `yaml:"approved_may_change"` // of what an approval fixes, what the approved client changes by itself
}

// IsOn tells whether clients can be registered by others than operators at all.
func (r SiteRegistration) IsOn() bool { return r.Enabled == nil || *r.Enabled }

// A Profile is a template for clients: what they get when they do not say, and what they may be.
type Profile struct {
	Name                    string        `yaml:"-"`
	Enabled                 *bool         `yaml:"enabled"` // absent: yes
	Description             string        `yaml:"description"`
	TokenEndpointAuthMethod string        `yaml:"token_endpoint_auth_method"` // given when absent, and the only one allowed
	GrantTypes              []string      `yaml:"grant_types"`                // given when absent, and the only ones allowed
	ResponseTypes           []string      `yaml:"response_types"`
	DefaultScopes           []string      `yaml:"default_scopes"`
	AllowedScopes           []string      `yaml:"allowed_scopes"` // empty: those of policy
	ClientIDs               []string      `yaml:"client_ids"`     // ids that a request may ask for
	IDTokenSignedAlg        string        `yaml:"id_token_signed_response_alg"`
	ClientSecretLifetime    time.Duration `yaml:"client_secret_lifetime" range:"0s..876000h"` // 0: never expires

	RequireStatement     bool `yaml:"require_software_statement"`
	RequireSignedRequest bool `yaml:"require_signed_request"`

	Trusted bool `yaml:"trusted"` // people are not asked for consent, where an operator registered or declared the client
}

// DefaultProfile is the profile of a client that names none.
const DefaultProfile = "default"

// DefaultSite is what holds where dcr_config.yaml says nothing.
func DefaultSite() Site {
	return Site{
		Policy: SitePolicy{
			AllowedScopes: []string{
				"openid", "profile", "email", "address", "phone", "offline_access", "admin.api", "application.all", "dcr.register",
			},
			DefaultScopes: []string{"openid", "profile", "email", "address", "phone", "offline_access"},
			Redirects:     SiteRedirects{Max: 20},
		},
		Registration: SiteRegistration{ApprovedMayChange: []string{"jwks"}},
		Documents:    defaultDocuments(),
		Limits:       defaultLimits(),
		Lifetime:     DefaultLifetime(),
	}
}

// Validate lists what is wrong with a site that was read (config.Checker).
func (s *Site) Validate() []config.Problem {
	var problems []config.Problem
	add := func(path, text string) { problems = append(problems, config.Problem{Path: path, Text: text}) }
	if len(s.Policy.AllowedScopes) == 0 {
		add("policy.allowed_scopes", "is empty, so no client could be registered; list the scopes that clients may ask for")
	}
	eachInvalid(s.Policy.AllowedScopes, oauth.ValidScope, func(at string) { add("policy.allowed_scopes"+at, "is no scope (RFC 6749 section 3.3)") })
	eachInvalid(s.Policy.DefaultScopes, oauth.ValidScope, func(at string) { add("policy.default_scopes"+at, "is no scope (RFC 6749 section 3.3)") })
	if len(s.Policy.AllowedScopes) > 0 && !slices.Equal(s.Policy.DefaultScopes, DefaultSite().Policy.DefaultScopes) { // those are cut to what is allowed
		eachInvalid(s.Policy.DefaultScopes, s.allows, func(at string) {
			add("policy.default_scopes"+at, "is not in allowed_scopes, so that clients that name no scope would be refused")
		})
	}
	eachInvalid(s.Registration.ApprovedMayChange, func(name string) bool { return slices.Contains(heldByApproval(), name) }, func(at string) {
		add("registration.approved_may_change"+at, "is not a member that an approval fixes; use of: "+strings.Join(heldByApproval(), ", "))
	})
	for name, list := range map[string][]string{"allowed": s.Policy.Redirects.Allowed, "blocked": s.Policy.Redirects.Blocked} {
		invalidPatterns(list, func(at, text string) { add("policy.redirects."+name+at, text) })
	}
	s.Members.validate(s.JanssenMembers.over(s.CustomAttributes), add)
	eachInvalid(s.CustomAttributes, free, func(at string) { add("custom_attributes"+at, notFree) })
	s.JanssenMembers.validate(&s.Members, s.CustomAttributes, add)
	s.JanssenMembers.validateLists(s.Policy.Redirects, add)
	for i, t := range s.TrustedIssuers {
		path := fmt.Sprintf("trusted_issuers[%d]", i)
		if t.Issuer == "" {
			add(path+".issuer", "is missing")
		}
		if slices.ContainsFunc(s.TrustedIssuers[:i], func(o TrustedIssuer) bool { return o.Issuer == t.Issuer && o.overlaps(t) }) {
			add(path+".issuer", "is listed twice; put all its keys into one jwks")
		}
		t.validate(func(member, text string) { add(path+member, text) })
	}
	s.Janssen.validate(add)
	s.Documents.validate(func(name string) bool { return name == DefaultProfile || s.HasProfile(name) }, func(member, text string) { add("client_id_metadata_documents"+member, text) })
	for name, p := range s.Profiles {
		if len(p.AllowedScopes) == 0 {
			eachInvalid(p.DefaultScopes, s.allows, func(at string) {
				add("client_profiles."+name+".default_scopes"+at, "is not in policy.allowed_scopes")
			})
		}
		p.validate(func(path, text string) { add("client_profiles."+name+"."+path, text) })
	}
	s.Limits.validate(func(path, text string) { add("limits."+path, text) })
	return append(problems, s.validateLifetime()...)
}

// allows tells whether clients may ask for a scope.
func (s *Site) allows(scope string) bool { return slices.Contains(s.Policy.AllowedScopes, scope) }

func eachInvalid(list []string, valid func(string) bool, found func(at string)) {
	for i, item := range list {
		if !valid(item) {
			found(fmt.Sprintf("[%d]", i))
		}
	}
}

const notFree = "is the name of a member that has a meaning already; take it out, those of clients are kept without being listed"

// free tells names that a custom attribute may have.
func free(name string) bool { return name != "" && !metadata.IsReserved(name) }

func (p Profile) validate(add func(path, text string)) {
	for member, value := range p.members() {
		if row, ok := metadata.Lookup(member); ok && !row.Supports(value...) {
			add(member, "is not supported; use one of: "+strings.Join(row.Values, ", "))
		}
	}
	eachInvalid(p.DefaultScopes, oauth.ValidScope, func(at string) { add("default_scopes"+at, "is no scope (RFC 6749 section 3.3)") })
	if len(p.AllowedScopes) > 0 {
		eachInvalid(p.DefaultScopes, func(scope string) bool { return slices.Contains(p.AllowedScopes, scope) },
			func(at string) { add("default_scopes"+at, "is not in the profile's allowed_scopes") })
	}
	eachInvalid(p.AllowedScopes, oauth.ValidScope, func(at string) { add("allowed_scopes"+at, "is no scope (RFC 6749 section 3.3)") })
	eachInvalid(p.ClientIDs, validClientID, func(at string) { add("client_ids"+at, "is no client id: 1 to 256 of A-Z a-z 0-9 - . _ ~") })
}

// validClientID wants ids that stand in a path as they are.
func validClientID(id string) bool {
	other := func(c rune) bool {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		return !letter && (c < '0' || c > '9') && !strings.ContainsRune("-._~", c)
	}
	return id != "" && len(id) <= MaxClientID && strings.Trim(id, ".") != "" && !strings.ContainsFunc(id, other)
}

// members are the metadata members that a profile fills in.
func (p Profile) members() map[string][]string {
	one := func(s string) []string {
		if s == "" {
			return nil
		}
		return []string{s}
	}
	return map[string][]string{
		"token_endpoint_auth_method":   one(p.TokenEndpointAuthMethod),
		"id_token_signed_response_alg": one(p.IDTokenSignedAlg),
		"grant_types":                  p.GrantTypes,
		"response_types":               p.ResponseTypes,
	}
}

// Prepared gives the site ready for use: the default profile in place, names and keys known. The site must be valid.
func (s Site) Prepared() (*Site, error) {
	profiles := maps.Clone(s.Profiles)
	if profiles == nil {
		profiles = make(map[string]Profile)
	}
	if _, ok := profiles[DefaultProfile]; !ok {
		profiles[DefaultProfile] = Profile{}
	}
	for name, p := range profiles {
		p.Name = name
		profiles[name] = p
	}
	s.Profiles = profiles
	s.Lifetime = s.JanssenLife.over(s.Lifetime)
	s.CustomAttributes, s.Members = s.JanssenMembers.over(s.CustomAttributes), s.JanssenMembers.merged(s.Members)
	s.Policy.Redirects = s.JanssenMembers.redirects(s.Policy.Redirects)
	if err := s.Policy.Redirects.prepare(); err != nil {
		return nil, err
	}
	s.Policy.DefaultScopes = slices.DeleteFunc(slices.Clone(s.Policy.DefaultScopes), func(scope string) bool { return !s.allows(scope) })
	if isFalse(s.Access.DefaultScopes) {
		s.Policy.DefaultScopes = nil
	}
	s.TrustedIssuers = s.Janssen.table(s.TrustedIssuers)
	for i, t := range s.TrustedIssuers {
		if err := s.TrustedIssuers[i].prepare(); err != nil {
			return nil, fmt.Errorf("trusted issuer %s: %w", t.Issuer, err)
		}
	}
	s.digest = sha256.Sum256(strictjson.Append(nil, s.Data().Without("limits")))
	return &s, nil
}

// profile finds an enabled profile.
func (s *Site) profile(name string) (Profile, error) {
	if !s.HasProfile(name) {
		return Profile{}, core.Refuse(core.InvalidClientMetadata, "client_profile %q is not offered; offered: %s.", core.Clip(name), strings.Join(s.offered(), ", "))
	}
	return s.Profiles[name], nil
}

func (s *Site) offered() []string {
	names := slices.Sorted(maps.Keys(s.Profiles))
	return slices.DeleteFunc(names, func(name string) bool { return !s.HasProfile(name) })
}

// HasProfile tells whether a profile exists and is enabled, so that clients and initial access tokens may name it.
func (s *Site) HasProfile(name string) bool {
	p, ok := s.Profiles[name]
	return ok && (p.Enabled == nil || *p.Enabled)
}

// Data gives the site as policy reads it: data.ostiary.config, lists turned into objects so that a look-up costs the same
// whatever their length. Every member is always present.
func (s *Site) Data() strictjson.Value {
	m := func(name string, v strictjson.Value) strictjson.Member {
		return strictjson.Member{Name: name, Value: v}
	}
	names := slices.Sorted(maps.Keys(s.Profiles))
	profiles := make([]strictjson.Member, 0, len(names))
	for _, name := range names {
		p := s.Profiles[name]
		var methods []string
		if p.TokenEndpointAuthMethod != "" {
			methods = []string{p.TokenEndpointAuthMethod}
		}
		profiles = append(profiles, m(name, strictjson.Object(
			m("token_endpoint_auth_methods", set(methods)),
			m("grant_types", set(s.grantsOf(p))),
			m("allowed_scopes", set(p.AllowedScopes)),
			m("software_statement_required", strictjson.Bool(p.RequireStatement)),
			m("signed_request_required", strictjson.Bool(p.RequireSignedRequest)),
			m("trusted", strictjson.Bool(p.Trusted)),
		)))
	}
	return strictjson.Object(
		m("allowed_scopes", set(s.Policy.AllowedScopes)),
		m("registration", strictjson.Object(
			m("open", strictjson.Bool(s.Registration.Open)), m("idempotent", strictjson.Bool(s.Registration.Idempotent)),
		)),
		m("client_id_metadata_documents", strictjson.Object(m("enabled", strictjson.Bool(s.Documents.IsOn())))),
		m("redirects", strictjson.Object(
			m("allowed_hosts", set(s.Policy.Redirects.AllowedHosts)),
			m("allowed_private_schemes", set(s.Policy.Redirects.AllowedPrivateSchemes)),
			m("max", strictjson.Int(s.Policy.Redirects.Max)),
		)),
		m("software_statement", strictjson.Object(
			m("required", strictjson.Bool(s.Policy.SoftwareStatement.Required)),
			m("accept_self_signed", strictjson.Bool(s.Policy.SoftwareStatement.AcceptSelfSigned)),
		)),
		m("signed_request", strictjson.Object(
			m("required", strictjson.Bool(s.Policy.SignedRequest.Required || s.Janssen.requiresSigned())),
		)),
		m("profiles", strictjson.Object(profiles...)),
		m("limits", s.Limits.data()),
	)
}

// grantsOf gives the grants that a profile's clients may have, empty for any: rules are not to give them what the site does not allow.
func (s *Site) grantsOf(p Profile) []string {
	allowed, bounded := s.Members.Allowed["grant_types"]
	switch {
	case !bounded:
		return p.GrantTypes
	case len(p.GrantTypes) == 0:
		return allowed
	}
	both := slices.DeleteFunc(slices.Clone(p.GrantTypes), func(grant string) bool { return !slices.Contains(allowed, grant) })
	if len(both) == 0 {
		return p.GrantTypes // nobody can register so, and the floor says why
	}
	return both
}

// set turns a list into an object with true for each item.
func set(list []string) strictjson.Value {
	members := make([]strictjson.Member, len(list))
	for i, item := range list {
		members[i] = strictjson.Member{Name: item, Value: strictjson.Bool(true)}
	}
	return strictjson.Object(members...)
}
