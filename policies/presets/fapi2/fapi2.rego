# METADATA
# title: Clients by the FAPI 2.0 Security Profile
# description: Confidential clients with keys of their own, codes only, pushed requests, https everywhere. For everybody, operators included.
package ostiary.registration.site.fapi2

import data.ostiary.registration.site.fapi2.settings

concerned if {
	input.operation in {"register", "update"}
	input.profile in settings.profiles
}

# METADATA
# title: Client authentication
# description: By private_key_jwt (section 5.3.2.1); the server does not offer mutual TLS yet. A secret or nothing is no proof.
deny contains {
	"rule": "fapi2.method",
	"code": "invalid_client_metadata",
	"field": "token_endpoint_auth_method",
	"message": sprintf("token_endpoint_auth_method %s does not suffice for FAPI 2.0. Use private_key_jwt.", [
		input.effective.token_endpoint_auth_method,
	]),
} if {
	concerned
	input.effective.token_endpoint_auth_method != "private_key_jwt"
}

# METADATA
# title: Signature algorithms
# description: PKCS 1 v1.5 signatures (RS256) are not used (section 5.4.1). What is not said could be any algorithm, so it must be said.
deny contains {
	"rule": "fapi2.signing_alg",
	"code": "invalid_client_metadata",
	"field": "token_endpoint_auth_signing_alg",
	"message": sprintf("token_endpoint_auth_signing_alg must be one of %s.", [concat(", ", settings.algorithms)]),
} if {
	concerned
	not input.effective.token_endpoint_auth_signing_alg in settings.algorithms
}

deny contains {
	"rule": "fapi2.id_token_alg",
	"code": "invalid_client_metadata",
	"field": "id_token_signed_response_alg",
	"message": "RS256 is not used with FAPI 2.0. Use ES256 for id_token_signed_response_alg, or leave it out.",
} if {
	concerned
	"id_token_signed_response_alg" in input.present
	not input.effective.id_token_signed_response_alg in settings.algorithms
}

# METADATA
# description: What is not said becomes ES256 instead of RS256 (OpenID Connect Registration, section 2).
set contains {
	"rule": "fapi2.id_token_es256",
	"field": "id_token_signed_response_alg",
	"value": "ES256",
} if {
	concerned
	not "id_token_signed_response_alg" in input.present
	not input.effective.id_token_signed_response_alg in settings.algorithms
}

deny contains {
	"rule": "fapi2.userinfo_alg",
	"code": "invalid_client_metadata",
	"field": "userinfo_signed_response_alg",
	"message": "RS256 is not used with FAPI 2.0. Use ES256 for userinfo_signed_response_alg, or leave it out.",
} if {
	concerned
	not input.effective.userinfo_signed_response_alg in (settings.algorithms | {""})
}

# METADATA
# title: Response types
# description: >-
#   Codes only (section 5.3.2.2): nothing is handed out in the browser.
deny contains {
	"rule": "fapi2.response_type",
	"code": "invalid_client_metadata",
	"field": "response_types",
	"message": sprintf("The response type %s is not used with FAPI 2.0. Use code.", [response_type]),
} if {
	concerned
	some response_type in input.effective.response_types
	response_type != "code"
}

# METADATA
# title: Grant types
# description: Those of the profile (section 5.3.2.1 forbids the password grant; others are not profiled).
deny contains {
	"rule": "fapi2.grant_type",
	"code": "invalid_client_metadata",
	"field": "grant_types",
	"message": sprintf("The grant type %s is not used with FAPI 2.0.", [grant]),
} if {
	concerned
	some grant in input.effective.grant_types
	not grant in {"authorization_code", "refresh_token", "client_credentials"}
}

# METADATA
# title: Redirect URIs
# description: https (section 5.3.2.2). The exception for native applications is not made here.
deny contains {
	"rule": "fapi2.redirect",
	"code": "invalid_redirect_uri",
	"field": "redirect_uris",
	"message": sprintf("%s does not use https, which FAPI 2.0 asks for.", [uri.raw]),
} if {
	concerned
	some uri in input.redirect_uris
	uri.class != "https"
}

# METADATA
# title: Keys
# description: RSA keys have 2048 bits or more, keys on curves 224 or more (section 5.4.1).
deny contains {
	"rule": "fapi2.weak_key",
	"code": "invalid_client_metadata",
	"field": "jwks",
	"message": sprintf("A key in jwks has %d bits. Use 2048 or more for RSA, 224 or more for curves.", [key.bits]),
} if {
	concerned
	some key in input.keys
	key.bits < least_bits(key.kty)
}

least_bits(kty) := 2048 if kty == "RSA"

least_bits(kty) := 224 if kty != "RSA"

# METADATA
# title: Keys there are
# description: The shipped rules let a client register before it has keys. Here it could never be told from another.
deny contains {
	"rule": "fapi2.no_keys",
	"code": "invalid_client_metadata",
	"fields": ["jwks_uri", "jwks"],
	"message": "There is neither jwks_uri nor jwks. Register the keys that sign the client's assertions.",
} if {
	concerned
	input.effective.jwks_uri == ""
	count(input.keys) == 0
}

# METADATA
# title: Pushed requests
# description: >-
#   The server then refuses every authorization request that was not pushed (section 5.3.2.2; RFC 9126), whatever the client registers
#   for require_pushed_authorization_requests.
require contains {
	"rule": "fapi2.par",
	"name": "par",
} if {
	concerned
	"authorization_code" in input.effective.grant_types
}

# METADATA
# description: Every code is bound to a challenge of S256 (section 5.3.2.2).
require contains {
	"rule": "fapi2.pkce",
	"name": "pkce_s256",
} if {
	concerned
	"authorization_code" in input.effective.grant_types
}

# METADATA
# title: Bound tokens
# description: The server gives tokens only to who presents a certificate, and they are worth nothing without it.
require contains {
	"rule": "fapi2.bound_tokens",
	"name": "mtls",
} if {
	concerned
	settings.bound_tokens
}

# METADATA
# description: Access tokens are short-lived (section 5.3.2.1 note), whether they are bound to the sender or not.
limit contains {
	"rule": "fapi2.access_token",
	"name": "access_token",
	"value": settings.access_token,
} if {
	concerned
}

label contains "fapi2" if concerned
