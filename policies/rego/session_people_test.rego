package ostiary.session.people_test

import data.ostiary.examples
import data.ostiary.session.people

rules(found) := {f.rule | some f in found}

test_example_is_accepted if {
	count(people.deny) == 0 with input as examples.session
	people.checked with input as examples.session
}

test_nobody if {
	absent := people.deny with input as examples.session with input.user.present as false
	nameless := people.deny with input as examples.session with input.subject as ""
	rules(absent) == {"people.nobody"}
	rules(nameless) == {"people.nobody"}
}

test_console_is_for_administrators if {
	others := people.deny with input as examples.session with input.for as "console"
	rules(others) == {"people.administrators_only"}
	administrator := people.deny with input as examples.session
		with input.for as "console"
		with input.user.admin as true
	count(administrator) == 0
}

test_no_other_kind_is_known if {
	not people.checked with input as examples.session with input.for as "elsewhere"
}
