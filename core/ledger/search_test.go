package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
)

// rack is a ledger.Store that is only read, newest first. It counts what is read.
type rack struct {
	shelf
	sorted []ledger.Entry
	read   int
}

func (r *rack) Entries(_ context.Context, client core.ClientID, after core.DecisionID, limit int) ([]ledger.Entry, error) {
	var page []ledger.Entry
	for _, e := range r.sorted {
		if (after == "" || e.DecisionID < after) && (client == "" || client == e.ClientID) && len(page) < limit {
			page = append(page, e)
		}
	}
	r.read += len(page)
	return page, nil
}

func TestSearch(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := &rack{}
	for i := range 1000 {
		at := noon.Add(-time.Duration(i) * time.Minute)
		e := ledger.Entry{
			DecisionID: core.NewDecisionID(at), Time: at, Operation: core.Register, Channel: core.ChannelDCR, ClientID: core.ClientID(fmt.Sprint("c-", i%10)),
			Verdict: ledger.Allowed, Outcome: ledger.Stored, Revision: "r1",
		}
		if i%100 == 99 {
			e.Verdict, e.Outcome, e.Operation, e.Channel, e.Revision = ledger.Denied, ledger.Nothing, core.Update, core.ChannelManage, "r2"
			e.Error = &ledger.Problem{Code: core.InvalidScope}
			e.Stages = []ledger.Stage{{Stage: "access"}, {Stage: "policy", Reasons: []core.Reason{{Rule: "other"}, {Rule: "scopes.no"}}}}
		}
		r.sorted = append(r.sorted, e)
	}
	book := ledger.NewBook(r, 100, time.Now, slog.New(slog.NewTextHandler(new(bytes.Buffer), nil)))
	defer book.Close()
	for query, want := range map[string]int{
		"": 1000, "client_id=c-3": 100, "verdict=denied": 10, "outcome=nothing": 10, "operation=update": 10, "channel=manage": 10, "code=invalid_scope": 10,
		"rule=scopes.no": 10, "rule=none": 0, "revision=r2": 10, "since=2026-03-01T11:01:00Z": 60, "until=2026-03-01T11:01:00Z": 940, "since=1h": 61,
		"since=2h until=1h": 60, "verdict=denied client_id=c-9": 10, "verdict=denied client_id=c-8": 0, "verdict=denied since=350m": 3,
	} {
		f, err := ledger.ReadFilter(func(name string) string {
			for _, pair := range strings.Fields(query) {
				if value, is := strings.CutPrefix(pair, name+"="); is {
					return value
				}
			}
			return ""
		}, noon)
		if err != nil {
			t.Fatal(err)
		}
		seen, pages := map[core.DecisionID]bool{}, 0
		for after := core.DecisionID(""); ; pages++ {
			page, next, err := book.Search(t.Context(), f, after, 7)
			if err != nil || len(page) > 7 || pages > 200 {
				t.Fatalf("%q: %d, %v", query, len(page), err)
			}
			for _, e := range page {
				if !f.Holds(e) || seen[e.DecisionID] || after != "" && e.DecisionID >= after {
					t.Fatalf("%q: %+v", query, e)
				}
				seen[e.DecisionID] = true
			}
			if after = next; next == "" {
				break
			}
		}
		if len(seen) != want {
			t.Errorf("%q: %d, want %d", query, len(seen), want)
		}
	}
	r.read = 0
	if _, _, err := book.Search(t.Context(), ledger.Filter{Client: "c-3"}, "", 7); err != nil || r.read != 7 {
		t.Errorf("%d read for 7 of a client: %v", r.read, err)
	}
}

// One search reads so much and no more, and says where to go on.
func TestSearchIsBounded(t *testing.T) {
	r := &rack{}
	for i := range 6000 {
		at := time.Unix(int64(100_000-i), 0)
		r.sorted = append(r.sorted, ledger.Entry{DecisionID: core.NewDecisionID(at), Time: at})
	}
	book := ledger.NewBook(r, 100, time.Now, slog.New(slog.DiscardHandler))
	defer book.Close()
	found, next, err := book.Search(t.Context(), ledger.Filter{Rule: "none"}, "", 7)
	if err != nil || len(found) != 0 || next != r.sorted[4999].DecisionID || r.read != 5000 {
		t.Errorf("%d found, %d read, next %s, %v", len(found), r.read, next, err)
	}
	if found, next, err = book.Search(t.Context(), ledger.Filter{Rule: "none"}, next, 7); err != nil || len(found) != 0 || next != "" {
		t.Errorf("the rest: %d found, next %s, %v", len(found), next, err)
	}
}

func TestReadFilterRefuses(t *testing.T) {
	for name, value := range map[string]string{
		"verdict": "yes", "outcome": "store", "operation": "registration", "channel": "DCR", "code": "invalid_scop",
		"since": "yesterday", "until": "-1d", "rule": strings.Repeat("r", 300),
	} {
		_, err := ledger.ReadFilter(func(asked string) string {
			if asked == name {
				return value
			}
			return ""
		}, time.Now())
		if core.CodeOf(err) != core.InvalidRequest {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}
