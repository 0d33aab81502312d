package ostiary.registration.site.house_test

import data.ostiary.examples
import data.ostiary.registration.site.house

# refused gives the rules of this module that refuse the example's client under another name. What other modules say of it is
# for their own tests.
refused(name) := {found.rule |
	some found in house.deny with input as examples.register
		with input.effective.client_name as name
}

test_reserved_name_is_refused if refused("Support") == {"house.reserved_name"}

test_other_names_are_accepted if refused("Support tool") == set()

test_operator_may_use_it if {
	found := house.deny with input as examples.register
		with input.caller.kind as "operator"
		with input.effective.client_name as "Support"
	found == set()
}
