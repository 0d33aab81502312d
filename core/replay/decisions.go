package replay

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
)

// replay is the work of a replay: the decisions that are meant, then each of them.
func (j *Jobs) replay(ctx context.Context, w *job, o Order) error {
	ids, limited, err := j.meant(ctx, w, o)
	if err != nil {
		return err
	}
	w.expect(len(ids), limited)
	pace := pace{rest: j.Rest}
	for _, id := range ids {
		if err := w.goesOn(j.Now()); err != nil {
			return err
		}
		start := time.Now()
		if err := j.again(ctx, w, id); err != nil {
			return err
		}
		pace.worked(ctx, time.Since(start))
	}
	return ctx.Err()
}

// meant lists the decisions of an order, the newest first. limited tells that there are older ones beyond the limit.
func (j *Jobs) meant(ctx context.Context, w *job, o Order) (ids []core.DecisionID, limited bool, err error) {
	if len(o.Decisions) > 0 {
		return o.Decisions, false, nil
	}
	limit := o.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	after, oldest := core.DecisionID(""), core.DecisionID("")
	if !o.Until.IsZero() {
		after = core.FirstDecisionID(o.Until)
	}
	if !o.Since.IsZero() {
		oldest = core.FirstDecisionID(o.Since)
	}
	pace := pace{rest: j.Rest}
	for {
		if err := w.goesOn(j.Now()); err != nil {
			return nil, false, err
		}
		start := time.Now()
		page, err := j.Decisions.Entries(ctx, "", after, pageLength)
		if err != nil {
			return nil, false, err
		}
		for _, e := range page {
			switch {
			case e.DecisionID < oldest:
				return ids, false, nil
			case len(ids) == limit:
				return ids, true, nil
			}
			ids = append(ids, e.DecisionID)
		}
		if len(page) < pageLength {
			return ids, false, nil
		}
		after = page[len(page)-1].DecisionID
		pace.worked(ctx, time.Since(start))
	}
}

// again asks one decision again.
func (j *Jobs) again(ctx context.Context, w *job, id core.DecisionID) error {
	e, found, err := j.Decisions.Find(ctx, id)
	if err != nil {
		return err
	}
	before, reached := rulingOf(e)
	switch {
	case !found, reached && len(e.Input) == 0:
		w.count(countNotKept)
		return nil
	case !reached, before.undecided():
		w.count(countNotJudged)
		return nil
	}
	kept, err := decision.ParseKept(e.Input)
	if err != nil { // of another version of the contract
		w.count(countNotKept)
		return nil
	}
	entry := j.Desk.Rejudge(ctx, w.candidate.Decide, kept)
	if err := ctx.Err(); err != nil { // what it answered means nothing
		return err
	}
	if e.Revision != w.live {
		w.foreign()
	}
	w.compare(e, before, entry)
	return nil
}

// compare notes how a decision ended then, and would end now.
func (w *job) compare(e ledger.Entry, before Ruling, entry ledger.Entry) {
	after, _ := rulingOf(entry)
	what := differences(before, after)
	if len(what) == 0 {
		w.count(countSame)
		return
	}
	w.add(Difference{
		Kind: kindOf(before, after), What: what, Decision: e.DecisionID, Time: e.Time, Operation: e.Operation, Channel: e.Channel,
		Client: e.ClientID, Revision: e.Revision, Before: &before, After: after,
	})
}

// breath is how long a job works before it rests.
const breath = 5 * time.Millisecond

// A pace keeps a job from taking more than its share.
type pace struct {
	rest func(ctx context.Context, worked time.Duration)
	owed time.Duration
}

// worked rests when enough was done.
func (p *pace) worked(ctx context.Context, d time.Duration) {
	if p.owed += d; p.owed >= breath {
		p.rest(ctx, p.owed)
		p.owed = 0
	}
}
