package ostiary.registration.site.house_test

import data.ostiary.examples
import data.ostiary.registration.decision

# named gives the verdict on the example's client under another name.
named(name) := verdict if {
	verdict := decision with input as examples.register
		with input.effective.client_name as name
		with data.ostiary.config as examples.config
}

test_reserved_name_is_refused if {
	verdict := named("Support")
	not verdict.allow
	{found.rule | some found in verdict.deny} == {"house.reserved_name"}
}

test_other_names_are_accepted if {
	verdict := named("Support tool")
	verdict.allow
}

test_operator_may_use_it if {
	verdict := decision with input as examples.register
		with input.caller.kind as "operator"
		with input.effective.client_name as "Support"
		with data.ostiary.config as examples.config
	verdict.allow
}
