package ostiary.registration.site.bff_test

import data.ostiary.examples
import data.ostiary.registration.site.bff
import data.ostiary.registration.site.bff.settings

# The settings that these tests are about: yours may be any.
typical := {
	"profiles": {"code-flow-pkjwt"},
	"origins": {
		"https://automate.example.com",
		"https://authn.example.com",
		"https://authz.example.com",
	},
	"callback": "/auth/callback",
	"loopback": true,
	"scopes": {"openid", "profile", "email", "offline_access", "admin.api", "application.all", "dcr.register"},
	"token_uses": 1,
}

# backend is the one of the example, with a token of its own.
backend := json.patch(examples.register, [{"op": "replace", "path": "/iat/max_uses", "value": 1}])

# refused gives the rules that refuse the backend after some changes.
refused(changes) := {found.rule | some found in denied} if {
	denied := bff.deny with settings as typical with input as json.patch(backend, changes)
}

replace(path, value) := [{"op": "replace", "path": path, "value": value}]

test_backend_is_accepted if refused([]) == set()

test_update_is_accepted if refused(replace("/operation", "update")) == set()

test_operator_needs_no_token if {
	denied := bff.deny with settings as typical with input as examples.register with input.caller.kind as "operator"
	denied == set()
}

test_others_are_not_concerned if {
	denied := bff.deny with settings as typical with input as examples.register with input.profile as "default"
	denied == set()
}

test_token_for_many_is_refused if refused(replace("/iat/max_uses", 10)) == {"bff.token"}

test_token_for_anybody_is_refused if refused(replace("/iat/profile", "")) == {"bff.token"}

test_stranger_is_refused if refused(replace("/caller/kind", "open")) == {"bff.token"}

test_secret_is_refused if refused(replace("/effective/token_endpoint_auth_method", "client_secret_basic")) == {"bff.method"}

test_foreign_redirects_are_refused if {
	every raw in [
		"https://evil.example.net/auth/callback",
		"https://automate.example.com.evil.example.net/auth/callback",
		"https://automate.example.com/auth/callback/",
		"https://automate.example.com/other",
		"http://automate.example.com/auth/callback",
	] {
		refused(replace("/redirect_uris/1/raw", raw)) == {"bff.redirect"}
	}
}

loopback := object.union(examples.register.redirect_uris[0], {
	"raw": "http://localhost:5173/auth/callback",
	"class": "loopback_http",
	"path": "/auth/callback",
})

test_own_machine_is_a_setting if {
	refused(replace("/redirect_uris/1", loopback)) == set()
	refused(replace("/redirect_uris/1", object.union(loopback, {"path": "/other"}))) == {"bff.redirect"}
	denied := bff.deny with settings as object.union(typical, {"loopback": false}) with input as json.patch(backend, replace("/redirect_uris/1", loopback))
	{found.rule | some found in denied} == {"bff.redirect"}
}

# afterwards gives the rules that refuse the backend because of where the browser ends.
afterwards(facts) := refused(replace("/uris", [object.union(
	examples.register.redirect_uris[0],
	object.union({"member": "post_logout_redirect_uris"}, facts),
)]))

test_browser_ends_at_the_site if {
	afterwards({"raw": "https://authn.example.com/"}) == set()
	afterwards({"raw": "https://authn.example.com"}) == set()
	afterwards({"raw": "http://localhost:5173/", "class": "loopback_http"}) == set()
	afterwards({"raw": "https://authn.example.com.evil.example.net/"}) == {"bff.post_logout"}
	afterwards({"raw": "https://evil.example.net/", "member": "client_uri"}) == set()
}

test_other_grants_are_refused if {
	refused(replace("/effective/grant_types", ["authorization_code", "client_credentials"])) == {"bff.grant_type"}
	refused(replace("/effective/grant_types", ["refresh_token"])) == {"bff.grant_type"}
	refused(replace("/effective/grant_types", ["authorization_code", "refresh_token"])) == set()
}

test_other_scopes_are_refused if refused(replace("/scopes", ["openid", "payments"])) == {"bff.scope"}

test_pkce_is_required if {
	required := bff.require with settings as typical with input as backend
	{r.name | some r in required} == {"pkce_s256"}
}

test_backends_are_labelled if {
	labels := bff.label with settings as typical with input as backend
	labels == {"bff"}
}

# Yours are of the types that the rules expect.
test_settings_have_their_types if {
	wrong := {name | some name, value in settings; type_name(value) != type_name(typical[name])}
	print("of another type than in the preset:", wrong)
	wrong == set()
	{name | some name, _ in settings} == object.keys(typical)
}
