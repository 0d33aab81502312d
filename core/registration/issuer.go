package registration

import (
	"net/url"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// A TrustedIssuer is one whose software statements and signed requests are believed.
type TrustedIssuer struct {
	// Issuer is the iss of what it signs. With keys: plugin it may be a pattern: "https://*.bank.example" for the hosts below
	// one, "*" for any.
	Issuer       string      `yaml:"issuer"`
	JWKS         string      `yaml:"jwks"`          // a JWK Set as JSON; or
	JWKSURI      string      `yaml:"jwks_uri"`      // where the issuer publishes it
	SharedSecret core.Secret `yaml:"shared_secret"` // for HS256, HS384 and HS512, beside keys or alone
	Keys         string      `yaml:"keys"`          // "plugin": plugins are asked for its keys, and nothing else is given here

	keys jose.KeySet // of JWKS and SharedSecret
}

// keysOfPlugin says that the operator leaves it to plugins whose keys an issuer has.
const keysOfPlugin = "plugin"

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
			add(".shared_secret", "is too short: HS256 needs 32 bytes, HS384 48 and HS512 64 (RFC 7518 section 3.2)")
		}
	}
	switch {
	case t.delegated() && (t.JWKS != "" || t.JWKSURI != "" || t.SharedSecret != ""):
		add(".keys", "stands beside other keys; leave one of them out")
	case t.JWKS != "" && t.JWKSURI != "":
		add(".jwks_uri", "stands beside jwks; leave one of them out")
	case t.JWKSURI != "":
		if u, err := url.Parse(t.JWKSURI); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
			add(".jwks_uri", "must be an https URL without user and fragment")
		}
	case t.JWKS == "" && t.SharedSecret == "" && !t.delegated():
		add("", "needs jwks, jwks_uri, shared_secret or keys: plugin, or no statement of it could be verified")
	case t.JWKS != "":
		if keys, err := jose.ParseJWKS([]byte(t.JWKS)); err != nil {
			add(".jwks", err.Error())
		} else if keys.Len() == 0 {
			add(".jwks", "has no keys, so no statement could be verified")
		}
	}
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

// issuer finds who is trusted under a name: the entry of that very name, else the first pattern that covers it.
func (s *Site) issuer(name string) (TrustedIssuer, bool) {
	for _, t := range s.TrustedIssuers {
		if t.Issuer == name {
			return t, true
		}
	}
	for _, t := range s.TrustedIssuers {
		if t.isPattern() && t.covers(name) {
			return t, true
		}
	}
	return TrustedIssuer{}, false
}
