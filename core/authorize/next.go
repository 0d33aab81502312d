package authorize

import (
	"time"

	"github.com/ostiary/ostiary/core"
)

// facts are all that next looks at: what was asked for, and what has been found out so far.
type facts struct {
	prompt Prompt
	maxAge *time.Duration
	hinted core.Subject
	answer answer

	lookedUp bool // whether somebody is signed in is known
	subject  core.Subject
	age      time.Duration // of the sign-in
	renewed  bool          // it happened since the request was made

	decided bool // policy was asked
	denied  *core.Error
	stepUp  *time.Duration // policy: how old the sign-in may be; nil: however old
	always  bool           // ask for consent whatever is remembered: policy wants it, now or when the client was registered, or the client could be imitated

	waived   bool // policy needs no consent, where nothing else asks for it
	recalled bool // what the person has allowed before is known
	covered  bool // what would be issued is within that
	agreed   bool // what would be issued is within what the person has just allowed
}

// answer is what the person said on the consent page, if that is where the request comes from.
type answer int

const (
	unasked answer = iota
	allowed
	refused
)

// An action is what the dispatcher is to do.
type action int

const (
	lookUp      action = iota + 1 // find out who is signed in
	decide                        // ask policy
	recall                        // read what was allowed before
	showLogin                     // end with the login page
	showConsent                   // end with the consent page
	refuse                        // end by sending an error back
	issue                         // end by sending a code back
)

// A step is one action; refusal is what refuse sends.
type step struct {
	do      action
	refusal *core.Error
}

// next gives the one thing to do. It looks at facts alone, so that every road through the endpoint can be read, and tested, here.
func next(f facts) step {
	switch {
	case f.answer == refused:
		return refusal(core.AccessDenied, "The person refused.")
	case !f.lookedUp:
		return step{do: lookUp}
	case !f.decided:
		return step{do: decide}
	case f.denied != nil:
		return step{refuse, f.denied}
	case f.mustSignIn():
		return f.signIn()
	case f.tooOld(f.stepUp):
		return f.signIn()
	case !f.recalled:
		return step{do: recall}
	case f.mustAsk() && f.prompt.None:
		return refusal(core.ConsentRequired, "The person has not allowed this yet; ask again without prompt=none.")
	case f.mustAsk():
		return step{do: showConsent}
	}
	return step{do: issue}
}

// mustSignIn tells that nobody's sign-in counts: nobody is signed in, somebody else than hinted at, or too long ago for what
// the client asked.
func (f facts) mustSignIn() bool {
	again := f.prompt.Login || f.prompt.SelectAccount
	return f.subject == "" || f.hinted != "" && f.subject != f.hinted || again && !f.renewed || f.tooOld(f.maxAge)
}

// tooOld tells that the sign-in must be renewed. One since the request was made is never too old, else max_age=0 had no end.
func (f facts) tooOld(limit *time.Duration) bool {
	return limit != nil && !f.renewed && (f.age > *limit || *limit == 0)
}

// signIn asks for it, unless no page may be shown or the person has just signed in as somebody else than hinted at.
func (f facts) signIn() step {
	switch {
	case f.prompt.None:
		return refusal(core.LoginRequired, "The person must sign in; ask again without prompt=none.")
	case f.renewed && f.hinted != "" && f.subject != f.hinted:
		return refusal(core.LoginRequired, "Somebody else signed in than id_token_hint names.")
	}
	return step{do: showLogin}
}

func (f facts) mustAsk() bool {
	if f.answer == allowed {
		return !f.agreed
	}
	return f.prompt.Consent || f.always || !f.covered && !f.waived
}

func refusal(code core.Code, detail string) step {
	return step{refuse, core.Refuse(code, "%s", detail)}
}
