package replay

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
)

// Decide asks rules about a registration.
type Decide = func(ctx context.Context, q *decision.Registration) (decision.Verdict, error)

// Desk judges again, from policy on (core/registration).
type Desk interface {
	Rejudge(ctx context.Context, decide Decide, kept *decision.Registration) ledger.Entry
	Reconsider(ctx context.Context, decide Decide, c core.Client, asked *decision.Registration, token core.InitialAccessToken) (e ledger.Entry, unknown []string)
}

// Decisions reads the ledger (core/ledger).
type Decisions interface {
	Find(ctx context.Context, id core.DecisionID) (ledger.Entry, bool, error)
	Entries(ctx context.Context, client core.ClientID, after core.DecisionID, limit int) ([]ledger.Entry, error)
}

// Clients gives the clients that there are. A cursor is opaque; "" starts, and "" ends.
type Clients interface {
	Clients(ctx context.Context, cursor string, limit int) (page []Client, next string, err error)
	// Token gives an initial access token; the zero one when it is gone.
	Token(ctx context.Context, id core.TokenID) (core.InitialAccessToken, error)
}

// A Client is one that is stored.
type Client struct {
	core.Client
	State core.State
}

// Candidates makes files that somebody sent ready to decide.
type Candidates interface {
	// Candidate loads the files of a policy folder by their paths, under the server's own configuration. When they are not
	// usable the error is an *Unusable.
	Candidate(ctx context.Context, files map[string]string) (Candidate, error)
	// Live gives the policy in force now; it stays what it is.
	Live() (Candidate, error)
}

// A Candidate is rules that are ready to decide, beside the traffic.
type Candidate struct {
	Revision string
	Decide   Decide
	Line     func(file string, line int) string // a line of its source; "" when it has none
}

// A Problem is one reason why a candidate is not usable.
type Problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"` // from 1; 0: the whole file
	Message string `json:"message"`
	Source  string `json:"source,omitempty"` // the line
}

// An Unusable candidate was not loaded.
type Unusable struct{ Problems []Problem }

// Error names the first problem.
func (u *Unusable) Error() string {
	if len(u.Problems) == 0 {
		return "the candidate is not usable"
	}
	p := u.Problems[0]
	return fmt.Sprintf("the candidate is not usable: %s:%d: %s (%d in all)", p.File, p.Line, p.Message, len(u.Problems))
}

// Parts are what Jobs are made of. All but Rest and Keep are needed.
type Parts struct {
	Desk       Desk
	Decisions  Decisions
	Clients    Clients
	Candidates Candidates
	Log        *slog.Logger
	Now        func() time.Time
	Rest       func(ctx context.Context, worked time.Duration) // after some work; nil: as long as it took
	Keep       int                                             // differences of a report, at most; further ones are counted; 0: DefaultKeep
}

// An Order says which decisions are replayed.
type Order struct {
	Files     map[string]string // of the candidate; nil: the policy in force
	Since     time.Time         // zero: from the oldest on
	Until     time.Time         // zero: to the newest
	Limit     int               // at most so many, the newest; 0: DefaultLimit
	Decisions []core.DecisionID // these only; Since, Until and Limit do not count then
}

// The bounds of an Order, and of a report.
const (
	DefaultLimit = 10_000
	MaxLimit     = 1_000_000
	MaxDecisions = 100 // that an Order names
	DefaultKeep  = 10_000
	maxKeptBytes = 32 << 20
	pageLength   = 200
)

// Patience is how long a job goes on that nobody asks about.
const Patience = time.Minute
