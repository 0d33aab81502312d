// Package authorize is the authorization endpoint: it owns what a request must satisfy, which page a person sees next, consent
// and the handing out of codes; beside it stand pushed requests (RFC 9126) and signing out (OpenID Connect RP-Initiated Logout).
// It does not check passwords, draw pages, redeem codes or parse HTTP.
//
// The road of one request, a file per part:
//
//	checks.go    the checks, in order of trust: until redirect_uri holds a refusal is a page, after that it is sent back
//	next.go      from what is known to the one thing to do next; pure
//	endpoint.go  the dispatcher: it finds out what next asks for, until next ends with a page, a refusal or a code
//	flow.go      the request between two pages: sealed, in the browser's own hands
//
// Nothing is stored for a stranger but what an authenticated client pushed.
package authorize
