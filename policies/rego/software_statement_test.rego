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
