package ostiary.authorization.scopes_test

import data.ostiary.authorization.scopes
import data.ostiary.examples

test_example_is_accepted if {
	count(scopes.deny) == 0 with input as examples.authorization
	count(scopes.strip) == 0 with input as examples.authorization
	scopes.checked with input as examples.authorization
}

test_no_client if {
	found := scopes.deny with input as examples.authorization with input.client.client_id as ""
	{f.rule | some f in found} == {"scopes.no_client"}
}

test_scope_that_is_not_registered_is_named if {
	found := scopes.deny with input as examples.authorization with input.scopes as ["openid", "payments"]
	{f.rule | some f in found} == {"scopes.not_registered"}
	every f in found {
		f.code == "invalid_scope"
		contains(f.message, "payments")
	}
}

test_power_is_for_administrators if {
	asked := ["openid", "admin.api", "dcr.register"]
	others := scopes.strip with input as examples.authorization with input.scopes as asked
	{f.scope | some f in others} == {"admin.api", "dcr.register"}
	administrator := scopes.strip with input as examples.authorization
		with input.scopes as asked
		with input.user.admin as true
	count(administrator) == 0
}
