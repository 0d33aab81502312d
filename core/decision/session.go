package decision

import (
	"cmp"
	"time"

	"github.com/ostiary/ostiary/core"
)

// Session asks whether somebody who has just proved to be a user may begin a browser session, and for how long: input of
// data.ostiary.session.decision.
type Session struct {
	For core.SessionKind // what the session is good for

	Client        Document // whose request led here; zero: none, as on the own account and on the operators' pages
	ClientTrust   string   // in its software statement: "issuer", "self" or "none"; empty: none
	ClientLabels  []string
	ClientProfile string
	ClientChannel core.Channel // the door it was registered by

	UserPresent   bool
	Subject       core.Subject
	Username      string
	UserAdmin     bool
	Email         string
	EmailVerified bool
	AuthTime      time.Time
	Methods       []string // "amr" of RFC 8176

	Caller    core.Caller
	Now       time.Time // written as Unix seconds
	RequestID string
}

// providerSession is how rules call the kind of session that has no name of its own.
const providerSession = "provider"

// SetClient fills in all that the question says of the client; one without an ID is none.
func (q *Session) SetClient(c *core.Client) {
	if c.ID == "" {
		return
	}
	q.Client, q.ClientTrust, q.ClientLabels = storedDocument(c), c.Governance.Trust, c.Governance.Labels
	q.ClientProfile, q.ClientChannel = c.Provenance.Profile, c.Provenance.Channel
}

// SetUser fills in who signs in.
func (q *Session) SetUser(u *core.User, authTime time.Time, methods []string) {
	q.UserPresent, q.Subject, q.Username, q.UserAdmin = true, u.Subject, u.Username, u.Admin
	q.Email, q.EmailVerified, q.AuthTime, q.Methods = u.Profile.Email, u.Profile.EmailVerified, authTime, methods
}

// Write implements Question.
func (q *Session) Write(w Writer) {
	w.BeginObject(10)
	text(w, "contract", Contract)
	number(w, "now", unix(q.Now))
	text(w, "request_id", q.RequestID)
	text(w, "for", cmp.Or(string(q.For), providerSession))
	q.Client.write(w, "client")
	provenance(w, q.ClientChannel, q.ClientProfile, q.ClientTrust, q.ClientLabels)
	text(w, "subject", string(q.Subject))
	person{q.UserPresent, q.UserAdmin, q.EmailVerified, q.Username, q.Email}.write(w)
	signIn(w, q.AuthTime, q.Methods)
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
