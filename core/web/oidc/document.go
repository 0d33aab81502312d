package oidc

import (
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// What the issuer's metadata says of every issuer of ours.
var (
	grantTypes  = []oauth.GrantType{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials}
	authMethods = []oauth.AuthMethod{oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, oauth.AuthPrivateKeyJWT, oauth.AuthNone}
	scopes      = []string{"openid", "profile", "email", "address", "phone", "offline_access"}
	claims      = []string{
		"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "amr", "sid", "name", "given_name", "family_name", "nickname",
		"preferred_username", "picture", "website", "birthdate", "zoneinfo", "locale", "updated_at", "email", "email_verified",
		"phone_number", "phone_number_verified", "address",
	}
)

// Document gives an issuer's discovery document (OpenID Connect Discovery 1.0 §3, RFC 8414 §2). It names only what works;
// certified are the methods of RFC 8705 that do.
func Document(issuer string, certified ...oauth.AuthMethod) []byte {
	base := strings.TrimSuffix(issuer, "/")
	members := []strictjson.Member{
		{Name: "issuer", Value: strictjson.String(issuer)},
	}
	for _, e := range [][2]string{
		{"authorization_endpoint", "/authorize"},
		{"token_endpoint", "/token"},
		{"pushed_authorization_request_endpoint", "/par"}, // RFC 9126 §5
		{"userinfo_endpoint", "/userinfo"},
		{"jwks_uri", "/jwks"},
		{"registration_endpoint", "/dcr/register"},
		{"introspection_endpoint", "/introspect"},
		{"revocation_endpoint", "/revoke"},
		{"end_session_endpoint", "/logout"}, // RP-Initiated Logout 1.0 §2.1
	} {
		members = append(members, strictjson.Member{Name: e[0], Value: strictjson.String(base + e[1])})
	}
	return strictjson.Append(nil, strictjson.Object(append(members, capabilities(certified)...)...))
}

// capabilities are the members that do not name an address.
func capabilities(certified []oauth.AuthMethod) []strictjson.Member {
	authMethods := slices.Insert(slices.Clone(authMethods), len(authMethods)-1, certified...)
	withoutNone := authMethods[:len(authMethods)-1] // who asks about tokens must prove who it is (RFC 7662 §2.1)
	members := []strictjson.Member{
		{Name: "scopes_supported", Value: strictjson.Strings(scopes)},
		{Name: "response_types_supported", Value: texts(oauth.ResponseCode)},
		{Name: "response_modes_supported", Value: texts("query", "form_post")},
		{Name: "grant_types_supported", Value: texts(grantTypes...)},
		{Name: "subject_types_supported", Value: texts(oauth.SubjectTypes()...)},
		{Name: "id_token_signing_alg_values_supported", Value: texts(oauth.ResponseAlgorithms()...)},
		{Name: "id_token_encryption_alg_values_supported", Value: texts(oauth.KeyEncryptions()...)},
		{Name: "id_token_encryption_enc_values_supported", Value: texts(oauth.ContentEncryptions()...)},
		{Name: "userinfo_signing_alg_values_supported", Value: texts(oauth.ResponseAlgorithms()...)},
		{Name: "userinfo_encryption_alg_values_supported", Value: texts(oauth.KeyEncryptions()...)},
		{Name: "userinfo_encryption_enc_values_supported", Value: texts(oauth.ContentEncryptions()...)},
		{Name: "token_endpoint_auth_methods_supported", Value: texts(authMethods...)},
		{Name: "token_endpoint_auth_signing_alg_values_supported", Value: texts(oauth.AsymmetricAlgorithms()...)},
		{Name: "introspection_endpoint_auth_methods_supported", Value: texts(withoutNone...)},
		{Name: "introspection_endpoint_auth_signing_alg_values_supported", Value: texts(oauth.AsymmetricAlgorithms()...)},
		{Name: "revocation_endpoint_auth_methods_supported", Value: texts(authMethods...)},
		{Name: "revocation_endpoint_auth_signing_alg_values_supported", Value: texts(oauth.AsymmetricAlgorithms()...)},
		{Name: "code_challenge_methods_supported", Value: texts("S256")},
		{Name: "prompt_values_supported", Value: texts("none", "login", "consent", "select_account")},
		{Name: "claims_supported", Value: strictjson.Strings(claims)},
		{Name: "claims_parameter_supported", Value: strictjson.Bool(false)},
		{Name: "request_parameter_supported", Value: strictjson.Bool(false)},
		{Name: "request_uri_parameter_supported", Value: strictjson.Bool(false)},               // left out it would be true (Discovery §3)
		{Name: "authorization_response_iss_parameter_supported", Value: strictjson.Bool(true)}, // RFC 9207 §3
	}
	if len(certified) > 0 { // RFC 8705 §3.3
		members = append(members, strictjson.Member{Name: "tls_client_certificate_bound_access_tokens", Value: strictjson.Bool(true)})
	}
	return members
}

// texts gives words of the protocol as a JSON array.
func texts[T ~string](words ...T) strictjson.Value {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return strictjson.Strings(list)
}

// in gives the discovery document with the ways in that are open (RFC 8414 §2; draft-ietf-oauth-client-id-metadata-document-02 §6).
func (w WaysIn) in(document []byte) []byte {
	doc, err := strictjson.Parse(document, strictjson.Stored)
	if err != nil { // Document made it
		return document
	}
	if !w.Registration {
		doc = doc.Without("registration_endpoint")
	}
	if w.Documents {
		doc = doc.With("client_id_metadata_document_supported", strictjson.Bool(true))
	}
	return strictjson.Append(nil, doc)
}
