package ostiary.token.scopes_test

import data.ostiary.examples
import data.ostiary.token.scopes

rules(found) := {[f.rule, f.scope] | some f in found}

test_examples_are_accepted if {
	every question in [examples.token, examples.client_credentials] {
		count(scopes.deny) == 0 with input as question
		count(scopes.strip) == 0 with input as question
		scopes.checked with input as question
	}
}

test_no_client if {
	found := scopes.deny with input as examples.token with input.client.client_id as ""
	{f.rule | some f in found} == {"scopes.no_client"}
}

test_scope_that_the_client_lost_is_left_out if {
	found := scopes.strip with input as examples.token with input.client.scope as ["openid", "profile", "email"]
	rules(found) == {["scopes.not_registered", "offline_access"]}
}

test_power_is_for_administrators if {
	others := scopes.strip with input as examples.token with input.scopes as ["admin.api", "dcr.register"]
	rules(others) == {["scopes.reserved", "admin.api"], ["scopes.reserved", "dcr.register"]}
	administrator := scopes.strip with input as examples.token
		with input.scopes as ["admin.api", "dcr.register"]
		with input.user.admin as true
	count(administrator) == 0
}

test_power_is_for_clients_of_operators if {
	every channel in ["dcr", "manage", "", "import"] {
		found := scopes.strip with input as examples.client_credentials with input.provenance.channel as channel
		rules(found) == {["scopes.reserved", "dcr.register"]}
	}
}

test_client_does_not_lend_its_power_to_people if {
	found := scopes.strip with input as examples.token with input.scopes as ["dcr.register"]
	examples.token.provenance.channel == "operator"
	rules(found) == {["scopes.reserved", "dcr.register"]}
}

test_only_client_credentials_make_a_client_its_own_master if {
	found := scopes.strip with input as examples.client_credentials with input.grant_type as "refresh_token"
	rules(found) == {["scopes.reserved", "dcr.register"]}
}
