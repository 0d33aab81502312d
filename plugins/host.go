package plugins

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
)

// Options say where the plugins are and what they may use.
type Options struct {
	Dir      string // the folder; empty: no plugins
	CacheDir string // keeps metered and compiled modules between runs, in mode 0700; empty: in memory only
	Limits   Limits
	Services Services // what capabilities are carried out with
	Operator Operator
	Memory   Memory           // keeps what is remembered between runs; nil: nothing is
	Seen     Watch            // told of every call; nil: nobody wants to know
	Digests  [32]byte         // key of the digests in traces; zero: one that ends with the host
	Log      *slog.Logger     // nil: nothing is logged
	Now      func() time.Time // nil: time.Now
}

// pause is how long a file of a running plugin must be away before it counts as taken away.
const pause = 250 * time.Millisecond

// A Host runs the plugins of a folder. It is safe for concurrent use.
type Host struct {
	dir      string
	limits   Limits
	services Services
	operator Operator
	memory   Memory
	seen     Watch
	digests  [32]byte
	log      *slog.Logger
	now      func() time.Time
	machine  *sandbox.Machine
	drain    time.Duration
	pause    func(context.Context) // waits that long

	life context.Context // ends with Close; what runs in the background lives under it
	end  context.CancelFunc
	work sync.WaitGroup

	chains  atomic.Pointer[map[hook.Point]chain] // what At reads, made anew at every change
	binds   atomic.Pointer[map[string]Binding]   // in force: the operator's, and what was declared beside them; replaced, never changed
	reading sync.Mutex                           // one Reload at a time
	keeping sync.Mutex                           // one write to memory at a time

	mu       sync.Mutex
	slots    map[string]*slot
	standing map[string]hook.Standing // nil: not yet recalled
	leaving  []*version               // to be retired once the chains are published without them
	absent   []string                 // that the bindings in force name and the folder does not have
	wanting  []string                 // that are required and missed, as the log was told
	unread   unread
	settled  chan struct{} // closed, and made anew, whenever an attempt ends
	closed   bool
}

// A slot is the place of one plugin, by name.
type slot struct {
	content   [32]byte // what was tried last
	seen      Manifest // of what was tried last, if it could be read
	admitted  bool     // what was tried last may run, but for what it was not granted
	digest    string   // of what was tried last
	publisher string   // who signed what was tried last; empty: nobody
	live      *version // nil: none
	attempt   *attempt // what is being loaded; nil: nothing
	off       bool     // the operator does not want it
	missing   []string // what it asks for and was not granted: it waits
	afresh    bool     // it is loaded anew even if it has not changed
	err       error    // why the last attempt failed
	since     time.Time
	tally     *tally
}

// unread tells of a folder that cannot be read.
type unread struct {
	err   error // nil: it was read
	since time.Time
}

// An attempt is one load under way.
type attempt struct{ cancel context.CancelFunc }

// A chain is the answer to At.
type chain struct {
	versions []*version
	loading  string // name of a plugin that is still missing
	lacking  string // name of a plugin that is required, and will not come by itself
}

// New prepares a host without plugins; Reload reads the folder. An error means that CacheDir cannot be used.
func New(o Options) (*Host, error) {
	machine, err := sandbox.NewMachine(sandbox.Options{CacheDir: o.CacheDir, Log: o.Log})
	if err != nil {
		return nil, err
	}
	h := &Host{
		dir: o.Dir, limits: o.Limits.withDefaults(), services: o.Services, operator: o.Operator, memory: o.Memory, seen: o.Seen, digests: o.Digests, log: o.Log, now: o.Now,
		machine: machine, drain: drain, slots: map[string]*slot{}, settled: make(chan struct{}),
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.now == nil {
		h.now = time.Now
	}
	if h.digests == ([32]byte{}) {
		_, _ = rand.Read(h.digests[:]) // never fails since Go 1.24
	}
	h.life, h.end = context.WithCancel(context.Background())
	h.pause = h.wait
	h.binds.Store(&h.operator.Bindings)
	h.publish()
	return h, nil
}

// At implements hook.Chain. What it gives stays open until it was asked, whatever becomes of the folder.
func (h *Host) At(p hook.Point) ([]hook.Plugin, error) {
	for {
		c := (*h.chains.Load())[p]
		if c.lacking != "" {
			return nil, notLive(c.lacking)
		}
		if c.loading != "" {
			return nil, &core.Error{
				Code: core.TemporarilyUnavailable, RetryAfter: retryAfter,
				Detail: "The plugin " + c.loading + " is still being loaded. Try again in a moment.",
			}
		}
		if len(c.versions) == 0 {
			return nil, nil
		}
		if plugins, ok := handOf(c.versions); ok {
			return plugins, nil
		} // the chains are new since
	}
}

// Serves implements hook.Chain.
func (h *Host) Serves(p hook.Point) bool {
	c := (*h.chains.Load())[p]
	return c.lacking != "" || c.loading != "" || len(c.versions) > 0
}

// publish makes the chains anew, and lets go of what is not in them any more. The caller holds mu, or nobody else knows h yet.
func (h *Host) publish() {
	chains := map[hook.Point]chain{}
	for _, p := range hook.Points() {
		chains[p] = h.chainOf(p)
	}
	h.chains.Store(&chains)
	h.tellWanting()
	for _, v := range h.leaving {
		h.retire(v)
	}
	h.leaving = nil
}

func (h *Host) chainOf(p hook.Point) chain {
	if name := h.lacks(p); name != "" {
		return chain{lacking: name}
	}
	var live []*version
	for name, s := range h.slots {
		switch {
		case s.live != nil:
			if _, serves := s.live.manifest.Hooks[p]; serves {
				live = append(live, s.live)
			}
		case s.attempt != nil:
			if _, serves := s.seen.Hooks[p]; serves && (h.bound()[name].Fail != Open || !p.MayFailOpen()) {
				return chain{loading: name}
			}
		}
	}
	slices.SortFunc(live, func(a, b *version) int {
		return cmp.Or(cmp.Compare(a.binding.priority(&a.manifest, p), b.binding.priority(&b.manifest, p)), cmp.Compare(a.Name(), b.Name()))
	})
	return chain{versions: live}
}

// Close ends what is being loaded, waits for the calls under way and gives everything back. Later calls find no plugin free.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.mu.Unlock()
	h.end()
	h.work.Wait()
	var errs []error
	for _, s := range h.slots { // closed: nobody writes them any more
		if s.live != nil {
			errs = append(errs, s.live.program.Close())
		}
	}
	return errors.Join(append(errs, h.machine.Close())...)
}

var _ hook.Chain = (*Host)(nil)
