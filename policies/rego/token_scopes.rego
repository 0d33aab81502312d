# METADATA
# title: Which scopes a token may carry
# description: >-
#   Judged anew for every token, so that a refreshed one follows what changed since the sign-in: the client's scopes, and
#   whether the person still is an administrator.
package ostiary.token.scopes

# METADATA
# description: Everything this module reads was there.
checked if {
	input.grant_type
	input.scopes
	input.client.client_id
	input.client.scope
	input.provenance.channel
	is_boolean(input.user.present)
	is_boolean(input.user.admin)
}

# METADATA
# title: No client
# description: Nothing is issued to nobody.
deny contains {
	"rule": "scopes.no_client",
	"code": "unauthorized_client",
	"message": "The request names no registered client.",
	"public": true,
} if {
	input.client.client_id == ""
}

registered := {scope | some scope in input.client.scope}

# METADATA
# title: Registered scopes
# description: A scope that the client is not, or no longer, registered for is left out.
strip contains {
	"rule": "scopes.not_registered",
	"scope": scope,
	"message": sprintf("The client is not registered for the scope %s.", [scope]),
} if {
	some scope in input.scopes
	not registered[scope]
}

reserved := {"admin.api", "dcr.register"}

# METADATA
# title: Reserved scopes
# description: >-
#   Being registered for a scope is permission to ask, not to hold. Scopes that give power over the server itself are for
#   administrators, and for clients of their own that an operator registered.
strip contains {
	"rule": "scopes.reserved",
	"scope": scope,
	"message": sprintf("The scope %s is for administrators, and for clients that an operator registered.", [scope]),
} if {
	some scope in reserved
	scope in input.scopes
	not may_hold
}

may_hold if {
	input.user.present == true
	input.user.admin == true
}

may_hold if {
	input.user.present == false
	input.grant_type == "client_credentials"
	input.provenance.channel == "operator"
}
