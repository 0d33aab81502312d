package registration

// SiteAccess is about the doors of the desk. Its names are those of Janssen's properties, in both of their spellings.
type SiteAccess struct {
	// Enabled false closes the desk to clients: it is not advertised, and answers that it is not there. Operators register on.
	Enabled *bool `yaml:"dynamic_registration_enabled,camel"` // absent: yes
	// ClientCredentials lets clients manage themselves with an access token of their own, which they get by the grant
	// client_credentials; so each that comes without an initial access token must register that grant.
	ClientCredentials bool `yaml:"dcr_authorization_with_client_credentials,camel"`
	// MTLS lets clients register with a certificate of a trusted authority, when its subject is the tls_client_auth_subject_dn that
	// they register; then nobody registers with nothing.
	MTLS bool `yaml:"dcr_authorization_with_mtls,or=dcrAuthorizationWithMTLS"`
	// EvidenceRequired wants attestation evidence of who registers itself, for a plugin to verify: without one nobody does.
	EvidenceRequired bool `yaml:"dcr_attestation_evidence_required,camel"`
	// DefaultScopes false gives nothing to who names no scope, unless its profile does.
	DefaultScopes *bool `yaml:"dynamic_registration_scopes_param_enabled,camel"` // absent: yes
}

// Offers tells whether clients may come to the desk themselves.
func (s *Site) Offers() bool {
	return s.Registration.IsOn() && (s.Access.Enabled == nil || *s.Access.Enabled)
}
