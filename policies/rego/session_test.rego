package ostiary.session_test

import data.ostiary.examples
import data.ostiary.session

test_example_is_allowed if {
	verdict := session.decision with input as examples.session
	verdict.allow
	verdict.unchecked == set()
	verdict.limit == set()
}

test_denial_carries_its_module if {
	verdict := session.decision with input as examples.session with input.for as "console"
	not verdict.allow
	{[d.module, d.rule] | some d in verdict.deny} == {["people", "people.administrators_only"]}
}

test_module_that_does_not_report_refuses if {
	verdict := session.decision with input as examples.session
		with data.ostiary.session.people.checked as false
	count(verdict.deny) == 0
	not verdict.allow
	verdict.unchecked == {"people"}
}

test_every_set_of_every_module_counts if {
	verdict := session.decision with input as examples.session
		with data.ostiary.session.people.deny as {{"rule": "people"}}
		with data.ostiary.session.people.limit as {{"rule": "people"}}
		with data.ostiary.session.site.x.deny as {{"rule": "site.x"}}
		with data.ostiary.session.site.x.limit as {{"rule": "site.x"}}
	not verdict.allow
	every name in ["deny", "limit"] {
		{found.module | some found in verdict[name]} == {"people", "site.x"}
		every found in verdict[name] {
			found.module == found.rule
		}
	}
}
