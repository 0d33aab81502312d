package plugins

import (
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// State is what became of a plugin in the folder.
type State string

// The states of a plugin.
const (
	Live     State = "live"     // it is asked; Error says why a newer file did not replace it
	Resting  State = "open"     // it failed too often and is not asked for a while: its breaker is open, or about to be tried
	Loading  State = "loading"  // it will be asked; until then its hooks answer temporarily_unavailable
	Waiting  State = "waiting"  // it asks for more than it was granted, and is not asked until an operator approves
	Failed   State = "failed"   // it is not asked; Error says why
	Disabled State = "disabled" // the operator does not want it
)

// States lists all states.
func States() []State { return []State{Live, Resting, Loading, Waiting, Failed, Disabled} }

// Status tells of one plugin. What is in force is told of the version that is live, else of the file.
type Status struct {
	Name      string // of the plugin; of the folder, ending in a slash, when the folder itself is the problem
	Version   string
	Digest    string // SHA-256 of the module; empty when it failed
	State     State
	Hooks     []hook.Point
	Priority  map[hook.Point]int
	Publisher string     // who signed it; empty: nobody who is known
	Fail      FailPolicy // as the operator wants it
	Required  bool       // likewise
	Absent    bool       // a binding names it, and there are no files of it
	Declared  string     // set of declarations that binds it; empty: none does
	Asked     strictjson.Value
	Granted   strictjson.Value // what it may use of that; what is live has all of it
	Approval  *hook.Approval   // nil: there is none
	Next      *Next            // a newer file that waits; nil: none
	Missing   []string         // what Next, or the plugin itself, asks for and was not granted
	Change    *Change          // what an approval of that would change; nil: nothing waits
	Limits    Allowance        // of what is live
	Breaker   BreakerState     // of what is live
	Until     time.Time        // when an open breaker lets somebody try; zero: it is closed
	KeptFrom  int              // for how many callers, by address, an open breaker keeps it from being asked; zero: for all
	Stats     Stats
	Instances int       // that are ready or at work
	Error     string    // of the last attempt, one problem a line; empty: none
	Since     time.Time // of this state
}

// A Change is how what a plugin asks for differs from what it has: live, else by an approval or the operator's settings.
type Change struct {
	New     []string // what it would have more
	Dropped []string // what it asks for no longer
}

// Next is a version that waits for approval while an older one is asked.
type Next struct {
	Version string
	Digest  string
	Asked   strictjson.Value
}

// Status tells of every plugin, by name, after one for the folder when it cannot be read. One that failed, waits, is open or has
// an Error is a reason to call the server degraded.
func (h *Host) Status() []Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]Status, 0, len(h.slots)+1)
	if h.unread.err != nil {
		all = append(all, h.unread.status(h.dir))
	}
	for _, name := range slices.Sorted(maps.Keys(h.slots)) {
		all = append(all, h.status(name, h.slots[name]))
	}
	for _, name := range h.absent {
		b := h.binding(name)
		all = append(all, Status{
			Name: name, State: Failed, Absent: true, Required: b.Required, Declared: b.set, Hooks: []hook.Point{},
			Asked: strictjson.Object(), Granted: strictjson.Object(), Breaker: BreakerClosed,
			Error: b.source() + " names it, but there are no files of it in the folder",
		})
	}
	return all
}

// status tells of one slot. The caller holds mu.
func (h *Host) status(name string, s *slot) Status {
	b := h.binding(name)
	granted, _ := h.weigh(&s.seen)
	out := Status{
		Name: name, Version: s.seen.Version, Digest: s.digest, State: Failed, Hooks: s.seen.points(), Since: s.since,
		Priority: b.priorities(&s.seen), Publisher: s.publisher, Fail: b.failPolicy(), Required: b.Required, Declared: b.set, Asked: s.seen.Capabilities.Value(),
		Granted: granted.Value(), Approval: h.standing[name].Approval, Missing: slices.Clone(s.missing), Breaker: BreakerClosed, Stats: s.tally.read(),
	}
	if s.err != nil {
		out.Error = s.err.Error()
	}
	if len(s.missing) > 0 {
		out.Change = h.changeOf(name, s)
	}
	switch {
	case s.live != nil:
		h.statusOfLive(&out, s)
	case s.off:
		out.State = Disabled
	case s.attempt != nil:
		out.State = Loading
	case len(s.missing) > 0:
		out.State = Waiting
	default:
		out.Digest = ""
	}
	return out
}

// statusOfLive tells of the version that is live instead of the file.
func (h *Host) statusOfLive(out *Status, s *slot) {
	v := s.live
	if len(s.missing) > 0 {
		out.Next = &Next{Version: s.seen.Version, Digest: s.digest, Asked: s.seen.Capabilities.Value()}
	}
	out.State, out.Digest, out.Version, out.Hooks = Live, v.digest, v.manifest.Version, v.manifest.points()
	out.Priority, out.Publisher, out.Limits = v.binding.priorities(&v.manifest), v.publisher, v.limits
	out.Asked, out.Granted = v.manifest.Capabilities.Value(), v.granted.Value()
	if out.Breaker, out.Until, out.KeptFrom = v.breaker.state(); out.Breaker != BreakerClosed {
		out.State = Resting
	}
	pool := v.program.Stats()
	out.Instances = pool.Idle + pool.Leased
}

// changeOf tells what an approval would change. The caller holds mu.
func (h *Host) changeOf(name string, s *slot) *Change {
	had := h.approved(name)
	if s.live != nil {
		had = s.live.granted
	}
	granted, _ := h.weigh(&s.seen)
	bound := h.operator.Bindings[name].Grant.granted()
	var c Change
	for _, piece := range s.seen.Capabilities.apart() {
		if len(piece.beyond(granted)) == 0 {
			continue
		}
		lacks, unset := piece.beyond(had), piece.beyond(bound)
		if len(unset) < len(lacks) {
			lacks = unset
		}
		c.New = append(c.New, lacks...)
	}
	had.KV = had.KV.reducedTo(s.seen.Capabilities.KV)
	c.Dropped = had.beyond(s.seen.Capabilities)
	return &c
}

func (b *Binding) priorities(m *Manifest) map[hook.Point]int {
	all := map[hook.Point]int{}
	for _, p := range m.points() {
		all[p] = b.priority(m, p)
	}
	return all
}

func (b *Binding) failPolicy() FailPolicy {
	if b.Fail == "" {
		return Closed
	}
	return b.Fail
}

func (u unread) status(dir string) Status {
	return Status{
		Name: filepath.Clean(dir) + "/", State: Failed, Hooks: []hook.Point{}, Since: u.since, Asked: strictjson.Object(), Granted: strictjson.Object(),
		Breaker: BreakerClosed, Error: u.err.Error() + "; the plugins stay as they were",
	}
}
