package storage_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/storage"
)

func (s *store) openLedger(r storage.Retention) storage.Ledger {
	return storage.NewLedger(s.engine, issuer, s.ring, r, s.clock.now)
}

// entry makes an entry at the clock's time, which it moves on.
func (s *store) entry(client core.ClientID, outcome ledger.Outcome) ledger.Entry {
	s.clock.advance(time.Millisecond)
	return ledger.Entry{
		V: 1, DecisionID: core.NewDecisionID(s.clock.now()), Time: s.clock.now(), ClientID: client, Outcome: outcome,
		Input: []byte(`{"of":"` + string(client) + `"}`),
	}
}

func (s *store) append(l storage.Ledger, entries ...ledger.Entry) {
	s.Helper()
	if err := l.Append(s.Context(), entries, nil); err != nil {
		s.Fatal(err)
	}
}

// whole is an entry with something in every field.
func (s *store) whole() ledger.Entry {
	doc := parse(s.T, `{"a":[1,null,{"b":"<é\u2028>"}]}`)
	e := s.entry("c-1", ledger.Stored)
	e.Operation, e.Channel, e.Revision, e.Verdict = core.Register, core.ChannelDCR, "r", ledger.Allowed
	e.Actor = ledger.Actor{Kind: "operator", Subject: "ada", Token: "iat-1", IP: "2001:db8::1"}
	e.Error = &ledger.Problem{Code: core.InvalidScope, Detail: "scope"}
	e.Input = []byte("\x00\xff not even JSON")
	e.Stages = []ledger.Stage{{Stage: "access"}, {
		Stage: "plugins", By: ledger.By{Kind: "plugin", Name: "n", Digest: "d"},
		Patch:   []strictjson.PatchOp{{Op: "replace", Path: "/a~1b", Value: doc}, {Op: "add", Path: "/c", Value: strictjson.Value{}}, {Op: "remove", Path: "/d"}},
		Reasons: []core.Reason{{Rule: "r", Code: core.InvalidScope, Fields: []string{"scope"}, Message: "m & \"m\"", Public: true, File: "a.rego", Line: 7}},
		Fuel:    1<<64 - 1, NS: -1, Calls: []ledger.Call{{Kind: "kv", Target: "t", Status: "ok", Digest: "d"}}, Audit: doc, Fault: "f", Cached: true,
		Attached: &ledger.Attached{
			Require: []core.Obligation{{Name: "par", Params: `{"a":1}`, Rule: "r"}}, Limits: map[string]int64{"access_token": 60}, Labels: []string{"l"}, Trust: "self",
		},
	}}
	return e
}

func checkEntry(t *testing.T, got, want ledger.Entry) {
	t.Helper()
	gotText, err := json.Marshal(got)
	wantText, wantErr := json.Marshal(want)
	if err = errors.Join(err, wantErr); err != nil || string(gotText) != string(wantText) || string(got.Input) != string(want.Input) {
		t.Errorf("%v\n got %s with input %q\nwant %s with input %q", err, gotText, got.Input, wantText, want.Input)
	}
}

// Entry gives back all that was appended; lists leave out inputs and shaping.
func TestEntryRoundTrip(t *testing.T) {
	onEach(t, func(s *store) {
		l := s.openLedger(storage.DefaultRetention())
		want := s.whole()
		shaping := want.Stages // as good as any
		err := l.Append(t.Context(), []ledger.Entry{want}, map[core.DecisionID][]ledger.Stage{want.DecisionID: shaping})
		if err != nil {
			t.Fatal(err)
		}
		got, found, err := l.Entry(t.Context(), want.DecisionID)
		if err != nil || !found {
			t.Fatalf("found %t, %v", found, err)
		}
		listed := want
		want.Shaping, listed.Input = shaping, nil
		seen := fields{}
		seen.see(want)
		if left := seen.empty(); len(left) > 0 {
			t.Errorf("the round trip leaves out %v", left)
		}
		checkEntry(t, got, want)
		for _, client := range []core.ClientID{"", "c-1"} {
			if list, err := l.Entries(t.Context(), client, "", 10); err != nil || len(list) != 1 {
				t.Errorf("list of %q: %d, %v", client, len(list), err)
			} else {
				checkEntry(t, list[0], listed)
			}
		}
		for _, absent := range []core.DecisionID{"", "d-none", want.DecisionID + "x", core.DecisionID(strings.Repeat("x", 5000))} {
			if e, found, err := l.Entry(t.Context(), absent); err != nil || found || e.DecisionID != "" {
				t.Errorf("entry %.20q: %+v, %t, %v", absent, e, found, err)
			}
		}
	})
}

// Pages are newest first, of all and of one client, whatever their size, also longer than one Get.
func TestHistory(t *testing.T) {
	onEach(t, func(s *store) {
		l := s.openLedger(storage.DefaultRetention())
		var all []ledger.Entry
		of := make(map[core.ClientID][]core.DecisionID)
		for i := range 80 {
			e := s.entry([]core.ClientID{"c-1", "c-1\x00", "c-", ""}[i%4], ledger.Nothing)
			all = append(all, e)
			of[e.ClientID] = append(of[e.ClientID], e.DecisionID)
			if e.ClientID != "" {
				of[""] = append(of[""], e.DecisionID)
			}
		}
		slices.Reverse(all) // the order of ids counts, not that of appending
		s.append(l, all...)
		for client, want := range of {
			slices.Reverse(want)
			for _, limit := range []int{1, 7, 20, 100} {
				if got := s.turn(l, client, limit); !slices.Equal(got, want) {
					t.Errorf("pages of %d of %q: %v, want %v", limit, client, got, want)
				}
			}
		}
		if list, err := l.Entries(t.Context(), "c-2", "", 10); err != nil || len(list) > 0 {
			t.Errorf("of nobody: %v, %v", list, err)
		}
		if list, err := l.Entries(t.Context(), core.ClientID(strings.Repeat("x", 5000)), "", 10); err != nil || len(list) > 0 {
			t.Errorf("of what is no id: %v, %v", list, err)
		}
		_, err := l.Entries(t.Context(), "", core.DecisionID(strings.Repeat("x", 5000)), 10)
		checkCode(t, "after what is no id", err, core.InvalidRequest)
		other := storage.NewLedger(s.engine, "other", s.ring, storage.Retention{}, s.clock.now)
		if list, err := other.Entries(t.Context(), "", "", 10); err != nil || len(list) > 0 {
			t.Errorf("of another issuer: %v, %v", list, err)
		}
	})
}

// turn turns the pages of a list to its end.
func (s *store) turn(l storage.Ledger, client core.ClientID, limit int) (ids []core.DecisionID) {
	s.Helper()
	for after := core.DecisionID(""); ; {
		page, err := l.Entries(s.Context(), client, after, limit)
		if err != nil {
			s.Fatal(err)
		}
		for _, e := range page {
			ids, after = append(ids, e.DecisionID), e.DecisionID
		}
		if len(page) < limit {
			return ids
		}
	}
}

// Many append at once, each more than one Apply holds; nothing is lost, and every entry has its own input.
func TestAppendsAtOnce(t *testing.T) {
	onEach(t, func(s *store) {
		l := s.openLedger(storage.DefaultRetention())
		const writers, each = 8, 50
		batches := make([][]ledger.Entry, writers)
		for i := range batches {
			for range each {
				batches[i] = append(batches[i], s.entry(core.ClientID(fmt.Sprint("c-", i)), ledger.Nothing))
			}
		}
		together(writers, func(i int) {
			shaped := map[core.DecisionID][]ledger.Stage{batches[i][0].DecisionID: {{Stage: fmt.Sprint("shape ", i)}}}
			if err := l.Append(t.Context(), batches[i], shaped); err != nil {
				t.Error(err)
			}
		})
		if got := s.turn(l, "", 1000); len(got) != writers*each {
			t.Errorf("%d entries are there, want %d", len(got), writers*each)
		}
		for i, batch := range batches {
			for n, want := range []ledger.Entry{batch[0], batch[each-1]} {
				got, found, err := l.Entry(t.Context(), want.DecisionID)
				if n == 0 {
					want.Shaping = []ledger.Stage{{Stage: fmt.Sprint("shape ", i)}}
				}
				if err != nil || !found {
					t.Fatalf("%t, %v", found, err)
				}
				checkEntry(t, got, want)
			}
		}
		if err := l.Append(t.Context(), nil, nil); err != nil {
			t.Errorf("append nothing: %v", err)
		}
	})
}

// Entries that together are more than one Apply may carry go into several; one that is too large by itself is an error and
// takes no other with it.
func TestAppendLarge(t *testing.T) {
	onEach(t, func(s *store) {
		l := s.openLedger(storage.DefaultRetention())
		var entries []ledger.Entry
		for i := range 5 {
			e := s.entry("c-1", ledger.Nothing)
			if e.Input = make([]byte, 300<<10); i == 2 {
				e.Input = make([]byte, storage.MaxApply)
			}
			rand.Read(e.Input) // so that packing does not help; it never fails
			entries = append(entries, e)
		}
		checkIs(t, "append", l.Append(t.Context(), entries, nil), storage.ErrTooLarge)
		for i, e := range entries {
			if got, found, err := l.Entry(t.Context(), e.DecisionID); err != nil || found != (i != 2) || found && len(got.Input) != 300<<10 {
				t.Errorf("entry %d: %t with %d bytes, %v", i, found, len(got.Input), err)
			}
		}
	})
}

// An entry that cannot be written at all is an error, and nothing is stored of it.
func TestUnwritableEntry(t *testing.T) {
	onEach(t, func(s *store) {
		l := s.openLedger(storage.DefaultRetention())
		e := s.entry("c-1", ledger.Nothing)
		e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) // beyond what RFC 3339 can say
		checkSays(t, "append", l.Append(t.Context(), []ledger.Entry{e}, nil), "encode ledger")
		if got := s.tables(nil); got != "" {
			t.Errorf("stored in %s", got)
		}
	})
}

// What strangers make up, and what is no text, is written down without making the list unreadable.
func TestEntryOfStrangers(t *testing.T) {
	onEach(t, func(s *store) {
		l := s.openLedger(storage.DefaultRetention())
		for id, want := range map[core.ClientID]string{
			"\x00": "\ufffd", "a\x00b": "a\ufffdb", `\u0000`: `\u0000`, "\\\x00": "\\\ufffd", `\\u0000`: `\\u0000`, "\xff": "\ufffd",
			"\ud7ff\x01\x7f\u2028": "\ud7ff\x01\x7f\u2028", core.ClientID(strings.Repeat("\x00", 256)): strings.Repeat("\ufffd", 256),
		} {
			e := s.entry(id, ledger.Nothing)
			e.Stages = []ledger.Stage{{Stage: "web", Fault: string(id)}}
			s.append(l, e)
			got, found, err := l.Entry(t.Context(), e.DecisionID)
			if err != nil || !found || string(got.ClientID) != want || got.Stages[0].Fault != want {
				t.Errorf("%q: %+v, %t, %v", id, got, found, err)
			}
			if list, err := l.Entries(t.Context(), id, "", 10); err != nil || len(list) != 1 || list[0].DecisionID != e.DecisionID {
				t.Errorf("history of %q: %+v, %v", id, list, err)
			}
		}
		if list, err := l.Entries(t.Context(), "", "", 10); err != nil || len(list) != 8 {
			t.Errorf("the list has %d entries, %v", len(list), err)
		}
	})
}

// An input opens only in the entry that it was sealed for.
func TestInputOfAnotherEntry(t *testing.T) {
	onEach(t, func(s *store) {
		l := s.openLedger(storage.DefaultRetention())
		one, two := s.entry("c-1", ledger.Nothing), s.entry("c-2", ledger.Nothing)
		s.append(l, one, two)
		key := func(e ledger.Entry) storage.Key {
			return storage.NewKey(string(issuer), "ledger_input", string(e.DecisionID))
		}
		s.apply(storage.Put(key(two), s.records()[key(one)].Value, time.Time{}))
		_, found, err := l.Entry(t.Context(), two.DecisionID)
		checkIs(t, "a moved input", err, seal.ErrBroken)
		if found {
			t.Error("the entry was found all the same")
		}
	})
}
