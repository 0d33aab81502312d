package ostiary.registration.site.enterprise_test

import data.ostiary.examples
import data.ostiary.registration.site.enterprise
import data.ostiary.registration.site.enterprise.settings

# The settings that these tests are about: yours may be any.
typical := {
	"other_profiles": {"code-flow-pkjwt", "fapi2"},
	"redirect_domains": {"example.com", "example.net"},
	"key_domains": {"example.com", "example.net"},
	"contact_domains": {"example.com"},
	"methods": {"private_key_jwt", "client_secret_basic"},
	"secret_lifetime": (90 * 24) * 3600,
	"loopback": false,
	"approval_within": (14 * 24) * 3600,
}

# client is one that these rules accept.
client := json.patch(examples.register, [
	{"op": "replace", "path": "/profile", "value": "enterprise"},
	{"op": "replace", "path": "/effective/contacts", "value": ["ann@example.com"]},
])

# refused gives the rules that refuse the client when one member is another.
refused(path, value) := {found.rule | some found in denied} if {
	denied := enterprise.deny with settings as typical with input as json.patch(client, [{"op": "replace", "path": path, "value": value}])
}

test_client_with_a_token_is_accepted if refused("/caller/kind", "initial_access_token") == set()

test_operator_is_accepted if refused("/caller/kind", "operator") == set()

test_stranger_is_refused if refused("/caller/kind", "open") == {"enterprise.no_open"}

test_stranger_is_refused_under_every_profile if {
	denied := enterprise.deny with settings as typical with input as examples.register with input.caller.kind as "open"
	{found.rule | some found in denied} == {"enterprise.no_open"}
}

test_update_is_judged_as_well if {
	refused("/operation", "update") == set()
	denied := enterprise.deny with settings as typical with input as json.patch(client, [
		{"op": "replace", "path": "/operation", "value": "update"},
		{"op": "replace", "path": "/caller/kind", "value": "registration_access_token"},
		{"op": "replace", "path": "/effective/contacts", "value": []},
	])
	{found.rule | some found in denied} == {"enterprise.no_contact"}
}

test_public_clients_are_refused if {
	refused("/effective/token_endpoint_auth_method", "none") == {"enterprise.method"}
	refused("/effective/token_endpoint_auth_method", "client_secret_post") == {"enterprise.method"}
}

test_secrets_are_accepted_with_a_remark if {
	warned := enterprise.warn with settings as typical with input as client with input.effective.token_endpoint_auth_method as "client_secret_basic"
	limits := enterprise.limit with settings as typical with input as client
	{found.rule | some found in warned} == {"enterprise.prefer_keys"}
	{[l.name, l.value] | some l in limits} == {["client_secret_lifetime", typical.secret_lifetime]}
}

test_foreign_redirects_are_refused if {
	refused("/redirect_uris/0/registrable_domain", "example.org") == {"enterprise.redirect_domain"}
	refused("/redirect_uris/0/registrable_domain", "") == {"enterprise.redirect_domain"}
	refused("/redirect_uris/0/class", "private_scheme") == {"enterprise.redirect_domain"}
}

test_own_machine_is_a_setting if {
	refused("/redirect_uris/0/class", "loopback_http") == {"enterprise.redirect_domain"}
	denied := enterprise.deny with settings as object.union(typical, {"loopback": true})
		with input as json.patch(client, [{"op": "replace", "path": "/redirect_uris/0/class", "value": "loopback_http"}])
	denied == set()
}

uri(member, domain) := object.union(examples.register.redirect_uris[0], {"member": member, "registrable_domain": domain})

test_other_uris_stay_in_the_company if {
	refused("/uris", [uri("post_logout_redirect_uris", "example.net")]) == set()
	refused("/uris", [uri("post_logout_redirect_uris", "example.org")]) == {"enterprise.other_domain"}
	refused("/uris", [uri("initiate_login_uri", "example.org")]) == {"enterprise.other_domain"}
	refused("/uris", [uri("jwks_uri", "example.com")]) == set()
	refused("/uris", [uri("jwks_uri", "example.org")]) == {"enterprise.key_domain"}
	refused("/uris", [uri("client_uri", "example.org")]) == set()
}

test_contacts_are_colleagues if {
	refused("/effective/contacts", ["Ann@EXAMPLE.com"]) == set()
	refused("/effective/contacts", []) == {"enterprise.no_contact"}
	every contact in ["ann@example.org", "ann@example.com@example.org", "ann", "ann@sub.example.com", "@"] {
		refused("/effective/contacts", ["ann@example.com", contact]) == {"enterprise.contact"}
	}
}

test_others_are_not_concerned if {
	denied := enterprise.deny with settings as typical with input as examples.register with input.iat.profile as examples.register.profile
	labels := enterprise.label with settings as typical with input as examples.register
	count(denied) + count(labels) == 0
}

test_profiles_of_others_are_not_a_way_around if {
	every minted in ["", "enterprise"] {
		denied := enterprise.deny with settings as typical with input as examples.register with input.iat.profile as minted
		{found.rule | some found in denied} == {"enterprise.other_profile"}
	}
	by_operator := enterprise.deny with settings as typical with input as examples.register with input.iat.profile as "" with input.caller.kind as "operator"
	count(by_operator) == 0
}

# waiting gives the obligations of a client that somebody brings.
waiting(operation, kind) := {r.name | some r in required} if {
	required := enterprise.require with settings as typical with input as client
		with input.operation as operation
		with input.caller.kind as kind
		with input.changed as ["contacts"]
}

test_clients_wait_for_approval if {
	waiting("register", "initial_access_token") == {"approval"}
	waiting("register", "operator") == set()
	waiting("update", "registration_access_token") == set()
}

test_another_name_is_for_an_operator if {
	every member in ["client_name", "client_name#de", "logo_uri"] { renamed(member, "registration_access_token") == {"approval"} }
	renamed("contacts", "registration_access_token") == set()
	renamed("client_name", "operator") == set()
}

renamed(member, kind) := {needed.name | some needed in required} if {
	required := enterprise.require with settings as typical with input as json.patch(client, [
		{"op": "replace", "path": "/operation", "value": "update"},
		{"op": "replace", "path": "/caller/kind", "value": kind},
		{"op": "replace", "path": "/changed", "value": [member]},
	])
}

test_clients_are_labelled if {
	labels := enterprise.label with settings as typical with input as client
	labels == {"enterprise"}
}

# Yours are of the types that the rules expect.
test_settings_have_their_types if {
	wrong := {name | some name, value in settings; type_name(value) != type_name(typical[name])}
	print("of another type than in the preset:", wrong)
	wrong == set()
	{name | some name, _ in settings} == object.keys(typical)
}
