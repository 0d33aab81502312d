package decision

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Taken is one decision as it was taken: what a shadow is compared with and a decision log keeps. A request that policy
// changed is asked about twice and is still one decision.
type Taken struct {
	ID      core.DecisionID
	Name    string // of the decision: "registration"
	At      time.Time
	Client  core.ClientID // that the request is about; it may be younger than the questions. Empty: none
	Rounds  []Round       // in order, at least one; what they hold may not change any more
	Outcome Outcome
	Err     error // of a request that was refused, or on which no decision was reached
}

// A Round is one question with its answer.
type Round struct {
	Question Question
	Verdict  Verdict // after an error only Revision and Elapsed
	Err      error
}

// An Outcome is how a decision ended.
type Outcome string

// The outcomes.
const (
	OutcomeAllowed Outcome = "allowed"
	OutcomeDenied  Outcome = "denied"
	OutcomeFailed  Outcome = "failed" // no decision was reached
)

// About is what can be said of every question.
type About struct {
	RequestID string
	Operation string // of a registration; the grant of a token; what a session is for
	Channel   string // of a registration
	Client    core.ClientID
	Scopes    []string
	Changed   bool // registration: something would be written
}

// AboutOf reads a question as policy would.
func AboutOf(q Question) About {
	var w aboutWriter
	q.Write(Select(aboutPaths, &w))
	return w.about
}

// aboutPaths are the places that AboutOf looks at. None is deeper than two steps.
var aboutPaths = func() *Paths {
	p := &Paths{}
	for _, name := range [...]string{"request_id", "operation", "grant_type", "for", "channel", "scopes", "changed"} {
		p.Add(name)
	}
	p.Add("effective", "client_id")
	p.Add("client", "client_id")
	return p
}()

// aboutWriter takes what stands at aboutPaths.
type aboutWriter struct {
	about About
	depth int
	at    [2]string // the names that lead to the value that comes next
}

// Text implements Writer.
func (w *aboutWriter) Text(s string) {
	switch w.at[0] {
	case "request_id":
		w.about.RequestID = s
	case "operation", "grant_type", "for":
		w.about.Operation = s
	case "channel":
		w.about.Channel = s
	case "scopes":
		w.about.Scopes = append(w.about.Scopes, s)
	case "changed":
		w.about.Changed = true
	case "effective", "client":
		w.about.Client = core.ClientID(s)
	}
}

// Key implements Writer.
func (w *aboutWriter) Key(name string) { w.at[w.depth-1] = name }

// BeginObject implements Writer.
func (w *aboutWriter) BeginObject(int) { w.depth++ }

// EndObject implements Writer.
func (w *aboutWriter) EndObject() { w.depth-- }

// BeginArray implements Writer.
func (w *aboutWriter) BeginArray(int) {}

// EndArray implements Writer.
func (w *aboutWriter) EndArray() {}

// Int implements Writer.
func (w *aboutWriter) Int(int64) {}

// Bool implements Writer.
func (w *aboutWriter) Bool(bool) {}

// Value implements Writer: in a question that somebody wrote down everything comes so.
func (w *aboutWriter) Value(v strictjson.Value) {
	if text, ok := v.Text(); ok {
		w.Text(text)
	}
	for _, item := range v.Items() {
		w.Value(item)
	}
}

var _ Writer = (*aboutWriter)(nil)
