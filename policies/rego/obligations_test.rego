package ostiary.registration.obligations_test

import data.ostiary.examples
import data.ostiary.registration.obligations

test_public_clients_use_pkce if {
	found := obligations.require with input as examples.register
		with input.effective.token_endpoint_auth_method as "none"
	{f.name | some f in found} == {"pkce_s256"}
}

test_confidential_clients_and_machines_do_not_have_to if {
	count(obligations.require) == 0 with input as examples.register
	count(obligations.require) == 0 with input as examples.register
		with input.effective.token_endpoint_auth_method as "none"
		with input.effective.grant_types as []
}

test_missing_keys_are_remarked if {
	found := obligations.warn with input as examples.register
	{f.rule | some f in found} == {"obligations.no_keys"}
	obligations.checked with input as examples.register
}

test_keys_silence_the_remark if {
	count(obligations.warn) == 0 with input as examples.register
		with input.effective.jwks_uri as "https://app.example/jwks.json"
	count(obligations.warn) == 0 with input as examples.register
		with input.keys as [{"kty": "EC", "alg": "ES256", "use": "sig", "kid": "1", "crv": "P-256", "bits": 256}]
}
