// Package replay asks again: kept decisions of a candidate policy (Replay), and every stored client (Audit). It owns the jobs
// that do it on a running server, one at a time, and what differs. It writes nothing.
//
// The road: a candidate is loaded, the ledger or the clients are read page by page, the registration desk judges each again
// from policy on (core/registration), what comes out is compared (ruling.go), and a Report counts and lists. A job works half of
// the time on one processor at most, asks one question at a time, and ends when nobody asks how it is going any more.
package replay
