package metadata

import (
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

const (
	rfc7591 = "RFC 7591 §2"
	oidcReg = "OpenID Connect Registration 1.0 §2"

	rpLogout = "OpenID Connect RP-Initiated Logout 1.0 §3.1"
	rfc9126  = "RFC 9126 §6"
	rfc8705  = "RFC 8705 §2.1.2"

	frontchannel = "OpenID Connect Front-Channel Logout 1.0 §2"
	backchannel  = "OpenID Connect Back-Channel Logout 1.0 §2.2"
	janssen      = "Janssen Auth Server, client metadata"

	rfc9101 = "RFC 9101 §10.5"
	rfc9449 = "RFC 9449 §5.2"
	rfc9701 = "RFC 9701 §6"
	rfc9396 = "RFC 9396 §10"
	jarm    = "JWT Secured Authorization Response Mode §3"
	ciba    = "OpenID Connect Client-Initiated Backchannel Authentication 1.0 §4"
)

// What this server can do today. A value beyond these is refused, naming it.
var (
	authMethods   = []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none", "tls_client_auth", "self_signed_tls_client_auth"}
	grantTypes    = []string{"authorization_code", "refresh_token", "client_credentials", string(oauth.GrantCIBA)}
	responseTypes = []string{"code"}
	signingAlgs   = texts(oauth.ResponseAlgorithms())
	proofAlgs     = texts(oauth.AsymmetricAlgorithms())
	keyAlgs       = texts(oauth.KeyEncryptions())
	contentEnc    = texts(oauth.ContentEncryptions())
	accessAlgs    = []string{string(oauth.ES256)} // of which there is one
)

func texts[T ~string](words []T) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return list
}

// table lists every member, in the order of answers.
var table = []*Row{
	{Name: "client_name", Kind: Text, Source: rfc7591, Tagged: true, str: func(m *core.Metadata) *string { return &m.ClientName }},
	{Name: "client_uri", Kind: URI, Source: rfc7591, Tagged: true, str: func(m *core.Metadata) *string { return &m.ClientURI }},
	{Name: "logo_uri", Kind: URI, Source: rfc7591, Tagged: true, str: func(m *core.Metadata) *string { return &m.LogoURI }},
	{Name: "tos_uri", Kind: URI, Source: rfc7591, Tagged: true, str: func(m *core.Metadata) *string { return &m.TosURI }},
	{Name: "policy_uri", Kind: URI, Source: rfc7591, Tagged: true, str: func(m *core.Metadata) *string { return &m.PolicyURI }},
	{Name: "contacts", Kind: List, Source: rfc7591, list: func(m *core.Metadata) *[]string { return &m.Contacts }},
	{Name: "application_type", Kind: Text, Source: oidcReg, Values: []string{"web", "native"}, str: func(m *core.Metadata) *string { return &m.ApplicationType }},
	{Name: "redirect_uris", Kind: URIs, Source: rfc7591, Code: core.InvalidRedirectURI, list: func(m *core.Metadata) *[]string { return &m.RedirectURIs }},
	{Name: "token_endpoint_auth_method", Kind: Text, Source: rfc7591, Values: authMethods, str: func(m *core.Metadata) *string { return &m.TokenEndpointAuthMethod }},
	{Name: "token_endpoint_auth_signing_alg", Kind: Text, Source: oidcReg, Values: proofAlgs, str: func(m *core.Metadata) *string { return &m.TokenEndpointAuthSigningAlg }},
	{Name: "grant_types", Kind: List, Source: rfc7591, Values: grantTypes, list: func(m *core.Metadata) *[]string { return &m.GrantTypes }},
	{Name: "response_types", Kind: List, Source: rfc7591, Values: responseTypes, list: func(m *core.Metadata) *[]string { return &m.ResponseTypes }},
	{Name: "scope", Kind: Scope, Source: rfc7591, Code: core.InvalidScope, list: func(m *core.Metadata) *[]string { return &m.Scope }},
	{Name: "jwks_uri", Kind: URI, Source: rfc7591, str: func(m *core.Metadata) *string { return &m.JWKSURI }},
	{Name: "jwks", Kind: Object, Source: rfc7591, str: func(m *core.Metadata) *string { return &m.JWKS }},
	{Name: "subject_type", Kind: Text, Source: oidcReg, Values: []string{"public", "pairwise"}, str: func(m *core.Metadata) *string { return &m.SubjectType }},
	{Name: "sector_identifier_uri", Kind: URI, Source: oidcReg, str: func(m *core.Metadata) *string { return &m.SectorIdentifierURI }},
	{Name: "id_token_signed_response_alg", Kind: Text, Source: oidcReg, Values: signingAlgs, str: func(m *core.Metadata) *string { return &m.IDTokenSignedResponseAlg }},
	{Name: "id_token_encrypted_response_alg", Kind: Text, Source: oidcReg, Values: keyAlgs, str: func(m *core.Metadata) *string { return &m.IDTokenEncryptedResponseAlg }},
	{Name: "id_token_encrypted_response_enc", Kind: Text, Source: oidcReg, Values: contentEnc, str: func(m *core.Metadata) *string { return &m.IDTokenEncryptedResponseEnc }},
	{Name: "userinfo_signed_response_alg", Kind: Text, Source: oidcReg, Values: signingAlgs, str: func(m *core.Metadata) *string { return &m.UserinfoSignedResponseAlg }},
	{Name: "userinfo_encrypted_response_alg", Kind: Text, Source: oidcReg, Values: keyAlgs, str: func(m *core.Metadata) *string { return &m.UserinfoEncryptedResponseAlg }},
	{Name: "userinfo_encrypted_response_enc", Kind: Text, Source: oidcReg, Values: contentEnc, str: func(m *core.Metadata) *string { return &m.UserinfoEncryptedResponseEnc }},
	{Name: "request_object_signing_alg", Kind: Text, Source: oidcReg, Values: signingAlgs, str: func(m *core.Metadata) *string { return &m.RequestObjectSigningAlg }},
	{Name: "request_object_encryption_alg", Kind: Text, Source: oidcReg, Values: keyAlgs, str: func(m *core.Metadata) *string { return &m.RequestObjectEncryptionAlg }},
	{Name: "request_object_encryption_enc", Kind: Text, Source: oidcReg, Values: contentEnc, str: func(m *core.Metadata) *string { return &m.RequestObjectEncryptionEnc }},
	{Name: "default_max_age", Kind: Number, Source: oidcReg, number: func(m *core.Metadata) **int64 { return &m.DefaultMaxAge }},
	{Name: "require_auth_time", Kind: Flag, Source: oidcReg, flag: func(m *core.Metadata) **bool { return &m.RequireAuthTime }},
	{Name: "default_acr_values", Kind: List, Source: oidcReg, list: func(m *core.Metadata) *[]string { return &m.DefaultACRValues }},
	{Name: "initiate_login_uri", Kind: URI, Source: oidcReg, str: func(m *core.Metadata) *string { return &m.InitiateLoginURI }},
	{Name: "request_uris", Kind: URIs, Source: oidcReg, list: func(m *core.Metadata) *[]string { return &m.RequestURIs }},
	{Name: "post_logout_redirect_uris", Kind: URIs, Source: rpLogout, list: func(m *core.Metadata) *[]string { return &m.PostLogoutRedirectURIs }},
	{Name: "require_pushed_authorization_requests", Kind: Flag, Source: rfc9126, flag: func(m *core.Metadata) **bool { return &m.RequirePAR }},
	{Name: "frontchannel_logout_uri", Kind: URI, Source: frontchannel, str: func(m *core.Metadata) *string { return &m.FrontchannelLogoutURI }},
	{Name: "frontchannel_logout_session_required", Kind: Flag, Source: frontchannel, flag: func(m *core.Metadata) **bool { return &m.FrontchannelLogoutSession }},
	{Name: "backchannel_logout_uri", Kind: URI, Source: backchannel, str: func(m *core.Metadata) *string { return &m.BackchannelLogoutURI }},
	{Name: "backchannel_logout_session_required", Kind: Flag, Source: backchannel, flag: func(m *core.Metadata) **bool { return &m.BackchannelLogoutSession }},
	{Name: "require_pkce", Kind: Flag, Source: janssen, flag: func(m *core.Metadata) **bool { return &m.RequirePKCE }},
	{Name: "default_prompt_login", Kind: Flag, Source: janssen, flag: func(m *core.Metadata) **bool { return &m.DefaultPromptLogin }},
	{Name: "access_token_lifetime", Kind: Number, Source: janssen, least: 1, number: func(m *core.Metadata) **int64 { return &m.AccessTokenLifetime }},
	{Name: "id_token_lifetime", Kind: Number, Source: janssen, least: 1, number: func(m *core.Metadata) **int64 { return &m.IDTokenLifetime }},
	{Name: "refresh_token_lifetime", Kind: Number, Source: janssen, least: 1, number: func(m *core.Metadata) **int64 { return &m.RefreshTokenLifetime }},
	{Name: "par_lifetime", Kind: Number, Source: janssen, least: 5, most: 600, number: func(m *core.Metadata) **int64 { return &m.PARLifetime }}, // RFC 9126 §2.2
	{Name: "allowed_audiences", Kind: List, Source: "README.md", anyIfAbsent: true, list: func(m *core.Metadata) *[]string { return &m.AllowedAudiences }},
	{Name: "tls_client_auth_subject_dn", Kind: Text, Source: rfc8705, str: func(m *core.Metadata) *string { return &m.TLSSubjectDN }},
	{Name: "tls_client_auth_san_dns", Kind: Text, Source: rfc8705, str: func(m *core.Metadata) *string { return &m.TLSSANDNS }},
	{Name: "tls_client_auth_san_uri", Kind: Text, Source: rfc8705, str: func(m *core.Metadata) *string { return &m.TLSSANURI }},
	{Name: "tls_client_auth_san_ip", Kind: Text, Source: rfc8705, str: func(m *core.Metadata) *string { return &m.TLSSANIP }},
	{Name: "tls_client_auth_san_email", Kind: Text, Source: rfc8705, str: func(m *core.Metadata) *string { return &m.TLSSANEmail }},
	{Name: "tls_client_certificate_bound_access_tokens", Kind: Flag, Source: "RFC 8705 §3.4", flag: func(m *core.Metadata) **bool { return &m.CertificateBoundTokens }},
	{Name: "require_signed_request_object", Kind: Flag, Source: rfc9101, flag: func(m *core.Metadata) **bool { return &m.RequireSignedRequest }},
	{Name: "dpop_bound_access_tokens", Kind: Flag, Source: rfc9449, flag: func(m *core.Metadata) **bool { return &m.DPoPBoundTokens }},
	{Name: "authorization_details_types", Kind: List, Source: rfc9396, list: func(m *core.Metadata) *[]string { return &m.AuthorizationDetailsTypes }},
	{Name: "introspection_signed_response_alg", Kind: Text, Source: rfc9701, Values: proofAlgs, str: func(m *core.Metadata) *string { return &m.IntrospectionSignedResponseAlg }},
	{Name: "introspection_encrypted_response_alg", Kind: Text, Source: rfc9701, Values: keyAlgs, str: func(m *core.Metadata) *string { return &m.IntrospectionEncryptedResponseAlg }},
	{Name: "introspection_encrypted_response_enc", Kind: Text, Source: rfc9701, Values: contentEnc, str: func(m *core.Metadata) *string { return &m.IntrospectionEncryptedResponseEnc }},
	{Name: "authorization_signed_response_alg", Kind: Text, Source: jarm, Values: proofAlgs, str: func(m *core.Metadata) *string { return &m.AuthorizationSignedResponseAlg }},
	{Name: "authorization_encrypted_response_alg", Kind: Text, Source: jarm, Values: keyAlgs, str: func(m *core.Metadata) *string { return &m.AuthorizationEncryptedResponseAlg }},
	{Name: "authorization_encrypted_response_enc", Kind: Text, Source: jarm, Values: contentEnc, str: func(m *core.Metadata) *string { return &m.AuthorizationEncryptedResponseEnc }},
	{Name: "backchannel_token_delivery_mode", Kind: Text, Source: ciba, Values: []string{"poll", "ping"}, str: func(m *core.Metadata) *string { return &m.BackchannelDeliveryMode }},
	{Name: "backchannel_client_notification_endpoint", Kind: URI, Source: ciba, str: func(m *core.Metadata) *string { return &m.BackchannelNotificationEndpoint }},
	{Name: "backchannel_authentication_request_signing_alg", Kind: Text, Source: ciba, Values: proofAlgs, str: func(m *core.Metadata) *string { return &m.BackchannelRequestSigningAlg }},
	{Name: "backchannel_user_code_parameter", Kind: Flag, Source: ciba, flag: func(m *core.Metadata) **bool { return &m.BackchannelUserCode }},
	{Name: "org_id", Kind: Text, Source: janssen, str: func(m *core.Metadata) *string { return &m.OrgID }},
	{Name: "groups", Kind: List, Source: janssen, list: func(m *core.Metadata) *[]string { return &m.Groups }},
	{Name: "description", Kind: Text, Source: janssen, str: func(m *core.Metadata) *string { return &m.Description }},
	{Name: "authorized_origins", Kind: List, Source: janssen, Origins: true, list: func(m *core.Metadata) *[]string { return &m.AuthorizedOrigins }},
	{Name: "additional_audience", Kind: List, Source: janssen, list: func(m *core.Metadata) *[]string { return &m.AdditionalAudience }},
	{Name: "claims", Kind: Text, Source: janssen, str: func(m *core.Metadata) *string { return &m.Claims }},
	{Name: "include_claims_in_id_token", Kind: Flag, Source: janssen, flag: func(m *core.Metadata) **bool { return &m.ClaimsInIDToken }},
	{Name: "keep_client_authorization_after_expiration", Kind: Flag, Source: janssen, flag: func(m *core.Metadata) **bool { return &m.KeepAuthorization }},
	{Name: "access_token_as_jwt", Kind: Flag, Source: janssen, flag: func(m *core.Metadata) **bool { return &m.AccessTokenAsJWT }},
	{Name: "access_token_signing_alg", Kind: Text, Source: janssen, Values: accessAlgs, str: func(m *core.Metadata) *string { return &m.AccessTokenSigningAlg }},
	{Name: "tx_token_lifetime", Kind: Number, Source: janssen, number: func(m *core.Metadata) **int64 { return &m.TxTokenLifetime }},
	{Name: "tx_token_signed_response_alg", Kind: Text, Source: janssen, Values: proofAlgs, str: func(m *core.Metadata) *string { return &m.TxTokenSignedResponseAlg }},
	{Name: "tx_token_encrypted_response_alg", Kind: Text, Source: janssen, Values: keyAlgs, str: func(m *core.Metadata) *string { return &m.TxTokenEncryptedAlg }},
	{Name: "tx_token_encrypted_response_enc", Kind: Text, Source: janssen, Values: contentEnc, str: func(m *core.Metadata) *string { return &m.TxTokenEncryptedEnc }},
	{Name: "logout_status_jwt_signed_response_alg", Kind: Text, Source: janssen, Values: proofAlgs, str: func(m *core.Metadata) *string { return &m.LogoutStatusSignedResponse }},
	{Name: "software_id", Kind: Text, Source: rfc7591, str: func(m *core.Metadata) *string { return &m.SoftwareID }},
	{Name: "software_version", Kind: Text, Source: rfc7591, str: func(m *core.Metadata) *string { return &m.SoftwareVersion }},
	{Name: "software_statement", Kind: Text, Source: rfc7591, Fixed: true, Code: core.InvalidSoftwareStatement, str: func(m *core.Metadata) *string { return &m.SoftwareStatement }},
}

// byName finds rows; visible are those policy sees: all but the statement, whose claims it sees verified.
var byName, visible = index(table)

func index(rows []*Row) (map[string]*Row, []*Row) {
	names := make(map[string]*Row, len(rows))
	var seen []*Row
	for _, row := range rows {
		if row.Code == "" {
			row.Code = core.InvalidClientMetadata
		}
		names[row.Name] = row
		if row.Name != "software_statement" {
			seen = append(seen, row)
		}
	}
	return names, seen
}

// Rows lists the table. Callers do not change it.
func Rows() []*Row { return table }

// Visible lists the members that policy sees.
func Visible() []*Row { return visible }

// Lookup finds a member by its exact name.
func Lookup(name string) (*Row, bool) {
	row, ok := byName[name]
	return row, ok
}
