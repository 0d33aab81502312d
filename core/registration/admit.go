package registration

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// narrow is normalise for an approval: the draft is the client as it is, less what the operator leaves out.
func (j *judgement) narrow(ctx context.Context) error {
	if err := j.keep(ctx); err != nil || j.req.Body.IsAbsent() {
		return err
	}
	if kind := j.req.Body.Kind(); kind != strictjson.KindObject {
		return core.Refuse(core.InvalidRequest, "The body must be a JSON object with what is narrowed, not %s; leave it out to approve the client as it is.", kind)
	}
	for name := range j.req.Body.All() {
		if can := metadata.Narrowable(); !slices.Contains(can, name) {
			return core.Refuse(core.InvalidRequest, "%s cannot be narrowed. An approval takes %s; all else is for an update.", core.Clip(name), strings.Join(can, ", "))
		}
	}
	asked, err := metadata.Parse(j.req.Body, nil)
	if err != nil {
		return err
	}
	j.asked = asked
	return j.lessen()
}

// lessen takes what was asked for into the draft. None of it may be more than the client registered.
func (j *judgement) lessen() error {
	less := metadata.Clone(j.draft)
	for name := range j.req.Body.All() {
		row, _ := metadata.Lookup(name)
		if !slices.Contains(j.asked.Present, name) { // null and the empty string mean absent, which is no limit
			return core.Refuse(core.InvalidRequest, "%s is empty; name what is left of it.", name)
		}
		row.Copy(&less, &j.asked.Metadata)
	}
	if wider := metadata.Widened(&j.draft, &less); len(wider) > 0 {
		return core.Refuse(core.InvalidClientMetadata, "An approval can only narrow, and %s is more than the client registered.", strings.Join(wider, ", "))
	}
	for _, name := range metadata.Changed(&j.draft, &less) {
		if j.isLocked(name) {
			return core.Refuse(core.InvalidClientMetadata, "%s was fixed by the software statement and cannot be changed without it.", name)
		}
	}
	j.draft = less
	return nil
}

// admitted is the client that waited, as the draft has it. The decision can tighten what the one on its registration set, and
// loosens nothing of it; that it may demand approval is met by this.
func (j *judgement) admitted() core.Client {
	c := j.before.Client
	c.Metadata = metadata.Clone(j.draft)
	c.UpdatedAt = j.now
	c.Provenance.WrittenBy, c.Provenance.ApprovedBy = j.req.Decision, j.req.Decision
	c.Provenance.Revision = j.verdict.Revision
	c.Governance = tightened(c.Governance, j.verdict)
	c.Expires = lifetimeEnd(&c)
	return c
}

// tightened joins what a client is held to with what another decision wants: all obligations but approval, of two limits the
// smaller, of two levels of trust the lower.
func tightened(g core.Governance, v decision.Verdict) core.Governance {
	joined := core.Governance{Obligations: withoutApproval(g.Obligations), Limits: maps.Clone(g.Limits), Labels: slices.Clone(g.Labels), Trust: g.Trust}
	for _, o := range withoutApproval(v.Require) {
		if !slices.ContainsFunc(joined.Obligations, func(have core.Obligation) bool { return have.Name == o.Name && have.Params == o.Params }) {
			joined.Obligations = append(joined.Obligations, o)
		}
	}
	for name, seconds := range v.Limits {
		if joined.Limits == nil {
			joined.Limits = make(map[string]int64)
		}
		if have, ok := joined.Limits[name]; !ok || seconds < have {
			joined.Limits[name] = seconds
		}
	}
	for _, label := range v.Labels {
		if !slices.Contains(joined.Labels, label) {
			joined.Labels = append(joined.Labels, label)
		}
	}
	if v.Trust != "" && decision.TrustRank(v.Trust) < decision.TrustRank(joined.Trust) {
		joined.Trust = v.Trust
	}
	return joined
}
