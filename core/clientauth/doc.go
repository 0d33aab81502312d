// Package clientauth says which client is calling (RFC 6749 §2.3, OpenID Connect Core §9). It owns the methods of client
// authentication: basic, post, none, private_key_jwt and certificates of TLS (RFC 8705). It does not know what the client wants, nor how clients are kept.
//
// The road: find the one method that was presented (presented.go); read who it claims to be; take the client's records; hold
// the method against the registered one; check the proof (secret.go, assertion.go, certificate.go); last, whether the client may be used.
package clientauth
