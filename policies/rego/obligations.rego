# METADATA
# title: What a client must do later
# description: Requirements that the server holds a client to on every request, and remarks on what it still needs.
package ostiary.registration.obligations

# METADATA
# description: Everything this module reads was there.
checked if {
	input.operation
	input.effective.token_endpoint_auth_method
	input.effective.jwks_uri
	input.effective.grant_types
	input.keys
}

# METADATA
# title: PKCE for public clients
# description: A client that cannot prove itself binds each authorization code to its own challenge (RFC 7636, only S256).
require contains {
	"rule": "obligations.public_pkce",
	"name": "pkce_s256",
	"params": {},
} if {
	input.operation in {"register", "update"}
	input.effective.token_endpoint_auth_method == "none"
	"authorization_code" in input.effective.grant_types
}

# METADATA
# title: Missing keys
# description: A client may register private_key_jwt before its keys exist, but cannot authenticate until they do.
warn contains {
	"rule": "obligations.no_keys",
	"fields": ["jwks_uri", "jwks"],
	"message": "No keys registered: token_endpoint_auth_method is private_key_jwt, but there is neither jwks nor jwks_uri. Token requests are refused until one is added.",
} if {
	input.operation in {"register", "update"}
	input.effective.token_endpoint_auth_method == "private_key_jwt"
	input.effective.jwks_uri == ""
	count(input.keys) == 0
}
