# METADATA
# title: Which scopes a client may have
# description: A client asks only for scopes that the site offers and its profile admits.
package ostiary.registration.scopes

# METADATA
# description: Everything this module reads was there.
checked if {
	input.operation
	input.profile
	input.scopes
	input.effective.grant_types
}

# METADATA
# title: Offered scopes
# description: A scope that the site does not list in allowed_scopes is refused by name.
deny contains {
	"rule": "scopes.not_offered",
	"code": "invalid_scope",
	"field": "scope",
	"message": sprintf("The scope %s is not offered here. Leave it out, or ask the operator to add it to allowed_scopes.", [scope]),
	"public": true,
} if {
	input.operation in {"register", "update"}
	some scope in input.scopes
	not data.ostiary.config.allowed_scopes[scope]
}

profile_scopes := data.ostiary.config.profiles[input.profile].allowed_scopes

# METADATA
# title: Scopes of the profile
# description: A profile may narrow the scopes further; an empty list means all that are offered.
deny contains {
	"rule": "scopes.not_in_profile",
	"code": "invalid_scope",
	"field": "scope",
	"message": sprintf("The profile %s does not admit the scope %s. Leave it out, or register under another profile.", [input.profile, scope]),
	"public": true,
} if {
	input.operation in {"register", "update"}
	count(profile_scopes) > 0
	some scope in input.scopes
	data.ostiary.config.allowed_scopes[scope]
	not profile_scopes[scope]
}

profile_grants := data.ostiary.config.profiles[input.profile].grant_types

refresh_allowed if not profile_grants

refresh_allowed if count(profile_grants) == 0

refresh_allowed if profile_grants.refresh_token

# METADATA
# title: Offline access
# description: >-
#   A client that signs people in and holds offline_access also gets the grant type refresh_token, without which the scope
#   would mean nothing.
set contains {
	"rule": "scopes.offline_access",
	"field": "grant_types",
	"value": array.concat(input.effective.grant_types, ["refresh_token"]),
} if {
	input.operation in {"register", "update"}
	"offline_access" in input.scopes
	"authorization_code" in input.effective.grant_types
	not "refresh_token" in input.effective.grant_types
	refresh_allowed
}
