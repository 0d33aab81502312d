package registration

import (
	"fmt"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
)

// An Approved is a decision that Judge made and a store may carry out. It has no exported fields and no constructor, and every
// store refuses the zero Approved: no client is written but by way of Judge (law 3).
type Approved struct {
	entry       ledger.Entry
	client      core.Client
	credentials core.Credentials
	state       core.State
	before      Stored // zero on register
	spends      *Held
	unchanged   bool
	supersedes  bool // the current registration token was presented while an earlier one still lives
	minted      minted
	warnings    []core.Reason
	basis       basis // what the approval rests on
	writes      []hook.Write
	onces       []Once
	shares      bool // the id is that of what is registered: a client that has it meanwhile is this one
	unused      *Use
	context     hook.Context // what plugins were told of the request
}

// minted are the secrets that exist in clear for one answer only.
type minted struct {
	clientSecret core.Secret
	registration core.Secret
}

// Format implements fmt.Formatter: an Approved carries fresh secrets, which no verb may print.
func (a Approved) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "approved %s of %s by %s", a.entry.Operation, a.client.ID, a.entry.DecisionID)
}

// IsZero tells that Judge never approved this.
func (a Approved) IsZero() bool { return a.entry.DecisionID == "" }

// Entry is the ledger entry to store with the write.
func (a Approved) Entry() ledger.Entry { return a.entry }

// Operation says what was approved.
func (a Approved) Operation() core.Operation { return a.entry.Operation }

// Client is the client as it shall be.
func (a Approved) Client() core.Client { return a.client }

// Credentials are the client's credentials as they shall be.
func (a Approved) Credentials() core.Credentials { return a.credentials }

// State is the state the client shall be in.
func (a Approved) State() core.State { return a.state }

// Before is what the decision was made on; its Stamps are zero on register.
func (a Approved) Before() Stored { return a.before }

// Spends is the initial access token that the commit uses once, and false when there is none.
func (a Approved) Spends() (Held, bool) {
	if a.spends == nil {
		return Held{}, false
	}
	return *a.spends, true
}

// Unchanged tells that nothing is to be written.
func (a Approved) Unchanged() bool { return a.unchanged }

// Onces are what the commit does only if nobody did it before, else it answers their Replayed. They count for an unchanged update,
// too, which writes nothing else.
func (a Approved) Onces() []Once { return slices.Clone(a.onces) }

// Writes are what plugins keep of it; the commit writes them in the same step, or answers ErrOvertaken.
func (a Approved) Writes() []hook.Write { return a.writes }

// Unused is what a deletion rests on: the commit requires that the client was not used since, or answers ErrChanged. False when it
// rests on nothing of the kind.
func (a Approved) Unused() (Use, bool) {
	if a.unused == nil {
		return Use{}, false
	}
	return *a.unused, true
}
