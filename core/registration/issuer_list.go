package registration

import (
	"cmp"
	"time"
)

// Where an entry of the table of trusted issuers comes from.
const (
	FromSettings = "trusted_issuers"
	FromJanssen  = "janssen" // properties in Janssen's words
	FromDeclared = "declared"
)

// A ListedIssuer is an entry of the table in force, however it was written.
type ListedIssuer struct {
	TrustedIssuer
	From string        // FromSettings, FromJanssen or FromDeclared
	Set  string        // of declarations
	Keys string        // jwks, jwks_uri, configuration, shared_secret or plugin: what goes first of what it has
	Look Look          // at the clients of its statements, the last one; zero: none since the start, or nothing is revoked by it
	Asks time.Duration // so often
}

// A Look is what came of looking at the clients of an issuer that takes statements back.
type Look struct {
	Time     time.Time
	Looked   int // at so many clients
	Disabled int
	Failed   int
	Error    string // the first that failed
}

// Issuers lists the table in force, in the order in which entries of one issuer are tried.
func (r *Recall) Issuers() []ListedIssuer {
	site := r.desk.Site()
	list := make([]ListedIssuer, len(site.TrustedIssuers))
	for i, t := range site.TrustedIssuers {
		list[i] = ListedIssuer{TrustedIssuer: t, From: cmp.Or(t.from, FromSettings), Set: t.set, Keys: t.keysKind()}
		if t.recalls() {
			list[i].Asks, list[i].Look = t.Terms.Revocation.every(), r.lastLook(t.Issuer)
		}
	}
	return list
}

func (t TrustedIssuer) keysKind() string {
	switch {
	case t.delegated():
		return keysOfPlugin
	case t.JWKSURI != "":
		return "jwks_uri"
	case t.Configuration.Endpoint != "":
		return "configuration"
	case t.JWKS != "":
		return "jwks"
	}
	return "shared_secret"
}

// recalls tells an issuer that takes statements back.
func (t TrustedIssuer) recalls() bool {
	return t.Terms.Revocation.isSet() && t.serves(ForStatements)
}

func (r *Recall) lastLook(issuer string) Look {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[issuer]
}

// note remembers what came of a look, which began when done was before.
func (r *Recall) note(issuer string, now time.Time, before, done Recalled) {
	l := Look{
		Time: now, Looked: done.Looked - before.Looked, Disabled: len(done.Disabled) - len(before.Disabled), Failed: len(done.Failed) - len(before.Failed),
	}
	if l.Failed > 0 {
		l.Error = done.Failed[len(before.Failed)].Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[issuer] = l
}
