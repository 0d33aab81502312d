package registration

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Simulation is how a hypothetical request would end.
type Simulation struct {
	Err      error            // nil: it would be carried out
	Client   strictjson.Value // the metadata the client would have; absent after an error
	State    core.State       // that the client would be in; empty after an error, or when there would be none
	Warnings []core.Reason
	Entry    ledger.Entry
}

// Simulate judges a hypothetical request whose caller is taken to be of the kind as ("" to believe the request's own
// credential). Nothing is stored, counted or spent, and no entry is kept.
func (d *Desk) Simulate(ctx context.Context, req Request, as string) Simulation {
	return d.simulate(ctx, d.policy, req, as)
}

// SimulateUnder is Simulate under other rules than those in force.
func (d *Desk) SimulateUnder(ctx context.Context, decide func(context.Context, *decision.Registration) (decision.Verdict, error), req Request, as string) Simulation {
	return d.simulate(ctx, deciding(decide), req, as)
}

func (d *Desk) simulate(ctx context.Context, policy Policy, req Request, as string) Simulation {
	j := d.begin(req)
	j.policy, j.as, j.simulated = policy, as, true
	approved, entry, err := j.walk(ctx)
	s := Simulation{Err: err, Entry: entry, Warnings: approved.warnings}
	if err == nil && !removes(req.Operation) {
		described := approved.client.Metadata
		s.Client, s.State = metadata.Document(&described), approved.state
	}
	return s
}

// pretend is access for a simulation: the caller is who the question says.
func (j *judgement) pretend(ctx context.Context) error {
	j.caller.Kind = j.as
	if j.as == KindIAT {
		j.hold(Held{Token: core.InitialAccessToken{
			Label: "simulated", Profile: j.req.Profile, MaxUses: 1, CreatedAt: j.now, ExpiresAt: j.now.Add(time.Hour),
		}})
	}
	if j.req.Operation == core.Register {
		return nil
	}
	stored, err := j.existing(ctx)
	if err != nil {
		return err
	}
	j.caller.ClientID = stored.Client.ID
	return j.find(stored)
}
