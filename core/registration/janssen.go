package registration

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Janssen are the properties of a Janssen Auth Server that are about software statements and signed requests, as they stand in its
// configuration: in snake_case or camelCase, enumerations in any case. They are translated into trusted issuers (janssen_table.go),
// and lend no more trust than those: what says not to verify is believed of nobody.
type Janssen struct {
	ValidationConfigs []JanssenIssuer           `yaml:"dcr_ssa_validation_configs,camel"`
	ValidationType    *statementValidation      `yaml:"software_statement_validation_type,camel"`
	ValidationClaim   *string                   `yaml:"software_statement_validation_claim_name,camel"`
	TrustedSSAIssuers map[string]JanssenTrusted `yaml:"trusted_ssa_issuers,camel"`
	DCRIssuers        []string                  `yaml:"dcr_issuers,camel"`

	SignatureEnabled *bool            `yaml:"dcr_signature_validation_enabled,camel"`
	SignatureJWKS    strictjson.Value `yaml:"dcr_signature_validation_jwks,camel"` // an object, or its text
	SignatureJWKSURI *string          `yaml:"dcr_signature_validation_jwks_uri,camel"`
	SignatureSecret  *core.Secret     `yaml:"dcr_signature_validation_shared_secret,camel"`

	StatementJWKSURIClaim *string `yaml:"dcr_signature_validation_software_statement_jwks_uri_claim,camel,or=dcrSignatureValidationSoftwareStatementJwksURIClaim"`
	StatementJWKSClaim    *string `yaml:"dcr_signature_validation_software_statement_jwks_claim,camel"`

	SkipSignature    *bool            `yaml:"dcr_skip_signature_validation,camel"` // refused when true
	SSAConfiguration strictjson.Value `yaml:"ssa_configuration,camel"`             // refused: no statements are issued here
}

// A JanssenIssuer is an item of dcrSsaValidationConfigs: who signs statements (SSA) or requests (DCR), with which keys.
type JanssenIssuer struct {
	ID                         *string          `yaml:"id"`
	Type                       *signedKind      `yaml:"type"`
	DisplayName                *string          `yaml:"display_name,camel"`
	Description                *string          `yaml:"description"`
	Scopes                     []string         `yaml:"scopes,or=scope"`
	AllowedClaims              []string         `yaml:"allowed_claims,camel"`
	JWKS                       strictjson.Value `yaml:"jwks"` // an object, or its text
	JWKSURI                    *string          `yaml:"jwks_uri,camel"`
	Issuers                    []string         `yaml:"issuers"`
	ConfigurationEndpoint      *string          `yaml:"configuration_endpoint,camel"`
	ConfigurationEndpointClaim *string          `yaml:"configuration_endpoint_claim,camel"`
	SharedSecret               *core.Secret     `yaml:"shared_secret,camel"`
}

// JanssenTrusted is a value of trustedSsaIssuers.
type JanssenTrusted struct {
	AutomaticallyGrantedScopes []string         `yaml:"automatically_granted_scopes,camel"`
	JWKS                       strictjson.Value `yaml:"jwks"`
	JWKSURI                    *string          `yaml:"jwks_uri,camel"`
}

// statementValidation is softwareStatementValidationType.
type statementValidation string

// How Janssen may be told to validate software statements. All but builtin and script prove nothing.
const (
	validateNone    statementValidation = "none"
	validateScript  statementValidation = "script"
	validateJWKS    statementValidation = "jwks"
	validateJWKSURI statementValidation = "jwks_uri"
	validateBuiltin statementValidation = "builtin"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *statementValidation) UnmarshalText(text []byte) error {
	*v = statementValidation(strings.ToLower(string(text)))
	if !slices.Contains([]statementValidation{validateNone, validateScript, validateJWKS, validateJWKSURI, validateBuiltin}, *v) {
		return fmt.Errorf("must be none, script, jwks, jwks_uri or builtin")
	}
	return nil
}

// signedKind is the type of an item of dcrSsaValidationConfigs.
type signedKind string

const (
	kindSSA signedKind = "ssa"
	kindDCR signedKind = "dcr"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *signedKind) UnmarshalText(text []byte) error {
	*k = signedKind(strings.ToLower(string(text)))
	if *k != kindSSA && *k != kindDCR {
		return fmt.Errorf("must be ssa or dcr")
	}
	return nil
}

// given is what a property says, the zero value when it is absent or null.
func given[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}

// keySetText is a key set that is written as an object or as its text.
func keySetText(v strictjson.Value) string {
	if text, ok := v.Text(); ok || v.IsAbsent() || v.IsNull() {
		return text
	}
	return v.String()
}

// validation is how statements of issuers without an entry of their own are treated. Without the property the entries count.
func (p *Janssen) validation() statementValidation {
	if p.ValidationType == nil {
		return validateBuiltin
	}
	return *p.ValidationType
}

// requiresSigned tells whether requests must come signed.
func (p *Janssen) requiresSigned() bool { return given(p.SignatureEnabled) }

// ignoresSigned tells that requests are not to be verified, so that nobody's signature is worth anything.
func (p *Janssen) ignoresSigned() bool { return p.SignatureEnabled != nil && !*p.SignatureEnabled }

// validate lists what cannot be, or what nothing would come of.
func (p *Janssen) validate(add func(path, text string)) {
	if given(p.SkipSignature) {
		add("dcr_skip_signature_validation", "is not supported: signatures are always verified. Take it out, or set it to false")
	}
	if v := p.SSAConfiguration; !v.IsAbsent() && !v.IsNull() {
		add("ssa_configuration", "is not supported: no software statements are issued here. Take it out")
	}
	if t := p.validation(); (t == validateJWKS || t == validateJWKSURI) && given(p.ValidationClaim) == "" {
		add("software_statement_validation_claim_name", "is missing: the type "+string(t)+" needs the name of a claim")
	}
	ids := make(map[string]bool)
	for i, c := range p.ValidationConfigs {
		path := fmt.Sprintf("dcr_ssa_validation_configs[%d]", i)
		if id := given(c.ID); id == "" {
			add(path+".id", "is missing")
		} else if ids[id] {
			add(path+".id", "is the id of another entry")
		}
		ids[given(c.ID)] = true
		if c.Type == nil {
			add(path+".type", "is missing: ssa or dcr")
		}
		c.validate(p, func(member, text string) { add(path+member, text) })
	}
	for _, name := range slices.Sorted(maps.Keys(p.TrustedSSAIssuers)) {
		t := p.TrustedSSAIssuers[name]
		trusted := TrustedIssuer{Issuer: name, JWKS: keySetText(t.JWKS), JWKSURI: given(t.JWKSURI), Terms: Terms{GrantScopes: t.AutomaticallyGrantedScopes}}
		at := func(member, text string) { add("trusted_ssa_issuers."+name+translated.Replace(member), text) }
		if trusted.JWKS != "" || trusted.JWKSURI != "" {
			trusted.validateKeys(at)
		}
		trusted.Terms.validate(at)
	}
	p.validateGlobal(add)
}

// translated gives the members of a trusted issuer their names in Janssen's properties.
var translated = strings.NewReplacer(".grant_scopes", ".automatically_granted_scopes", ".configuration.endpoint", ".configuration_endpoint",
	".configuration.claim", ".configuration_endpoint_claim")

func (c JanssenIssuer) validate(p *Janssen, add func(member, text string)) {
	if len(c.Issuers) == 0 || slices.Contains(c.Issuers, "") {
		add(".issuers", "must name who signs, as iss says: nothing else would ever match the entry")
	}
	t := c.trusted("x", given(c.Type))
	if !t.hasKeys() {
		for _, name := range c.Issuers {
			if !p.TrustedSSAIssuers[name].trusted(name).hasKeys() {
				add("", "needs jwks, jwks_uri, configuration_endpoint or shared_secret: the keys of "+name+" are not known")
				return
			}
		}
		return
	}
	t.validate(func(member, text string) { add(translated.Replace(member), text) })
}

// validateGlobal judges the keys for all signed requests.
func (p *Janssen) validateGlobal(add func(path, text string)) {
	if t := p.global(anyIssuer); t.hasKeys() {
		t.validateKeys(func(member, text string) { add("dcr_signature_validation"+strings.Replace(member, ".", "_", 1), text) })
		if t.SharedSecret != "" {
			if _, err := jose.SharedSecret(t.SharedSecret); err != nil {
				add("dcr_signature_validation_shared_secret", shortSecret)
			}
		}
	}
}
