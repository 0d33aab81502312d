package registration

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Terms are what an issuer's software statements must be, what they say, and what follows for a client that has one. Where
// nothing is set nothing is demanded, but that an aud names this server.
type Terms struct {
	Require   []string      `yaml:"require"`                     // claims that must be there
	MaxAge    time.Duration `yaml:"max_age" range:"0s..876000h"` // since iat, when the statement is new here; 0: any
	OneTime   bool          `yaml:"one_time"`                    // each statement, by its jti, for one registration or update
	Audiences []string      `yaml:"audiences"`                   // names beside this server's that aud may have; without aud a statement is for all
	Claims    []string      `yaml:"claims"`                      // the claims that count; others are dropped. Empty: all

	Map        map[string]string   `yaml:"map"`         // claim to metadata member: what the one says fixes the other
	RoleScopes map[string][]string `yaml:"role_scopes"` // what the values of a claim stand for that is mapped to scope; empty: for themselves

	Scopes      []string `yaml:"scopes"`       // the scopes that its clients may have at most; empty: any
	GrantScopes []string `yaml:"grant_scopes"` // the scopes that its clients get beside what they ask for

	RedirectsClaim string             `yaml:"redirects_claim"` // the claim that lists the redirect URIs which its clients may have
	Certificate    CertificateBinding `yaml:"certificate"`
	RequestKeys    RequestKeys        `yaml:"request_keys"`
	Revocation     Revocation         `yaml:"revocation"`
}

// A CertificateBinding ties a client's certificate to its statement: which claims its subject's names must equal. Where one is
// set, the request must come with a certificate.
type CertificateBinding struct {
	CN      string   `yaml:"cn"`      // claim that the common name equals, such as software_id
	OU      string   `yaml:"ou"`      // claim that an organisational unit equals, such as org_id
	UID     string   `yaml:"uid"`     // claim that the user id equals, as software_id does in Brazil
	Issuers []string `yaml:"issuers"` // distinguished names (RFC 4514) of who may have issued it; empty: any
}

func (b CertificateBinding) isSet() bool {
	return b.CN != "" || b.OU != "" || b.UID != "" || len(b.Issuers) > 0
}

// RequestKeys name the claims of a statement that say with which keys its software signs requests.
type RequestKeys struct {
	JWKSURI string `yaml:"jwks_uri"` // claim that is the address of a key set
	JWKS    string `yaml:"jwks"`     // claim that is a key set
}

// scopeMember is the one member that a list of values may be mapped to as scopes.
const scopeMember = "scope"

func (t Terms) validate(add func(member, text string)) {
	for _, claim := range slices.Sorted(maps.Keys(t.Map)) {
		if row, ok := metadata.Lookup(t.Map[claim]); !ok || row.Fixed {
			add(".map."+claim, "is mapped to "+t.Map[claim]+", which is no member that a statement can fix")
		}
	}
	if len(t.RoleScopes) > 0 && !slices.Contains(slices.Collect(maps.Values(t.Map)), scopeMember) {
		add(".role_scopes", "needs a claim that is mapped to scope, such as map: {software_roles: scope}")
	}
	valid := func(member string, scopes []string) {
		eachInvalid(scopes, oauth.ValidScope, func(at string) { add(member+at, "is no scope (RFC 6749 section 3.3)") })
	}
	valid(".scopes", t.Scopes)
	valid(".grant_scopes", t.GrantScopes)
	for _, role := range slices.Sorted(maps.Keys(t.RoleScopes)) {
		valid(".role_scopes."+role, t.RoleScopes[role])
	}
	t.Revocation.validate(func(member, text string) { add(".revocation"+member, text) })
	if len(t.Scopes) > 0 {
		eachInvalid(t.GrantScopes, func(scope string) bool { return slices.Contains(t.Scopes, scope) },
			func(at string) { add(".grant_scopes"+at, "is not in scopes of the same issuer") })
	}
}

// counts tells the claims that are looked at: those listed, the JWT's own, and those that the terms name themselves.
func (t Terms) counts(claim string) bool {
	if len(t.Claims) == 0 || slices.Contains(t.Claims, claim) || slices.Contains(ownClaims, claim) || slices.Contains(t.Require, claim) {
		return true
	}
	_, mapped := t.Map[claim]
	return mapped || slices.Contains([]string{t.RedirectsClaim, t.Certificate.CN, t.Certificate.OU, t.Certificate.UID, t.RequestKeys.JWKSURI, t.RequestKeys.JWKS}, claim)
}

// visible leaves the claims that count.
func (t Terms) visible(claims strictjson.Value) strictjson.Value {
	if len(t.Claims) == 0 {
		return claims
	}
	return strictjson.Object(slices.DeleteFunc(slices.Clone(claims.Members()), func(m strictjson.Member) bool { return !t.counts(m.Name) })...)
}

// stated gives what the claims say as metadata: those that bear a member's name, and those that are mapped to one, which win.
func (t Terms) stated(claims strictjson.Value) strictjson.Value {
	said := strictjson.Object(slices.DeleteFunc(slices.Clone(claims.Members()), func(m strictjson.Member) bool { return !metadata.IsReserved(m.Name) })...)
	for _, claim := range slices.Sorted(maps.Keys(t.Map)) {
		v, given := claims.Get(claim)
		if !given || v.IsAbsent() {
			continue
		}
		if t.Map[claim] == scopeMember {
			v = t.scopeOf(v)
		}
		said = said.With(t.Map[claim], v)
	}
	return asWritten(said)
}

// versionMember is the one member that directories write as a number: their software_version is a decimal.
const versionMember = "software_version"

// asWritten takes a software_version that is a number for the text that it is written with.
func asWritten(said strictjson.Value) strictjson.Value {
	if v, given := said.Get(versionMember); given && v.Kind() == strictjson.KindNumber {
		return said.With(versionMember, strictjson.String(v.String()))
	}
	return said
}

// scopeOf turns a list of roles into scope; text is scope already, if no roles are known.
func (t Terms) scopeOf(v strictjson.Value) strictjson.Value {
	roles, isList := v.Strings()
	if text, isText := v.Text(); isText {
		roles, isList = strings.Fields(text), true
	}
	if !isList {
		return v // which is refused as what it is
	}
	var scopes []string
	for _, role := range roles {
		stands := []string{role}
		if len(t.RoleScopes) > 0 {
			stands = t.RoleScopes[role]
		}
		scopes = append(scopes, without(stands, scopes...)...)
	}
	return strictjson.String(oauth.FormatScope(scopes))
}

// accepts holds a statement that its issuer signed to the terms. What is repeated byte for byte was judged when it was new.
func (t Terms) accepts(claims strictjson.Value, isNew bool, now time.Time) error {
	for _, name := range t.Require {
		if v, _ := claims.Get(name); v.IsAbsent() || v.IsNull() || v.Kind() == strictjson.KindString && v.String() == `""` {
			return core.Refuse(core.InvalidSoftwareStatement, "software_statement has no claim %s, which is needed here.", name)
		}
	}
	if !isNew {
		return nil
	}
	if err := inTime(core.InvalidSoftwareStatement, "software_statement", claims, now); err != nil || t.MaxAge == 0 {
		return err
	}
	iat, ok := second(claims, "iat")
	switch {
	case !ok:
		return core.Refuse(core.InvalidSoftwareStatement, "software_statement has no claim iat in seconds, which is needed here.")
	case iat.After(now.Add(skew)):
		return core.Refuse(core.InvalidSoftwareStatement, "software_statement was issued in the future.")
	case iat.Add(t.MaxAge + skew).Before(now):
		return core.Refuse(core.InvalidSoftwareStatement, "software_statement was issued more than %s ago; ask its issuer for a new one.", t.MaxAge)
	}
	return nil
}

// farAway is a year that is as good as never, and that stores can still hold.
const farAway = 9999

// once is what makes a statement good for one time only.
func (t Terms) once(issuer string, claims strictjson.Value) (Once, error) {
	jti, _ := field(claims, "jti")
	if jti == "" || len(jti) > maxJTI {
		return Once{}, core.Refuse(core.InvalidSoftwareStatement, "software_statement needs a jti of 1 to %d characters: it is good for one time here.", maxJTI)
	}
	once := Once{Kind: onceStatement, Hash: core.Secret(issuer + "\x00" + jti).Hash()}
	exp, expires := second(claims, "exp")
	iat, issued := second(claims, "iat")
	switch {
	case expires && exp.Year() < farAway:
		once.Until = exp.Add(2 * skew)
	case issued && t.MaxAge > 0:
		once.Until = iat.Add(t.MaxAge + 2*skew)
	}
	return once, nil // of one that never ends it is remembered for ever
}
