package policies

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
)

// Options set an Engine up. Zero fields take the defaults given.
type Options struct {
	Log           *slog.Logger     // discards
	Now           func() time.Time // time.Now
	MaxConcurrent int              // evaluations at once; two for each processor
	Deadline      time.Duration    // of one evaluation, once it runs; 50 ms
	MaxWait       time.Duration    // for an evaluation to begin; 5 s
	TrialTime     time.Duration    // of all tests of a candidate for one decision, and then of all golden refusals; 1 s, and ten times as long for the first
	CacheSize     int              // verdicts remembered of each decision; 8192. Negative: none

	Taken  func(decision.Taken)                 // is told of every decision that is noted (Note), on the path of the request; nil: nobody
	Shadow func(decision string, seen Sighting) // is told what a shadow made of each of them, Dropped included; nil: nobody
}

// The defaults of Options.
const (
	DefaultDeadline  = 50 * time.Millisecond
	DefaultTrialTime = time.Second
	defaultMaxWait   = 5 * time.Second
	defaultCacheSize = 8192
)

// An Engine answers with the revision that is in use and takes new ones while it runs. It is safe for concurrent use. Before
// its first revision it refuses everything.
type Engine struct {
	log      *slog.Logger
	now      func() time.Time
	deadline time.Duration
	trial    time.Duration
	cached   int
	slots    *slots
	asides   *slots // one, for all Asides: a candidate whose rules run away takes no more than one that does not
	active   atomic.Pointer[live]
	turn     atomic.Uint64 // how many revisions there were, the coming one included
	told     func(decision.Taken)
	shadow   atomic.Pointer[shadow]
	counted  func(string, Sighting)

	loading   sync.Mutex // one candidate at a time, whatever it is for: compiling takes a processor, and cannot be interrupted
	replacing sync.Mutex // one revision in use at a time
	shadowing sync.Mutex // one shadow at a time
	mu        sync.Mutex // guards status
	status    Status
}

// live is a revision in use, with what it has decided so far.
type live struct {
	revision *Revision
	caches   [decisions]*cache // nil: nothing is remembered
	holds    func() bool       // decision.Verdict.Holds of its verdicts on registrations; nil: not known
}

// NewEngine makes an Engine without a revision.
func NewEngine(o Options) *Engine {
	e := &Engine{log: o.Log, now: o.Now, deadline: o.Deadline, trial: o.TrialTime, cached: o.CacheSize, told: o.Taken, counted: o.Shadow}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.now == nil {
		e.now = time.Now
	}
	if e.counted == nil {
		e.counted = func(string, Sighting) {}
	}
	if e.deadline <= 0 {
		e.deadline = DefaultDeadline
	}
	if e.trial <= 0 {
		e.trial = DefaultTrialTime
	}
	if e.cached == 0 {
		e.cached = defaultCacheSize
	}
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = 2 * runtime.GOMAXPROCS(0)
	}
	if o.MaxWait <= 0 {
		o.MaxWait = defaultMaxWait
	}
	e.slots, e.asides = newSlots(o.MaxConcurrent, o.MaxWait), newSlots(1, asideWait)
	return e
}

// DecideRegistration asks the rules. A verdict that refuses is no error; an error means that no decision was reached and the
// request must be refused: core.PolicyUnavailable, core.PolicyConflict or core.TemporarilyUnavailable; the verdict then names
// the revision and nothing else. The verdict's lists are shared and may not be changed.
func (e *Engine) DecideRegistration(ctx context.Context, r *decision.Registration) (decision.Verdict, error) {
	return e.decide(ctx, registration, r)
}

// DecideAuthorization asks the rules. A verdict that does not allow is no error; an error means what it means for
// DecideRegistration. The verdict's lists are shared and may not be changed.
func (e *Engine) DecideAuthorization(ctx context.Context, q *decision.Authorization) (decision.AuthorizationVerdict, error) {
	v, err := e.decide(ctx, authorization, q)
	return authorizationVerdict(v, q), err
}

// DecideToken asks the rules. A verdict that does not allow is no error; an error means what it means for
// DecideRegistration. The verdict's lists are shared and may not be changed.
func (e *Engine) DecideToken(ctx context.Context, q *decision.Token) (decision.TokenVerdict, error) {
	v, err := e.decide(ctx, token, q)
	return tokenVerdict(v, q), err
}

// DecideSession asks the rules. A verdict that does not allow is no error; an error means what it means for
// DecideRegistration. The verdict's lists are shared and may not be changed.
func (e *Engine) DecideSession(ctx context.Context, q *decision.Session) (decision.SessionVerdict, error) {
	v, err := e.decide(ctx, session, q)
	return sessionVerdict(v), err
}

// decide answers, and notes what was decided (Note), registrations apart: one may be asked about twice before it is decided, and
// whoever asks notes both rounds as one decision.
func (e *Engine) decide(ctx context.Context, on which, q decision.Question) (decision.Verdict, error) {
	v, err := e.answer(ctx, on, q)
	if on != registration && e.watched() {
		t := taken(on, q, v, err, e.now())
		e.Note(t)
		v.Decision = t.ID
	}
	return v, err
}

// answer answers from memory, or else runs the rules of one decision.
func (e *Engine) answer(ctx context.Context, on which, q decision.Question) (decision.Verdict, error) {
	start := e.now()
	use := e.active.Load()
	if use == nil {
		return decision.Verdict{}, undecided(errors.New("no usable policy has been loaded"))
	}
	rules, cache := use.revision.rules[on], use.caches[on]
	var key cacheKey
	if cache != nil {
		key = rules.digester.Sum(q)
		if v, found := cache.get(key); found {
			v.Cached, v.Elapsed = true, e.now().Sub(start)
			return v, nil
		}
	}
	v, err := e.evaluate(ctx, rules, q)
	if err != nil {
		return decision.Verdict{Revision: use.revision.id, Elapsed: e.now().Sub(start)}, err
	}
	if on == registration {
		v.Holds = use.holds
	}
	if cache != nil {
		cache.put(key, v)
	}
	v.Elapsed = e.now().Sub(start)
	return v, nil
}

// evaluate runs the rules in a slot.
func (e *Engine) evaluate(ctx context.Context, rules *rules, q decision.Question) (decision.Verdict, error) {
	if err := e.slots.acquire(ctx); err != nil {
		return decision.Verdict{}, err
	}
	input := rules.input(q) // here, not there: the caller may change q once it has its answer
	v, err := e.slots.run(ctx, e.deadline, func(cancel topdown.Cancel) (decision.Verdict, error) {
		return rules.decide(input, cancel)
	})
	if err != nil {
		return decision.Verdict{}, undecided(err)
	}
	return v, nil
}

// undecided is the error for everything that keeps the rules from a verdict.
func undecided(err error) error {
	var known *core.Error
	if errors.As(err, &known) {
		return err
	}
	return core.Fail(core.PolicyUnavailable, "The policy reached no decision. The operator finds the cause under this decision's id.", err)
}
