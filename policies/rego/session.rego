# METADATA
# title: The verdict on a session
# description: >-
#   Collects what the modules and the site's own rules found about somebody who signs in and holds allow. It is part of the
#   server: no file in the policy folder replaces it. Every finding says which module it came from.
# scope: subpackages
# organizations:
#   - Ostiary
# schemas:
#   - input: schema.session
#   - data.ostiary.config: schema.config
package ostiary.session

# METADATA
# title: The verdict
# description: The one document the server asks for. Every member is always defined.
# entrypoint: true
decision := {
	"contract": "ostiary/1",
	"allow": allow,
	"unchecked": unchecked,
	"deny": deny,
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
unchecked contains "people" if not data.ostiary.session.people.checked == true

# METADATA
# description: Reasons to refuse.
deny contains object.union(found, {"module": "people"}) if {
	some found in data.ostiary.session.people.deny
}

deny contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.session.site[name].deny
}

# METADATA
# description: Lifetimes in seconds; the smallest of each name counts.
limit contains object.union(found, {"module": "people"}) if {
	some found in data.ostiary.session.people.limit
}

limit contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.session.site[name].limit
}
