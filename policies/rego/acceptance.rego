# METADATA
# title: Who may ask for what
# description: >-
#   Judges the caller, the channel and the client's profile. A caller, channel or operation that is not listed here is
#   refused.
package ostiary.registration.acceptance

# METADATA
# description: Everything this module reads was there.
checked if {
	input.operation
	input.channel
	input.caller.kind
	input.profile
	input.effective.token_endpoint_auth_method
	input.effective.grant_types
	input.redirect_uris
	input.before.scope
}

# METADATA
# description: >-
#   Kinds of caller by operation and channel. Open registration is apart, because the site switches it on. A client with an
#   access token of its own has the scope dcr.register when it registers others; a certificate alone counts where the site
#   says so.
callers := {
	"register": {
		"dcr": {"initial_access_token", "client_credentials", "mtls", "operator"},
		"operator": {"operator"},
		"cimd": {"client_metadata_document"},
		"import": {"operator"},
	},
	"read": {
		"manage": {"registration_access_token", "client_credentials", "operator"},
		"operator": {"operator"},
	},
	"update": {
		"manage": {"registration_access_token", "client_credentials", "operator"},
		"operator": {"operator"},
		"import": {"operator"},
	},
	"delete": {
		"manage": {"registration_access_token", "client_credentials", "operator"},
		"operator": {"operator"},
		"import": {"operator"},
		"system": {"system"},
	},
	"disable": {
		"operator": {"operator"},
		"system": {"system"},
	},
	"enable": {"operator": {"operator"}},
	"approve": {"operator": {"operator"}},
	"rotate": {"operator": {"operator"}},
	"renew": {"system": {"system"}},
}

permitted if input.caller.kind in callers[input.operation][input.channel]

open_attempt if {
	input.caller.kind == "open"
	input.operation == "register"
	input.channel == "dcr"
}

# METADATA
# title: Caller
# description: This kind of caller may not ask for this operation through this channel.
deny contains {
	"rule": "acceptance.caller",
	"code": "access_denied",
	"fields": [],
	"message": sprintf("The operation %s is not open to this caller here.", [input.operation]),
	"public": true,
} if {
	not permitted
	not open_attempt
}

# METADATA
# title: Open registration
# description: Without a credential, clients register only where the site allows it.
deny contains {
	"rule": "acceptance.open_registration",
	"code": "access_denied",
	"fields": [],
	"message": "Registration needs an initial access token. Ask the operator for one and send it as a bearer token.",
	"public": true,
} if {
	open_attempt
	not data.ostiary.config.registration.open
}

# METADATA
# title: Client ID metadata documents
# description: Clients that are known by a document at their client_id come only where the site allows it.
deny contains {
	"rule": "acceptance.documents_off",
	"code": "access_denied",
	"fields": [],
	"message": "Clients are not known by metadata documents here. Ask the operator to register the client.",
	"public": true,
} if {
	input.channel == "cimd"
	not data.ostiary.config.client_id_metadata_documents.enabled
}

# METADATA
# title: What a document cannot ask for
# description: >-
#   Nobody vouches for a client that only its own document describes. It acts for people, who are asked, and never for itself.
deny contains {
	"rule": "acceptance.document_grant",
	"code": "invalid_client_metadata",
	"field": "grant_types",
	"message": "A client that is known by its metadata document cannot have the grant type client_credentials. Ask the operator to register the client.",
	"public": true,
} if {
	input.channel == "cimd"
	"client_credentials" in input.effective.grant_types
}

profile := data.ostiary.config.profiles[input.profile]

# METADATA
# title: Unknown profile
# description: A profile that the site's configuration does not have restricts nothing, so it may not be used.
deny contains {
	"rule": "acceptance.unknown_profile",
	"code": "invalid_client_metadata",
	"field": "client_profile",
	"message": sprintf("The profile %s is not configured here. Name another one in client_profile, or ask the operator to add it.", [input.profile]),
	"public": true,
} if {
	input.operation in {"register", "update"}
	input.profile != ""
	not profile
}

method_allowed if profile.token_endpoint_auth_methods[input.effective.token_endpoint_auth_method]

# METADATA
# title: Client authentication
# description: A profile may list the ways in which its clients authenticate; an empty list means all.
deny contains {
	"rule": "acceptance.auth_method",
	"code": "invalid_client_metadata",
	"field": "token_endpoint_auth_method",
	"message": sprintf("The profile %s does not allow token_endpoint_auth_method %s. It allows: %s.", [
		input.profile,
		input.effective.token_endpoint_auth_method,
		concat(", ", object.keys(profile.token_endpoint_auth_methods)),
	]),
	"public": true,
} if {
	input.operation in {"register", "update"}
	count(profile.token_endpoint_auth_methods) > 0
	not method_allowed
}

# METADATA
# title: Grant types
# description: A profile may list the grant types of its clients; an empty list means all.
deny contains {
	"rule": "acceptance.grant_type",
	"code": "invalid_client_metadata",
	"field": "grant_types",
	"message": sprintf("The profile %s does not allow the grant type %s. It allows: %s.", [
		input.profile,
		grant,
		concat(", ", object.keys(profile.grant_types)),
	]),
	"public": true,
} if {
	input.operation in {"register", "update"}
	count(profile.grant_types) > 0
	some grant in input.effective.grant_types
	not profile.grant_types[grant]
}

# METADATA
# title: Reserved scopes
# description: >-
#   What an operator registered may hold the scopes that give power over the server itself. Therefore a client cannot add
#   them to itself.
deny contains {
	"rule": "acceptance.reserved_scope",
	"code": "invalid_scope",
	"field": "scope",
	"message": sprintf("A client cannot add the scope %s to itself. Ask the operator to add it.", [scope]),
	"public": true,
} if {
	adds_to_itself
	some scope in {"admin.api", "dcr.register"}
	scope in input.scopes
	not scope in input.before.scope
}

adds_to_itself if {
	input.operation == "update"
	input.caller.kind != "operator"
}

adds_to_itself if input.channel == "cimd"

# METADATA
# title: Number of redirect URIs
# description: The site limits how many redirect URIs one client has.
deny contains {
	"rule": "acceptance.too_many_redirects",
	"code": "invalid_redirect_uri",
	"field": "redirect_uris",
	"message": sprintf("redirect_uris has %d entries; at most %d are allowed. Register the others with a second client.", [
		count(input.redirect_uris),
		data.ostiary.config.redirects.max,
	]),
	"public": true,
} if {
	input.operation in {"register", "update"}
	count(input.redirect_uris) > data.ostiary.config.redirects.max
}
