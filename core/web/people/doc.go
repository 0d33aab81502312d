// Package people is what people see of the issuer: signing in, allowing a client, the own account, signing out. It owns the
// pages, their style and their cookies. A handler parses, calls a verb (core/authorize, core/login) and writes; it holds no
// rule of the protocol.
//
// Every page works without JavaScript. What a client says of itself is shortened, stripped of what cannot be seen, escaped,
// and shown as what it is: a claim.
package people
