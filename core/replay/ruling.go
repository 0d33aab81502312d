package replay

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Ruling is what policy made of one decision, all passes together.
type Ruling struct {
	Verdict  ledger.Verdict       `json:"verdict"`
	Code     core.Code            `json:"error,omitempty"`
	Reasons  []core.Reason        `json:"reasons,omitempty"`
	More     int                  `json:"more_reasons,omitempty"` // that are not listed
	Changes  []strictjson.PatchOp `json:"changes,omitempty"`      // that policy made of the metadata
	Attached *ledger.Attached     `json:"attached,omitempty"`
}

// rulingOf takes policy's part out of an entry. reached is false when the decision ended before policy.
func rulingOf(e ledger.Entry) (r Ruling, reached bool) {
	r.Verdict = e.Verdict
	for _, row := range e.Stages {
		switch {
		case row.Stage == "policy":
			reached = true
			r.add(row)
		case row.Stage == "floor" && reached: // under what policy had changed
			r.add(row)
		case row.Stage == "sector", row.Stage == "approve": // policy had allowed it: whatever kept it from being carried out was something else
			r.Verdict = ledger.Allowed
		}
	}
	if r.Verdict != ledger.Allowed && e.Error != nil {
		r.Code = e.Error.Code
	}
	return r, reached
}

// add takes over what one row says. What a second pass says again is said once.
func (r *Ruling) add(row ledger.Stage) {
	r.Changes = append(r.Changes, row.Patch...)
	r.Attached = row.Attached
	for _, why := range row.Reasons {
		if !slices.ContainsFunc(r.Reasons, func(other core.Reason) bool { return compareReasons(other, why) == 0 }) {
			r.Reasons = append(r.Reasons, why)
		}
	}
}

// undecided tells that the server reached no decision then, so that there is nothing to compare with.
func (r Ruling) undecided() bool {
	return r.Verdict == ledger.Failed && r.Code != core.PolicyConflict && r.Code != core.PolicyUnstable
}

// compareReasons orders reasons. Where a rule stands does not count: it may move in its file.
func compareReasons(a, b core.Reason) int {
	return cmp.Or(
		cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message), slices.Compare(a.Fields, b.Fields),
		cmp.Compare(fmt.Sprint(a.Public), fmt.Sprint(b.Public)),
	)
}

// differences names what is not the same in two rulings; nil: nothing.
func differences(before, after Ruling) []string {
	var what []string
	note := func(name string, same bool) {
		if !same {
			what = append(what, name)
		}
	}
	a, b := attached(before), attached(after)
	note("verdict", before.Verdict == after.Verdict)
	note("error", before.Code == after.Code)
	note("reasons", slices.EqualFunc(sorted(before.Reasons), sorted(after.Reasons), func(a, b core.Reason) bool { return compareReasons(a, b) == 0 }))
	note("metadata", slices.EqualFunc(before.Changes, after.Changes, func(a, b strictjson.PatchOp) bool {
		return a.Op == b.Op && a.Path == b.Path && strictjson.Equal(a.Value, b.Value)
	}))
	note("obligations", slices.Equal(a.Require, b.Require))
	note("limits", maps.Equal(a.Limits, b.Limits))
	note("labels", slices.Equal(a.Labels, b.Labels))
	note("trust", a.Trust == b.Trust)
	return what
}

func attached(r Ruling) ledger.Attached {
	if r.Attached == nil {
		return ledger.Attached{}
	}
	return *r.Attached
}

func sorted(reasons []core.Reason) []core.Reason {
	return slices.SortedFunc(slices.Values(reasons), compareReasons)
}

// A Kind says what a difference comes to.
type Kind string

// The kinds of differences.
const (
	WouldDeny   Kind = "would_deny"
	WouldAllow  Kind = "would_allow"
	Changed     Kind = "changed"      // the same verdict, with other reasons or another result
	WouldChange Kind = "would_change" // in an audit: it would be accepted, and made into something else
)

func kindOf(before, after Ruling) Kind {
	switch was, is := before.Verdict == ledger.Allowed, after.Verdict == ledger.Allowed; {
	case was && !is:
		return WouldDeny
	case !was && is:
		return WouldAllow
	}
	return Changed
}

// A Difference is one decision that would end otherwise, or one client that would not be taken as it is.
type Difference struct {
	Kind       Kind            `json:"kind"`
	What       []string        `json:"what,omitempty"` // verdict, error, reasons, metadata, obligations, limits, labels, trust
	Decision   core.DecisionID `json:"decision_id,omitempty"`
	Time       time.Time       `json:"time"` // of the decision, or of the client's registration
	Operation  core.Operation  `json:"operation,omitempty"`
	Channel    core.Channel    `json:"channel"`
	Client     core.ClientID   `json:"client_id,omitempty"`
	ClientName string          `json:"client_name,omitempty"`
	State      core.State      `json:"state,omitempty"`
	Unknown    []string        `json:"unknown,omitempty"`  // members of the input that had to be left empty
	Revision   string          `json:"revision,omitempty"` // that decided then
	Before     *Ruling         `json:"before,omitempty"`
	After      Ruling          `json:"after"`
}

// The bounds of what is kept of one difference.
const (
	maxReasons = 20
	maxValue   = 2048 // bytes of a member's value
)

// trimmed keeps a ruling as small as an answer can bear.
func (r Ruling) trimmed() Ruling {
	if n := len(r.Reasons) - maxReasons; n > 0 {
		r.Reasons, r.More = slices.Clone(r.Reasons[:maxReasons]), n // the others are not held on to
	}
	changes := slices.Clone(r.Changes)
	for i, op := range changes {
		if n := len(strictjson.Append(nil, op.Value)); n > maxValue {
			changes[i].Value = strictjson.String(fmt.Sprintf("(%d bytes)", n))
		}
	}
	r.Changes = changes
	return r
}

// size is about what a ruling takes up.
func (r Ruling) size() int {
	n := 64
	for _, why := range r.Reasons {
		n += 128 + len(why.Message)
	}
	for _, op := range r.Changes {
		n += 64 + len(op.Path) + len(strictjson.Append(nil, op.Value))
	}
	return n
}
