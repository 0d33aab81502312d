package oauth

// ReservedClaim tells the claims of a token that only its issuer sets: those that say whose it is, for whom, for how long and
// bound to what, and those that an introspection answers itself. A value of anybody else there would be taken for ours.
func ReservedClaim(name string) bool {
	switch name {
	case "iss", "sub", "aud", "exp", "nbf", "iat", "jti": // RFC 7519 §4.1
		return true
	case "client_id", "scope", "auth_time", "acr", "amr": // RFC 9068 §2.2
		return true
	case "cnf", "act", "may_act", "authorization_details", "events", "toe", "txn": // RFC 7800, RFC 8693, RFC 9396, RFC 8417
		return true
	case "azp", "nonce", "at_hash", "c_hash", "s_hash", "sid": // OpenID Connect
		return true
	case "active", "username", "token_type": // RFC 7662 §2.2
		return true
	case "gid", "gen", "": // our own
		return true
	}
	return false
}
