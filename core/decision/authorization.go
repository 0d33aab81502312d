package decision

import (
	"time"

	"github.com/ostiary/ostiary/core"
)

// Authorization asks whether a client may get what it asks for at the authorization endpoint: input of
// data.ostiary.authorization.decision.
type Authorization struct {
	Parties

	RedirectURI  string // already matched against the registered ones
	ResponseType string
	ResponseMode string
	Scopes       []string
	Resources    []string // RFC 8707
	Prompt       []string
	PAR          bool // the request was pushed (RFC 9126)
	Challenge    bool // it carries a PKCE challenge

	Caller    core.Caller
	Now       time.Time // written as Unix seconds
	RequestID string
}

// Write implements Question.
func (q *Authorization) Write(w Writer) {
	w.BeginObject(17)
	text(w, "contract", Contract)
	number(w, "now", unix(q.Now))
	text(w, "request_id", q.RequestID)
	q.writeClient(w)
	if wants(w, "redirect_uri") {
		w.Key("redirect_uri")
		writeURI(w, "redirect_uri", q.RedirectURI)
	}
	text(w, "response_type", q.ResponseType)
	text(w, "response_mode", q.ResponseMode)
	list(w, "scopes", q.Scopes)
	list(w, "resources", q.Resources)
	list(w, "prompt", q.Prompt)
	flag(w, "par", q.PAR)
	flag(w, "challenge", q.Challenge)
	q.writePerson(w)
	w.Key("caller")
	writeCaller(w, &q.Caller)
	w.EndObject()
}

// An AuthorizationVerdict is what policy answered to an Authorization.
type AuthorizationVerdict struct {
	Allowed bool
	Code    core.Code     // of the first denial; empty when allowed
	Reasons []core.Reason // every denial, first the one that Code is of; when allowed: which rule took which scope away
	Scopes  []string      // what is left of those asked for, in their order. None left of some: refuse with invalid_scope

	MaxAge   *time.Duration // sign in again when the sign-in is older (step-up); nil: however old
	Consent  bool           // ask the person, whatever was remembered
	Waived   bool           // the person need not be asked, unless Consent says so
	Revision string         // content digest of the policy that decided
	Elapsed  time.Duration
	Cached   bool // the same question was decided before by the same revision
}

// What rules of the authorization decision may ask for by name.
const (
	LimitMaxAge   = "max_age"      // seconds that the sign-in may be old
	ObligeConsent = "consent"      // ask the person always
	WaiveConsent  = "skip_consent" // do not ask, where nothing else asks for it
)
