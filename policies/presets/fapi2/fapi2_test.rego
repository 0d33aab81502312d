package ostiary.registration.site.fapi2_test

import data.ostiary.examples
import data.ostiary.registration.site.fapi2
import data.ostiary.registration.site.fapi2.settings

# The settings that these tests are about: yours may be any.
typical := {
	"profiles": {"fapi2"},
	"algorithms": {"PS256", "ES256", "EdDSA", "Ed25519"},
	"bound_tokens": false,
	"access_token": 300,
}

# client is one that these rules accept.
client := json.patch(examples.register, [
	{"op": "replace", "path": "/profile", "value": "fapi2"},
	{"op": "replace", "path": "/effective/token_endpoint_auth_signing_alg", "value": "ES256"},
	{"op": "replace", "path": "/effective/jwks_uri", "value": "https://automate.example.com/jwks"},
	{"op": "replace", "path": "/effective/id_token_signed_response_alg", "value": "ES256"},
])

# refused gives the rules that refuse the client when one member is another.
refused(path, value) := {found.rule | some found in denied} if {
	denied := fapi2.deny with settings as typical with input as json.patch(client, [{"op": "replace", "path": path, "value": value}])
}

test_client_is_accepted if refused("/operation", "register") == set()

test_update_is_judged_as_well if {
	denied := fapi2.deny with settings as typical with input as json.patch(client, [
		{"op": "replace", "path": "/operation", "value": "update"},
		{"op": "replace", "path": "/effective/token_endpoint_auth_method", "value": "none"},
	])
	{found.rule | some found in denied} == {"fapi2.method"}
}

test_others_are_not_concerned if refused("/profile", "default") == set()

test_other_methods_are_refused if {
	every method in ["none", "client_secret_basic", "client_secret_post", ""] {
		refused("/effective/token_endpoint_auth_method", method) == {"fapi2.method"}
	}
}

test_weak_algorithms_are_refused if {
	refused("/effective/token_endpoint_auth_signing_alg", "RS256") == {"fapi2.signing_alg"}
	refused("/effective/token_endpoint_auth_signing_alg", "") == {"fapi2.signing_alg"}
	refused("/effective/userinfo_signed_response_alg", "RS256") == {"fapi2.userinfo_alg"}
}

test_rs256_for_id_tokens_is_refused if {
	denied := fapi2.deny with settings as typical with input as client
		with input.effective.id_token_signed_response_alg as "RS256"
		with input.present as ["id_token_signed_response_alg"]
	{found.rule | some found in denied} == {"fapi2.id_token_alg"}
}

test_id_tokens_are_es256_where_nothing_is_said if {
	forced := fapi2.set with settings as typical with input as client with input.effective.id_token_signed_response_alg as "RS256"
	{"rule": "fapi2.id_token_es256", "field": "id_token_signed_response_alg", "value": "ES256"} in forced
}

test_implicit_and_hybrid_are_refused if {
	refused("/effective/response_types", ["id_token"]) == {"fapi2.response_type"}
	refused("/effective/response_types", ["code id_token"]) == {"fapi2.response_type"}
	refused("/effective/grant_types", ["implicit"]) == {"fapi2.grant_type"}
}

test_only_https_redirects if refused("/redirect_uris/1/class", "loopback_http") == {"fapi2.redirect"}

test_weak_keys_are_refused if {
	key := {"kty": "RSA", "alg": "PS256", "use": "sig", "kid": "1", "crv": "", "bits": 1024}
	refused("/keys", [key]) == {"fapi2.weak_key"}
	refused("/keys", [object.union(key, {"bits": 2048})]) == set()
	refused("/keys", [object.union(key, {"kty": "EC", "bits": 256})]) == set()
}

test_no_keys_are_refused if refused("/effective/jwks_uri", "") == {"fapi2.no_keys"}

test_nothing_else_changes if {
	forced := fapi2.set with settings as typical with input as client
	forced == set()
}

test_pushed_requests_and_pkce_are_required if {
	required := fapi2.require with settings as typical with input as client
	{r.name | some r in required} == {"par", "pkce_s256"}
}

test_bound_tokens_are_required_where_the_site_says_so if {
	bound := json.patch(typical, [{"op": "replace", "path": "/bound_tokens", "value": true}])
	required := fapi2.require with settings as bound with input as client
	{r.name | some r in required} == {"par", "pkce_s256", "mtls"}
}

test_access_tokens_are_short if {
	limits := fapi2.limit with settings as typical with input as client
	{[l.name, l.value] | some l in limits} == {["access_token", 300]}
}

test_clients_are_labelled if {
	labels := fapi2.label with settings as typical with input as client
	labels == {"fapi2"}
}

# Yours are of the types that the rules expect.
test_settings_have_their_types if {
	wrong := {name | some name, value in settings; type_name(value) != type_name(typical[name])}
	print("of another type than in the preset:", wrong)
	wrong == set()
	{name | some name, _ in settings} == object.keys(typical)
}
