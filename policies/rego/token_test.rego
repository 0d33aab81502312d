package ostiary.token_test

import data.ostiary.examples
import data.ostiary.token

test_examples_are_allowed if {
	every question in [examples.token, examples.client_credentials] {
		verdict := token.decision with input as question
		verdict.allow
		verdict.unchecked == set()
		verdict.strip == set()
		verdict.limit == set()
	}
}

test_denial_carries_its_module if {
	verdict := token.decision with input as examples.token with input.client.client_id as ""
	not verdict.allow
	{[d.module, d.rule] | some d in verdict.deny} == {["scopes", "scopes.no_client"]}
}

test_every_module_must_report if {
	verdict := token.decision with input as examples.token
		with data.ostiary.token.scopes.checked as false
		with data.ostiary.token.lifetimes.checked as false
	count(verdict.deny) == 0
	not verdict.allow
	verdict.unchecked == {"lifetimes", "scopes"}
}

test_every_set_of_every_module_counts if {
	verdict := token.decision with input as examples.token
		with data.ostiary.token.scopes.deny as {{"rule": "scopes"}}
		with data.ostiary.token.scopes.strip as {{"rule": "scopes"}}
		with data.ostiary.token.scopes.limit as {{"rule": "scopes"}}
		with data.ostiary.token.lifetimes.deny as {{"rule": "lifetimes"}}
		with data.ostiary.token.lifetimes.strip as {{"rule": "lifetimes"}}
		with data.ostiary.token.lifetimes.limit as {{"rule": "lifetimes"}}
		with data.ostiary.token.site.x.deny as {{"rule": "site.x"}}
		with data.ostiary.token.site.x.strip as {{"rule": "site.x"}}
		with data.ostiary.token.site.x.limit as {{"rule": "site.x"}}
	not verdict.allow
	every name in ["deny", "strip", "limit"] {
		{found.module | some found in verdict[name]} == {"scopes", "lifetimes", "site.x"}
		every found in verdict[name] {
			found.module == found.rule
		}
	}
}
