package ostiary.registration.software_statement_test

import data.ostiary.examples
import data.ostiary.registration.software_statement

with_config(path, value) := json.patch(examples.config, [{"op": "replace", "path": path, "value": value}])

judged(trust, config) := {[finding.rule, finding.code] | some finding in found} if {
	found := software_statement.deny with input as examples.register
		with input.software_statement.present as true
		with input.software_statement.trust as trust
		with data.ostiary.config as config
}

test_example_is_accepted if {
	count(software_statement.deny) == 0 with input as examples.register with data.ostiary.config as examples.config
	software_statement.checked with input as examples.register
}

test_only_an_issuer_is_trusted if {
	judged("issuer", examples.config) == set()
	judged("self", examples.config) == {["software_statement.untrusted", "unapproved_software_statement"]}
	judged("none", examples.config) == {["software_statement.untrusted", "unapproved_software_statement"]}
	judged("", examples.config) == {["software_statement.untrusted", "unapproved_software_statement"]}
}

test_self_signed_may_be_accepted if {
	lenient := with_config("/software_statement/accept_self_signed", true)
	judged("self", lenient) == set()
	judged("none", lenient) == {["software_statement.untrusted", "unapproved_software_statement"]}
}

test_statement_may_be_required if {
	strict := with_config("/software_statement/required", true)
	found := software_statement.deny with input as examples.register with data.ostiary.config as strict
	{f.rule | some f in found} == {"software_statement.required"}
	judged("issuer", strict) == set()
	count(software_statement.deny) == 0 with input as examples.update with data.ostiary.config as strict
}

required_of(member) := json.patch(examples.config, [{
	"op": "add",
	"path": sprintf("/profiles/%s/%s", [examples.register.profile, member]),
	"value": true,
}])

rules_of(question, config) := {f.rule | some f in found} if {
	found := software_statement.deny with input as question with data.ostiary.config as config
}

changed(question, path, value) := json.patch(question, [{"op": "replace", "path": path, "value": value}])

test_statement_may_be_required_by_a_profile if {
	strict := required_of("software_statement_required")
	rules_of(examples.register, strict) == {"software_statement.required"}
	rules_of(changed(examples.register, "/profile", "another"), strict) == set()
	rules_of(examples.update, strict) == set()
	judged("issuer", strict) == set()
}

test_signature_may_be_required if {
	every strict in [with_config("/signed_request/required", true), required_of("signed_request_required")] {
		rules_of(examples.register, strict) == {"software_statement.unsigned_request"}
		rules_of(examples.update, strict) == {"software_statement.unsigned_request"}
		rules_of(examples.read, strict) == set()
		rules_of(changed(examples.register, "/caller/kind", "operator"), strict) == set()
		rules_of(changed(examples.register, "/signed_request/present", true), strict) == set()
	}
	rules_of(changed(examples.register, "/profile", "another"), required_of("signed_request_required")) == set()
	judged("issuer", with_config("/signed_request/required", true)) == {["software_statement.unsigned_request", "invalid_client_metadata"]}
}

test_checked_needs_what_is_read if {
	every path in ["/operation", "/software_statement/present", "/software_statement/trust", "/signed_request/present", "/caller/kind"] {
		not software_statement.checked with input as json.remove(examples.register, [path])
	}
}
