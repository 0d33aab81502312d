# METADATA
# title: Settings of the preset fapi2
# description: What a site changes first. The rules at the endpoints have the profile's name and the lifetime of their own.
package ostiary.registration.site.fapi2.settings

# METADATA
# description: The profiles whose clients these rules govern.
profiles := {"fapi2"}

# METADATA
# description: Signature algorithms (FAPI 2.0 Security Profile, section 5.4.1); Ed25519 is EdDSA by another name.
algorithms := {"PS256", "ES256", "EdDSA", "Ed25519"}

# METADATA
# description: >-
#   Whether tokens are bound to the client's TLS certificate (section 5.3.2.1; RFC 8705). It needs client_certificates in the server's
#   configuration: without certificates these clients get no tokens.
bound_tokens := false

# METADATA
# description: Seconds that access tokens live.
access_token := 300
