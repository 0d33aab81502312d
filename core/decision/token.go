package decision

import (
	"time"

	"github.com/ostiary/ostiary/core"
)

// Token asks whether tokens may be issued at the token endpoint, with which scopes and for how long: input of
// data.ostiary.token.decision.
type Token struct {
	Parties

	GrantType    string
	ClientLimits Lifetimes // that policy set when the client was registered; zero: none
	AuthMethod   string    // how the client proved itself, e.g. "private_key_jwt"

	Scopes    []string // those of the grant, or what is asked for of them
	Resources []string // RFC 8707

	Caller    core.Caller
	Now       time.Time // written as Unix seconds
	RequestID string
}

// Lifetimes are how long tokens live, in whole seconds. Zero: the default.
type Lifetimes struct {
	AccessToken  time.Duration
	IDToken      time.Duration
	RefreshToken time.Duration
}

// The limits that name a kind of token. Any rule of the token decision may set them, and a rule of the registration decision
// for all tokens of the client.
const (
	LimitAccessToken  = "access_token"  // seconds until an access token expires
	LimitIDToken      = "id_token"      // seconds until an ID token expires
	LimitRefreshToken = "refresh_token" // seconds until the grant, with all its refresh tokens, expires
)

// LifetimesOf picks the lifetimes out of limits by name, as policy gives them and core.Governance keeps them.
func LifetimesOf(limits map[string]int64) Lifetimes {
	return Lifetimes{
		AccessToken:  Seconds(limits[LimitAccessToken]),
		IDToken:      Seconds(limits[LimitIDToken]),
		RefreshToken: Seconds(limits[LimitRefreshToken]),
	}
}

// Seconds gives the time a limit means. More than a century is a century: a time.Duration could not hold every number.
func Seconds(limit int64) time.Duration {
	const century = 100 * 365 * 24 * 3600
	return time.Duration(min(limit, century)) * time.Second
}

// SetClient fills in all that the question says of the client.
func (q *Token) SetClient(c *core.Client) {
	q.Parties.SetClient(c)
	q.ClientLimits = LifetimesOf(c.Governance.Limits)
}

// Write implements Question.
func (q *Token) Write(w Writer) {
	w.BeginObject(14)
	text(w, "contract", Contract)
	number(w, "now", unix(q.Now))
	text(w, "request_id", q.RequestID)
	text(w, "grant_type", q.GrantType)
	q.writeClient(w)
	w.Key("limits")
	q.ClientLimits.write(w)
	text(w, "auth_method", q.AuthMethod)
	q.writePerson(w)
	list(w, "scopes", q.Scopes)
	list(w, "resources", q.Resources)
	w.Key("caller")
	writeCaller(w, &q.Caller)
	w.EndObject()
}

func (l *Lifetimes) write(w Writer) {
	w.BeginObject(3)
	number(w, LimitAccessToken, seconds(l.AccessToken))
	number(w, LimitIDToken, seconds(l.IDToken))
	number(w, LimitRefreshToken, seconds(l.RefreshToken))
	w.EndObject()
}

// seconds gives whole seconds, a part of one as one: 0 means no limit.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// A TokenVerdict is what policy answered to a Token.
type TokenVerdict struct {
	Allowed bool
	Code    core.Code     // of the first denial; empty when allowed
	Reasons []core.Reason // every denial, first the one that Code is of; when allowed: which rule took which scope away
	Scopes  []string      // what is left of those asked for, in their order. None left of some: refuse with invalid_scope

	Lifetimes Lifetimes       // how long tokens may live at most; zero: the default
	Decision  core.DecisionID // under which it was written down; empty: nobody does
	Revision  string          // content digest of the policy that decided
	Elapsed   time.Duration
	Cached    bool // the same question was decided before by the same revision
}
