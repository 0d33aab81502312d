// Package registration is the road of a client write (RFC 7591, RFC 7592): Judge decides, Commit makes it so. It owns initial
// access tokens, access, statements, profiles, the order of the stages and the Approved value, which only Judge can make
// and without which no store writes a client. It does not parse HTTP, run Rego or WASM, or know an engine.
//
// The road, a file per stage:
//
//	access.go     1  who is at the desk
//	statement.go  2  what a software statement proves (issuer.go, issuer_terms.go, binding.go: whose are believed, on which terms);
//	                 after it limits.go counts who comes
//	normalise.go  3  request, statement and profile become one draft
//	propose.go    4  plugins propose patches
//	floor.go      5  what nothing may loosen
//	dispose.go    6  policy decides on the effective client
//	approve.go    7  id, secrets, the Approved value (pending.go, admit.go: clients that an operator must approve; idempotent.go: one client for all who register the same)
//	desk.go       8  commit
//	answer.go     9  plugins shape the answer
//
// A client that only its metadata document describes takes the same road and is not stored (document.go, documents.go).
package registration
