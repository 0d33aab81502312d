package registration

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A TrustedIssuer is one whose software statements and signed requests are believed.
type TrustedIssuer struct {
	// Issuer is the iss of what it signs. With keys: plugin it may be a pattern: "https://*.bank.example" for the hosts below
	// one, "*" for any.
	Issuer        string      `yaml:"issuer"`
	For           []string    `yaml:"for"`           // "statements", "requests"; empty: both
	JWKS          string      `yaml:"jwks"`          // a JWK Set as JSON; or
	JWKSURI       string      `yaml:"jwks_uri"`      // where the issuer publishes it; or
	Configuration KeysAddress `yaml:"configuration"` // a document that says where
	SharedSecret  core.Secret `yaml:"shared_secret"` // for HS256, HS384 and HS512, beside keys or alone
	Keys          string      `yaml:"keys"`          // "plugin": plugins are asked for its keys, and nothing else is given here
	Terms         Terms       `yaml:",inline"`

	keys  jose.KeySet // of JWKS and SharedSecret
	from  string      // FromJanssen or FromDeclared; empty: FromSettings
	entry string      // its place among Janssen's properties; empty: from
	set   string      // of declarations
}

// Entry names what an entry stands in: a client keeps the name of the one that its statement rests on. Of one issuer's entries for
// statements no two have the same, but for those that say the same; other keys or terms do not change it.
func (t TrustedIssuer) Entry() string { return cmp.Or(t.entry, t.from, FromSettings) }

// A KeysAddress is the address of a document, and the name of the claim in it that is the address of a key set.
type KeysAddress struct {
	Endpoint string `yaml:"endpoint"`
	Claim    string `yaml:"claim"`
}

// What an issuer may be trusted for.
const (
	ForStatements = "statements"
	ForRequests   = "requests"
)

// keysOfPlugin says that the operator leaves it to plugins whose keys an issuer has.
const keysOfPlugin = "plugin"

// shortSecret says what is wrong with a secret.
const shortSecret = "is too short: HS256 needs 32 bytes, HS384 48 and HS512 64 (RFC 7518 section 3.2)"

const (
	anyIssuer  = "*"
	hostsBelow = "https://*." // begins a pattern
)

// delegated tells that plugins know the issuer's keys.
func (t TrustedIssuer) delegated() bool { return t.Keys == keysOfPlugin }

// isPattern tells an issuer that stands for many.
func (t TrustedIssuer) isPattern() bool { return strings.Contains(t.Issuer, "*") }

// covers tells whether a pattern is meant for an issuer. A star before a domain stands for the names of hosts, and reaches
// over no slash.
func (t TrustedIssuer) covers(issuer string) bool {
	if t.Issuer == anyIssuer {
		return true
	}
	below, isPattern := strings.CutPrefix(t.Issuer, hostsBelow)
	host, isHTTPS := strings.CutPrefix(issuer, "https://")
	labels, isBelow := strings.CutSuffix(host, "."+below)
	return isPattern && isHTTPS && isBelow && labels != "" && !strings.ContainsFunc(labels, notOfHost)
}

func notOfHost(c rune) bool {
	letter := c|0x20 >= 'a' && c|0x20 <= 'z'
	return !letter && (c < '0' || c > '9') && c != '-' && c != '.'
}

// validate wants a source of keys.
func (t TrustedIssuer) validate(add func(member, text string)) {
	if t.Keys != "" && t.Keys != keysOfPlugin {
		add(".keys", "must be plugin, or absent")
		return
	}
	if t.isPattern() {
		t.validatePattern(add)
	}
	if secret := t.SharedSecret; secret != "" {
		if _, err := jose.SharedSecret(secret); err != nil {
			add(".shared_secret", shortSecret)
		}
	}
	eachInvalid(t.For, func(use string) bool { return use == ForStatements || use == ForRequests },
		func(at string) { add(".for"+at, "must be statements or requests") })
	t.validateKeys(add)
	t.Terms.validate(add)
}

// validateKeys wants one source of public keys, beside which a secret may stand.
func (t TrustedIssuer) validateKeys(add func(member, text string)) {
	located := t.Configuration != KeysAddress{}
	switch {
	case t.delegated() && (t.JWKS != "" || t.JWKSURI != "" || t.SharedSecret != "" || located):
		add(".keys", "stands beside other keys; leave one of them out")
	case t.JWKS != "" && t.JWKSURI != "":
		add(".jwks_uri", "stands beside jwks; leave one of them out")
	case located && (t.JWKS != "" || t.JWKSURI != ""):
		add(".configuration", "stands beside jwks or jwks_uri; leave one of them out")
	case located:
		if !isPeer(t.Configuration.Endpoint) {
			add(".configuration.endpoint", "must be an https URL without user and fragment")
		}
		if t.Configuration.Claim == "" {
			add(".configuration.claim", "is missing: which member of the document is the address of the keys?")
		}
	case t.JWKSURI != "":
		if !isPeer(t.JWKSURI) {
			add(".jwks_uri", "must be an https URL without user and fragment")
		}
	case t.JWKS == "" && t.SharedSecret == "" && !t.delegated():
		add("", "needs jwks, jwks_uri, configuration, shared_secret or keys: plugin, or no statement of it could be verified")
	case t.JWKS != "":
		if keys, err := jose.ParseJWKS([]byte(t.JWKS)); err != nil {
			add(".jwks", err.Error())
		} else if keys.Len() == 0 {
			add(".jwks", "has no keys, so nothing could be verified")
		}
	}
}

// UnusedKeys names the keys that stand in the table of trusted issuers itself and that nothing is verified with, since they are of a kind
// that is not used here. They harm no others (RFC 7517 §5), but whoever wrote them there may count on them.
func (s *Site) UnusedKeys() (named []string) {
	for i, t := range s.TrustedIssuers {
		keys, err := jose.ParseJWKS([]byte(t.JWKS))
		if t.JWKS == "" || err != nil {
			continue
		}
		for _, other := range keys.Other() {
			named = append(named, fmt.Sprintf("trusted_issuers[%d].jwks.%s", i, other))
		}
	}
	return named
}

// isPeer tells addresses that the operator may send us to.
func isPeer(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.Fragment == ""
}

func (t TrustedIssuer) validatePattern(add func(member, text string)) {
	below, isPattern := strings.CutPrefix(t.Issuer, hostsBelow)
	switch {
	case !t.delegated():
		add(".issuer", "is a pattern, which needs keys: plugin")
	case t.Issuer != anyIssuer && (!isPattern || below == "" || strings.Contains(below, "*")):
		add(".issuer", `must be an issuer, "https://*." and a domain, or "*" for any`)
	}
}

// prepare makes the keys ready that are given.
func (t *TrustedIssuer) prepare() error {
	var sets []jose.KeySet
	if t.JWKS != "" {
		set, err := jose.ParseJWKS([]byte(t.JWKS))
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	if t.SharedSecret != "" {
		set, err := jose.SharedSecret(t.SharedSecret)
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	t.keys = jose.Join(sets...)
	return nil
}

// serves tells whether an issuer is trusted for what it signed.
func (t TrustedIssuer) serves(use string) bool { return len(t.For) == 0 || slices.Contains(t.For, use) }

// overlaps tells whether two entries of one issuer are for the same.
func (t TrustedIssuer) overlaps(o TrustedIssuer) bool {
	return t.serves(ForStatements) && o.serves(ForStatements) || t.serves(ForRequests) && o.serves(ForRequests)
}

// issuers finds who is trusted under a name to sign something: the entries of that very name, else the first pattern that
// covers it.
func (s *Site) issuers(use, name string) []TrustedIssuer {
	var found []TrustedIssuer
	for _, t := range s.TrustedIssuers {
		if t.Issuer == name && t.serves(use) {
			found = append(found, t)
		}
	}
	if found != nil {
		return found
	}
	for _, t := range s.TrustedIssuers {
		if t.isPattern() && t.covers(name) && t.serves(use) {
			return []TrustedIssuer{t}
		}
	}
	return nil
}

// vouching finds the entries that hold a client made from a statement of an issuer: the one that it rested on. Where that is not
// known, or is there no longer, all that the issuer has now: each holds it, so that it cannot choose the mildest.
func (s *Site) vouching(issuer, entry string) []TrustedIssuer {
	all := s.issuers(ForStatements, issuer)
	rested := slices.DeleteFunc(slices.Clone(all), func(t TrustedIssuer) bool { return t.Entry() != entry })
	if len(rested) > 0 {
		return rested
	}
	return all
}

// isNamed tells whether an entry stands for this very issuer, not for any.
func (s *Site) isNamed(use, name string) bool {
	return slices.ContainsFunc(s.issuers(use, name), func(t TrustedIssuer) bool { return t.Issuer != anyIssuer })
}

// namesRequestKeys tells whether any issuer's statements may name the keys that requests are signed with.
func (s *Site) namesRequestKeys() bool {
	return slices.ContainsFunc(s.TrustedIssuers, func(t TrustedIssuer) bool { return t.Terms.RequestKeys != RequestKeys{} })
}

// ofRequest leaves the members of a request that count when this entry stands for requests alone.
func (t TrustedIssuer) ofRequest(claims strictjson.Value) strictjson.Value {
	if !slices.Equal(t.For, []string{ForRequests}) {
		return claims
	}
	return t.Terms.visible(claims)
}
