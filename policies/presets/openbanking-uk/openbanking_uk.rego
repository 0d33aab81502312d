# METADATA
# title: Third parties of open banking in the UK
# description: >-
#   Dynamic Client Registration of the Open Banking Implementation Entity, version 3.3. The directory says who a client is and what it
#   may ask for; nothing that a client says of itself counts beside it.
package ostiary.registration.site.openbanking_uk

import data.ostiary.registration.site.openbanking_uk.settings

# METADATA
# description: The registrations that these rules are about. There is no way around a directory, for an operator neither.
concerned if {
	input.operation in {"register", "update"}
	input.profile in settings.profiles
}

claims := input.software_statement.claims

# METADATA
# description: Profiles that strangers may register under, because rules govern them. Those of other presets count as well.
open_profiles contains profile if some profile in settings.profiles

guarded contains profile if {
	some name
	some profile in data.ostiary.registration.site[name].open_profiles
}

# METADATA
# title: The way in
# description: >-
#   With registration.open, a stranger could name any profile of dcr_config.yaml. Only those that rules govern are for strangers;
#   the others are for holders of an initial access token.
deny contains {
	"rule": "openbanking_uk.profile",
	"code": "access_denied",
	"field": "client_profile",
	"message": sprintf("The profile %s is not for open registration. Leave client_profile out.", [input.profile]),
} if {
	input.operation == "register"
	input.caller.kind == "open"
	not input.profile in guarded
}

vouched if {
	input.software_statement.trust == "issuer"
	input.software_statement.issuer in settings.issuers
}

# METADATA
# title: The directory vouches
# description: The statement (SSA) is signed by the directory, whose keys are in trusted_issuers of dcr_config.yaml.
deny contains {
	"rule": "openbanking_uk.statement",
	"code": "unapproved_software_statement",
	"field": "software_statement",
	"message": "There is no software statement of the directory. Send one, for updates as well.",
} if {
	concerned
	not vouched
}

deny contains {
	"rule": "openbanking_uk.statement_alg",
	"code": "invalid_software_statement",
	"field": "software_statement",
	"message": sprintf("The software statement is signed with %s; accepted: %s.", [
		input.software_statement.alg,
		concat(", ", settings.statement_algorithms),
	]),
} if {
	concerned
	vouched
	not input.software_statement.alg in settings.statement_algorithms
}

fresh if {
	is_number(claims.iat)
	age := input.now - claims.iat
	age <= settings.statement_age
	age >= -60
}

# METADATA
# title: Age of the statement
# description: OBIE sets no limit; an old statement may name roles that are gone.
deny contains {
	"rule": "openbanking_uk.statement_age",
	"code": "invalid_software_statement",
	"field": "software_statement",
	"message": sprintf("The software statement has no iat, or one that is more than %d seconds ago. Get a new one from the directory.", [settings.statement_age]),
} if {
	concerned
	vouched
	not fresh
}

active if {
	claims.org_status == "Active"
	claims.software_mode in settings.modes
	named(claims.software_id)
	named(claims.org_id)
	named(claims.software_client_name)
}

named(claim) if {
	is_string(claim)
	claim != ""
}

# METADATA
# title: Who it is
# description: The organisation takes part, the software is in use here, and both can be named.
deny contains {
	"rule": "openbanking_uk.participant",
	"code": "unapproved_software_statement",
	"field": "software_statement",
	"message": "The software statement does not name an active organisation (org_status, org_id) and its software (software_id, software_client_name) of a mode that is accepted here.",
} if {
	concerned
	vouched
	not active
}

listed(uri) if {
	is_array(claims.software_redirect_uris)
	uri.raw in claims.software_redirect_uris
	uri.class == "https"
}

# METADATA
# title: Redirect URIs
# description: A subset of those of the statement, and https.
deny contains {
	"rule": "openbanking_uk.redirect",
	"code": "invalid_redirect_uri",
	"field": "redirect_uris",
	"message": sprintf("%s is not https, or not in software_redirect_uris of the software statement.", [uri.raw]),
} if {
	concerned
	vouched
	some uri in input.redirect_uris
	not listed(uri)
}

beside(uri) if {
	some other in input.redirect_uris
	uri.class == "https"
	uri.host == other.host
}

# METADATA
# title: Where browsers are sent otherwise
# description: After signing out, and to begin a sign-in, only to a host that the client returns to.
deny contains {
	"rule": "openbanking_uk.other_host",
	"code": "invalid_client_metadata",
	"field": uri.member,
	"message": sprintf("%s is not https, or not on a host of redirect_uris.", [uri.raw]),
} if {
	concerned
	some uri in input.uris
	uri.member in {"post_logout_redirect_uris", "initiate_login_uri"}
	not beside(uri)
}

# METADATA
# title: Client authentication
# description: By private_key_jwt. tls_client_auth is in the standard, too; these rules do not take it.
deny contains {
	"rule": "openbanking_uk.method",
	"code": "invalid_client_metadata",
	"field": "token_endpoint_auth_method",
	"message": sprintf("token_endpoint_auth_method %s is not accepted. Use private_key_jwt; these rules take no other, mutual TLS included.", [
		input.effective.token_endpoint_auth_method,
	]),
} if {
	concerned
	input.effective.token_endpoint_auth_method != "private_key_jwt"
}

# METADATA
# title: Algorithms
# description: PS256 or ES256 (FAPI 1.0 part 2, section 8.6), and said, because what is not said could be any.
deny contains {
	"rule": "openbanking_uk.signing_alg",
	"code": "invalid_client_metadata",
	"field": "token_endpoint_auth_signing_alg",
	"message": sprintf("token_endpoint_auth_signing_alg must be one of %s.", [concat(", ", settings.algorithms)]),
} if {
	concerned
	not input.effective.token_endpoint_auth_signing_alg in settings.algorithms
}

deny contains {
	"rule": "openbanking_uk.request_object_alg",
	"code": "invalid_client_metadata",
	"field": "request_object_signing_alg",
	"message": sprintf("request_object_signing_alg must be one of %s.", [concat(", ", settings.algorithms)]),
} if {
	concerned
	not input.effective.request_object_signing_alg in (settings.algorithms | {""})
}

deny contains {
	"rule": "openbanking_uk.id_token_alg",
	"code": "invalid_client_metadata",
	"field": "id_token_signed_response_alg",
	"message": sprintf("id_token_signed_response_alg must be one of %s, or be left out.", [concat(", ", settings.algorithms)]),
} if {
	concerned
	"id_token_signed_response_alg" in input.present
	not input.effective.id_token_signed_response_alg in settings.algorithms
}

# METADATA
# description: What is not said becomes ES256 instead of RS256 (OpenID Connect Registration, section 2).
set contains {
	"rule": "openbanking_uk.id_token_es256",
	"field": "id_token_signed_response_alg",
	"value": "ES256",
} if {
	concerned
	not "id_token_signed_response_alg" in input.present
	not input.effective.id_token_signed_response_alg in settings.algorithms
}

# METADATA
# title: Keys
# description: Those that the directory publishes.
deny contains {
	"rule": "openbanking_uk.keys_by_value",
	"code": "invalid_client_metadata",
	"field": "jwks",
	"message": "Keys come from the directory. Leave jwks out.",
} if {
	concerned
	count(input.keys) > 0
}

deny contains {
	"rule": "openbanking_uk.jwks_uri",
	"code": "invalid_client_metadata",
	"field": "jwks_uri",
	"message": "jwks_uri is not software_jwks_endpoint of the software statement.",
} if {
	concerned
	vouched
	not keys_of_directory
}

keys_of_directory if {
	named(claims.software_jwks_endpoint)
	input.effective.jwks_uri == claims.software_jwks_endpoint
}

keys_of_directory if {
	named(claims.software_jwks_endpoint)
	input.effective.jwks_uri == ""
}

# METADATA
# description: A client that does not say where its keys are has those of the statement.
default_value contains {
	"rule": "openbanking_uk.directory_keys",
	"field": "jwks_uri",
	"value": claims.software_jwks_endpoint,
} if {
	concerned
	named(claims.software_jwks_endpoint)
	input.effective.jwks_uri == ""
}

# METADATA
# title: Grant types
# description: For people by codes, and for consents by the client's own right.
deny contains {
	"rule": "openbanking_uk.grant_type",
	"code": "invalid_client_metadata",
	"field": "grant_types",
	"message": sprintf("The grant type %s is not accepted. Use authorization_code, refresh_token and client_credentials.", [grant]),
} if {
	concerned
	some grant in input.effective.grant_types
	not grant in {"authorization_code", "refresh_token", "client_credentials"}
}

# METADATA
# description: The roles that the directory gives the software.
roles contains role if {
	is_array(claims.software_roles)
	some role in claims.software_roles
	settings.role_scopes[role]
}

scopes contains scope if some scope in settings.always

scopes contains scope if {
	some role in roles
	some scope in settings.role_scopes[role]
}

# METADATA
# title: Scopes
# description: >-
#   Those of the roles: AISP, PISP, CBPII.
deny contains {
	"rule": "openbanking_uk.scope",
	"code": "invalid_scope",
	"field": "scope",
	"message": sprintf("The scope %s is not for the roles of this software (%s). Leave it out.", [scope, concat(", ", roles)]),
} if {
	concerned
	vouched
	"scope" in input.present
	some scope in input.scopes
	not scope in scopes
}

# METADATA
# description: A client that names no scope gets those of its roles, out of default_scopes of dcr_config.yaml.
strip contains {
	"rule": "openbanking_uk.scope_of_roles",
	"scope": scope,
	"message": sprintf("The scope %s is not for the roles of this software.", [scope]),
} if {
	concerned
	not "scope" in input.present
	some scope in input.scopes
	not scope in scopes
}

stated(claim) := claim if is_string(claim)

# What is no text is nothing that people could be shown, and no reason to show what the client says instead.
stated(claim) := "" if not is_string(claim)

# METADATA
# title: What people see
# description: Name and links are those of the statement, whatever was sent (RFC 7591, section 2.3).
set contains {
	"rule": "openbanking_uk.stated",
	"field": field,
	"value": value,
} if {
	concerned
	some field, pair in {
		"client_name": [input.effective.client_name, object.get(claims, "software_client_name", "")],
		"client_uri": [input.effective.client_uri, object.get(claims, "software_client_uri", "")],
		"logo_uri": [input.effective.logo_uri, object.get(claims, "software_logo_uri", "")],
		"policy_uri": [input.effective.policy_uri, object.get(claims, "software_policy_uri", "")],
		"tos_uri": [input.effective.tos_uri, object.get(claims, "software_tos_uri", "")],
	}
	value := stated(pair[1])
	value != pair[0]
}

# METADATA
# description: Every code is bound to a challenge.
require contains {
	"rule": "openbanking_uk.pkce",
	"name": "pkce_s256",
} if {
	concerned
	"authorization_code" in input.effective.grant_types
}

label contains "openbanking-uk" if concerned

# METADATA
# description: Rules about sign-ins and tokens can ask for the role, such as openbanking-uk:AISP.
label contains concat(":", ["openbanking-uk", role]) if {
	concerned
	some role in roles
}
