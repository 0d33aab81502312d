package ostiary.registration.redirects_test

import data.ostiary.examples
import data.ostiary.registration.redirects

with_config(path, value) := json.patch(examples.config, [{"op": "replace", "path": path, "value": value}])

# fact gives a URI's facts as the server would, changed where a test wants.
fact(changes) := object.union(examples.register.redirect_uris[0], changes)

http := fact({"raw": "http://app.example/cb", "class": "http", "scheme": "http", "host": "app.example"})

loopback := fact({"raw": "http://127.0.0.1/cb", "class": "loopback_http", "scheme": "http", "host": "127.0.0.1", "ip": "127.0.0.1", "loopback": true})

reverse := fact({"raw": "com.example.app:/cb", "class": "private_scheme", "scheme": "com.example.app", "host": "", "reverse_domain": true})

plain := fact({"raw": "myapp:/cb", "class": "private_scheme", "scheme": "myapp", "host": ""})

broken := fact({"raw": "javascript:alert(1)", "class": "invalid", "valid": false, "problems": ["dangerous_scheme"]})

# judged gives the rules that deny a client of a type with these URIs.
judged(type, uris) := {finding.rule | some finding in found} if {
	found := redirects.deny with input as examples.register
		with input.effective.application_type as type
		with input.redirect_uris as uris
		with data.ostiary.config as examples.config
}

test_example_is_accepted if {
	count(redirects.deny) == 0 with input as examples.register with data.ostiary.config as examples.config
	redirects.checked with input as examples.register with data.ostiary.config as examples.config
}

test_web_is_https if {
	judged("web", [http]) == {"redirects.https_only"}
	judged("web", [loopback]) == {"redirects.https_only"}
	judged("web", [reverse]) == {"redirects.https_only"}
	judged("", [loopback]) == {"redirects.https_only"}
}

test_native_has_loopback_and_reverse_domain if {
	judged("native", [loopback, reverse]) == set()
	judged("native", [http]) == {"redirects.https_only"}
	judged("native", [plain]) == {"redirects.private_scheme"}
}

test_private_scheme_says_who_may_allow_it if {
	found := redirects.deny with input as examples.register
		with input.effective.application_type as "native"
		with input.redirect_uris as [plain]
		with data.ostiary.config as examples.config
	some finding in found
	contains(finding.message, "ask the operator to add it to allowed_private_schemes")
}

test_private_scheme_may_be_allowed if {
	found := redirects.deny with input as examples.register
		with input.effective.application_type as "native"
		with input.redirect_uris as [plain]
		with data.ostiary.config as with_config("/redirects/allowed_private_schemes", {"myapp": true})
	count(found) == 0
}

test_malformed_is_named_with_its_problem if {
	found := redirects.deny with input as examples.register
		with input.redirect_uris as [broken]
		with data.ostiary.config as examples.config
	some finding in found
	finding.rule == "redirects.malformed"
	finding.code == "invalid_redirect_uri"
	contains(finding.message, "javascript:alert(1)")
	contains(finding.message, "dangerous_scheme")
}

test_class_nobody_knows_is_refused if {
	judged("native", [fact({"class": "carrier_pigeon"})]) == {"redirects.https_only"}
}

test_hosts_may_be_listed if {
	listed := with_config("/redirects/allowed_hosts", {"authn.example.com": true})
	found := redirects.deny with input as examples.register with data.ostiary.config as listed
	{f.rule | some f in found} == {"redirects.host"}
	count(found) == 2
	every finding in found { not contains(finding.message, "authn.example.com") }
}

test_unexplained_uri_fails_the_module if {
	not redirects.checked with input as examples.register
		with input.redirect_uris as [object.remove(http, ["raw"])]
		with data.ostiary.config as examples.config
}

test_mixing_is_remarked if {
	found := redirects.warn with input as examples.register
		with input.effective.application_type as "native"
		with input.redirect_uris as [loopback, fact({})]
		with data.ostiary.config as examples.config
	{f.rule | some f in found} == {"redirects.mixed"}
}

test_reads_are_not_judged if {
	count(redirects.deny) == 0 with input as examples.read
		with input.redirect_uris as [broken]
		with data.ostiary.config as examples.config
}
