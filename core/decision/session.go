package decision

import (
	"cmp"
	"time"

	"github.com/ostiary/ostiary/core"
)

// Session asks whether somebody who has just proved to be a user may begin a browser session, and for how long: input of
// data.ostiary.session.decision.
type Session struct {
	Parties // the client is the one whose request led here; zero: none, as on the own account and on the operators' pages

	For core.SessionKind // what the session is good for

	Caller    core.Caller
	Now       time.Time // written as Unix seconds
	RequestID string
}

// providerSession is how rules call the kind of session that has no name of its own.
const providerSession = "provider"

// Write implements Question.
func (q *Session) Write(w Writer) {
	w.BeginObject(10)
	text(w, "contract", Contract)
	number(w, "now", unix(q.Now))
	text(w, "request_id", q.RequestID)
	text(w, "for", cmp.Or(string(q.For), providerSession))
	q.writeClient(w)
	q.writePerson(w)
	w.Key("caller")
	writeCaller(w, &q.Caller)
	w.EndObject()
}

// A SessionVerdict is what policy answered to a Session.
type SessionVerdict struct {
	Allowed bool
	Code    core.Code     // of the first denial; empty when allowed
	Reasons []core.Reason // every denial, first the one that Code is of

	Lifetime time.Duration // how long the session may last at most; zero: the default
	Revision string        // content digest of the policy that decided
	Elapsed  time.Duration
	Cached   bool // the same question was decided before by the same revision
}

// LimitSession is the limit that rules of the session decision may set: seconds until the session ends.
const LimitSession = "session_lifetime"
