// Package ledger holds what happened: one append-only Entry per judged write, accepted, refused or unchanged. It owns the
// entry's shape and the Book that keeps the entries no Apply carries. Explain reads one entry, history those of a client.
//
// Accepted entries are stored in the same Apply as their client (core/registration makes them, storage writes them); all
// others go through the Book's bounded queue, and a reader looks through that queue, so an entry is found at once.
package ledger

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// FormatVersion is the value of Entry.V.
const FormatVersion = 1

// An Entry is one judged write: what each stage did, which rules fired, how it ended.
type Entry struct {
	V          int             `json:"v"`
	DecisionID core.DecisionID `json:"decision_id"`
	Time       time.Time       `json:"time"`
	Operation  core.Operation  `json:"operation"`
	Channel    core.Channel    `json:"channel"`
	Actor      Actor           `json:"actor"`
	ClientID   core.ClientID   `json:"client_id,omitempty"`
	Revision   string          `json:"revision,omitempty"` // of the policy
	Stages     []Stage         `json:"stages"`
	Verdict    Verdict         `json:"verdict"`
	Outcome    Outcome         `json:"outcome"`
	Error      *Problem        `json:"error,omitempty"`
	Shaping    []Stage         `json:"shaping,omitempty"` // stages 8 and 9, kept in a row of their own and merged at read
	Input      []byte          `json:"-"`                 // the unmasked policy input, or only its before where policy was not reached; sealed, with its own retention
}

// Actor is who asked.
type Actor struct {
	Kind    string       `json:"kind"` // as core.Caller.Kind
	Subject core.Subject `json:"subject,omitempty"`
	Token   core.TokenID `json:"initial_access_token,omitempty"`
	IP      string       `json:"ip,omitempty"`
}

// A Stage is one step of the road, or one plugin's part in it.
type Stage struct {
	Stage    string               `json:"stage"` // access, request, statement, normalise, plugins, certificate, floor, policy, sector, approve, commit, shape
	By       By                   `json:"by"`
	Patch    []strictjson.PatchOp `json:"patch,omitempty"` // RFC 6902, on the client's metadata
	Reasons  []core.Reason        `json:"reasons,omitempty"`
	Attached *Attached            `json:"attached,omitempty"` // what policy attached to the client
	Fuel     uint64               `json:"fuel,omitempty"`
	NS       int64                `json:"ns"` // nanoseconds it took
	Calls    []Call               `json:"calls,omitempty"`
	Audit    strictjson.Value     `json:"audit,omitzero"` // a plugin's own note
	Fault    string               `json:"fault,omitempty"`
	Cached   bool                 `json:"cached,omitempty"` // the decision came from the cache
}

// Attached is what policy attached to a client beside its metadata.
type Attached struct {
	Require []core.Obligation `json:"require,omitempty"`
	Limits  map[string]int64  `json:"limits,omitempty"` // by name, seconds
	Labels  []string          `json:"labels,omitempty"`
	Trust   string            `json:"trust,omitempty"` // lowered to; empty: as verified
}

// By says whose work a stage was.
type By struct {
	Kind   string `json:"kind"` // core, plugin or policy
	Name   string `json:"name,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// A Call is one use of a capability by a plugin.
type Call struct {
	Kind   string `json:"kind"`
	Target string `json:"target,omitempty"`
	Status string `json:"status,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// Verdict says what was decided.
type Verdict string

// The verdicts.
const (
	Allowed Verdict = "allowed"
	Denied  Verdict = "denied" // refused by access, floor, plugin or policy
	Failed  Verdict = "failed" // no decision was reached: the fault was ours
)

// Outcome says what became of the store.
type Outcome string

// The outcomes.
const (
	Stored    Outcome = "stored"
	Deleted   Outcome = "deleted"
	Unchanged Outcome = "unchanged" // allowed, and nothing differed
	Nothing   Outcome = "nothing"   // refused or failed: nothing was written
)

// Outcomes lists them.
func Outcomes() []Outcome { return []Outcome{Stored, Deleted, Unchanged, Nothing} }

// A Problem is the error that the caller was told.
type Problem struct {
	Code   core.Code `json:"code"`
	Detail string    `json:"detail"`
}
