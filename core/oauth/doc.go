// Package oauth holds the protocol's words: grant and response types, authentication methods, algorithms, scope, PKCE, and
// what a URI is and when two redirect URIs are the same. It is pure: no clock, no network, no state, and it imports nothing
// of ours. It owns the floor under redirect and web URIs, which only ever refuses what is never safe; what a site likes
// beyond that is policy.
//
// The road of a redirect URI: ParseURI reads it into facts, RedirectProblems says why it may not be registered,
// MatchRedirect compares a presented one with a registered one.
package oauth
