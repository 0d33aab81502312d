# METADATA
# title: The backend-for-frontend
# description: >-
#   One confidential client with a key, which returns to the site's own origins and to nowhere else (RFC 10017, section 6.1). The
#   rules hold for an operator, too.
package ostiary.registration.site.bff

import data.ostiary.registration.site.bff.settings

concerned if {
	input.operation in {"register", "update"}
	input.profile in settings.profiles
}

by_token if {
	input.caller.kind == "initial_access_token"
	input.iat.profile in settings.profiles
	input.iat.max_uses <= settings.token_uses
}

by_token if input.caller.kind == "operator"

# METADATA
# title: A token for one backend
# description: >-
#   A token that is good for any profile or for many clients is worth stealing. The backend's is minted for its profile, and for one
#   registration.
deny contains {
	"rule": "bff.token",
	"code": "access_denied",
	"fields": [],
	"message": sprintf("A backend registers with a token of its own: mint one with --profile %s --max-uses %d.", [input.profile, settings.token_uses]),
} if {
	concerned
	input.operation == "register"
	not by_token
}

# METADATA
# title: Client authentication
# description: A key that never leaves the backend (RFC 7523), not a secret that travels.
deny contains {
	"rule": "bff.method",
	"code": "invalid_client_metadata",
	"field": "token_endpoint_auth_method",
	"message": "A backend proves itself with its key. Use private_key_jwt.",
} if {
	concerned
	input.effective.token_endpoint_auth_method != "private_key_jwt"
}

callbacks contains concat("", [origin, settings.callback]) if some origin in settings.origins

at_home(uri) if uri.raw in callbacks

at_home(uri) if {
	settings.loopback
	uri.class == "loopback_http"
	uri.path == settings.callback
}

# METADATA
# title: Redirect URIs
# description: Each is an origin of the site with the callback path, to the letter.
deny contains {
	"rule": "bff.redirect",
	"code": "invalid_redirect_uri",
	"field": "redirect_uris",
	"message": sprintf("%s is not an origin of the site followed by %s. Correct it, or add the origin to bff/settings.rego.", [
		uri.raw,
		settings.callback,
	]),
} if {
	concerned
	some uri in input.redirect_uris
	not at_home(uri)
}

ours(uri) if {
	some origin in settings.origins
	startswith(uri.raw, concat("", [origin, "/"]))
}

ours(uri) if uri.raw in settings.origins

ours(uri) if {
	settings.loopback
	uri.class == "loopback_http"
}

# METADATA
# title: After signing out
# description: The browser ends at the site as well.
deny contains {
	"rule": "bff.post_logout",
	"code": "invalid_client_metadata",
	"field": "post_logout_redirect_uris",
	"message": sprintf("%s is not at an origin of the site.", [uri.raw]),
} if {
	concerned
	some uri in input.uris
	uri.member == "post_logout_redirect_uris"
	not ours(uri)
}

# METADATA
# title: Grant types
# description: Codes, and what renews the tokens of a session. A backend acts for people only.
deny contains {
	"rule": "bff.grant_type",
	"code": "invalid_client_metadata",
	"field": "grant_types",
	"message": "A backend has the grant type authorization_code, and refresh_token where it asks for offline_access; no other.",
} if {
	concerned
	not proper_grants
}

proper_grants if {
	"authorization_code" in input.effective.grant_types
	count({g | some g in input.effective.grant_types} - {"authorization_code", "refresh_token"}) == 0
}

# METADATA
# title: Scopes
# description: Those that the backend is made for.
deny contains {
	"rule": "bff.scope",
	"code": "invalid_scope",
	"field": "scope",
	"message": sprintf("The scope %s is not for the backend. Leave it out, or add it to bff/settings.rego.", [scope]),
} if {
	concerned
	some scope in input.scopes
	not scope in settings.scopes
}

# METADATA
# description: Every code is bound to a challenge (RFC 10017, section 6.1.3.2).
require contains {
	"rule": "bff.pkce",
	"name": "pkce_s256",
} if {
	concerned
}

label contains "bff" if concerned
