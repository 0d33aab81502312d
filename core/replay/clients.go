package replay

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
)

// audit is the work of an audit: every client, page by page. How many there are is known at the end.
func (j *Jobs) audit(ctx context.Context, w *job) error {
	total, pace := 0, pace{rest: j.Rest}
	for cursor := ""; ; {
		page, next, err := j.Clients.Clients(ctx, cursor, pageLength)
		if err != nil {
			return err
		}
		for _, c := range page {
			if err := w.goesOn(j.Now()); err != nil {
				return err
			}
			start := time.Now()
			if err := j.reconsider(ctx, w, c); err != nil {
				return err
			}
			pace.worked(ctx, time.Since(start))
		}
		if total += len(page); next == "" {
			w.expect(total, false)
			return ctx.Err()
		}
		cursor = next
	}
}

// reconsider judges one client.
func (j *Jobs) reconsider(ctx context.Context, w *job, c Client) error {
	var asked *decision.Registration
	e, found, err := j.Decisions.Find(ctx, c.Provenance.RegisteredBy)
	if err != nil {
		return err
	}
	if found && len(e.Input) > 0 {
		asked, _ = decision.ParseKept(e.Input) // of another version of the contract: not kept
	}
	var token core.InitialAccessToken
	if c.Provenance.IAT != "" && asked == nil {
		if token, err = j.Clients.Token(ctx, c.Provenance.IAT); err != nil {
			return err
		}
	}
	entry, unknown := j.Desk.Reconsider(ctx, w.candidate.Decide, c.Client, asked, token)
	if err := ctx.Err(); err != nil { // what it answered means nothing
		return err
	}
	after, reached := rulingOf(entry)
	if !reached { // the floor was in the way
		for _, row := range entry.Stages {
			after.add(row)
		}
	}
	w.weigh(Difference{
		Time: c.IssuedAt, Channel: c.Provenance.Channel, Client: c.ID, ClientName: c.Metadata.ClientName, State: c.State,
		Unknown: unknown, Revision: c.Provenance.Revision, After: after,
	})
	return nil
}

// weigh notes what would become of a client.
func (w *job) weigh(d Difference) {
	switch {
	case d.After.Verdict != ledger.Allowed:
		d.Kind, d.What = WouldDeny, []string{"verdict"}
	case len(d.After.Changes) > 0:
		d.Kind, d.What = WouldChange, []string{"metadata"}
	default:
		w.count(countAccepted)
		return
	}
	w.add(d)
}
