package ostiary.authorization.consent_test

import data.ostiary.authorization.consent
import data.ostiary.examples

trusting := object.union(examples.config, {"profiles": {examples.authorization.provenance.profile: {"trusted": true}}})

from(channel) := object.union(examples.authorization, {"provenance": {"channel": channel}})

waived(asked, config) := {found.name | some found in waiving} if {
	waiving := consent.require with input as asked with data.ostiary.config as config
}

test_people_are_asked if {
	every channel in ["operator", "import", "dcr", "cimd"] {
		waived(from(channel), examples.config) == set()
	}
	consent.checked with input as examples.authorization
}

test_trusted_clients_of_the_operator if {
	every channel in ["operator", "import"] {
		waived(from(channel), trusting) == {"skip_consent"}
	}
}

test_nobody_trusts_itself if {
	every channel in ["dcr", "manage", "cimd", ""] {
		waived(from(channel), trusting) == set()
	}
}

test_trust_is_of_one_profile if {
	other := object.union(from("operator"), {"provenance": {"profile": "other"}})
	waived(other, trusting) == set()
	distrusting := object.union(trusting, {"profiles": {examples.authorization.provenance.profile: {"trusted": false}}})
	waived(from("operator"), distrusting) == set()
}

test_power_is_asked_for if {
	every scope in ["admin.api", "dcr.register"] {
		waived(object.union(from("operator"), {"scopes": ["openid", scope]}), trusting) == set()
	}
}
