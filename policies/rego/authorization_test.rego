package ostiary.authorization_test

import data.ostiary.authorization
import data.ostiary.examples

test_example_is_allowed if {
	verdict := authorization.decision with input as examples.authorization
	verdict.allow
	verdict.unchecked == set()
	verdict.strip == set()
}

test_denial_carries_its_module if {
	verdict := authorization.decision with input as examples.authorization with input.scopes as ["payments"]
	not verdict.allow
	{[d.module, d.rule] | some d in verdict.deny} == {["scopes", "scopes.not_registered"]}
}

test_module_that_does_not_report_refuses if {
	verdict := authorization.decision with input as examples.authorization
		with data.ostiary.authorization.scopes.checked as false
	count(verdict.deny) == 0
	not verdict.allow
	verdict.unchecked == {"scopes"}
	other := authorization.decision with input as examples.authorization
		with data.ostiary.authorization.consent.checked as false
	not other.allow
	other.unchecked == {"consent"}
}

test_every_set_of_every_module_counts if {
	verdict := authorization.decision with input as examples.authorization
		with data.ostiary.authorization.scopes.deny as {{"rule": "scopes"}}
		with data.ostiary.authorization.scopes.strip as {{"rule": "scopes"}}
		with data.ostiary.authorization.scopes.require as {{"rule": "scopes"}}
		with data.ostiary.authorization.scopes.limit as {{"rule": "scopes"}}
		with data.ostiary.authorization.consent.deny as {{"rule": "consent"}}
		with data.ostiary.authorization.consent.strip as {{"rule": "consent"}}
		with data.ostiary.authorization.consent.require as {{"rule": "consent"}}
		with data.ostiary.authorization.consent.limit as {{"rule": "consent"}}
		with data.ostiary.authorization.site.x.deny as {{"rule": "site.x"}}
		with data.ostiary.authorization.site.x.strip as {{"rule": "site.x"}}
		with data.ostiary.authorization.site.x.require as {{"rule": "site.x"}}
		with data.ostiary.authorization.site.x.limit as {{"rule": "site.x"}}
	not verdict.allow
	every name in ["deny", "strip", "require", "limit"] {
		{found.module | some found in verdict[name]} == {"scopes", "consent", "site.x"}
		every found in verdict[name] {
			found.module == found.rule
		}
	}
}
