package ostiary.registration.scopes_test

import data.ostiary.examples
import data.ostiary.registration.scopes

with_config(path, value) := json.patch(examples.config, [{"op": "replace", "path": path, "value": value}])

test_example_is_accepted if {
	count(scopes.deny) == 0 with input as examples.register with data.ostiary.config as examples.config
	scopes.checked with input as examples.register
}

test_scope_that_is_not_offered_is_named if {
	found := scopes.deny with input as examples.register
		with input.scopes as ["openid", "payments"]
		with data.ostiary.config as examples.config
	{[f.rule, f.code] | some f in found} == {["scopes.not_offered", "invalid_scope"]}
	some finding in found
	contains(finding.message, "payments")
}

test_profile_narrows_scopes if {
	narrow := with_config("/profiles/code-flow-pkjwt/allowed_scopes", {"openid": true})
	found := scopes.deny with input as examples.register
		with input.scopes as ["openid", "email", "payments"]
		with data.ostiary.config as narrow
	{f.rule | some f in found} == {"scopes.not_offered", "scopes.not_in_profile"}
}

test_offline_access_brings_refresh_token if {
	found := scopes.set with input as examples.register with data.ostiary.config as examples.config
	{[f.field, f.value] | some f in found} == {["grant_types", ["authorization_code", "refresh_token"]]}
}

test_offline_access_is_stable if {
	found := scopes.set with input as examples.register
		with input.effective.grant_types as ["authorization_code", "refresh_token"]
		with data.ostiary.config as examples.config
	count(found) == 0
}

test_offline_access_needs_somebody_to_sign_in if {
	found := scopes.set with input as examples.register
		with input.effective.grant_types as ["client_credentials"]
		with data.ostiary.config as examples.config
	count(found) == 0
}

test_profile_without_refresh_token_gets_none if {
	found := scopes.set with input as examples.register
		with data.ostiary.config as with_config("/profiles/code-flow-pkjwt/grant_types", {"authorization_code": true})
	count(found) == 0
}

test_profile_without_a_list_gets_refresh_token if {
	found := scopes.set with input as examples.register
		with data.ostiary.config as with_config("/profiles/code-flow-pkjwt/grant_types", {})
	count(found) == 1
}

test_no_profile_gets_refresh_token if {
	found := scopes.set with input as examples.register
		with input.profile as ""
		with data.ostiary.config as examples.config
	count(found) == 1
}

test_reads_are_not_judged if {
	count(scopes.deny) == 0 with input as examples.read
		with input.scopes as ["payments"]
		with data.ostiary.config as examples.config
}
