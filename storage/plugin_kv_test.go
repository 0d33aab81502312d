package storage_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/storage"
)

// A keeper is a plugin made of Go that keeps something at every registration.
type keeper struct {
	name string
	kept func(hook.Context) *hook.Kept
	does func(ctx context.Context, k *hook.Kept) error
}

func (k keeper) Name() string                   { return k.name }
func (keeper) Digest() string                   { return "d" }
func (keeper) Reads() hook.Reads                { return hook.Reads{hook.AllMembers} }
func (keeper) MayWrite(hook.Point, string) bool { return false }
func (keeper) FailsOpen(hook.Point) bool        { return false }
func (k keeper) Serves(p hook.Point) bool       { plugins, _ := k.At(p); return len(plugins) > 0 }

func (k keeper) At(p hook.Point) (plugins []hook.Plugin, _ error) {
	if p == hook.PreRegister || p == hook.PreUpdate {
		plugins = []hook.Plugin{k}
	}
	return plugins, nil
}

func (k keeper) Ask(ctx context.Context, call hook.Call, judge func(hook.Result) error) (hook.Result, hook.Usage, error) {
	if err := k.does(ctx, k.kept(call.Context)); err != nil {
		return hook.Result{}, hook.Usage{}, call.Point.Fault(k.name, err)
	}
	nothing := hook.Result{Action: hook.Continue}
	return nothing, hook.Usage{}, judge(nothing)
}

// keeping opens a desk with a plugin that keeps something.
func keeping(s *store, quota hook.Use, does func(ctx context.Context, k *hook.Kept) error) *desk {
	d := openDesk(s)
	d.plug(keeper{name: "counter", does: does, kept: func(c hook.Context) *hook.Kept {
		return &hook.Kept{Plugin: "counter", Stored: d.clients.Kept(), Writes: c.Writes, Quota: quota, TTL: time.Hour, Now: s.clock.now()}
	}})
	return d
}

// plug opens the desk anew with other plugins.
func (d *desk) plug(plugins hook.Chain) {
	d.Desk = registration.NewDesk(registration.Parts{
		Store: d.clients, Policy: d, Plugins: plugins, Book: d.book, Site: d.Site(), Now: d.clock.now,
		Decided:   func(decision.Taken) {},
		ClientURI: func(id core.ClientID) string { return "https://op.example/dcr/register/" + string(id) },
	})
}

// stored gives what is stored for the plugin under a key.
func (d *desk) stored(key string) (string, hook.Use) {
	d.Helper()
	pair, err := d.clients.Kept().Pair(d.Context(), "counter", key)
	if err != nil {
		d.Fatal(err)
	}
	if !pair.Found {
		return "-", pair.Use
	}
	return string(pair.Value), pair.Use
}

var plenty = hook.Use{Keys: 100, Bytes: 1 << 16}

// increment is what every plugin that counts does.
func increment(key string) func(context.Context, *hook.Kept) error {
	return func(ctx context.Context, k *hook.Kept) error {
		value, _, err := k.Get(ctx, key)
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(string(value))
		return k.Put(ctx, key, []byte(strconv.Itoa(n+1)), 0)
	}
}

// Two hundred registrations at once count to two hundred: none is lost, none is refused.
func TestPluginCountsExactly(t *testing.T) {
	onEach(t, func(s *store) {
		var judged atomic.Int64
		d := keeping(s, plenty, func(ctx context.Context, k *hook.Kept) error {
			judged.Add(1)
			return increment("clients")(ctx, k)
		})
		const callers = 200
		outcomes := make([]error, callers)
		requests := make([]registration.Request, callers)
		for i := range requests {
			requests[i] = d.byOperator(core.Register, "", app(""))
		}
		together(callers, func(i int) { _, outcomes[i] = d.Do(t.Context(), requests[i]) })
		if err := errors.Join(outcomes...); err != nil {
			t.Fatal(err)
		}
		if got, use := d.stored("clients"); got != strconv.Itoa(callers) || use != (hook.Use{Keys: 1, Bytes: int64(len("clients") + 3)}) {
			t.Errorf("counted %s, uses %+v (%d judgements)", got, use, judged.Load())
		}
	})
}

// However many want to keep a key of their own at once, the quota holds, and the counters say what is there.
func TestPluginQuotaHolds(t *testing.T) {
	onEach(t, func(s *store) {
		var serial, refused atomic.Int64
		quota := hook.Use{Keys: 50, Bytes: 1 << 16}
		d := keeping(s, quota, func(ctx context.Context, k *hook.Kept) error {
			err := k.Put(ctx, "k-"+strconv.FormatInt(serial.Add(1), 10), []byte("v"), 0)
			if errors.Is(err, hook.ErrNoRoom) {
				refused.Add(1)
				return nil
			}
			return err
		})
		const callers = 200
		requests := make([]registration.Request, callers)
		for i := range requests {
			requests[i] = d.byOperator(core.Register, "", app(""))
		}
		outcomes := make([]error, callers)
		together(callers, func(i int) { _, outcomes[i] = d.Do(t.Context(), requests[i]) })
		if err := errors.Join(outcomes...); err != nil {
			t.Fatal(err)
		}
		pairs, bytes := 0, int64(0)
		for i := range serial.Load() {
			key := "k-" + strconv.FormatInt(i+1, 10)
			if value, _ := d.stored(key); value == "v" {
				pairs, bytes = pairs+1, bytes+int64(len(key)+1)
			}
		}
		if _, use := d.stored("x"); pairs != 50 || use != (hook.Use{Keys: 50, Bytes: bytes}) || refused.Load() < callers-50 {
			t.Errorf("%d pairs of %d bytes, counted as %+v, %d times no room", pairs, bytes, use, refused.Load())
		}
	})
}

// What plugins keep is written with the client or not at all.
func TestPluginKeepsWithTheCommit(t *testing.T) {
	onEach(t, func(s *store) {
		d := keeping(s, plenty, increment("n"))
		reg := func() registration.Request { return d.byOperator(core.Register, "", app("")) }
		d.policy = func(*decision.Registration) (decision.Verdict, error) {
			return decision.Verdict{Deny: []core.Reason{{Rule: "no", Code: core.AccessDenied, Message: "No.", Public: true}}}, nil
		}
		if _, err := d.Do(t.Context(), reg()); core.CodeOf(err) != core.AccessDenied {
			t.Fatal(err)
		}
		d.policy = allow
		_ = d.judge(reg())
		d.Simulate(t.Context(), reg(), "")
		if got, use := d.stored("n"); got != "-" || use != (hook.Use{}) {
			t.Errorf("nothing was committed, and there is %s, %+v", got, use)
		}
		one, two := d.judge(reg()), d.judge(reg())
		if err := d.commit(one); err != nil {
			t.Fatal(err)
		}
		d.settle()
		before := s.records()
		checkIs(t, "the second of two that saw the same", d.commit(two), registration.ErrOvertaken)
		if got := s.tables(before); got != "" {
			t.Errorf("it wrote %s", got)
		}
		if got, _ := d.stored("n"); got != "1" {
			t.Errorf("counted %s", got)
		}
		if got := load(t, d.clients, two.Client().ID); got.Client.ID != "" {
			t.Error("the client of a commit that was overtaken is there")
		}
		if text := string(s.records()[one2key(s)].Value); strings.Contains(text, "1") && strings.Contains(text, `"n"`) {
			t.Errorf("stored in clear: %q", text)
		}
	})
}

// one2key finds the one record that plugins keep.
func one2key(s *store) storage.Key {
	for key := range s.records() {
		if key.Parts()[1] == "plugin_kv" {
			return key
		}
	}
	s.Fatal("nothing is kept")
	return ""
}

// A request that is overtaken again and again ends, and says so.
func TestPluginOvertakenForEver(t *testing.T) {
	onEach(t, func(s *store) {
		var d *desk
		other := 0
		d = keeping(s, plenty, func(ctx context.Context, k *hook.Kept) error {
			if err := increment("n")(ctx, k); err != nil || k.Writes == nil {
				return err
			}
			other++
			w := &hook.Writes{} // somebody else is always faster
			if err := increment("n")(ctx, &hook.Kept{Plugin: k.Plugin, Stored: k.Stored, Writes: w, Quota: k.Quota, TTL: k.TTL, Now: k.Now}); err != nil {
				return err
			}
			return d.clients.Kept().Write(ctx, w.All())
		})
		req := d.byOperator(core.Register, "", app(""))
		_, err := d.Do(t.Context(), req)
		checkCode(t, "overtaken", err, core.TemporarilyUnavailable)
		e, found, err := d.book.Find(t.Context(), req.Decision)
		if !found || err != nil || e.Error == nil || e.Error.Code != core.TemporarilyUnavailable || e.ClientID != "" {
			t.Errorf("its entry: %+v, %t, %v", e, found, err)
		}
		if got, _ := d.stored("n"); got != strconv.Itoa(other) {
			t.Errorf("counted %s of %d", got, other)
		}
	})
}

// Values end by themselves, and their room is given back: when it is needed, and by the sweep.
func TestPluginValuesEnd(t *testing.T) {
	onEach(t, func(s *store) {
		kept := storage.NewPluginKV(s.engine, issuer, s.ring, s.clock.now)
		quota := hook.Use{Keys: 40, Bytes: 4000}
		put := func(key, value string, ttl time.Duration) error {
			w := &hook.Writes{}
			k := hook.Kept{Plugin: "p", Stored: kept, Writes: w, Quota: quota, TTL: time.Hour, Now: s.clock.now()}
			if err := k.Put(t.Context(), key, []byte(value), ttl); err != nil {
				return err
			}
			return kept.Write(t.Context(), w.All())
		}
		use := func() hook.Use {
			pair, err := kept.Pair(t.Context(), "p", "none")
			if err != nil {
				t.Fatal(err)
			}
			return pair.Use
		}
		for i := range 40 {
			if err := put("k"+strconv.Itoa(10+i), "v", time.Duration(1+i%2)*time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		checkIs(t, "one more", put("more", "v", 0), hook.ErrNoRoom)
		s.clock.advance(time.Minute)
		pair, err := kept.Pair(t.Context(), "p", "k10")
		if pair.Found || err != nil || len(pair.Value) > 0 {
			t.Errorf("it is over: %+v, %v", pair, err)
		}
		if err := put("k10", "anew", 0); err != nil { // takes its own place
			t.Fatal(err)
		}
		if err := put("more", "v", 0); err != nil {
			t.Fatal(err)
		}
		if got := use(); got.Keys != 22 {
			t.Errorf("%+v after half of them ended", got)
		}
		s.clock.advance(time.Minute)
		if err := kept.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := use(); got != (hook.Use{Keys: 2, Bytes: int64(len("k10anew" + "morev"))}) {
			t.Errorf("%+v after the others ended", got)
		}
		s.clock.advance(time.Hour)
		if err := kept.Sweep(t.Context()); err != nil || use() != (hook.Use{}) {
			t.Errorf("%+v after all ended, %v", use(), err)
		}
	})
}

// Plugins have keys of their own, of any bytes; a judgement sees what it has put itself.
func TestPluginSeesItsOwn(t *testing.T) {
	onEach(t, func(s *store) {
		stored := storage.NewPluginKV(s.engine, issuer, s.ring, s.clock.now)
		w := &hook.Writes{}
		as := func(name string) *hook.Kept {
			return &hook.Kept{Plugin: name, Stored: stored, Writes: w, Quota: hook.Use{Keys: 4, Bytes: 64}, TTL: time.Hour, Now: s.clock.now()}
		}
		a, b := as("a"), as("b")
		see := func(k *hook.Kept, key, want string) {
			t.Helper()
			value, found, err := k.Get(t.Context(), key)
			if !found {
				value = []byte("-")
			}
			if err != nil || string(value) != want {
				t.Errorf("%s sees %q, %v, want %q", k.Plugin, value, err, want)
			}
		}
		mustPut := func(k *hook.Kept, key, value string) {
			t.Helper()
			if err := k.Put(t.Context(), key, []byte(value), 0); err != nil {
				t.Fatal(err)
			}
		}
		mustPut(a, "x\x00\xff", "1")
		see(a, "x\x00\xff", "1")
		see(b, "x\x00\xff", "-")
		mustPut(b, "x\x00\xff", "2")
		see(a, "x\x00\xff", "1")
		checkIs(t, "too much", a.Put(t.Context(), "big", make([]byte, 64), 0), hook.ErrNoRoom)
		if err := stored.Write(t.Context(), w.All()); err != nil {
			t.Fatal(err)
		}
		w = &hook.Writes{}
		a, b = as("a"), as("b")
		see(b, "x\x00\xff", "2")
		if err := b.Delete(t.Context(), "x\x00\xff"); err != nil {
			t.Fatal(err)
		}
		see(b, "x\x00\xff", "-")
		mustPut(a, "new", "")
		if err := errors.Join(a.Delete(t.Context(), "new"), a.Delete(t.Context(), "never")); err != nil {
			t.Fatal(err)
		}
		if err := stored.Write(t.Context(), w.All()); err != nil {
			t.Fatal(err)
		}
		w = nil
		see(as("a"), "x\x00\xff", "1")
		see(as("b"), "x\x00\xff", "-")
		checkIs(t, "read only", as("a").Put(t.Context(), "k", nil, 0), hook.ErrReadOnly)
		w = &hook.Writes{}
		for i := range 4 {
			mustPut(as(string(rune('a'+i%2))), "k"+strconv.Itoa(i/2), "v")
		}
		mustPut(as("a"), "k0", "again")
		checkIs(t, "a fifth key", as("b").Put(t.Context(), "k2", nil, 0), hook.ErrTooManyWrites)
		if keys := slices.Collect(func(yield func(string) bool) {
			for _, h := range w.All() {
				yield(h.Plugin + h.Key)
			}
		}); !slices.Equal(keys, []string{"ak0", "bk0", "ak1", "bk1"}) {
			t.Errorf("held: %q", keys)
		}
	})
}

// The fullest registration that there is has room in one Apply for all that plugins may keep.
func TestFullestRegistrationFits(t *testing.T) {
	onEach(t, func(s *store) {
		issuer := newSigner(s, "https://issuer.example")
		d := openDesk(s, trusting(issuer))
		d.plug(keeper{name: "counter", kept: func(c hook.Context) *hook.Kept {
			return &hook.Kept{Plugin: "counter", Stored: d.clients.Kept(), Writes: c.Writes, Quota: hook.Use{Keys: 100, Bytes: 1 << 20}, TTL: time.Hour, Now: s.clock.now()}
		}, does: func(ctx context.Context, k *hook.Kept) error {
			for i := range hook.MaxHeld - 2 {
				if err := k.Put(ctx, strings.Repeat("k", 1023)+strconv.Itoa(i), make([]byte, 16<<10), 0); err != nil {
					return err
				}
			}
			return nil
		}})
		d.policy = waiting("")
		_, token := d.mint(1)
		statement := issuer.sign(t, `"software_id":"soft"`)
		if _, err := d.Do(t.Context(), d.byToken(token, app(`,"software_statement":"`+statement+`"`))); err != nil {
			t.Fatal(err)
		}
		if _, use := d.stored("x"); use.Keys != hook.MaxHeld-2 {
			t.Errorf("%+v", use)
		}
	})
}
