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
	is_boolean(input.signed_request.present)
	input.software_statement.trust
	input.caller.kind
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
# description: A site, or a profile of it, may register only clients that somebody vouches for.
deny contains {
	"rule": "software_statement.required",
	"code": "invalid_software_statement",
	"field": "software_statement",
	"message": "Registration needs a software statement here. Send one in the member software_statement.",
	"public": true,
} if {
	input.operation == "register"
	needs_statement
	not input.software_statement.present
}

needs_statement if data.ostiary.config.software_statement.required

needs_statement if data.ostiary.config.profiles[input.profile].software_statement_required

# METADATA
# title: Required signature
# description: A site, or a profile of it, may take documents of clients only as signed requests. Operators need not sign.
deny contains {
	"rule": "software_statement.unsigned_request",
	"code": "invalid_client_metadata",
	"fields": [],
	"message": "The request must be signed here: send a JWT as application/jwt or application/jose whose claims are the document.",
	"public": true,
} if {
	input.operation in {"register", "update"}
	input.caller.kind != "operator"
	needs_signature
	not input.signed_request.present
}

needs_signature if data.ostiary.config.signed_request.required

needs_signature if data.ostiary.config.profiles[input.profile].signed_request_required
