package storage_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/storage"
)

// Entries and inputs are kept as long as their retention says, each kind by its own.
func TestRetention(t *testing.T) {
	const hour, never = time.Hour, time.Duration(0)
	cases := map[string]struct {
		keep                         storage.Retention
		after                        time.Duration
		accepted, refused, withInput bool
	}{
		"at once":           {storage.Retention{Accepted: hour, Refused: hour, Input: hour}, 0, true, true, true},
		"just before":       {storage.Retention{Accepted: hour, Refused: hour, Input: hour}, hour - time.Second, true, true, true},
		"all over":          {storage.Retention{Accepted: hour, Refused: hour, Input: hour}, hour + time.Second, false, false, false},
		"refused first":     {storage.Retention{Accepted: 2 * hour, Refused: hour, Input: never}, hour + time.Second, true, false, true},
		"accepted first":    {storage.Retention{Accepted: hour, Refused: 2 * hour, Input: never}, hour + time.Second, false, true, true},
		"input first":       {storage.Retention{Accepted: never, Refused: never, Input: hour}, hour + time.Second, true, true, false},
		"for ever":          {storage.Retention{}, 50 * 365 * 24 * hour, true, true, true},
		"default, a month":  {storage.DefaultRetention(), 31 * 24 * hour, true, true, false},
		"default, a year":   {storage.DefaultRetention(), 365 * 24 * hour, true, false, false},
		"default, ten days": {storage.DefaultRetention(), 10 * 24 * hour, true, true, true},
	}
	onEach(t, func(s *store) {
		for name, test := range cases {
			l := storage.NewLedger(s.engine, core.IssuerID(name), s.ring, test.keep, s.clock.now)
			outcomes := map[ledger.Outcome]bool{
				ledger.Stored: test.accepted, ledger.Deleted: test.accepted, ledger.Nothing: test.refused, ledger.Unchanged: test.refused,
			}
			ids := make(map[ledger.Outcome]core.DecisionID)
			for outcome := range outcomes {
				e := s.entry("c-1", outcome)
				s.append(l, e)
				ids[outcome] = e.DecisionID
			}
			s.clock.advance(test.after)
			left := 0
			for outcome, stays := range outcomes {
				e, found, err := l.Entry(t.Context(), ids[outcome])
				if err != nil || found != stays || found && (len(e.Input) > 0) != test.withInput {
					t.Errorf("%s: %s: %t with input %q, %v", name, outcome, found, e.Input, err)
				}
				if stays {
					left++
				}
			}
			for _, client := range []core.ClientID{"", "c-1"} {
				if list, err := l.Entries(t.Context(), client, "", 10); err != nil || len(list) != left {
					t.Errorf("%s: list of %q: %d, %v; want %d", name, client, len(list), err, left)
				}
			}
		}
	})
}

// What is swept leaves nothing: no index row, no input, no shaping.
func TestSweptLedger(t *testing.T) {
	onEach(t, func(s *store) {
		l := s.openLedger(storage.Retention{Accepted: time.Hour, Refused: time.Hour, Input: time.Hour})
		for _, outcome := range []ledger.Outcome{ledger.Stored, ledger.Deleted, ledger.Nothing, ledger.Unchanged} {
			e := s.entry("c-1", outcome)
			err := l.Append(t.Context(), []ledger.Entry{e}, map[core.DecisionID][]ledger.Stage{e.DecisionID: {{Stage: "shape"}}})
			if err != nil {
				t.Fatal(err)
			}
		}
		if got, want := s.tables(nil), "ledger ledger_by_client ledger_input ledger_shaping"; got != want {
			t.Errorf("stored in %s, want %s", got, want)
		}
		s.clock.advance(2 * time.Hour)
		s.sweep()
		if got := s.tables(nil); got != "" {
			t.Errorf("left in %s", got)
		}
	})
}

// The history of a client outlives it: who registered it, changed it and deleted it, and who failed to.
func TestHistoryOutlivesTheClient(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		id := d.register(app(""))
		steps := []string{"register stored"}
		step := func(op core.Operation, body string, outcome ledger.Outcome) {
			d.clock.advance(time.Millisecond)
			_, err := d.Do(t.Context(), d.byOperator(op, id, body))
			if (err == nil) != (outcome != ledger.Nothing) {
				t.Errorf("%s: %v", op, err)
			}
			steps = append([]string{string(op) + " " + string(outcome)}, steps...)
		}
		step(core.Update, app(`,"software_id":"s"`), ledger.Stored)
		step(core.Update, app(`,"software_id":"s"`), ledger.Unchanged)
		step(core.Update, app(`,"contacts":7`), ledger.Nothing)
		step(core.Disable, "", ledger.Stored)
		step(core.Delete, "", ledger.Deleted)
		step(core.Delete, "", ledger.Nothing)
		entries, err := d.book.Entries(t.Context(), id, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, string(e.Operation)+" "+string(e.Outcome))
			whole, found, err := d.ledger.Entry(t.Context(), e.DecisionID)
			reached := e.Outcome != ledger.Nothing // those were refused before policy was asked
			if err != nil || !found || (len(whole.Input) > 0) != reached || reached && !strings.Contains(string(whole.Input), userAgent) {
				t.Errorf("%s: input %q, %t, %v", got[len(got)-1], whole.Input, found, err)
			}
		}
		if strings.Join(got, ", ") != strings.Join(steps, ", ") {
			t.Errorf("history %v, want %v", got, steps)
		}
	})
}
