// Package decisionlog writes every decision of policy as one line of JSON, with the names of OPA's decision log (EventV1), to
// sinks: a file, standard output, an HTTP service. It owns the form of the line (event.go), what is left out of it (mask.go),
// the bounded queue of each sink (queue.go) and how a sink that fails is waited for (outlet.go).
//
// The road: the policy engine tells Record, which encodes the line on the path of the request and queues it; a goroutine for each
// sink writes. Nothing waits for a sink. What a full queue has no room for is dropped and counted, allowed decisions before the
// others. The ledger, not this log, is what decisions are explained and replayed from.
package decisionlog

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Options set a Log up.
type Options struct {
	Labels []strictjson.Member // of every line: at least id, of this process, and version
	Erase  []string            // JSON pointers (RFC 6901) of members that are left out, below /input or /result
	Mask   []string            // of members whose value is hidden
	Sinks  []Sink

	Log     *slog.Logger                         // discards
	Now     func() time.Time                     // time.Now
	After   func(time.Duration) <-chan time.Time // time.After
	Written func(sink string, n int)             // counts lines that a sink took; nil: nobody
	Dropped func(sink string, n int)             // counts lines that were lost; nil: nobody
	Flush   time.Duration                        // that Close gives the sinks; 5 s
	Queue   int                                  // lines that wait for each sink; 8192
}

// The defaults of Options.
const (
	defaultFlush = 5 * time.Second
	defaultQueue = 8192
)

// A Log takes decisions. It is safe for concurrent use.
type Log struct {
	labels  strictjson.Value
	mask    *mask
	fields  map[string]*mask // of what rules set
	outlets []*outlet
	log     *slog.Logger
	after   func(time.Duration) <-chan time.Time
	flush   time.Duration
	closed  atomic.Bool
	writers sync.Pool // of *writer
}

// Open opens a log on sinks that are ready. It takes them: Close closes them.
func Open(o Options) (*Log, error) {
	tree, err := newMask(o.Erase, o.Mask)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	if o.Flush <= 0 {
		o.Flush = defaultFlush
	}
	if o.Queue <= 0 {
		o.Queue = defaultQueue
	}
	l := &Log{labels: strictjson.Object(o.Labels...), mask: tree, fields: tree.ofFields(), log: o.Log, after: o.After, flush: o.Flush}
	for _, sink := range o.Sinks {
		l.outlets = append(l.outlets, newOutlet(sink, o))
	}
	for _, out := range l.outlets {
		go out.run()
	}
	return l, nil
}

// Record takes a decision. It never waits. What comes when the sinks have ended is lost, and counted.
func (l *Log) Record(t decision.Taken) {
	text, refused := l.encode(t), t.Outcome != decision.OutcomeAllowed
	for _, out := range l.outlets {
		out.put(line{text: text, refused: refused})
	}
}

// Status is how one sink is.
type Status struct {
	Sink    string    `json:"sink"` // file, stdout or http
	Written int64     `json:"written"`
	Dropped int64     `json:"dropped"`
	Waiting int       `json:"waiting"`
	Error   string    `json:"error,omitempty"` // why it takes nothing now
	Since   time.Time `json:"since,omitzero"`  // when that began
}

// Status gives the present state of every sink.
func (l *Log) Status() []Status {
	list := make([]Status, 0, len(l.outlets))
	for _, out := range l.outlets {
		list = append(list, out.status())
	}
	return list
}

// Close takes no more decisions and writes those that wait, for as long as Options.Flush at most. What is left then is lost and
// counted.
func (l *Log) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	for _, out := range l.outlets {
		out.close()
	}
	late := l.after(l.flush)
	for i, out := range l.outlets {
		select {
		case <-out.done:
		case <-late:
			for _, rest := range l.outlets[i:] {
				rest.abandon()
			}
			return nil
		}
	}
	return nil
}

// NewInstance makes the label id of a process.
func NewInstance(now time.Time) string { return "i-" + string(core.NewDecisionID(now)[2:]) }

// DefaultErase lists what is left out unless the configuration says otherwise: how people are reached, and members of a
// registration that nobody knows, which may hold anything.
func DefaultErase() []string {
	return slices.Clone(defaultErase[:])
}

var defaultErase = [...]string{
	"/input/request/contacts", "/input/effective/contacts", "/input/before/contacts", "/input/client/contacts",
	"/input/software_statement/claims/contacts", "/input/request/extra", "/input/effective/extra",
	"/input/user/email", "/input/user/username",
}
