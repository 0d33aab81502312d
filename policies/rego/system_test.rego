package ostiary.registration_test

import data.ostiary.examples
import data.ostiary.registration

test_example_is_allowed if {
	verdict := registration.decision with input as examples.register with data.ostiary.config as examples.config
	verdict.allow
	verdict.unchecked == set()
	{w.module | some w in verdict.warn} == {"obligations"}
}

test_denial_carries_its_module if {
	verdict := registration.decision with input as examples.register
		with input.scopes as ["payments"]
		with data.ostiary.config as examples.config
	not verdict.allow
	{[d.module, d.rule] | some d in verdict.deny} == {["scopes", "scopes.not_offered"]}
}

test_updates_and_reads_are_allowed if {
	every question in [examples.update, examples.read] {
		verdict := registration.decision with input as question with data.ostiary.config as examples.config
		verdict.allow
	}
}

test_module_that_does_not_report_refuses if {
	verdict := registration.decision with input as examples.register
		with data.ostiary.registration.scopes.checked as false
		with data.ostiary.config as examples.config
	not verdict.allow
	verdict.unchecked == {"scopes"}
}

test_site_rules_count if {
	verdict := registration.decision with input as examples.register
		with data.ostiary.config as examples.config
		with data.ostiary.registration.site.partners.deny as {{"rule": "partners.closed", "code": "access_denied", "message": "Closed."}}
		with data.ostiary.registration.site.partners.grant as {{"rule": "partners.gift", "scope": "gift"}}
		with data.ostiary.registration.site.partners.label as {"partner"}
	not verdict.allow
	{d.module | some d in verdict.deny} == {"site.partners"}
	{g.scope | some g in verdict.grant} == {"gift"}
	verdict.label == {"partner"}
}

test_every_module_must_report if {
	verdict := registration.decision with input as examples.register
		with data.ostiary.config as examples.config
		with data.ostiary.registration.acceptance.checked as false
		with data.ostiary.registration.scopes.checked as false
		with data.ostiary.registration.redirects.checked as false
		with data.ostiary.registration.software_statement.checked as false
		with data.ostiary.registration.obligations.checked as false
	count(verdict.deny) == 0
	not verdict.allow
	verdict.unchecked == {"acceptance", "obligations", "redirects", "scopes", "software_statement"}
}

# Each module says one thing in each set: the verdict has all of them.
test_every_set_of_every_module_counts if {
	verdict := registration.decision with input as examples.register
		with data.ostiary.config as examples.config
		with data.ostiary.registration.acceptance.deny as {{"rule": "acceptance"}}
		with data.ostiary.registration.acceptance.warn as {{"rule": "acceptance"}}
		with data.ostiary.registration.acceptance.grant as {{"rule": "acceptance"}}
		with data.ostiary.registration.acceptance.strip as {{"rule": "acceptance"}}
		with data.ostiary.registration.acceptance.set as {{"rule": "acceptance"}}
		with data.ostiary.registration.acceptance.default_value as {{"rule": "acceptance"}}
		with data.ostiary.registration.acceptance.require as {{"rule": "acceptance"}}
		with data.ostiary.registration.acceptance.limit as {{"rule": "acceptance"}}
		with data.ostiary.registration.acceptance.trust as {"acceptance"}
		with data.ostiary.registration.acceptance.label as {"acceptance"}
		with data.ostiary.registration.scopes.deny as {{"rule": "scopes"}}
		with data.ostiary.registration.scopes.warn as {{"rule": "scopes"}}
		with data.ostiary.registration.scopes.grant as {{"rule": "scopes"}}
		with data.ostiary.registration.scopes.strip as {{"rule": "scopes"}}
		with data.ostiary.registration.scopes.set as {{"rule": "scopes"}}
		with data.ostiary.registration.scopes.default_value as {{"rule": "scopes"}}
		with data.ostiary.registration.scopes.require as {{"rule": "scopes"}}
		with data.ostiary.registration.scopes.limit as {{"rule": "scopes"}}
		with data.ostiary.registration.scopes.trust as {"scopes"}
		with data.ostiary.registration.scopes.label as {"scopes"}
		with data.ostiary.registration.redirects.deny as {{"rule": "redirects"}}
		with data.ostiary.registration.redirects.warn as {{"rule": "redirects"}}
		with data.ostiary.registration.redirects.grant as {{"rule": "redirects"}}
		with data.ostiary.registration.redirects.strip as {{"rule": "redirects"}}
		with data.ostiary.registration.redirects.set as {{"rule": "redirects"}}
		with data.ostiary.registration.redirects.default_value as {{"rule": "redirects"}}
		with data.ostiary.registration.redirects.require as {{"rule": "redirects"}}
		with data.ostiary.registration.redirects.limit as {{"rule": "redirects"}}
		with data.ostiary.registration.redirects.trust as {"redirects"}
		with data.ostiary.registration.redirects.label as {"redirects"}
		with data.ostiary.registration.software_statement.deny as {{"rule": "software_statement"}}
		with data.ostiary.registration.software_statement.warn as {{"rule": "software_statement"}}
		with data.ostiary.registration.software_statement.grant as {{"rule": "software_statement"}}
		with data.ostiary.registration.software_statement.strip as {{"rule": "software_statement"}}
		with data.ostiary.registration.software_statement.set as {{"rule": "software_statement"}}
		with data.ostiary.registration.software_statement.default_value as {{"rule": "software_statement"}}
		with data.ostiary.registration.software_statement.require as {{"rule": "software_statement"}}
		with data.ostiary.registration.software_statement.limit as {{"rule": "software_statement"}}
		with data.ostiary.registration.software_statement.trust as {"software_statement"}
		with data.ostiary.registration.software_statement.label as {"software_statement"}
		with data.ostiary.registration.obligations.deny as {{"rule": "obligations"}}
		with data.ostiary.registration.obligations.warn as {{"rule": "obligations"}}
		with data.ostiary.registration.obligations.grant as {{"rule": "obligations"}}
		with data.ostiary.registration.obligations.strip as {{"rule": "obligations"}}
		with data.ostiary.registration.obligations.set as {{"rule": "obligations"}}
		with data.ostiary.registration.obligations.default_value as {{"rule": "obligations"}}
		with data.ostiary.registration.obligations.require as {{"rule": "obligations"}}
		with data.ostiary.registration.obligations.limit as {{"rule": "obligations"}}
		with data.ostiary.registration.obligations.trust as {"obligations"}
		with data.ostiary.registration.obligations.label as {"obligations"}
		with data.ostiary.registration.site.x.deny as {{"rule": "site.x"}}
		with data.ostiary.registration.site.x.warn as {{"rule": "site.x"}}
		with data.ostiary.registration.site.x.grant as {{"rule": "site.x"}}
		with data.ostiary.registration.site.x.strip as {{"rule": "site.x"}}
		with data.ostiary.registration.site.x.set as {{"rule": "site.x"}}
		with data.ostiary.registration.site.x.default_value as {{"rule": "site.x"}}
		with data.ostiary.registration.site.x.require as {{"rule": "site.x"}}
		with data.ostiary.registration.site.x.limit as {{"rule": "site.x"}}
		with data.ostiary.registration.site.x.trust as {"site.x"}
		with data.ostiary.registration.site.x.label as {"site.x"}
	every name in ["deny", "warn", "grant", "strip", "set", "default_value", "require", "limit"] {
		{found.module | some found in verdict[name]} == {found.rule | some found in verdict[name]}
		count(verdict[name]) == 6
	}
	count(verdict.trust) == 6
	count(verdict.label) == 6
}
