# METADATA
# title: Which scopes an authorization may carry
# description: A client gets only scopes it is registered for, and power over the server only through an administrator.
package ostiary.authorization.scopes

# METADATA
# description: Everything this module reads was there.
checked if {
	input.scopes
	input.client.client_id
	input.client.scope
	is_boolean(input.user.admin)
}

# METADATA
# title: No client
# description: Nothing is authorized for nobody.
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
# description: A scope that the client is not registered for is refused by name.
deny contains {
	"rule": "scopes.not_registered",
	"code": "invalid_scope",
	"field": "scope",
	"message": sprintf("The client is not registered for the scope %s. Leave it out, or add it to the client.", [scope]),
	"public": true,
} if {
	some scope in input.scopes
	not registered[scope]
}

reserved := {"admin.api", "dcr.register"}

# METADATA
# title: Administrators only
# description: >-
#   Being registered for a scope is permission to ask, not to hold. Scopes that give power over the server itself are left
#   out unless the person is an administrator.
strip contains {
	"rule": "scopes.administrators_only",
	"scope": scope,
	"message": sprintf("Only administrators hold the scope %s.", [scope]),
} if {
	some scope in reserved
	scope in input.scopes
	not input.user.admin == true
}
