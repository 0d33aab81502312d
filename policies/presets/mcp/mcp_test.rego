package ostiary.registration.site.mcp_test

import data.ostiary.examples
import data.ostiary.registration.site.mcp
import data.ostiary.registration.site.mcp.settings

# The settings that these tests are about: yours may be any.
typical := {
	"profiles": {"default", "mcp"},
	"own": {"Example Corp": {
		"names": {"example corp", "example login"},
		"hosts": {"app.example.com"},
		"schemes": set(),
		"loopback": false,
		"sites": {"example.com"},
	}},
	"more_hosts": set(),
	"max_redirect_uris": 6,
	"lifetime": (90 * 24) * 3600,
	"methods": {"none", "private_key_jwt"},
	"grant_types": {"authorization_code", "refresh_token"},
	"power": {"admin.api", "application.all", "dcr.register"},
}

https(host) := {"raw": concat("", ["https://", host, "/cb"]), "class": "https", "scheme": "https", "host": host}

loopback := {"raw": "http://127.0.0.1:33418/cb", "class": "loopback_http", "scheme": "http", "host": "127.0.0.1"}

private(scheme) := {"raw": concat("", [scheme, "://cb"]), "class": "private_scheme", "scheme": scheme, "host": "cb"}

# uri lays facts over those of the example.
uri(facts) := object.union(examples.register.redirect_uris[0], facts)

# stranger is a public client that registers itself.
stranger := json.patch(examples.register, [
	{"op": "replace", "path": "/profile", "value": "default"},
	{"op": "replace", "path": "/caller/kind", "value": "open"},
	{"op": "replace", "path": "/iat/present", "value": false},
	{"op": "replace", "path": "/scopes", "value": ["openid", "profile"]},
	{"op": "replace", "path": "/effective/token_endpoint_auth_method", "value": "none"},
	{"op": "replace", "path": "/effective/client_name", "value": "Tool"},
	{"op": "replace", "path": "/redirect_uris", "value": [uri(loopback)]},
])

# And the clients: your list may be any.
listed := {
	"ChatGPT": {"names": ["chatgpt", "openai"], "hosts": ["chatgpt.com"], "schemes": [], "loopback": false, "sites": ["openai.com"]},
	"Claude": {
		"names": ["claude", "anthropic"],
		"hosts": ["claude.ai", "claude.com"],
		"schemes": ["claude"],
		"loopback": true,
		"sites": ["claude.ai"],
	},
	"Cline": {"names": ["cline"], "hosts": [], "schemes": ["vscode"], "loopback": true, "sites": []},
	"Cursor": {"names": ["cursor"], "hosts": ["www.cursor.com"], "schemes": ["cursor"], "loopback": true, "sites": []},
	"VS Code": {
		"names": ["visual studio code", "vs code"],
		"hosts": ["insiders.vscode.dev", "vscode.dev"],
		"schemes": ["vscode"],
		"loopback": true,
		"sites": ["visualstudio.com"],
	},
}

# called gives the rules that refuse a client of a name that returns to some URIs.
called(name, uris) := {found.rule | some found in denied} if {
	denied := mcp.deny with input as stranger
		with input.effective.client_name as name
		with input.redirect_uris as [uri(u) | some u in uris]
		with data.ostiary.data.mcp.clients as listed
		with settings as typical
}

test_tool_on_the_own_machine_is_accepted if called("Tool", [loopback]) == set()

test_reverse_domain_scheme_is_accepted if called("Tool", [private("com.example.tool")]) == set()

test_known_clients_are_accepted if {
	called("Claude", [https("claude.ai"), https("claude.com")]) == set()
	called("Claude Code (github)", [loopback]) == set()
	called("Cursor", [private("cursor"), https("www.cursor.com"), loopback]) == set()
	called("Visual Studio Code", [https("insiders.vscode.dev"), https("vscode.dev"), loopback]) == set()
	called("ChatGPT", [https("chatgpt.com")]) == set()
}

# alike gives whose name another one looks like.
alike(name) := who if {
	who := mcp.namesakes with input.effective.client_name as name
		with data.ostiary.data.mcp.clients as listed
		with settings as typical
}

test_impersonators_are_seen if {
	every name in [
		"Claude", "CLAUDE", "C l a u d e", "The Claude App", "C1aude", "Ciaude", "Claudé", "cl@ude!", "ClaudeDesktop", "Anthropic",
		"Ćlaude", "Clāude", "Clạudė", "ANTHROPİC",
	] {
		alike(name) == {"Claude"}
	}
	alike("example  c0rp.") == {"Example Corp"}
}

test_other_names_are_free if {
	every name in ["Tool", "Precursor", "Zedong", "Clade", "Example", "Organizer", ""] { alike(name) == set() }
}

test_impersonator_is_refused if called("Claude Desktop", [https("www.cursor.com")]) == {"mcp.impersonation"}

test_one_foreign_host_is_enough if called("Claude", [loopback, https("claude.ai"), https("vscode.dev")]) == {"mcp.impersonation"}

test_mixed_scripts_are_misleading if {
	every name in [
		"Сlaude", "Clau\u200bde", "Ｃlaude", "ⅽlaude", "𝐂laude", "ᴄlaude", "Ⓒlaude", "ℂlaude", "Clɑude", "ꓚlaude",
	] {
		mcp.misleading(name)
	}
	every name in ["Помощник", "道具 Tool", "Café", "Łódź Trợ lý™"] { not mcp.misleading(name) }
}

test_misleading_name_is_refused if called("Сlaude", [loopback]) == {"mcp.misleading_name"}

test_unknown_host_is_refused if {
	called("Tool", [https("tool.example.net")]) == {"mcp.unknown_host"}
	called("Tool", [https("claude.ai.example.net")]) == {"mcp.unknown_host"}
}

test_more_hosts_are_known if {
	denied := mcp.deny with input as stranger
		with input.redirect_uris as [uri(https("tool.example.net"))]
		with settings as object.union(typical, {"more_hosts": {"tool.example.net"}})
	denied == set()
}

test_own_hosts_are_known if called("Example Login", [https("app.example.com")]) == set()

test_scheme_of_another_is_refused if {
	called("Tool", [private("cursor")]) == {"mcp.scheme"}
	called("Claude", [private("cursor")]) == {"mcp.scheme", "mcp.impersonation"}
	called("Cline", [private("vscode")]) == set()
}

test_too_many_redirect_uris_are_refused if {
	called("Tool", [loopback | some _ in numbers.range(0, typical.max_redirect_uris)]) == {"mcp.too_many_redirects"}
}

# refused gives the rules that refuse the stranger after some changes.
refused(changes) := {found.rule | some found in denied} if {
	denied := mcp.deny with settings as typical with input as json.patch(stranger, changes)
}

test_secret_is_refused if {
	refused([{"op": "replace", "path": "/effective/token_endpoint_auth_method", "value": "client_secret_basic"}]) == {"mcp.method"}
	refused([{"op": "replace", "path": "/effective/token_endpoint_auth_method", "value": "private_key_jwt"}]) == set()
}

test_client_credentials_are_refused if {
	refused([{"op": "replace", "path": "/effective/grant_types", "value": ["client_credentials"]}]) == {"mcp.grant_type"}
}

test_power_is_refused if {
	refused([{"op": "replace", "path": "/scopes", "value": ["openid", "admin.api"]}]) == {"mcp.power"}
}

test_other_profiles_are_not_open if {
	refused([{"op": "replace", "path": "/profile", "value": "code-flow-pkjwt"}]) == {"mcp.profile"}
}

test_initial_access_token_opens_other_profiles if mcp.deny == set() with settings as typical with input as examples.register

test_operator_may_do_it if {
	refused([
		{"op": "replace", "path": "/caller/kind", "value": "operator"},
		{"op": "replace", "path": "/effective/client_name", "value": "Claude"},
		{"op": "replace", "path": "/redirect_uris", "value": [uri(https("proxy.example.net"))]},
	]) == set()
}

test_update_is_judged_as_well if {
	refused([
		{"op": "replace", "path": "/operation", "value": "update"},
		{"op": "replace", "path": "/caller/kind", "value": "registration_access_token"},
		{"op": "replace", "path": "/redirect_uris", "value": [uri(https("evil.example.net"))]},
	]) == {"mcp.unknown_host"}
}

test_translation_is_refused if {
	refused([{"op": "replace", "path": "/effective/extra", "value": {"client_name#de": "Claude"}}]) == {"mcp.translation"}
}

test_translations_are_seen if {
	mcp.translated({"client_name#de": "Claude"})
	mcp.translated({"logo_uri#fr": "https://evil.example.net/logo"})
	not mcp.translated({"software#note": "x", "resource": "y"})
}

# links are what of a client's links is left out.
left_out(name, uris, links) := {found.field | some found in found_set; found.value == ""} if {
	found_set := mcp.set with settings as typical with input as stranger
		with input.effective.client_name as name
		with input.redirect_uris as [uri(u) | some u in uris]
		with input.uris as [uri({"member": member, "registrable_domain": domain}) | some member, domain in links]
		with data.ostiary.data.mcp.clients as listed
}

test_foreign_links_are_left_out if {
	left_out("Tool", [loopback], {"client_uri": "example.net", "logo_uri": "claude.ai"}) == {"client_uri", "logo_uri"}
	left_out("Tool", [loopback], {"jwks_uri": "example.net"}) == set()
}

# elsewhere gives the rules that refuse a client which sends browsers somewhere after signing out.
elsewhere(facts) := {found.rule | some found in denied} if {
	denied := mcp.deny with settings as typical with input as stranger
		with input.uris as [object.union(uri(facts), {"member": "post_logout_redirect_uris"})]
		with data.ostiary.data.mcp.clients as listed
}

test_browsers_are_sent_to_known_hosts_only if {
	elsewhere(loopback) == set()
	elsewhere(https("claude.ai")) == set()
	elsewhere(https("evil.example.net")) == {"mcp.other_host"}
}

test_own_links_stay if {
	left_out("VS Code", [loopback], {"client_uri": "visualstudio.com"}) == set()
	left_out("Tool", [object.union(https("vscode.dev"), {"registrable_domain": "vscode.dev"})], {"client_uri": "vscode.dev"}) == set()
}

test_method_that_was_not_said_is_none if {
	forced := mcp.set with settings as typical with input as stranger
		with input.present as ["redirect_uris"]
		with input.effective.token_endpoint_auth_method as "client_secret_basic"
	forced == {{"rule": "mcp.public", "field": "token_endpoint_auth_method", "value": "none"}}
}

test_clients_go_away if {
	limits := mcp.limit with settings as typical with input as stranger
	{[l.name, l.value] | some l in limits} == {["client_lifetime", typical.lifetime]}
}

test_clients_are_labelled if {
	labels := mcp.label with settings as typical with input as stranger
	labels == {"mcp"}
}

# The list is data that is edited by hand: a slip of the pen keeps the change out, and print says where it is.
test_list_of_names_is_in_order if {
	wrong := {who | some who, client in mcp.reserved; not in_order(client)}
	print("not in order:", wrong, "- each client has names in lowercase words, hosts, schemes, sites, and loopback true or false, and returns somewhere")
	wrong == set()
}

in_order(client) if {
	object.keys(client) == {"names", "hosts", "schemes", "loopback", "sites"}
	every member in {"names", "hosts", "schemes", "sites"} {
		not is_string(client[member])
		every item in client[member] { is_string(item) }
	}
	is_boolean(client.loopback)
	count(client.names) > 0
	every name in client.names { regex.match(`^[a-z]+( [a-z]+)*$`, name) }
	home(client)
}

home(client) if client.loopback

home(client) if count(client.hosts) > 0

home(client) if count(client.schemes) > 0

test_slips_of_the_pen_are_seen if {
	in_order(listed.Cline)
	not in_order(object.union(listed.Cline, {"names": ["Cline"]}))
	not in_order(object.union(listed.Cline, {"names": "cline"}))
	not in_order(object.union(listed.Cline, {"nams": []}))
	not in_order(object.union(listed.Cline, {"loopback": "yes"}))
	not in_order(object.union(listed.Cline, {"loopback": false, "schemes": []}))
}

test_nobody_registers_without_the_list if {
	denied := mcp.deny with settings as typical with input as stranger with data.ostiary.data.mcp.clients as "nobody"
	{found.rule | some found in denied} == {"mcp.data"}
}

# Yours are of the types that the rules expect.
test_settings_have_their_types if {
	wrong := {name | some name, value in settings; type_name(value) != type_name(typical[name])}
	print("of another type than in the preset:", wrong)
	wrong == set()
	{name | some name, _ in settings} == object.keys(typical)
}
