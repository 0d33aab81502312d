package ostiary.registration.site.openbanking_uk_test

import data.ostiary.examples
import data.ostiary.registration.site.openbanking_uk
import data.ostiary.registration.site.openbanking_uk.settings

# The settings that these tests are about: yours may be any.
typical := {
	"profiles": {"default", "openbanking-uk"},
	"issuers": {"OpenBanking Ltd"},
	"statement_algorithms": {"PS256"},
	"statement_age": (24 * 60) * 60,
	"modes": {"Live"},
	"algorithms": {"PS256", "ES256"},
	"always": {"openid", "offline_access"},
	"role_scopes": {
		"AISP": {"accounts"},
		"ASPSP": set(),
		"CBPII": {"fundsconfirmations"},
		"PISP": {"payments"},
	},
}

# claims are those of a statement that the directory issued a minute before the request.
claims := {
	"iss": "OpenBanking Ltd",
	"iat": examples.register.now - 60,
	"org_id": "0015800001HQQrZAAX",
	"org_name": "Acme",
	"org_status": "Active",
	"software_id": "Cki1EbvjwyhPB12NGLlz2",
	"software_client_name": "Acme Budget",
	"software_client_uri": "https://automate.example.com",
	"software_mode": "Live",
	"software_redirect_uris": examples.register.effective.redirect_uris,
	"software_jwks_endpoint": "https://keystore.example.com/acme.jwks",
	"software_roles": ["AISP"],
}

# party is a third party that these rules accept.
party := json.patch(examples.register, [
	{"op": "replace", "path": "/profile", "value": "openbanking-uk"},
	{"op": "replace", "path": "/caller/kind", "value": "open"},
	{"op": "replace", "path": "/software_statement", "value": {
		"present": true, "trust": "issuer", "issuer": claims.iss, "alg": "PS256", "kid": "1", "claims": claims,
	}},
	{"op": "replace", "path": "/scopes", "value": ["openid", "accounts"]},
	{"op": "replace", "path": "/effective/token_endpoint_auth_signing_alg", "value": "PS256"},
	{"op": "replace", "path": "/effective/id_token_signed_response_alg", "value": "ES256"},
	{"op": "replace", "path": "/effective/client_name", "value": claims.software_client_name},
	{"op": "replace", "path": "/effective/client_uri", "value": claims.software_client_uri},
	{"op": "replace", "path": "/effective/jwks_uri", "value": claims.software_jwks_endpoint},
])

# refused gives the rules that refuse the party when one member is another.
refused(path, value) := {found.rule | some found in denied} if {
	denied := openbanking_uk.deny with settings as typical with input as json.patch(party, [{"op": "replace", "path": path, "value": value}])
}

# lacking gives the rules that refuse the party when its statement lacks a claim.
lacking(claim) := {found.rule | some found in denied} if {
	denied := openbanking_uk.deny with settings as typical with input as json.remove(party, [concat("", ["software_statement/claims/", claim])])
}

test_party_is_accepted if refused("/operation", "register") == set()

test_party_that_names_no_profile_is_accepted if refused("/profile", "default") == set()

test_other_profiles_are_not_open if refused("/profile", "code-flow-pkjwt") == {"openbanking_uk.profile"}

test_others_are_not_concerned if {
	denied := openbanking_uk.deny with settings as typical with input as examples.register
	denied == set()
}

test_update_needs_a_statement if {
	denied := openbanking_uk.deny with settings as typical with input as json.patch(party, [
		{"op": "replace", "path": "/operation", "value": "update"},
		{"op": "replace", "path": "/software_statement", "value": examples.register.software_statement},
	])
	{found.rule | some found in denied} == {"openbanking_uk.statement"}
}

test_only_the_directory_vouches if {
	refused("/software_statement/trust", "self") == {"openbanking_uk.statement"}
	refused("/software_statement/trust", "none") == {"openbanking_uk.statement"}
	refused("/software_statement/issuer", "https://another.example.com") == {"openbanking_uk.statement"}
	refused("/software_statement/alg", "RS256") == {"openbanking_uk.statement_alg"}
}

test_operator_needs_a_statement_as_well if {
	denied := openbanking_uk.deny with settings as typical with input as party with input.caller.kind as "operator" with input.software_statement.trust as "none"
	{found.rule | some found in denied} == {"openbanking_uk.statement"}
}

test_statement_must_be_fresh if {
	refused("/software_statement/claims/iat", party.now - typical.statement_age) == set()
	every iat in [(party.now - typical.statement_age) - 1, party.now + 61, "1700000000", null] {
		refused("/software_statement/claims/iat", iat) == {"openbanking_uk.statement_age"}
	}
	lacking("iat") == {"openbanking_uk.statement_age"}
}

test_organisation_is_active_and_named if {
	refused("/software_statement/claims/org_status", "Revoked") == {"openbanking_uk.participant"}
	refused("/software_statement/claims/software_mode", "Test") == {"openbanking_uk.participant"}
	refused("/software_statement/claims/software_id", "") == {"openbanking_uk.participant"}
	every claim in ["org_status", "software_mode", "software_id", "org_id", "software_client_name"] {
		lacking(claim) == {"openbanking_uk.participant"}
	}
}

test_redirects_are_those_of_the_statement if {
	refused("/redirect_uris/0/raw", "https://evil.example.net/auth/callback") == {"openbanking_uk.redirect"}
	refused("/redirect_uris/0/raw", "https://automate.example.com/auth/callback/") == {"openbanking_uk.redirect"}
	refused("/redirect_uris/0/class", "loopback_http") == {"openbanking_uk.redirect"}
	refused("/software_statement/claims/software_redirect_uris", {"a": party.redirect_uris[0].raw}) == {"openbanking_uk.redirect"}
	lacking("software_redirect_uris") == {"openbanking_uk.redirect"}
}

test_browsers_are_sent_to_its_hosts_only if {
	afterwards := object.union(party.redirect_uris[0], {"member": "post_logout_redirect_uris"})
	refused("/uris", [afterwards]) == set()
	refused("/uris", [object.union(afterwards, {"host": "evil.example.net"})]) == {"openbanking_uk.other_host"}
	refused("/uris", [object.union(afterwards, {"class": "http"})]) == {"openbanking_uk.other_host"}
}

test_only_keys_prove if {
	every method in ["client_secret_basic", "none"] {
		refused("/effective/token_endpoint_auth_method", method) == {"openbanking_uk.method"}
	}
}

test_weak_algorithms_are_refused if {
	every alg in ["", "RS256"] {
		refused("/effective/token_endpoint_auth_signing_alg", alg) == {"openbanking_uk.signing_alg"}
	}
	refused("/effective/request_object_signing_alg", "RS256") == {"openbanking_uk.request_object_alg"}
	refused("/effective/request_object_signing_alg", "PS256") == set()
}

id_token(alg) := {found.rule | some found in denied} if {
	denied := openbanking_uk.deny with settings as typical with input as party
		with input.effective.id_token_signed_response_alg as alg
		with input.present as ["id_token_signed_response_alg"]
}

test_weak_algorithms_for_id_tokens_are_refused if {
	every alg in ["RS256", "EdDSA"] {
		id_token(alg) == {"openbanking_uk.id_token_alg"}
	}
	every alg in ["PS256", "ES256"] {
		id_token(alg) == set()
	}
}

test_keys_come_from_the_directory if {
	key := {"kty": "EC", "alg": "ES256", "use": "sig", "kid": "1", "crv": "P-256", "bits": 256}
	refused("/keys", [key]) == {"openbanking_uk.keys_by_value"}
	refused("/effective/jwks_uri", "https://evil.example.net/jwks") == {"openbanking_uk.jwks_uri"}
	refused("/effective/jwks_uri", "") == set()
	lacking("software_jwks_endpoint") == {"openbanking_uk.jwks_uri"}
	given := openbanking_uk.default_value with settings as typical with input as party with input.effective.jwks_uri as ""
	{d.value | some d in given} == {claims.software_jwks_endpoint}
}

test_other_grants_are_refused if refused("/effective/grant_types", ["implicit"]) == {"openbanking_uk.grant_type"}

# scoped gives the rules that refuse the party with other roles.
scoped(roles, scope) := {found.rule | some found in denied} if {
	denied := openbanking_uk.deny with settings as typical with input as party
		with input.software_statement.claims.software_roles as roles
		with input.scopes as ["openid", scope]
}

test_scopes_follow_the_roles if {
	scoped(["AISP"], "accounts") == set()
	scoped(["PISP"], "payments") == set()
	scoped(["CBPII"], "fundsconfirmations") == set()
	every roles in [["PISP", "CBPII"], ["ASPSP"], ["aisp"], [], "AISP", {"a": "AISP"}, null] {
		scoped(roles, "accounts") == {"openbanking_uk.scope"}
	}
	lacking("software_roles") == {"openbanking_uk.scope"}
}

test_scopes_that_were_not_asked_for_follow_the_roles if {
	stripped := openbanking_uk.strip with settings as typical with input as party with input.present as ["redirect_uris"] with input.scopes as ["openid", "accounts", "payments"]
	denied := openbanking_uk.deny with settings as typical with input as party with input.present as ["redirect_uris"] with input.scopes as ["openid", "payments"]
	{s.scope | some s in stripped} == {"payments"}
	denied == set()
}

test_people_see_what_the_directory_says if {
	forced := openbanking_uk.set with settings as typical with input as party
		with input.effective.client_name as "Your Bank"
		with input.effective.logo_uri as "https://evil.example.net/logo"
		with input.effective.id_token_signed_response_alg as "RS256"
	{[s.field, s.value] | some s in forced} == {
		["client_name", "Acme Budget"],
		["logo_uri", ""],
		["id_token_signed_response_alg", "ES256"],
	}
}

test_nothing_changes_in_the_second_pass if {
	forced := openbanking_uk.set with settings as typical with input as party
	forced == set()
}

test_pkce_is_required if {
	required := openbanking_uk.require with settings as typical with input as party
	{r.name | some r in required} == {"pkce_s256"}
}

test_parties_are_labelled if {
	labels := openbanking_uk.label with settings as typical with input as party
	labels == {"openbanking-uk", "openbanking-uk:AISP"}
}

test_links_that_are_no_text_are_taken_away if {
	every value in [5, ["x"], null] {
		given := openbanking_uk.set with settings as typical with input as json.patch(party, [
			{"op": "add", "path": "/software_statement/claims/software_logo_uri", "value": value},
			{"op": "replace", "path": "/effective/logo_uri", "value": "https://evil.example.net/logo.png"},
		])
		{[s.field, s.value] | some s in given; s.field == "logo_uri"} == {["logo_uri", ""]}
	}
}

# Yours are of the types that the rules expect.
test_settings_have_their_types if {
	wrong := {name | some name, value in settings; type_name(value) != type_name(typical[name])}
	print("of another type than in the preset:", wrong)
	wrong == set()
	{name | some name, _ in settings} == object.keys(typical)
}
