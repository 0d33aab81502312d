# METADATA
# title: The verdict on tokens
# description: >-
#   Collects what the modules and the site's own rules found about a request at the token endpoint and holds allow. It is
#   part of the server: no file in the policy folder replaces it. Every finding says which module it came from.
# scope: subpackages
# organizations:
#   - Ostiary
# schemas:
#   - input: schema.token
#   - data.ostiary.config: schema.config
package ostiary.token

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
unchecked contains "scopes" if not data.ostiary.token.scopes.checked == true

unchecked contains "lifetimes" if not data.ostiary.token.lifetimes.checked == true

# METADATA
# description: Reasons to refuse.
deny contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.token.scopes.deny
}

deny contains object.union(found, {"module": "lifetimes"}) if {
	some found in data.ostiary.token.lifetimes.deny
}

deny contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.token.site[name].deny
}

# METADATA
# description: Scopes to take away.
strip contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.token.scopes.strip
}

strip contains object.union(found, {"module": "lifetimes"}) if {
	some found in data.ostiary.token.lifetimes.strip
}

strip contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.token.site[name].strip
}

# METADATA
# description: Lifetimes in seconds; the smallest of each name counts.
limit contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.token.scopes.limit
}

limit contains object.union(found, {"module": "lifetimes"}) if {
	some found in data.ostiary.token.lifetimes.limit
}

limit contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.token.site[name].limit
}
