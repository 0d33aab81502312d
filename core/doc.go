// Package core holds the nouns of Ostiary: client, credential, token, user, session, grant, code, consent, reason, decision id,
// error. It owns what they are and the rules that need nothing else; it does not parse, decide, store or answer. Everything
// imports core; core imports the standard library and the protocol's words (core/oauth) only.
//
// The road of a client write, in the order of its packages: web (parse) → registration (judge, commit) with metadata (the
// table of members), hook (the plugins' sockets), decision (the policy's question) and ledger (what happened) → storage.
package core
