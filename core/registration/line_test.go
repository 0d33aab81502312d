package registration_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
)

// kept is a hook.KV of nothing.
type kept struct{}

func (kept) Pair(context.Context, string, string) (hook.Pair, error) { return hook.Pair{}, nil }
func (kept) Collect(context.Context, string) error                   { return nil }

// putting is a plugin that keeps something, and tells what it was told.
func (b *bench) putting(told *[]hook.Context) *plugin {
	var mu sync.Mutex
	return &plugin{name: "keeper", ask: func(c hook.Call) (hook.Result, error) {
		mu.Lock()
		defer mu.Unlock()
		*told = append(*told, c.Context)
		k := &hook.Kept{Plugin: "keeper", Stored: kept{}, Writes: c.Context.Writes, Quota: hook.Use{Keys: 9, Bytes: 99}, TTL: time.Hour, Now: b.now}
		return hook.Result{Action: hook.Continue}, k.Put(b.t.Context(), "k", []byte("v"), 0)
	}}
}

// Who was overtaken is judged again, and what is left of the first time is nothing.
func TestOvertakenIsJudgedAgain(t *testing.T) {
	for times, want := range map[int]core.Code{0: "", 1: "", 3: "", 4: core.TemporarilyUnavailable} {
		b := newBench(t)
		var told []hook.Context
		b.plug(hook.PreRegister, b.putting(&told))
		b.store.overtake = times
		req := b.request(core.Register, core.ChannelOperator, "", shop)
		_, err := b.do(req)
		if core.CodeOf(err) != want && (err != nil || want != "") {
			t.Errorf("overtaken %d times: %v", times, err)
		}
		if len(told) != min(times, 3)+1 {
			t.Errorf("overtaken %d times, the plugin was asked %d times", times, len(told))
		}
		if want == "" {
			if entries := len(b.book.entries); entries != 0 || b.store.commits != 1 {
				t.Errorf("overtaken %d times: %d commits, %d entries beside them", times, b.store.commits, entries)
			}
			continue
		}
		e := b.lastEntry()
		if len(b.book.entries) != 1 || e.Verdict != ledger.Failed || e.Outcome != ledger.Nothing || e.ClientID != "" || b.store.commits != 0 {
			t.Errorf("overtaken %d times: %d entries, the last %+v", times, len(b.book.entries), e)
		}
	}
}

// What a plugin keeps goes to the store with the write; a simulation tells the plugin that it is one.
func TestWhatIsKeptGoesWithTheWrite(t *testing.T) {
	b := newBench(t)
	var told []hook.Context
	b.plug(hook.PreRegister, b.putting(&told))
	req := b.request(core.Register, core.ChannelOperator, "", shop)
	approved, _, err := b.desk.Judge(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	held := approved.Writes()
	if len(held) != 1 || held[0].Plugin != "keeper" || held[0].Key != "k" || string(held[0].Value) != "v" || !held[0].Expires.Equal(b.now.Add(time.Hour)) {
		t.Errorf("held: %+v", held)
	}
	if s := b.desk.Simulate(t.Context(), req, registration.KindOperator); s.Err != nil {
		t.Error(s.Err)
	}
	simulated := []bool{}
	for _, c := range told {
		simulated = append(simulated, c.Simulated)
	}
	if !slices.Equal(simulated, []bool{false, true}) {
		t.Errorf("told of simulations: %v", simulated)
	}
}

// Who leaves while standing in line is let go.
func TestLeavingTheLine(t *testing.T) {
	b := newBench(t)
	var told []hook.Context
	b.plug(hook.PreRegister, b.putting(&told))
	b.store.overtake = 1
	ctx, cancel := context.WithCancel(t.Context())
	inside, on := make(chan struct{}), make(chan struct{})
	b.store.committing = func(n int) {
		if n == 2 { // the second commit is that of the first request, in its turn
			close(inside)
			<-on
		}
	}
	var all sync.WaitGroup
	first, second := b.request(core.Register, core.ChannelOperator, "", shop), b.request(core.Register, core.ChannelOperator, "", shop)
	all.Go(func() {
		if _, err := b.desk.Do(t.Context(), first); err != nil {
			t.Errorf("the first: %v", err)
		}
	})
	<-inside
	cancel()
	if _, err := b.desk.Do(ctx, second); core.CodeOf(err) != core.TemporarilyUnavailable {
		t.Errorf("the second: %v", err)
	}
	close(on)
	all.Wait()
	if b.store.commits != 1 {
		t.Errorf("%d commits", b.store.commits)
	}
}
