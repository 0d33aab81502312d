# METADATA
# title: How long tokens live
# description: What policy decided when the client was registered holds for all its tokens.
package ostiary.token.lifetimes

# METADATA
# description: Everything this module reads was there.
checked if {
	is_number(input.limits.access_token)
	is_number(input.limits.id_token)
	is_number(input.limits.refresh_token)
}

# METADATA
# title: The client's limits
# description: The lifetimes that rules of the registration decision gave the client; 0 is none.
limit contains {
	"rule": "lifetimes.client",
	"name": name,
	"value": value,
} if {
	some name, value in input.limits
	value > 0
}
