package storage_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
)

// waiting demands approval of every registration, within the time given.
func waiting(params string) answers {
	return func(q *decision.Registration) (decision.Verdict, error) {
		v := decision.Verdict{Allow: true}
		if q.Operation == core.Register {
			v.Require = []core.Obligation{{Name: decision.ObligeApproval, Params: params, Rule: "r"}}
		}
		return v, nil
	}
}

// A client that waits is in the list of those who do, until it is approved; then it has no end any more.
func TestApproval(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		d.policy = waiting(`{"expires_in":3600,"queue":"partners"}`)
		one := d.register(app(`,"software_id":"s"`))
		s.clock.advance(time.Second)
		two := d.register(app(`,"software_id":"s"`))
		d.checkList("pending", registration.Filter{State: core.Pending}, two, one)
		d.checkList("in the queue", registration.Filter{State: core.Pending, Queue: "partners"}, two, one)
		d.checkList("in no queue", registration.Filter{State: core.Pending, Queue: "others"})
		answer := d.do(d.byOperator(core.Approve, one, `{"redirect_uris":["https://shop.example/cb"]}`))
		if got, present := answer.Get("registration_status"); present {
			t.Errorf("approved as %s", got)
		}
		got := d.load(one)
		if got.State != core.Active || !got.Client.Expires.IsZero() || got.Client.Provenance.ApprovedBy == "" || len(got.Client.Governance.Obligations) > 0 {
			t.Errorf("stored %+v", got)
		}
		checkStored(t, "for another process", load(t, d.reopened(), one), got)
		e, found, err := d.ledger.Entry(t.Context(), got.Client.Provenance.ApprovedBy)
		if err != nil || !found || e.Operation != core.Approve || e.Actor.Subject != "ada" || e.Outcome != ledger.Stored {
			t.Errorf("entry %+v, %t, %v", e, found, err)
		}
		d.checkList("still pending", registration.Filter{State: core.Pending}, two)
		s.clock.advance(time.Hour)
		d.checkList("pending, after the time", registration.Filter{State: core.Pending})
		d.checkList("all, after the time", registration.Filter{SoftwareID: "s"}, one)
		_, err = d.Do(t.Context(), d.byOperator(core.Approve, two, ""))
		checkCode(t, "approved too late", err, core.NotFound)
		const records = 7 // client, credentials, state; rows by time, channel, software and state
		if swept, err := s.engine.Sweep(t.Context(), 10000); err != nil || swept < records {
			t.Errorf("%d records were swept, %v", swept, err)
		}
		if got := d.load(one); got.Client.ID != one || len(got.Credentials.Secrets) != 1 {
			t.Errorf("after the sweep the approved one is %+v", got)
		}
	})
}

// Approving, rejecting and the end of the time meet: there is one outcome, and everybody else is told.
func TestDecidedOnce(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		outcomes := map[string]int{}
		for round := range 30 {
			d.policy = waiting(`{"expires_in":60}`)
			id := d.register(app(""))
			d.policy = allow
			const operators = 12
			requests := make([]registration.Request, operators)
			for i := range requests {
				op := core.Approve
				if (i+round)%2 == 0 {
					op = core.Reject
				}
				requests[i] = d.byOperator(op, id, "")
			}
			errs := make([]error, operators)
			together(operators+1, func(i int) {
				if i == operators {
					if round%3 == 0 {
						s.clock.advance(time.Minute)
						_, _ = s.engine.Sweep(s.Context(), 10000)
					}
					return
				}
				_, errs[i] = d.Do(t.Context(), requests[i])
			})
			outcomes[d.decided(requests, errs)]++
		}
		if outcomes["approve"] == 0 || outcomes["reject"] == 0 {
			t.Errorf("how it ended: %v", outcomes)
		}
	})
}

// decided checks that at most one request won, that the store is as it left it, and gives which it was.
func (d *desk) decided(requests []registration.Request, errs []error) string {
	d.Helper()
	won := ""
	for i, err := range errs {
		if err == nil {
			if won != "" {
				d.Errorf("%s won after %s", requests[i].Operation, won)
			}
			won = string(requests[i].Operation)
			continue
		}
		if code := core.CodeOf(err); code != core.Conflict && code != core.NotFound {
			d.Errorf("who lost is told %v", err)
		}
		if e, found, err := d.book.Find(d.Context(), requests[i].Decision); err != nil || !found || e.Outcome != ledger.Nothing {
			d.Errorf("entry of who lost: %+v, %t, %v", e, found, err)
		}
	}
	got := d.load(requests[0].ClientID)
	switch there := got.Client.ID != ""; {
	case won == "approve" && (!there || got.State != core.Active || !got.Client.Expires.IsZero()):
		d.Errorf("approved, and yet %+v", got)
	case won != "approve" && there:
		d.Errorf("won by %q, and yet %+v", won, got)
	}
	return won
}

// All of them judged the same waiting client before the first of them commits: only the commit can tell.
func TestDecidedOnceJudgedByAll(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		d.policy = waiting("")
		id := d.register(app(""))
		const operators = 20
		requests := make([]registration.Request, operators)
		for i := range requests {
			op := core.Approve
			if i%2 == 0 {
				op = core.Reject
			}
			requests[i] = d.byOperator(op, id, "")
		}
		barrier := d.judgedByAll(operators)
		errs := make([]error, operators)
		var lost atomic.Int64
		together(operators, func(i int) {
			if _, errs[i] = d.Do(t.Context(), requests[i]); core.CodeOf(errs[i]) == core.Conflict {
				lost.Add(1)
			}
		})
		barrier()
		if won := d.decided(requests, errs); won == "" || lost.Load() != operators-1 {
			t.Errorf("%q won, %d lost", won, lost.Load())
		}
	})
}
