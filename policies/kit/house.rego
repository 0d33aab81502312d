# METADATA
# title: Rules of this site for client registrations
# description: >-
#   An example to replace by your own. Rules here add to those that come with Ostiary, and can only make them stricter.
package ostiary.registration.site.house

# Names that only clients of the operator may carry. Look things up in objects and sets; do not search lists.
reserved_names := {"admin", "administrator", "help desk", "support"}

# METADATA
# title: Reserved names
# description: A client that calls itself what people trust is refused, whoever brings it, unless it is the operator.
deny contains {
	"rule": "house.reserved_name",
	"code": "invalid_client_metadata",
	"field": "client_name",
	"message": sprintf("The name %s is reserved here. Choose another client_name.", [input.effective.client_name]),
} if {
	input.operation in {"register", "update"}
	input.caller.kind != "operator"
	lower(input.effective.client_name) in reserved_names
}
