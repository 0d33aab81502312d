# METADATA
# title: Tokens by the FAPI 2.0 Security Profile
# description: Holds also for clients that were registered before their profile was governed.
package ostiary.token.site.fapi2

# METADATA
# description: >-
#   The same profiles as in settings.rego: the rules of one decision see none of another.
profiles := {"fapi2"}

concerned if input.provenance.profile in profiles

# METADATA
# title: Client authentication
# description: Section 5.3.2.1.
deny contains {
	"rule": "fapi2.method",
	"code": "unauthorized_client",
	"message": sprintf("The client proved itself by %s. Use private_key_jwt.", [input.auth_method]),
} if {
	concerned
	input.auth_method != "private_key_jwt"
}

# METADATA
# description: Seconds that access tokens live, as in settings.rego.
limit contains {
	"rule": "fapi2.access_token",
	"name": "access_token",
	"value": 300,
} if {
	concerned
}
