package plugins

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core/hook"
)

// Who uses a version is counted, so that a replaced one is closed when nobody does, and not before. At counts one for every
// request that it gives the version to, Ask one for the time of the call.

// users counts those who use a version.
type users struct {
	mu      sync.Mutex
	n       int
	retired bool
	gone    chan struct{} // closed when it is retired and nobody uses it
}

// take counts one more; false when the version is closed, or about to be.
func (u *users) take() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.retired && u.n == 0 {
		return false
	}
	u.n++
	return true
}

// release counts one less.
func (u *users) release() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.n--; u.n == 0 && u.retired {
		close(u.gone)
	}
}

// retire says that nobody new will come, and gives what is closed when the last user has gone. It is called once.
func (u *users) retire() <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.retired, u.gone = true, make(chan struct{})
	if u.n == 0 {
		close(u.gone)
	}
	return u.gone
}

// A hand is what At gave to one request: each version in it stays open until it was asked, or an earlier one ended the chain. A
// request that stops for other reasons keeps them open until the drain's deadline, when they are replaced.
type hand struct {
	held    []held
	plugins []hook.Plugin // the same

	room struct { // for the chains that are usual
		held    [2]held
		plugins [2]hook.Plugin
	}
}

// held is one version in a hand.
type held struct {
	*version
	hand *hand
	done atomic.Bool
}

// handOf counts a user of each version; false when one of them is closed already: then the chain is an old one.
func handOf(versions []*version) ([]hook.Plugin, bool) {
	h := &hand{}
	if most := len(h.room.held); len(versions) <= most {
		h.held, h.plugins = h.room.held[:len(versions)], h.room.plugins[:len(versions)]
	} else {
		h.held, h.plugins = make([]held, len(versions)), make([]hook.Plugin, len(versions))
	}
	for n, v := range versions {
		if !v.users.take() {
			h.drop()
			return nil, false
		}
		p := &h.held[n]
		p.version, p.hand = v, h
		h.plugins[n] = p
	}
	return h.plugins, true
}

// Ask implements hook.Plugin.
func (p *held) Ask(ctx context.Context, call hook.Call, judge func(hook.Result) error) (hook.Result, hook.Usage, error) {
	defer p.drop()
	result, usage, err := p.version.ask(ctx, &call, judge)
	goesOn := call.Point.Shapes() || p.version.FailsOpen(call.Point)
	if err != nil && !goesOn || result.Action == hook.Reject || result.Action == hook.Give {
		p.hand.drop() // nobody after it is asked
	}
	return result, usage, err
}

func (p *held) drop() {
	if p.version != nil && p.done.CompareAndSwap(false, true) { // it is nil where another one was closed before it was taken
		p.version.users.release()
	}
}

func (h *hand) drop() {
	for n := range h.held {
		h.held[n].drop()
	}
}

// drain is how long a replaced version is kept at most for those who use it.
const drain = 30 * time.Second

// retire closes a version that nobody will be given any more, once nobody uses it. The caller holds mu, and has published the
// chains without it.
func (h *Host) retire(v *version) {
	gone := v.users.retire()
	h.work.Go(func() {
		timer := time.NewTimer(h.drain)
		defer timer.Stop()
		select {
		case <-gone:
		case <-timer.C:
		case <-h.life.Done():
		}
		if err := v.program.Close(); err != nil {
			h.log.Warn("plugin closed", "plugin", v.Name(), "error", err.Error())
		}
	})
}

var _ hook.Plugin = (*held)(nil)
