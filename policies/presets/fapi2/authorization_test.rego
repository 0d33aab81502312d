package ostiary.authorization.site.fapi2_test

import data.ostiary.authorization.site.fapi2
import data.ostiary.examples

# refused gives the rules that refuse the request of a client of the profile when one member is another.
refused(path, value) := {found.rule | some found in denied} if {
	denied := fapi2.deny with input as json.patch(examples.authorization, [
		{"op": "replace", "path": "/provenance/profile", "value": "fapi2"},
		{"op": "replace", "path": path, "value": value},
	])
}

test_pushed_request_is_accepted if refused("/par", true) == set()

test_request_by_the_browser_is_refused if refused("/par", false) == {"fapi2.par"}

test_request_without_challenge_is_refused if refused("/challenge", false) == {"fapi2.challenge"}

test_other_response_types_are_refused if refused("/response_type", "id_token") == {"fapi2.response_type"}

test_only_https if refused("/redirect_uri/class", "loopback_http") == {"fapi2.redirect"}

test_others_are_not_concerned if {
	denied := fapi2.deny with input as examples.authorization with input.par as false
	denied == set()
}
