# METADATA
# title: What a software statement is worth
# description: >-
#   The server has verified the statement as far as it can: trust is issuer when a configured issuer signed it, self when its
#   own keys did, else none.
package ostiary.registration.software_statement

# METADATA
# description: Everything this module reads was there.
checked if {
	input.operation
	is_boolean(input.software_statement.present)
	input.software_statement.trust
}

trusted if input.software_statement.trust == "issuer"

trusted if {
	input.software_statement.trust == "self"
	data.ostiary.config.software_statement.accept_self_signed
}

# METADATA
# title: Unapproved statement
# description: A statement that no configured issuer signed proves nothing, whatever it claims.
deny contains {
	"rule": "software_statement.untrusted",
	"code": "unapproved_software_statement",
	"field": "software_statement",
	"message": "The software statement is not signed by an issuer that is accepted here. Leave it out, or ask the operator to accept its issuer.",
	"public": true,
} if {
	input.operation in {"register", "update"}
	input.software_statement.present
	not trusted
}

# METADATA
# title: Required statement
# description: A site may register only clients that somebody vouches for.
deny contains {
	"rule": "software_statement.required",
	"code": "invalid_software_statement",
	"field": "software_statement",
	"message": "Registration needs a software statement here. Send one in the member software_statement.",
	"public": true,
} if {
	input.operation == "register"
	data.ostiary.config.software_statement.required
	not input.software_statement.present
}
