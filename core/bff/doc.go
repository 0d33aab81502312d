// Package bff is the browser's backend: an OpenID Connect client that keeps the tokens, so that the browser holds nothing but
// a cookie (OAuth 2.0 for Browser-Based Applications). It owns its registration with the issuer, logins under way, sessions
// and their tokens. It does not know HTTP's server side: core/web/bff parses and writes cookies, proxy passes calls on.
//
// The road of a browser:
//
//	bootstrap.go  the backend registers itself with the issuer, once for all replicas: steps.go says what is done next, register.go and
//	              update.go do it, signing.go turns its key, secret.go renews its secret, discover.go knows the issuer, authenticate.go proves who we are
//	login.go      the browser is sent to the issuer, with a pushed request, PKCE, state and nonce
//	callback.go   it comes back with a code; idtoken.go says who it is; a new session begins
//	session.go    who is there, and an access token for the proxy, renewed one at a time
//	standing.go   a session is over when its person was signed out everywhere, disabled or deleted
//	logout.go     session, tokens and the issuer's own session end
package bff
