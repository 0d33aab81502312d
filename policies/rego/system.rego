# METADATA
# title: The verdict on a registration
# description: >-
#   Collects what the modules and the site's own rules found and holds allow. It is part of the server: no file in the
#   policy folder replaces it. Every finding says which module it came from.
# scope: subpackages
# organizations:
#   - Ostiary
# schemas:
#   - input: schema.registration
#   - data.ostiary.config: schema.config
package ostiary.registration

# METADATA
# title: The verdict
# description: The one document the server asks for. Every member is always defined.
# entrypoint: true
decision := {
	"contract": "ostiary/1",
	"allow": allow,
	"unchecked": unchecked,
	"deny": deny,
	"warn": warn,
	"grant": grant,
	"strip": strip,
	"set": set,
	"default_value": default_value,
	"require": require,
	"limit": limit,
	"trust": trust,
	"label": label,
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
unchecked contains "acceptance" if not data.ostiary.registration.acceptance.checked == true

unchecked contains "scopes" if not data.ostiary.registration.scopes.checked == true

unchecked contains "redirects" if not data.ostiary.registration.redirects.checked == true

unchecked contains "software_statement" if not data.ostiary.registration.software_statement.checked == true

unchecked contains "obligations" if not data.ostiary.registration.obligations.checked == true

# METADATA
# description: Reasons to refuse.
deny contains object.union(found, {"module": "acceptance"}) if {
	some found in data.ostiary.registration.acceptance.deny
}

deny contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.registration.scopes.deny
}

deny contains object.union(found, {"module": "redirects"}) if {
	some found in data.ostiary.registration.redirects.deny
}

deny contains object.union(found, {"module": "software_statement"}) if {
	some found in data.ostiary.registration.software_statement.deny
}

deny contains object.union(found, {"module": "obligations"}) if {
	some found in data.ostiary.registration.obligations.deny
}

deny contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.registration.site[name].deny
}

# METADATA
# description: Remarks for the one who registers.
warn contains object.union(found, {"module": "acceptance"}) if {
	some found in data.ostiary.registration.acceptance.warn
}

warn contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.registration.scopes.warn
}

warn contains object.union(found, {"module": "redirects"}) if {
	some found in data.ostiary.registration.redirects.warn
}

warn contains object.union(found, {"module": "software_statement"}) if {
	some found in data.ostiary.registration.software_statement.warn
}

warn contains object.union(found, {"module": "obligations"}) if {
	some found in data.ostiary.registration.obligations.warn
}

warn contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.registration.site[name].warn
}

# METADATA
# description: Scopes to add.
grant contains object.union(found, {"module": "acceptance"}) if {
	some found in data.ostiary.registration.acceptance.grant
}

grant contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.registration.scopes.grant
}

grant contains object.union(found, {"module": "redirects"}) if {
	some found in data.ostiary.registration.redirects.grant
}

grant contains object.union(found, {"module": "software_statement"}) if {
	some found in data.ostiary.registration.software_statement.grant
}

grant contains object.union(found, {"module": "obligations"}) if {
	some found in data.ostiary.registration.obligations.grant
}

grant contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.registration.site[name].grant
}

# METADATA
# description: Scopes to take away.
strip contains object.union(found, {"module": "acceptance"}) if {
	some found in data.ostiary.registration.acceptance.strip
}

strip contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.registration.scopes.strip
}

strip contains object.union(found, {"module": "redirects"}) if {
	some found in data.ostiary.registration.redirects.strip
}

strip contains object.union(found, {"module": "software_statement"}) if {
	some found in data.ostiary.registration.software_statement.strip
}

strip contains object.union(found, {"module": "obligations"}) if {
	some found in data.ostiary.registration.obligations.strip
}

strip contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.registration.site[name].strip
}

# METADATA
# description: Members forced to a value.
set contains object.union(found, {"module": "acceptance"}) if {
	some found in data.ostiary.registration.acceptance.set
}

set contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.registration.scopes.set
}

set contains object.union(found, {"module": "redirects"}) if {
	some found in data.ostiary.registration.redirects.set
}

set contains object.union(found, {"module": "software_statement"}) if {
	some found in data.ostiary.registration.software_statement.set
}

set contains object.union(found, {"module": "obligations"}) if {
	some found in data.ostiary.registration.obligations.set
}

set contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.registration.site[name].set
}

# METADATA
# description: Members given a value when they have none.
default_value contains object.union(found, {"module": "acceptance"}) if {
	some found in data.ostiary.registration.acceptance.default_value
}

default_value contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.registration.scopes.default_value
}

default_value contains object.union(found, {"module": "redirects"}) if {
	some found in data.ostiary.registration.redirects.default_value
}

default_value contains object.union(found, {"module": "software_statement"}) if {
	some found in data.ostiary.registration.software_statement.default_value
}

default_value contains object.union(found, {"module": "obligations"}) if {
	some found in data.ostiary.registration.obligations.default_value
}

default_value contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.registration.site[name].default_value
}

# METADATA
# description: Requirements on every later request of the client.
require contains object.union(found, {"module": "acceptance"}) if {
	some found in data.ostiary.registration.acceptance.require
}

require contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.registration.scopes.require
}

require contains object.union(found, {"module": "redirects"}) if {
	some found in data.ostiary.registration.redirects.require
}

require contains object.union(found, {"module": "software_statement"}) if {
	some found in data.ostiary.registration.software_statement.require
}

require contains object.union(found, {"module": "obligations"}) if {
	some found in data.ostiary.registration.obligations.require
}

require contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.registration.site[name].require
}

# METADATA
# description: Lifetimes in seconds; the smallest of each name counts.
limit contains object.union(found, {"module": "acceptance"}) if {
	some found in data.ostiary.registration.acceptance.limit
}

limit contains object.union(found, {"module": "scopes"}) if {
	some found in data.ostiary.registration.scopes.limit
}

limit contains object.union(found, {"module": "redirects"}) if {
	some found in data.ostiary.registration.redirects.limit
}

limit contains object.union(found, {"module": "software_statement"}) if {
	some found in data.ostiary.registration.software_statement.limit
}

limit contains object.union(found, {"module": "obligations"}) if {
	some found in data.ostiary.registration.obligations.limit
}

limit contains object.union(found, {"module": concat(".", ["site", name])}) if {
	some name
	some found in data.ostiary.registration.site[name].limit
}

# METADATA
# description: Levels of trust; the lowest counts.
trust contains found if some found in data.ostiary.registration.acceptance.trust

trust contains found if some found in data.ostiary.registration.scopes.trust

trust contains found if some found in data.ostiary.registration.redirects.trust

trust contains found if some found in data.ostiary.registration.software_statement.trust

trust contains found if some found in data.ostiary.registration.obligations.trust

trust contains found if some found in data.ostiary.registration.site[_].trust

# METADATA
# description: Labels for the operator.
label contains found if some found in data.ostiary.registration.acceptance.label

label contains found if some found in data.ostiary.registration.scopes.label

label contains found if some found in data.ostiary.registration.redirects.label

label contains found if some found in data.ostiary.registration.software_statement.label

label contains found if some found in data.ostiary.registration.obligations.label

label contains found if some found in data.ostiary.registration.site[_].label
