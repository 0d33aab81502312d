package ostiary.token.lifetimes_test

import data.ostiary.examples
import data.ostiary.token.lifetimes

test_no_limits_by_default if {
	count(lifetimes.limit) == 0 with input as examples.token
	lifetimes.checked with input as examples.token
}

test_limits_of_the_client_count if {
	found := lifetimes.limit with input as examples.token
		with input.limits.access_token as 60
		with input.limits.refresh_token as 3600
	{[f.name, f.value] | some f in found} == {["access_token", 60], ["refresh_token", 3600]}
}
