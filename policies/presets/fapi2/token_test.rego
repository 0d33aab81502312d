package ostiary.token.site.fapi2_test

import data.ostiary.examples
import data.ostiary.token.site.fapi2

# refused gives the rules that refuse a client of the profile which proved itself in some way.
refused(method) := {found.rule | some found in denied} if {
	denied := fapi2.deny with input as examples.token
		with input.provenance.profile as "fapi2"
		with input.auth_method as method
}

test_key_is_accepted if refused("private_key_jwt") == set()

test_secret_is_refused if refused("client_secret_basic") == {"fapi2.method"}

test_public_client_is_refused if refused("none") == {"fapi2.method"}

test_access_tokens_are_short if {
	limits := fapi2.limit with input as examples.token with input.provenance.profile as "fapi2"
	{[l.name, l.value] | some l in limits} == {["access_token", 300]}
}

test_others_are_not_concerned if {
	denied := fapi2.deny with input as examples.token with input.auth_method as "none"
	limits := fapi2.limit with input as examples.token
	count(denied) + count(limits) == 0
}
