# METADATA
# title: Open registration for MCP and native clients
# description: >-
#   Anybody may register a public client here, so everything about it is only a claim. What it may hold is small, where the browser
#   goes afterwards is known, and nobody bears another's name (impersonation.rego).
package ostiary.registration.site.mcp

import data.ostiary.registration.site.mcp.settings

# METADATA
# description: The registrations that these rules are about. An operator may do what strangers may not.
concerned if {
	input.operation in {"register", "update"}
	input.profile in settings.profiles
	input.caller.kind != "operator"
}

# METADATA
# description: Profiles that strangers may register under, because rules govern them. Those of other presets count as well.
open_profiles contains profile if some profile in settings.profiles

guarded contains profile if {
	some name
	some profile in data.ostiary.registration.site[name].open_profiles
}

# METADATA
# title: The way in
# description: >-
#   With registration.open, a stranger could name any profile of dcr_config.yaml. Only those that rules govern are for strangers;
#   the others are for holders of an initial access token.
deny contains {
	"rule": "mcp.profile",
	"code": "access_denied",
	"field": "client_profile",
	"message": sprintf("The profile %s is not for open registration. Leave client_profile out, or ask for an initial access token.", [input.profile]),
} if {
	input.operation == "register"
	input.caller.kind == "open"
	not input.profile in guarded
}

# METADATA
# title: Client authentication
# description: A client on people's machines keeps no secret (RFC 8252, section 8.5); it is public, or has a key of its own.
deny contains {
	"rule": "mcp.method",
	"code": "invalid_client_metadata",
	"field": "token_endpoint_auth_method",
	"message": sprintf("token_endpoint_auth_method %s is not for clients that register themselves. Use none or private_key_jwt.", [
		input.effective.token_endpoint_auth_method,
	]),
} if {
	concerned
	"token_endpoint_auth_method" in input.present
	not input.effective.token_endpoint_auth_method in settings.methods
}

# METADATA
# description: A client that does not say gets no secret, which is what it would get by default (RFC 7591, section 2).
set contains {
	"rule": "mcp.public",
	"field": "token_endpoint_auth_method",
	"value": "none",
} if {
	concerned
	not "token_endpoint_auth_method" in input.present
	not input.effective.token_endpoint_auth_method in settings.methods
}

# METADATA
# title: Grant types
# description: A person is always there. A client of its own right (client_credentials) needs somebody to vouch for it.
deny contains {
	"rule": "mcp.grant_type",
	"code": "invalid_client_metadata",
	"field": "grant_types",
	"message": sprintf("The grant type %s is not for clients that register themselves. Use authorization_code and refresh_token.", [grant]),
} if {
	concerned
	some grant in input.effective.grant_types
	not grant in settings.grant_types
}

# METADATA
# title: Power over the server
# description: Never for clients that came by themselves. The profile's allowed_scopes in dcr_config.yaml bounds the others.
deny contains {
	"rule": "mcp.power",
	"code": "invalid_scope",
	"field": "scope",
	"message": sprintf("The scope %s is not for clients that register themselves. Leave it out.", [scope]),
} if {
	concerned
	some scope in input.scopes
	scope in settings.power
}

# METADATA
# title: Number of redirect URIs
# description: As many as an editor needs, and not as many as somebody who collects them.
deny contains {
	"rule": "mcp.too_many_redirects",
	"code": "invalid_redirect_uri",
	"field": "redirect_uris",
	"message": sprintf("redirect_uris has %d entries; at most %d are allowed here.", [count(input.redirect_uris), settings.max_redirect_uris]),
} if {
	concerned
	count(input.redirect_uris) > settings.max_redirect_uris
}

known_host(host) if host in settings.more_hosts

known_host(host) if {
	some client in known_clients
	host in client.hosts
}

known_host(host) if {
	some client in settings.own
	host in client.hosts
}

# METADATA
# title: Hosts
# description: >-
#   A code that goes to a host of the attacker's choice is the attacker's (RFC 9700, section 4.1). A redirect to the person's own
#   machine (RFC 8252, section 7.3) has no host to know.
deny contains {
	"rule": "mcp.unknown_host",
	"code": "invalid_redirect_uri",
	"field": "redirect_uris",
	"message": sprintf("%s: the host %s is not one that is known here. Use a loopback redirect URI, or ask the operator to add the host.", [
		uri.raw,
		uri.host,
	]),
} if {
	concerned
	some uri in input.redirect_uris
	uri.class == "https"
	not known_host(uri.host)
}

on_the_machine(uri) if uri.class in {"loopback_http", "private_scheme"}

# METADATA
# title: Where browsers are sent otherwise
# description: After signing out, and to begin a sign-in. A host that nobody knows would make this server send people anywhere.
deny contains {
	"rule": "mcp.other_host",
	"code": "invalid_client_metadata",
	"field": uri.member,
	"message": sprintf("%s: the host %s is not one that is known here.", [uri.raw, uri.host]),
} if {
	concerned
	some uri in input.uris
	uri.member in {"post_logout_redirect_uris", "initiate_login_uri"}
	not on_the_machine(uri)
	not known_host(uri.host)
}

# METADATA
# description: A client that nobody removes goes away.
limit contains {
	"rule": "mcp.lifetime",
	"name": "client_lifetime",
	"value": settings.lifetime,
} if {
	concerned
}

label contains "mcp" if concerned
