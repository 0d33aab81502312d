# METADATA
# title: Authorizations by the FAPI 2.0 Security Profile
# description: Holds also for clients that were registered before their profile was governed.
package ostiary.authorization.site.fapi2

# METADATA
# description: >-
#   The same profiles as in settings.rego: the rules of one decision see none of another.
profiles := {"fapi2"}

concerned if input.provenance.profile in profiles

# METADATA
# title: Pushed requests
# description: Section 5.3.2.2.
deny contains {
	"rule": "fapi2.par",
	"code": "invalid_request",
	"message": "The client pushes its requests: send this one to the endpoint par first (RFC 9126).",
} if {
	concerned
	not input.par
}

# METADATA
# title: PKCE
# description: Section 5.3.2.2.
deny contains {
	"rule": "fapi2.challenge",
	"code": "invalid_request",
	"message": "The request has no code_challenge. Send one with code_challenge_method S256 (RFC 7636).",
} if {
	concerned
	not input.challenge
}

# METADATA
# title: Codes only
# description: Section 5.3.2.2.
deny contains {
	"rule": "fapi2.response_type",
	"code": "invalid_request",
	"field": "response_type",
	"message": "Use response_type code.",
} if {
	concerned
	input.response_type != "code"
}

# METADATA
# title: https
# description: Section 5.3.2.2.
deny contains {
	"rule": "fapi2.redirect",
	"code": "invalid_request",
	"field": "redirect_uri",
	"message": "The redirect URI does not use https.",
} if {
	concerned
	input.redirect_uri.class != "https"
}
