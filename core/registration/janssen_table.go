package registration

import (
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// hasKeys tells an entry that can verify something by itself.
func (t TrustedIssuer) hasKeys() bool {
	return t.JWKS != "" || t.JWKSURI != "" || t.SharedSecret != "" || t.Configuration.Endpoint != ""
}

// trusted is an entry for one of the issuers of an item: jwks_uri before jwks before the configuration endpoint, and the secret
// beside.
func (c JanssenIssuer) trusted(name string, kind signedKind) TrustedIssuer {
	t := TrustedIssuer{
		Issuer: name, For: []string{ForStatements}, SharedSecret: given(c.SharedSecret), entry: "dcrSsaValidationConfigs." + given(c.ID),
		Terms: Terms{Claims: c.AllowedClaims, Scopes: c.Scopes},
	}
	if kind == kindDCR {
		t.For, t.Terms.Scopes = []string{ForRequests}, nil // scopes are for statements only
	}
	switch {
	case given(c.JWKSURI) != "":
		t.JWKSURI = *c.JWKSURI
	case keySetText(c.JWKS) != "":
		t.JWKS = keySetText(c.JWKS)
	case given(c.ConfigurationEndpoint) != "":
		t.Configuration = KeysAddress{Endpoint: *c.ConfigurationEndpoint, Claim: given(c.ConfigurationEndpointClaim)}
	}
	return t
}

// trusted is the entry of a trusted issuer that brings keys.
func (t JanssenTrusted) trusted(name string) TrustedIssuer {
	e := TrustedIssuer{Issuer: name, For: []string{ForStatements}, JWKSURI: given(t.JWKSURI), entry: "trustedSsaIssuers"}
	if e.JWKSURI == "" {
		e.JWKS = keySetText(t.JWKS)
	}
	return e
}

// table joins the operator's own entries with what the properties say.
func (p *Janssen) table(own []TrustedIssuer) []TrustedIssuer {
	all := slices.Clone(own)
	all = append(all, p.forStatements()...)
	all = append(all, p.forRequests()...)
	for i := range all[len(own):] {
		all[len(own)+i].from = FromJanssen
	}
	named := RequestKeys{JWKSURI: given(p.StatementJWKSURIClaim), JWKS: given(p.StatementJWKSClaim)}
	for i, t := range all {
		terms := &all[i].Terms
		if !t.serves(ForStatements) {
			continue
		}
		if (terms.RequestKeys == RequestKeys{}) && !p.ignoresSigned() {
			terms.RequestKeys = named
		}
		granted := p.TrustedSSAIssuers[t.Issuer].AutomaticallyGrantedScopes
		terms.GrantScopes = append(slices.Clip(terms.GrantScopes), without(granted, terms.GrantScopes...)...)
	}
	return all
}

// forStatements are the issuers of statements: those of the entries (builtin), or whom plugins know (script). Every other type
// of validation trusts nobody. Where trustedSsaIssuers names some, no other counts.
func (p *Janssen) forStatements() (list []TrustedIssuer) {
	listed := slices.Sorted(maps.Keys(p.TrustedSSAIssuers))
	switch p.validation() {
	case validateScript:
		if len(listed) == 0 {
			return []TrustedIssuer{{Issuer: anyIssuer, For: []string{ForStatements}, Keys: keysOfPlugin}}
		}
		for _, name := range listed {
			list = append(list, TrustedIssuer{Issuer: name, For: []string{ForStatements}, Keys: keysOfPlugin})
		}
	case validateBuiltin:
		for _, c := range p.ValidationConfigs {
			if given(c.Type) != kindSSA {
				continue
			}
			for _, name := range c.Issuers {
				if t := c.trusted(name, kindSSA); t.hasKeys() && (len(listed) == 0 || slices.Contains(listed, name)) {
					list = append(list, t)
				}
			}
		}
		for _, name := range listed {
			if t := p.TrustedSSAIssuers[name].trusted(name); t.hasKeys() {
				list = append(list, t)
			}
		}
	}
	return list
}

// global is the entry of the keys for all signed requests; the address counts before the set.
func (p *Janssen) global(name string) TrustedIssuer {
	t := TrustedIssuer{entry: "dcrSignatureValidation", Issuer: name, For: []string{ForRequests}, JWKSURI: given(p.SignatureJWKSURI), SharedSecret: given(p.SignatureSecret)}
	if t.JWKSURI == "" {
		t.JWKS = keySetText(p.SignatureJWKS)
	}
	return t
}

// forRequests are who signs requests: first whoever has the keys for all of them, or else is known to plugins, then the entries.
// Where dcrIssuers names some, those keys are for no other.
func (p *Janssen) forRequests() (list []TrustedIssuer) {
	if p.ignoresSigned() {
		return nil
	}
	general := p.global
	if !general("").hasKeys() {
		if !p.requiresSigned() && len(p.DCRIssuers) == 0 {
			general = nil
		} else {
			general = func(name string) TrustedIssuer {
				return TrustedIssuer{Issuer: name, For: []string{ForRequests}, Keys: keysOfPlugin}
			}
		}
	}
	anybody := len(p.DCRIssuers) == 0
	names := slices.Clone(p.DCRIssuers)
	var entries []TrustedIssuer
	for _, c := range p.ValidationConfigs {
		if given(c.Type) != kindDCR {
			continue
		}
		for _, name := range c.Issuers {
			if t := c.trusted(name, kindDCR); t.hasKeys() {
				entries = append(entries, t)
				if anybody {
					names = append(names, name)
				}
			}
		}
	}
	if general != nil {
		if anybody {
			names = append(names, anyIssuer)
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			list = append(list, general(name))
		}
	}
	return append(list, entries...)
}

// admits holds a statement that no entry speaks for to the properties: to trustedSsaIssuers, and to the claim that its keys are to
// be in. It gives the trust that it has then, never more than self.
func (j *judgement) admits(v vouching) (trust string, err error) {
	p := &j.site.Janssen
	if err := p.lists(j.site, v.issuer, j.caller); err != nil || v.trust == TrustIssuer {
		return v.trust, err
	}
	kind, name := p.validation(), given(p.ValidationClaim)
	if kind != validateJWKS && kind != validateJWKSURI {
		return v.trust, nil
	}
	claim, ok := v.token.Claims.Get(name)
	if !ok {
		return TrustNone, core.Refuse(core.InvalidSoftwareStatement, "software_statement has no claim %s, which is to say its keys.", name)
	}
	if kind == validateJWKSURI {
		return v.trust, nil // an address that anybody may have written is not fetched, and would prove nothing
	}
	set, err := jose.ParsePublished([]byte(keySetText(claim)))
	if err != nil || v.token.Verify(set, jose.Asymmetric()) != nil {
		return TrustNone, core.Refuse(core.InvalidSoftwareStatement, "software_statement does not verify with the keys in its claim %s.", name)
	}
	return TrustSelf, nil
}

// lists holds a statement's issuer to trustedSsaIssuers, and that of the certificate, if there is one. Empty, it lists everybody.
func (p *Janssen) lists(site *Site, issuer string, caller core.Caller) error {
	if len(p.TrustedSSAIssuers) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(p.TrustedSSAIssuers))
	own := slices.ContainsFunc(site.issuers(ForStatements, issuer), func(t TrustedIssuer) bool { return t.Issuer == issuer })
	if !own && !slices.Contains(names, issuer) {
		return core.Refuse(core.UnapprovedSoftwareStmt, "The issuer %q of the software statement is not trusted here; trusted are: %s.", core.Clip(issuer), strings.Join(names, ", "))
	}
	cert := caller.Certificate
	if cert != nil && caller.Kind != KindOperator && !slices.ContainsFunc(names, func(name string) bool { return sameName(name, cert.Issuer) }) {
		return core.Refuse(core.UnapprovedSoftwareStmt, "The issuer %q of the client certificate is not trusted here with a software statement.", core.Clip(cert.Issuer))
	}
	return nil
}
