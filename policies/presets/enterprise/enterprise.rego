# METADATA
# title: Strict registration for a company
# description: >-
#   Only who holds an initial access token brings a client. It returns to the company's domains, proves itself, somebody answers for
#   it, and somebody lets it in.
package ostiary.registration.site.enterprise

import data.ostiary.registration.site.enterprise.settings

# METADATA
# title: No open registration
# description: Whatever registration.open says in dcr_config.yaml, and whatever the profile.
deny contains {
	"rule": "enterprise.no_open",
	"code": "access_denied",
	"fields": [],
	"message": "Clients are registered with an initial access token here. Ask the operator for one.",
} if {
	input.operation == "register"
	not input.caller.kind in {"initial_access_token", "operator"}
}

# METADATA
# title: Profiles that others look after
# description: A client cannot choose its way around these rules. Only a token that was minted for such a profile opens it.
deny contains {
	"rule": "enterprise.other_profile",
	"code": "access_denied",
	"field": "client_profile",
	"message": sprintf("The profile %s needs an initial access token that was minted for it.", [input.profile]),
} if {
	input.operation == "register"
	input.caller.kind == "initial_access_token"
	input.profile in settings.other_profiles
	input.iat.profile != input.profile
}

concerned if {
	input.operation in {"register", "update"}
	not input.profile in settings.other_profiles
}

# METADATA
# title: Client authentication
# description: Confidential clients only. A public one cannot show that it is itself (RFC 6749, section 2.1).
deny contains {
	"rule": "enterprise.method",
	"code": "invalid_client_metadata",
	"field": "token_endpoint_auth_method",
	"message": sprintf("token_endpoint_auth_method %s is not accepted here. Use private_key_jwt, or client_secret_basic.", [
		input.effective.token_endpoint_auth_method,
	]),
} if {
	concerned
	not input.effective.token_endpoint_auth_method in settings.methods
}

# METADATA
# description: A key cannot leak from a log (RFC 9700, section 2.5).
warn contains {
	"rule": "enterprise.prefer_keys",
	"field": "token_endpoint_auth_method",
	"message": "The client has a secret, which has to be renewed. Prefer private_key_jwt.",
} if {
	concerned
	input.effective.token_endpoint_auth_method == "client_secret_basic"
}

limit contains {
	"rule": "enterprise.secret_lifetime",
	"name": "client_secret_lifetime",
	"value": settings.secret_lifetime,
} if {
	concerned
}

returns_home(uri) if {
	uri.class == "https"
	uri.registrable_domain in settings.redirect_domains
}

returns_home(uri) if {
	settings.loopback
	uri.class == "loopback_http"
}

# METADATA
# title: Redirect URIs
# description: https on a domain of the company. No wildcard is needed, and none exists.
deny contains {
	"rule": "enterprise.redirect_domain",
	"code": "invalid_redirect_uri",
	"field": "redirect_uris",
	"message": sprintf("%s is not https on one of: %s.", [uri.raw, concat(", ", settings.redirect_domains)]),
} if {
	concerned
	some uri in input.redirect_uris
	not returns_home(uri)
}

# METADATA
# title: Where browsers are sent otherwise
# description: After signing out, and to begin a sign-in.
deny contains {
	"rule": "enterprise.other_domain",
	"code": "invalid_client_metadata",
	"field": uri.member,
	"message": sprintf("%s is not https on one of: %s.", [uri.raw, concat(", ", settings.redirect_domains)]),
} if {
	concerned
	some uri in input.uris
	uri.member in {"post_logout_redirect_uris", "initiate_login_uri"}
	not returns_home(uri)
}

keys_at_home(uri) if {
	uri.class == "https"
	uri.registrable_domain in settings.key_domains
}

# METADATA
# title: Keys
# description: Who can write at jwks_uri can be the client.
deny contains {
	"rule": "enterprise.key_domain",
	"code": "invalid_client_metadata",
	"field": "jwks_uri",
	"message": sprintf("jwks_uri is not on one of: %s.", [concat(", ", settings.key_domains)]),
} if {
	concerned
	some uri in input.uris
	uri.member == "jwks_uri"
	not keys_at_home(uri)
}

colleague(contact) if {
	[_, domain] := split(lower(contact), "@")
	domain in settings.contact_domains
}

# METADATA
# title: Contacts
# description: Somebody of the company answers for every client (RFC 7591, section 2).
deny contains {
	"rule": "enterprise.no_contact",
	"code": "invalid_client_metadata",
	"field": "contacts",
	"message": "contacts is empty. Name somebody who answers for the client.",
} if {
	concerned
	count(input.effective.contacts) == 0
}

deny contains {
	"rule": "enterprise.contact",
	"code": "invalid_client_metadata",
	"field": "contacts",
	"message": sprintf("The contact %s is not an address at one of: %s.", [contact, concat(", ", settings.contact_domains)]),
} if {
	concerned
	some contact in input.effective.contacts
	not colleague(contact)
}

# What people see of a client, and go by.
shown := {"client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri"}

looked_at if input.operation == "register"

looked_at if {
	input.operation == "update"
	some member in input.changed
	split(member, "#")[0] in shown
}

# METADATA
# title: Approval
# description: >-
#   Somebody looks at every client that an operator did not bring. Until then it can do nothing. Once approved it cannot widen by itself
#   what was approved, and an operator changes its name and its links: under another name it is not the client that was looked at.
require contains {
	"rule": "enterprise.approval",
	"name": "approval",
	"params": {"queue": "enterprise", "expires_in": settings.approval_within},
} if {
	concerned
	looked_at
	input.caller.kind != "operator"
}

label contains "enterprise" if concerned
