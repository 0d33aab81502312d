# METADATA
# title: Whom people need not allow anything
# description: Clients of the operator's own do not ask people whether they may have what the operator gave them.
package ostiary.authorization.consent

# METADATA
# description: Everything this module reads was there.
checked if {
	input.scopes
	input.client.client_id
	input.provenance.channel
	input.provenance.profile
}

# METADATA
# title: Trusted clients
# description: >-
#   Who registered itself is not trusted, whatever profile it chose: an operator registered the client, or declared it. Power over the
#   server is asked for all the same.
require contains {
	"rule": "consent.trusted",
	"name": "skip_consent",
} if {
	data.ostiary.config.profiles[input.provenance.profile].trusted
	input.provenance.channel in {"operator", "import"}
	not asks_for_power
}

asks_for_power if {
	some scope in input.scopes
	scope in {"admin.api", "dcr.register"}
}
