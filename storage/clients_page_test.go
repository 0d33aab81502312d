package storage_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/storage"
)

// many registers clients, some of them in the same second, and gives how often each is to be listed: once.
func (d *desk) many(n int) map[core.ClientID]int {
	d.Helper()
	var mu sync.Mutex
	once := make(map[core.ClientID]int)
	for left := n; left > 0; left -= 25 {
		together(min(left, 25), func(i int) {
			answer, err := d.Do(d.Context(), d.byOperator(core.Register, "", app(fmt.Sprintf(`,"software_id":"s%d"`, i%2))))
			if err != nil {
				d.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			once[answer.ClientID] = 1
		})
		d.clock.advance(time.Second)
	}
	return once
}

// checkOnce turns the pages of a list and wants every client of once on exactly one of them, newest first. Between two pages
// it lets somebody else work.
func (d *desk) checkOnce(f registration.Filter, limit int, once map[core.ClientID]int, between func()) {
	d.Helper()
	seen := make(map[core.ClientID]int)
	var last time.Time
	for cursor, more := "", true; more; more = cursor != "" {
		page, next, err := d.clients.Page(d.Context(), f, cursor, limit)
		if err != nil {
			d.Fatal(err)
		}
		if len(page) > limit || next != "" && len(page) < limit {
			d.Errorf("a page of %d has %d clients, next %q", limit, len(page), next)
		}
		for _, stored := range page {
			if !last.IsZero() && stored.Client.IssuedAt.After(last) {
				d.Errorf("%s is out of order", stored.Client.ID)
			}
			last = stored.Client.IssuedAt
			seen[stored.Client.ID]++
		}
		cursor = next
		between()
	}
	for id, want := range once {
		if seen[id] != want {
			d.Errorf("pages of %d have %s %d times", limit, id, seen[id])
		}
	}
	for id, times := range seen {
		if times > 1 {
			d.Errorf("pages of %d have %s %d times", limit, id, times)
		}
	}
}

// Pages have every client exactly once, whatever their size, also while others register, change and delete clients.
func TestPages(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		once := d.many(250)
		for _, limit := range []int{7, 250, 1000} {
			d.checkOnce(registration.Filter{}, limit, once, func() {})
		}
		var half []core.ClientID
		for id := range once {
			if d.load(id).Client.Metadata.SoftwareID == "s0" {
				half = append(half, id)
			}
		}
		some := make(map[core.ClientID]int)
		for _, id := range half {
			some[id] = 1
		}
		d.checkOnce(registration.Filter{SoftwareID: "s0", Channel: core.ChannelOperator}, 30, some, func() {})
		if got := len(d.list(registration.Filter{SoftwareID: "s0"})); got != len(half) || got < 100 {
			t.Errorf("the filter lists %d clients, want %d", got, len(half))
		}
		changed := 0
		d.checkOnce(registration.Filter{}, 20, once, func() {
			newer := d.register(app(""))
			d.do(d.byOperator(core.Delete, d.register(app("")), ""))
			d.do(d.byOperator(core.Update, half[changed], d.document(half[changed], "client_name", "Changed")))
			d.do(d.byOperator(core.Disable, newer, ""))
			changed++
		})
		if changed < 12 {
			t.Errorf("only %d pages", changed)
		}
	})
}

// The pages of a list keep to it while many register at once.
func TestPagesUnderInserts(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		once := d.many(50)
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := d.Do(t.Context(), d.byOperator(core.Register, "", app(""))); err != nil {
						t.Error(err)
						return
					}
				}
			}
		}()
		for range 5 {
			d.checkOnce(registration.Filter{}, 3, once, func() {})
		}
		close(stop)
		<-done
	})
}

// A cursor opens the list that gave it out and no other, and cannot be made up.
func TestCursors(t *testing.T) {
	onEach(t, func(s *store) {
		d := openDesk(s)
		for range 3 {
			d.register(app(`,"software_id":"s"`))
		}
		all := registration.Filter{}
		_, cursor, err := d.clients.Page(t.Context(), all, "", 1)
		if err != nil || cursor == "" {
			t.Fatalf("cursor %q, %v", cursor, err)
		}
		if strings.Contains(cursor, string(d.list(all)[0])) {
			t.Error("the cursor can be read")
		}
		refuses := func(what string, clients *storage.Clients, f registration.Filter, cursor string) {
			t.Helper()
			page, next, err := clients.Page(t.Context(), f, cursor, 1)
			checkCode(t, what, err, core.InvalidRequest)
			if len(page) > 0 || next != "" {
				t.Errorf("%s: a page all the same", what)
			}
		}
		refuses("another list's", d.clients, registration.Filter{SoftwareID: "s"}, cursor)
		refuses("another issuer's", storageOf(s, "other", d), all, cursor)
		for what, garbage := range map[string]string{
			"a word": "next", "no base64": "***", "cut": cursor[:len(cursor)-4], "longer": cursor + "AAAA", "padded": cursor + "=",
			"changed": cursor[:20] + flip(cursor[20:21]) + cursor[21:], "huge": strings.Repeat("A", 1<<20), "a key": "main\x00client_by",
		} {
			refuses(what, d.clients, all, garbage)
		}
		strange := &store{T: t, engine: s.engine, clock: s.clock, ring: newRing(t)}
		refuses("of another key", storageOf(strange, issuer, d), all, cursor)
	})
}

func flip(char string) string {
	if char == "A" {
		return "B"
	}
	return "A"
}

// A cursor stays good when the ring got a newer key.
func TestCursorOfAnOlderKey(t *testing.T) {
	onEach(t, func(s *store) {
		older := seal.NewKey()
		var err error
		if s.ring, err = seal.New(older); err != nil {
			t.Fatal(err)
		}
		d := openDesk(s)
		ids := []core.ClientID{d.register(app("")), d.register(app(""))}
		first, cursor, err := d.clients.Page(t.Context(), registration.Filter{}, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		if s.ring, err = seal.New(seal.NewKey(), older); err != nil {
			t.Fatal(err)
		}
		second, _, err := d.reopened().Page(t.Context(), registration.Filter{}, cursor, 1)
		if err != nil || len(second) != 1 || second[0].Client.ID == first[0].Client.ID || !slices.Contains(ids, second[0].Client.ID) {
			t.Errorf("after %v: %v, %v", first, second, err)
		}
	})
}
