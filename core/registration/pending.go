package registration

import (
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
)

// A client whose registration demands approval is stored pending: it has its credentials and can do nothing with them. Of its
// obligations approval stands there as long as it is waited for, also while the client is disabled, so that no way around leads
// to active: only approve takes it away.

// MaxReason is how many bytes the reason of a rejection may have.
const MaxReason = 500

// decides tells the operations that end the waiting of a client.
func decides(op core.Operation) bool { return op == core.Approve || op == core.Reject }

// removes tells the operations after which there is no client.
func removes(op core.Operation) bool { return op == core.Delete || op == core.Reject }

// questioned is what policy is asked about an operation: to reject is to delete.
func questioned(op core.Operation) core.Operation {
	if op == core.Reject {
		return core.Delete
	}
	return op
}

// decidable holds an operator's request to whether the client waits for approval.
func (j *judgement) decidable() error {
	op, state := j.req.Operation, j.before.State
	switch {
	case decides(op) && state == core.Disabled && j.waits():
		return core.Refuse(core.Conflict, "The client is disabled. Enable it first; it then waits for approval again.")
	case decides(op) && state != core.Pending:
		return core.Refuse(core.Conflict, "The client does not wait for approval: it is %s. Perhaps somebody else has decided; look at it again.", state)
	case op == core.Enable && state == core.Pending:
		return core.Refuse(core.Conflict, "The client waits for approval: approve or reject it. To enable it is not to approve it.")
	case op == core.Reject && len(j.req.Reason) > MaxReason:
		return core.Refuse(core.InvalidRequest, "reason is longer than %d bytes.", MaxReason)
	}
	return nil
}

// waits tells a client that was not approved yet, in whatever state.
func (j *judgement) waits() bool { return j.before.Client.Governance.Obliges(decision.ObligeApproval) }

// await gives the state of a new client: pending until its end, when its registration demands approval.
func (j *judgement) await(c *core.Client) (core.State, error) {
	if !c.Governance.Obliges(decision.ObligeApproval) {
		return core.Active, nil
	}
	wait, err := shortestWait(c.Governance)
	if err != nil {
		return "", undecided("%s", err)
	}
	c.Expires = earlier(c.Expires, j.now.Add(wait).Truncate(time.Second))
	j.warnings = append(j.warnings, waitingWarning(c))
	return core.Pending, nil
}

// waitOn lets a client that is changed while it waits wait on, whatever the decision on the change demands. In a change of any
// other client nothing is waited for: who made it was held to approval before.
func (j *judgement) waitOn(c *core.Client) {
	c.Governance.Obligations = withoutApproval(c.Governance.Obligations)
	if !j.waits() {
		return
	}
	for _, o := range j.before.Client.Governance.Obligations {
		if o.Name == decision.ObligeApproval {
			c.Governance.Obligations = append(c.Governance.Obligations, o)
		}
	}
	c.Expires = earlier(c.Expires, j.before.Client.Expires)
}

// shortestWait is how long the client may wait, by whichever rule gives it the least time.
func shortestWait(g core.Governance) (time.Duration, error) {
	shortest := decision.MaxApprovalWait
	for _, o := range g.Obligations {
		if o.Name != decision.ObligeApproval {
			continue
		}
		approval, err := decision.ApprovalOf(o)
		if err != nil {
			return 0, err
		}
		shortest = min(shortest, approval.ExpiresIn)
	}
	return shortest, nil
}

func waitingWarning(c *core.Client) core.Reason {
	i := slices.IndexFunc(c.Governance.Obligations, func(o core.Obligation) bool { return o.Name == decision.ObligeApproval })
	return core.Reason{
		Rule: c.Governance.Obligations[i].Rule, Public: true,
		Message: "The client waits for an operator's approval and can do nothing before. Unless it is approved it ends at " + c.Expires.UTC().Format(time.RFC3339) + ".",
	}
}

// earlier is the earlier of two ends; zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func withoutApproval(list []core.Obligation) (rest []core.Obligation) {
	for _, o := range list {
		if o.Name != decision.ObligeApproval {
			rest = append(rest, o)
		}
	}
	return rest
}

// A Wait is one demand for approval that is not met yet.
type Wait struct {
	Rule  string
	Queue string // empty: none
}

// Waits lists what a client waits for.
func Waits(g core.Governance) []Wait {
	var waits []Wait
	for _, o := range g.Obligations {
		if o.Name == decision.ObligeApproval {
			approval, _ := decision.ApprovalOf(o) // one that cannot be read is in no queue
			waits = append(waits, Wait{Rule: o.Rule, Queue: approval.Queue})
		}
	}
	return waits
}

func waitsIn(queue string, g core.Governance) bool {
	return slices.ContainsFunc(Waits(g), func(w Wait) bool { return w.Queue == queue })
}

// heldToApproval refuses a change that needs an operator, when it is not an operator who makes it: one for which policy demands
// approval, and one that makes a client that an operator approved or trusts another than it was, or gives it more. The client stays as
// it is.
func (j *judgement) heldToApproval() error {
	if j.caller.Kind == KindOperator {
		return nil
	}
	for _, o := range j.verdict.Require {
		if o.Name == decision.ObligeApproval {
			return needsOperator(o.Rule, nil, "This change needs an operator's approval: ask an operator to make it. The client stays as it is.")
		}
	}
	answered := "approved"
	if j.before.Client.Provenance.ApprovedBy == "" {
		if !j.isTrusted() {
			return nil
		}
		answered = "trusts"
	}
	var deeds []string
	wider, other := j.beyondApproval()
	if len(other) > 0 {
		deeds = append(deeds, "change "+strings.Join(other, ", "))
	}
	if len(wider) > 0 {
		deeds = append(deeds, "widen "+strings.Join(wider, ", "))
	}
	if len(deeds) == 0 {
		return nil
	}
	return needsOperator("approval", append(other, wider...),
		"An operator "+answered+" this client as it is, so only an operator can "+strings.Join(deeds, " and ")+". The client stays as it is.")
}

// isTrusted tells a client of a trusted profile that an operator registered or declared: people are not asked what it may have.
func (j *judgement) isTrusted() bool {
	made := j.before.Client.Provenance.Channel
	return j.profile.Trusted && (made == core.ChannelOperator || made == core.ChannelImport)
}

// beyondApproval names the members by which the draft may do more than the approved client, and those by which it would be known as
// another one, less what the site leaves to approved clients.
func (j *judgement) beyondApproval() (wider, other []string) {
	free := func(name string) bool {
		base, _, _ := strings.Cut(name, "#")
		return slices.Contains(j.site.Registration.ApprovedMayChange, base)
	}
	wider = slices.DeleteFunc(metadata.Widened(&j.before.Client.Metadata, &j.draft), free)
	other = slices.DeleteFunc(j.changed(), func(name string) bool { return !metadata.Identifies(name) || free(name) })
	return wider, other
}

// heldByApproval lists the members that an approved client cannot change, or cannot widen, by itself.
func heldByApproval() []string { return append(metadata.Identifying(), metadata.Narrowable()...) }

func needsOperator(rule string, fields []string, message string) error {
	return refusal([]core.Reason{{Rule: rule, Code: core.AccessDenied, Fields: fields, Message: message, Public: true}})
}

// given is what the operator said of a rejection, which credential is new, or why the system disables or removes a client, for
// the entry.
func (j *judgement) given(a *Approved) []core.Reason {
	switch {
	case j.req.Operation == core.Rotate:
		return []core.Reason{rotated(j.req.Rotation.Of, a.credentials.Secrets)}
	case j.req.Reason == "":
	case j.req.Operation == core.Reject:
		return []core.Reason{{Rule: "reject", Message: j.req.Reason}}
	case j.req.Channel == core.ChannelSystem && j.req.Operation == core.Disable:
		return []core.Reason{{Rule: ruleRevoked, Message: j.req.Reason}}
	case j.req.Channel == core.ChannelSystem:
		return []core.Reason{{Rule: "lifetime." + j.req.Reason, Message: "Nobody uses this client."}}
	}
	return nil
}
