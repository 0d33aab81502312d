# METADATA
# title: The verdict on an authorization
# description: >-
#   Collects what the modules and the site's own rules found about a request at the authorization endpoint and holds allow.
#   It is part of the server: no file in the policy folder replaces it. Every finding says which module it came from.
# scope: subpackages
# organizations:
#   - Ostiary
# schemas:
#   - input: schema.authorization
#   - data.ostiary.config: schema.config
package ostiary.authorization

# METADATA
# title: The verdict
# description: The one document the server asks for. Every member is always defined.
# entrypoint: true
decision := {
	"contract": "ostiary/1",
	"allow": allow,
	"unchecked": unchecked,
	"deny": deny,
	"strip": strip,
	"require": require,
	"limit": limit,
}

# METADATA
# description: Nobody objects, and every required module says that it looked.
default allow := false

allow if {
	count(deny) == 0
	count(unchecked) == 0
}

# METADATA
# description: Required modules that did not report. An empty, undefined or failed module thereby refuses.
unchecked contains "scopes" if not data.ostiary.authorization.scopes.checked == true

unchecked contains "consent" if not data.ostiary.authorization.consent.checked == true

# METADATA
# description: Reasons to refuse.
deny contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.authorization.scopes.deny
}

deny contains object.union(found, {"module": "consent"}) if {
	some found in data.ostiary.authorization.consent.deny
}

deny contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.authorization.site[name].deny
}

# METADATA
# description: Scopes to take away.
strip contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.authorization.scopes.strip
}

strip contains object.union(found, {"module": "consent"}) if {
	some found in data.ostiary.authorization.consent.strip
}

strip contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.authorization.site[name].strip
}

# METADATA
# description: What has to be done before the request is granted.
require contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.authorization.scopes.require
}

require contains object.union(found, {"module": "consent"}) if {
	some found in data.ostiary.authorization.consent.require
}

require contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.authorization.site[name].require
}

# METADATA
# description: Times in seconds; the smallest of each name counts.
limit contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.authorization.scopes.limit
}

limit contains object.union(found, {"module": "consent"}) if {
	some found in data.ostiary.authorization.consent.limit
}

limit contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.authorization.site[name].limit
}
