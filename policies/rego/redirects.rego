# METADATA
# title: Where a client may send the browser back to
# description: >-
#   The server has refused what is never safe before these rules run, and hands them facts: no rule takes a URI apart. A URI
#   passes only if it is known to fit; each that does not is explained.
package ostiary.registration.redirects

# METADATA
# description: Everything this module reads was there, and it had an explanation for every URI it refuses.
checked if {
	input.operation
	input.effective.application_type
	input.redirect_uris
	every uri in misfit { problem(uri) }
}

native if input.effective.application_type == "native"

any_host if count(data.ostiary.config.redirects.allowed_hosts) == 0

host_allowed(_) if any_host

host_allowed(host) if data.ostiary.config.redirects.allowed_hosts[host]

scheme_allowed(uri) if uri.reverse_domain

scheme_allowed(uri) if data.ostiary.config.redirects.allowed_private_schemes[uri.scheme]

# METADATA
# description: An https URI on an allowed host fits every client; the others are for native applications (RFC 8252, section 7).
fits(uri) if {
	uri.class == "https"
	uri.valid
	host_allowed(uri.host)
}

fits(uri) if {
	uri.class == "loopback_http"
	uri.valid
	native
}

fits(uri) if {
	uri.class == "private_scheme"
	uri.valid
	native
	scheme_allowed(uri)
}

misfit contains uri if {
	input.operation in {"register", "update"}
	some uri in input.redirect_uris
	not fits(uri)
}

problem(uri) := {
	"rule": "redirects.malformed",
	"message": sprintf("%s cannot be a redirect URI (%s). Correct it.", [uri.raw, concat(", ", uri.problems)]),
} if {
	not uri.valid
} else := {
	"rule": "redirects.host",
	"message": sprintf("%s: the host %s is not in allowed_hosts. Use an allowed host, or ask the operator to add this one.", [uri.raw, uri.host]),
} if {
	uri.class == "https"
} else := {
	"rule": "redirects.https_only",
	"message": sprintf("%s does not use https. Use https; only a native application may use a loopback or private-use URI.", [uri.raw]),
} if {
	not native
} else := {
	"rule": "redirects.private_scheme",
	"message": sprintf("%s: the scheme %s is neither a reverse domain name (such as com.example.app) nor allowed here. Use one, or ask the operator to add it to allowed_private_schemes.", [uri.raw, uri.scheme]),
} if {
	uri.class == "private_scheme"
} else := {
	"rule": "redirects.https_only",
	"message": sprintf("%s does not use https. Use https, or http on 127.0.0.1 or [::1].", [uri.raw]),
}

# METADATA
# title: Redirect URIs
# description: A URI that does not fit the client is refused, with what is wrong and what to do.
deny contains {
	"rule": found.rule,
	"code": "invalid_redirect_uri",
	"field": "redirect_uris",
	"message": found.message,
	"public": true,
} if {
	some uri in misfit
	found := problem(uri)
}

# METADATA
# title: Mixed schemes
# description: A native application that registers https and http side by side usually means one of them.
warn contains {
	"rule": "redirects.mixed",
	"fields": ["redirect_uris"],
	"message": "redirect_uris mixes https with http on a loopback address. Register the development address with a client of its own.",
} if {
	native
	input.operation in {"register", "update"}
	some local in input.redirect_uris
	local.class == "loopback_http"
	some remote in input.redirect_uris
	remote.class == "https"
}
