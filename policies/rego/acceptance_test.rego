package ostiary.registration.acceptance_test

import data.ostiary.examples
import data.ostiary.registration.acceptance

rules(found) := {finding.rule | some finding in found}

with_grants(grants) := json.patch(examples.register, [{"op": "replace", "path": "/effective/grant_types", "value": grants}])

with_config(path, value) := json.patch(examples.config, [{"op": "replace", "path": path, "value": value}])

test_example_is_accepted if {
	count(acceptance.deny) == 0 with input as examples.register with data.ostiary.config as examples.config
	acceptance.checked with input as examples.register
}

test_everybody_has_a_door if {
	every door in [
		["register", "dcr", "initial_access_token"], ["register", "dcr", "operator"], ["register", "operator", "operator"],
		["register", "dcr", "client_credentials"], ["register", "dcr", "mtls"],
		["read", "manage", "client_credentials"], ["update", "manage", "client_credentials"], ["delete", "manage", "client_credentials"],
		["read", "manage", "registration_access_token"], ["update", "manage", "registration_access_token"],
		["delete", "manage", "registration_access_token"], ["delete", "operator", "operator"],
		["disable", "operator", "operator"], ["enable", "operator", "operator"], ["disable", "system", "system"],
		["register", "import", "operator"], ["update", "import", "operator"], ["delete", "import", "operator"],
		["approve", "operator", "operator"], ["rotate", "operator", "operator"], ["register", "cimd", "client_metadata_document"],
		["delete", "system", "system"], ["renew", "system", "system"],
	] {
		acceptance.permitted with input.operation as door[0] with input.channel as door[1] with input.caller.kind as door[2]
	}
}

test_everything_else_is_closed if {
	every door in [
		["register", "manage", "registration_access_token"], ["register", "operator", "initial_access_token"],
		["read", "manage", "initial_access_token"], ["disable", "manage", "registration_access_token"],
		["register", "import", "initial_access_token"], ["register", "import", "open"], ["disable", "import", "operator"],
		["approve", "dcr", "initial_access_token"], ["approve", "manage", "registration_access_token"],
		["rotate", "manage", "registration_access_token"], ["renew", "operator", "operator"], ["renew", "manage", "registration_access_token"],
		["delete", "operator", "system"], ["delete", "system", "operator"], ["update", "system", "system"],
		["register", "operator", "client_credentials"], ["update", "manage", "mtls"], ["delete", "operator", "client_credentials"],
		["register", "cimd", "open"], ["register", "cimd", "operator"], ["update", "cimd", "client_metadata_document"],
		["register", "dcr", "client_metadata_document"], ["adopt", "operator", "operator"], ["register", "backdoor", "operator"], ["register", "dcr", "stranger"],
		["disable", "system", "operator"], ["disable", "operator", "system"], ["enable", "system", "system"],
		["", "", ""],
	] {
		found := acceptance.deny with input as examples.register
			with input.operation as door[0]
			with input.channel as door[1]
			with input.caller.kind as door[2]
			with data.ostiary.config as examples.config
		"acceptance.caller" in rules(found)
	}
}

test_open_registration_is_a_switch if {
	closed := acceptance.deny with input as examples.register
		with input.caller.kind as "open"
		with data.ostiary.config as examples.config
	rules(closed) == {"acceptance.open_registration"}
	opened := acceptance.deny with input as examples.register
		with input.caller.kind as "open"
		with data.ostiary.config as with_config("/registration/open", true)
	count(opened) == 0
}

documented := json.patch(examples.register, [
	{"op": "replace", "path": "/channel", "value": "cimd"},
	{"op": "replace", "path": "/caller/kind", "value": "client_metadata_document"},
	{"op": "replace", "path": "/scopes", "value": ["openid", "email"]},
])

test_documents_are_a_switch if {
	closed := acceptance.deny with input as documented with data.ostiary.config as examples.config
	rules(closed) == {"acceptance.documents_off"}
	opened := acceptance.deny with input as documented
		with data.ostiary.config as with_config("/client_id_metadata_documents/enabled", true)
	count(opened) == 0
}

test_document_cannot_act_for_itself if {
	found := acceptance.deny with input as json.patch(documented, [{
		"op": "replace", "path": "/effective/grant_types", "value": ["authorization_code", "client_credentials"],
	}])
		with input.profile as ""
		with data.ostiary.config as with_config("/client_id_metadata_documents/enabled", true)
	rules(found) == {"acceptance.document_grant"}
	registered := acceptance.deny with input as with_grants(["authorization_code", "client_credentials"])
		with input.profile as ""
		with data.ostiary.config as examples.config
	count(registered) == 0
}

test_document_cannot_have_reserved_scopes if {
	every scope in ["admin.api", "dcr.register"] {
		found := acceptance.deny with input as documented
			with input.scopes as ["openid", scope]
			with data.ostiary.config as with_config("/client_id_metadata_documents/enabled", true)
		rules(found) == {"acceptance.reserved_scope"}
	}
	registered := acceptance.deny with input as examples.register
		with input.scopes as ["openid", "admin.api"]
		with data.ostiary.config as examples.config
	count(registered) == 0
}

test_unknown_profile if {
	found := acceptance.deny with input as examples.register
		with input.profile as "nobody"
		with data.ostiary.config as examples.config
	rules(found) == {"acceptance.unknown_profile"}
}

test_no_profile_restricts_nothing if {
	found := acceptance.deny with input as examples.register
		with input.profile as ""
		with input.effective.token_endpoint_auth_method as "none"
		with data.ostiary.config as examples.config
	count(found) == 0
}

test_auth_method_of_the_profile if {
	found := acceptance.deny with input as examples.register
		with input.effective.token_endpoint_auth_method as "client_secret_basic"
		with data.ostiary.config as examples.config
	rules(found) == {"acceptance.auth_method"}
	some finding in found
	contains(finding.message, "client_secret_basic")
	contains(finding.message, "private_key_jwt")
}

test_empty_list_of_methods_allows_all if {
	found := acceptance.deny with input as examples.register
		with input.effective.token_endpoint_auth_method as "client_secret_basic"
		with data.ostiary.config as with_config("/profiles/code-flow-pkjwt/token_endpoint_auth_methods", {})
	count(found) == 0
}

test_grant_types_of_the_profile if {
	found := acceptance.deny with input as with_grants(["authorization_code", "client_credentials"])
		with data.ostiary.config as examples.config
	rules(found) == {"acceptance.grant_type"}
	some finding in found
	contains(finding.message, "client_credentials")
}

test_too_many_redirect_uris if {
	found := acceptance.deny with input as examples.register
		with data.ostiary.config as with_config("/redirects/max", 2)
	rules(found) == {"acceptance.too_many_redirects"}
}

test_reads_are_not_judged_by_profile if {
	found := acceptance.deny with input as examples.read
		with input.profile as "nobody"
		with data.ostiary.config as examples.config
	count(found) == 0
}

test_client_cannot_add_power_to_itself if {
	every scope in ["admin.api", "dcr.register"] {
		taken := acceptance.deny with input as examples.update
			with input.before.scope as ["openid"]
			with input.scopes as ["openid", scope]
			with data.ostiary.config as examples.config
		rules(taken) == {"acceptance.reserved_scope"}
		given := acceptance.deny with input as examples.update
			with input.before.scope as ["openid"]
			with input.scopes as ["openid", scope]
			with input.channel as "operator"
			with input.caller.kind as "operator"
			with data.ostiary.config as examples.config
		count(given) == 0
	}
}
