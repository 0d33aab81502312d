package oauth

import "strings"

// A GrantType is a value of grant_types and of the token endpoint's grant_type (RFC 7591 §2).
type GrantType string

// The grant types known here. Known is not offered: implicit and password are named so that they can be refused by name.
const (
	GrantAuthorizationCode GrantType = "authorization_code"                              // RFC 6749 §4.1
	GrantRefreshToken      GrantType = "refresh_token"                                   // RFC 6749 §6
	GrantClientCredentials GrantType = "client_credentials"                              // RFC 6749 §4.4
	GrantImplicit          GrantType = "implicit"                                        // RFC 6749 §4.2
	GrantPassword          GrantType = "password"                                        // RFC 6749 §4.3
	GrantDeviceCode        GrantType = "urn:ietf:params:oauth:grant-type:device_code"    // RFC 8628 §3.4
	GrantJWTBearer         GrantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"     // RFC 7523 §2.1
	GrantTokenExchange     GrantType = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693 §2.1
	GrantCIBA              GrantType = "urn:openid:params:grant-type:ciba"               // Client-Initiated Backchannel Authentication §4
)

// GrantTypes lists the grant types known here. The slice is the caller's own.
func GrantTypes() []GrantType {
	return []GrantType{GrantAuthorizationCode, GrantRefreshToken, GrantClientCredentials, GrantImplicit, GrantPassword,
		GrantDeviceCode, GrantJWTBearer, GrantTokenExchange, GrantCIBA}
}

// NeedsRedirect says whether a client with this grant must register a redirect URI (RFC 7591 §2, RFC 6749 §3.1.2.2).
func NeedsRedirect(grant GrantType) bool {
	return grant == GrantAuthorizationCode || grant == GrantImplicit
}

// A ResponseType is a value of response_types and of the authorization request's response_type. Several words in one value
// are a set; the constants have them in the order code, id_token, token.
type ResponseType string

// The response types known here.
const (
	ResponseCode             ResponseType = "code"                // RFC 6749 §4.1.1
	ResponseToken            ResponseType = "token"               // RFC 6749 §4.2.1
	ResponseNone             ResponseType = "none"                // OAuth 2.0 Multiple Response Types §4
	ResponseIDToken          ResponseType = "id_token"            // OpenID Connect Core §3.2
	ResponseIDTokenToken     ResponseType = "id_token token"      // OpenID Connect Core §3.2
	ResponseCodeIDToken      ResponseType = "code id_token"       // OpenID Connect Core §3.3
	ResponseCodeToken        ResponseType = "code token"          // OpenID Connect Core §3.3
	ResponseCodeIDTokenToken ResponseType = "code id_token token" // OpenID Connect Core §3.3
)

// ResponseTypes lists the response types known here. The slice is the caller's own.
func ResponseTypes() []ResponseType {
	return []ResponseType{ResponseCode, ResponseToken, ResponseNone, ResponseIDToken, ResponseIDTokenToken,
		ResponseCodeIDToken, ResponseCodeToken, ResponseCodeIDTokenToken}
}

// ParseResponseType gives the known response type a text stands for; the order of its words does not matter (OAuth 2.0
// Multiple Response Types §2). False means it stands for none: unknown or repeated words, or more than one space.
func ParseResponseType(text string) (ResponseType, bool) {
	words := strings.Split(text, " ")
	for _, known := range ResponseTypes() {
		if sameWords(words, strings.Split(string(known), " ")) {
			return known, true
		}
	}
	return "", false
}

// sameWords compares two lists as sets; want has no duplicates, so equal length and containment suffice.
func sameWords(got, want []string) bool {
	if len(got) != len(want) {
		return false
	}
	for _, word := range want {
		if !ScopeContains(got, word) {
			return false
		}
	}
	return true
}

// ResponseTypeNeedsGrant gives the grant types that must be registered beside a response type: the table of OpenID Connect
// Dynamic Client Registration §2 and RFC 7591 §2.1. It is empty for none and for a response type not known here.
func ResponseTypeNeedsGrant(rt ResponseType) []GrantType {
	switch rt {
	case ResponseCode:
		return []GrantType{GrantAuthorizationCode}
	case ResponseToken, ResponseIDToken, ResponseIDTokenToken:
		return []GrantType{GrantImplicit}
	case ResponseCodeIDToken, ResponseCodeToken, ResponseCodeIDTokenToken:
		return []GrantType{GrantAuthorizationCode, GrantImplicit}
	}
	return nil
}

// An AuthMethod is a value of token_endpoint_auth_method: how a client proves who it is.
type AuthMethod string

// The authentication methods known here. Known is not offered.
const (
	AuthNone              AuthMethod = "none"                        // RFC 7591 §2: a public client
	AuthClientSecretBasic AuthMethod = "client_secret_basic"         // RFC 6749 §2.3.1, in the Authorization header
	AuthClientSecretPost  AuthMethod = "client_secret_post"          // RFC 6749 §2.3.1, in the form
	AuthClientSecretJWT   AuthMethod = "client_secret_jwt"           // OpenID Connect Core §9
	AuthPrivateKeyJWT     AuthMethod = "private_key_jwt"             // OpenID Connect Core §9, RFC 7523 §2.2
	AuthTLS               AuthMethod = "tls_client_auth"             // RFC 8705 §2.1
	AuthSelfSignedTLS     AuthMethod = "self_signed_tls_client_auth" // RFC 8705 §2.2
)

// AuthMethods lists the authentication methods known here. The slice is the caller's own.
func AuthMethods() []AuthMethod {
	return []AuthMethod{AuthNone, AuthClientSecretBasic, AuthClientSecretPost, AuthClientSecretJWT, AuthPrivateKeyJWT,
		AuthTLS, AuthSelfSignedTLS}
}

// UsesSecret says whether the method needs a client_secret, so that registration must mint one (RFC 7591 §3.2.1).
func UsesSecret(method AuthMethod) bool {
	return method == AuthClientSecretBasic || method == AuthClientSecretPost || method == AuthClientSecretJWT
}

// UsesKeys says whether the method needs the client's own jwks or jwks_uri (OpenID Connect Core §9, RFC 8705 §2.2.2).
func UsesKeys(method AuthMethod) bool {
	return method == AuthPrivateKeyJWT || method == AuthSelfSignedTLS
}

// UsesAssertion says whether the client signs a JWT, so that token_endpoint_auth_signing_alg means something.
func UsesAssertion(method AuthMethod) bool {
	return method == AuthPrivateKeyJWT || method == AuthClientSecretJWT
}

// UsesCertificate says whether the client proves itself with a TLS certificate (RFC 8705 §2).
func UsesCertificate(method AuthMethod) bool {
	return method == AuthTLS || method == AuthSelfSignedTLS
}

// An ApplicationType is a value of application_type (OpenID Connect Dynamic Client Registration §2).
type ApplicationType string

// The application types. Absent means web there.
const (
	ApplicationWeb    ApplicationType = "web"
	ApplicationNative ApplicationType = "native" // RFC 8252
)

// ApplicationTypes lists the application types. The slice is the caller's own.
func ApplicationTypes() []ApplicationType {
	return []ApplicationType{ApplicationWeb, ApplicationNative}
}

// A SubjectType is a value of subject_type: whether all clients see the same sub (OpenID Connect Core §8).
type SubjectType string

// The subject types.
const (
	SubjectPublic   SubjectType = "public"   // every client sees the same sub
	SubjectPairwise SubjectType = "pairwise" // each sector sees its own (OpenID Connect Core §8.1)
)

// SubjectTypes lists the subject types. The slice is the caller's own.
func SubjectTypes() []SubjectType {
	return []SubjectType{SubjectPublic, SubjectPairwise}
}
