// Package registration is the road of a client write (RFC 7591, RFC 7592): Judge decides, Commit makes it so. It owns initial
// access tokens, access, statements, profiles, the order of the stages and the Approved value, which only Judge can make
// and without which no store writes a client. It does not parse HTTP, run Rego or WASM, or know an engine.
//
// The road begins in desk.go with a Request (request.go) and is one judgement (judge.go). A file per stage, and what it needs:
//
//	access.go     1  who is at the desk                          access_client.go: clients that come with an access token or a certificate
//	statement.go  2  what a software statement proves            signed.go: requests that come signed; binding.go: what holds a client to it;
//	                                                             limits.go, after it, counts who comes
//	normalise.go  3  request, statement and profile: one draft   choose.go: what the client left open
//	propose.go    4  plugins propose patches                     consult.go: what they are asked beside that
//	floor.go      5  what nothing may loosen                     terms.go: of a token; fit.go: of keys; sector.go, sectors.go: of pairwise sub
//	dispose.go    6  policy decides on the effective client
//	approve.go    7  id, secrets, the Approved value             approved.go: what that is; idempotent.go: one client for all who register the same
//	desk.go       8  commit                                      line.go: one after the other, where they overtook each other
//	answer.go     9  plugins shape the answer                    reread.go: the same answer to the same read
//
// Whose word is taken, by the table of trusted issuers: issuer.go, issuer_terms.go, issuer_list.go; Janssen's words for it are
// translated in janssen.go, janssen_table.go; what an issuer takes back: revocation.go, recall.go.
//
// What an operator decided, in dcr_config.yaml: site.go, site_access.go, site_members.go, site_limits.go, site_documents.go,
// lifetime.go; by declarations: additions.go, declared.go; by initial access tokens: tokens.go, tokens_terms.go.
//
// What becomes of a client: pending.go, admit.go (it waits for an operator's approval), rotate.go (new credentials), use.go, reap.go
// (it goes when nobody uses it).
//
// A client that only its metadata document describes takes the same road and is not stored: document.go, documents.go, and pace.go,
// shelf.go, so that strangers cannot have us fetch and keep what they like.
//
// The same road without a write: simulate.go, and rejudge.go, which puts a kept question to other rules.
package registration
