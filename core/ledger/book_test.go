package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
)

// shelf is a ledger.Store in memory. While gate is held, Append waits inside.
type shelf struct {
	gate    sync.Mutex
	entered chan struct{} // one for each Append that begins; nil: nobody asks

	mu      sync.Mutex
	entries map[core.DecisionID]ledger.Entry
	shaping map[core.DecisionID][]ledger.Stage
	batches []int
	fail    error
}

func newShelf() *shelf {
	return &shelf{entries: map[core.DecisionID]ledger.Entry{}, shaping: map[core.DecisionID][]ledger.Stage{}}
}

func (s *shelf) Append(_ context.Context, entries []ledger.Entry, shaped map[core.DecisionID][]ledger.Stage) error {
	if s.entered != nil {
		s.entered <- struct{}{}
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.batches = append(s.batches, len(entries))
	for _, e := range entries {
		s.entries[e.DecisionID] = e
	}
	for id, rows := range shaped {
		s.shaping[id] = rows
	}
	return nil
}

func (s *shelf) Entry(_ context.Context, id core.DecisionID) (ledger.Entry, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, found := s.entries[id]
	e.Shaping = s.shaping[id]
	return e, found, nil
}

func (s *shelf) Entries(_ context.Context, _ core.ClientID, _ core.DecisionID, limit int) ([]ledger.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var page []ledger.Entry
	for _, e := range s.entries {
		if len(page) < limit {
			page = append(page, e)
		}
	}
	return page, nil
}

func (s *shelf) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func open(t *testing.T, store ledger.Store, perMinute int, c *clock) *ledger.Book {
	t.Helper()
	book := ledger.NewBook(store, perMinute, c.now, slog.New(slog.DiscardHandler))
	t.Cleanup(book.Close)
	return book
}

func refusal(id, ip string) ledger.Entry {
	return ledger.Entry{V: 1, DecisionID: core.DecisionID(id), Actor: ledger.Actor{IP: ip}, Verdict: ledger.Denied, Outcome: ledger.Nothing}
}

func checkFound(t *testing.T, book *ledger.Book, id core.DecisionID, shaping int) {
	t.Helper()
	e, found, err := book.Find(t.Context(), id)
	if err != nil || !found || e.DecisionID != id || len(e.Shaping) != shaping {
		t.Errorf("Find(%s) = %+v, %t, %v; want it with %d rows of shaping", id, e, found, err, shaping)
	}
}

// An entry is found at once: while it is being written, while it waits, and after.
func TestFoundAtOnce(t *testing.T) {
	store := newShelf()
	store.entered = make(chan struct{}, 8)
	book := open(t, store, 10, newClock())
	store.gate.Lock()
	book.Record(refusal("d-1", "ip"))
	book.Shaped("d-1", []ledger.Stage{{Stage: "shape"}})
	<-store.entered
	checkFound(t, book, "d-1", 1)
	book.Record(refusal("d-2", "ip"))
	checkFound(t, book, "d-2", 0)
	if store.count() != 0 {
		t.Fatal("the store should not have anything yet")
	}
	book.Shaped("d-2", []ledger.Stage{{Stage: "commit"}})
	book.Shaped("d-2", []ledger.Stage{{Stage: "shape"}})
	checkFound(t, book, "d-2", 2)
	store.gate.Unlock()
	book.Close()
	checkFound(t, book, "d-1", 1)
	checkFound(t, book, "d-2", 2)
	if _, found, err := book.Find(t.Context(), "d-3"); found || err != nil {
		t.Errorf("an entry that never was: %t, %v", found, err)
	}
}

// Shaping of an entry that its commit stored is merged while it still waits.
func TestShapingOfStoredEntry(t *testing.T) {
	store := newShelf()
	store.entries["d-1"] = ledger.Entry{DecisionID: "d-1", Outcome: ledger.Stored}
	store.entered = make(chan struct{}, 1)
	book := open(t, store, 10, newClock())
	store.gate.Lock()
	book.Shaped("d-1", []ledger.Stage{{Stage: "commit"}})
	<-store.entered
	checkFound(t, book, "d-1", 1)
	store.gate.Unlock()
	book.Close()
	checkFound(t, book, "d-1", 1)
}

// Beyond a source's budget only the number is kept, in one entry a minute; other sources are not affected.
func TestBudgetOfASource(t *testing.T) {
	store, c := newShelf(), newClock()
	book := open(t, store, 3, c)
	unchanged := refusal("d-u", "192.0.2.1")
	unchanged.Verdict, unchanged.Outcome = ledger.Allowed, ledger.Unchanged
	book.Record(unchanged) // counts too: a client that repeats itself must not fill the disk either
	for i := range 10 {
		book.Record(refusal(fmt.Sprintf("d-a%d", i), "192.0.2.1"))
	}
	book.Record(refusal("d-b", "192.0.2.2"))
	checkCounts(t, book, 4, 0)
	c.move(59 * time.Second)
	book.Record(refusal("d-c", "192.0.2.1"))
	checkCounts(t, book, 4, 0)
	c.move(time.Second)
	book.Record(refusal("d-d", "192.0.2.1"))
	checkCounts(t, book, 6, 1)
	for _, e := range all(t, book) {
		if isCount(e) && (e.Actor.IP != "192.0.2.1" || !strings.HasPrefix(e.Stages[0].Reasons[0].Message, "9 more requests")) {
			t.Errorf("the count is %+v", e)
		}
	}
}

// Requests that a limit refused are counted, and no entry of them is kept.
func TestLimitedIsOnlyCounted(t *testing.T) {
	c := newClock()
	book := open(t, newShelf(), 3, c)
	for i := range 10 {
		e := refusal(fmt.Sprintf("d-l%d", i), "192.0.2.1")
		e.Error = &ledger.Problem{Code: core.TooManyRequests}
		book.Record(e)
	}
	for i := range 3 { // they took nothing of what is kept
		book.Record(refusal(fmt.Sprintf("d-a%d", i), "192.0.2.1"))
	}
	checkCounts(t, book, 3, 0)
	c.move(time.Minute)
	book.Record(refusal("d-b", "192.0.2.2"))
	checkCounts(t, book, 5, 1)
	for _, e := range all(t, book) {
		if isCount(e) && !strings.HasPrefix(e.Stages[0].Reasons[0].Message, "10 more requests") {
			t.Errorf("the count is %+v", e)
		}
	}
}

// The rest of an IPv6 address is the caller's to choose, so it is no new source.
func TestSourceIsANetwork(t *testing.T) {
	store := newShelf()
	book := open(t, store, 2, newClock())
	for i := range 5 {
		book.Record(refusal(fmt.Sprintf("d-%d", i), fmt.Sprintf("2001:db8::%d", i)))
	}
	book.Record(refusal("d-x", "2001:db8:0:1::1"))
	book.Record(refusal("d-y", "::ffff:192.0.2.7"))
	checkCounts(t, book, 4, 0)
	book.Close()
	checkCounts(t, book, 5, 1)
}

// Who has the addresses of many sources keeps no more than a hundred of them could.
func TestAllSourcesTogether(t *testing.T) {
	book := open(t, newShelf(), 101, newClock())
	for i := range 110 * 101 {
		book.Record(refusal(fmt.Sprintf("d-%05d", i), fmt.Sprintf("2001:db8:0:%x::1", i%110)))
		if i%1000 == 0 {
			all(t, book)
		}
	}
	checkCounts(t, book, 100*101, 0)
}

// More sources than the table holds share one budget.
func TestManySourcesShareOneBudget(t *testing.T) {
	book := open(t, newShelf(), 1, newClock())
	const table = 10000
	for i := range table + 50 {
		book.Record(refusal(fmt.Sprintf("d-%05d", i), fmt.Sprintf("10.0.%d.%d", i/250, i%250)))
		if i%1000 == 0 { // the queue itself is bounded too
			all(t, book)
		}
	}
	checkCounts(t, book, table+1, 0)
}

func isCount(e ledger.Entry) bool { return len(e.Stages) == 1 && e.Stages[0].Stage == "budget" }

func all(t *testing.T, book *ledger.Book) []ledger.Entry {
	t.Helper()
	entries, err := book.Entries(t.Context(), "", "", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func checkCounts(t *testing.T, book *ledger.Book, want, wantCounts int) {
	t.Helper()
	entries, counts := all(t, book), 0
	for _, e := range entries {
		if isCount(e) {
			counts++
		}
	}
	if len(entries) != want || counts != wantCounts {
		t.Errorf("%d entries, %d of them counts; want %d and %d", len(entries), counts, want, wantCounts)
	}
}

// While the store hangs the queue fills to its bound; what has no room is counted, and nothing else is lost.
func TestQueueIsBounded(t *testing.T) {
	store := newShelf()
	store.entered = make(chan struct{}, 1<<16)
	book := open(t, store, 1<<20, newClock())
	store.gate.Lock()
	book.Record(refusal("d-first", "ip"))
	<-store.entered
	const sent = 10000
	for i := range sent {
		book.Record(refusal(fmt.Sprintf("d-%d", i), "ip"))
	}
	book.Shaped("d-first", []ledger.Stage{{}})
	dropped := book.Dropped()
	if dropped < 1 || dropped >= sent {
		t.Errorf("%d of %d were dropped", dropped, sent)
	}
	store.gate.Unlock()
	book.Close()
	if got := int64(store.count()); got+dropped-1 != 1+sent {
		t.Errorf("%d stored and %d dropped do not make %d", got, dropped, sent)
	}
	for _, n := range store.batches {
		if n > 64 {
			t.Errorf("a batch of %d", n)
		}
	}
}

func TestCloseFlushesAndEnds(t *testing.T) {
	store, c := newShelf(), newClock()
	book := open(t, store, 2, c)
	for i := range 5 {
		book.Record(refusal(fmt.Sprintf("d-%d", i), "ip"))
	}
	book.Close()
	if got := store.count(); got != 3 {
		t.Errorf("%d entries after Close, want 2 and a count", got)
	}
	book.Close()
	book.Record(refusal("d-late", "other"))
	book.Shaped("d-late", []ledger.Stage{{}})
	if got := book.Dropped(); got != 2 {
		t.Errorf("%d dropped after Close, want 2", got)
	}
	checkCounts(t, book, 3, 1)
}

// A batch that cannot be stored is logged and given up; what comes later is stored.
func TestStoreFailureIsLogged(t *testing.T) {
	store := newShelf()
	var log bytes.Buffer
	book := ledger.NewBook(store, 10, newClock().now, slog.New(slog.NewTextHandler(&log, nil)))
	store.fail = errors.New("disk on fire")
	book.Record(refusal("d-1", "ip"))
	all(t, book)
	store.mu.Lock()
	store.fail = nil
	store.mu.Unlock()
	book.Record(refusal("d-2", "ip"))
	book.Close()
	if !strings.Contains(log.String(), "disk on fire") || !strings.Contains(log.String(), "entries=1") {
		t.Errorf("log = %q", log.String())
	}
	if _, found, _ := book.Find(t.Context(), "d-2"); !found || store.count() != 1 {
		t.Errorf("after the failure %d entries are stored", store.count())
	}
}

func TestEntriesGivesUpWithItsCaller(t *testing.T) {
	store := newShelf()
	book := open(t, store, 10, newClock())
	store.gate.Lock()
	defer store.gate.Unlock()
	book.Record(refusal("d-1", "ip"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := book.Entries(ctx, "", "", 10); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
}

// Many writers and readers at once: each entry is found by its writer at once, and all are there in the end.
func TestManyAtOnce(t *testing.T) {
	store := newShelf()
	book := open(t, store, 1<<20, newClock())
	const writers, each = 16, 50
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := range each {
				id := fmt.Sprintf("d-%d-%d", w, i)
				book.Record(refusal(id, "ip"))
				book.Shaped(core.DecisionID(id), []ledger.Stage{{Stage: "shape"}})
				checkFound(t, book, core.DecisionID(id), 1)
			}
		})
	}
	wait.Wait()
	book.Close()
	if got := store.count(); got != writers*each || book.Dropped() != 0 {
		t.Errorf("%d stored, %d dropped", got, book.Dropped())
	}
}
