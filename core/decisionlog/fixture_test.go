package decisionlog

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// tray is a sink in memory. While fail is set it takes nothing; while gate is held, Write waits inside.
type tray struct {
	lines int
	wait  time.Duration
	gate  chan struct{} // a value for each Write that may go on; nil: all
	took  chan int      // how many lines each Write took; nil: nobody asks

	mu    sync.Mutex
	got   []string
	sizes []int
	tries int
	fail  error
	ended bool
}

func (s *tray) Name() string                { return "file" }
func (s *tray) Batch() (int, time.Duration) { return max(1, s.lines), s.wait }

func (s *tray) Write(ctx context.Context, lines [][]byte) (int, error) {
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if s.fail != nil {
		return 0, s.fail
	}
	s.sizes = append(s.sizes, len(lines))
	for _, l := range lines {
		s.got = append(s.got, string(l))
	}
	if s.took != nil {
		s.took <- len(lines)
	}
	return len(lines), nil
}

func (s *tray) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	return nil
}

func (s *tray) breaks(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// at gives decision ids of what a tray has got.
func (s *tray) at(t *testing.T) []string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, l := range s.got {
		ids = append(ids, textAt(t, read(t, l), "decision_id"))
	}
	return ids
}

// clock gives timers that a test fires; each tells on set how long it would have run.
type clock struct {
	set  chan time.Duration
	fire chan time.Time
}

func newClock() *clock { return &clock{make(chan time.Duration, 1000), make(chan time.Time)} }

func (c *clock) after(d time.Duration) <-chan time.Time {
	c.set <- d
	return c.fire
}

// output is a log that is written to by many.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) log() *slog.Logger { return slog.New(slog.NewTextHandler(o, nil)) }

func open(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

var errFull = errors.New("no space left on device")

// allowed is a token decision.
func allowed(id string) decision.Taken {
	q := decision.Token{GrantType: "client_credentials", RequestID: "r-1", Parties: decision.Parties{Client: decision.Document{ClientID: "c-1"}}}
	return decision.Taken{
		ID: core.DecisionID(id), Name: "token", At: time.Unix(1_700_000_000, 5), Outcome: decision.OutcomeAllowed,
		Rounds: []decision.Round{{Question: &q, Verdict: decision.Verdict{Allow: true, Revision: "rev", Elapsed: 7, Cached: true}}},
	}
}

// denied is a refused one.
func denied(id string) decision.Taken {
	t := allowed(id)
	t.Outcome = decision.OutcomeDenied
	t.Rounds[0].Verdict = decision.Verdict{Revision: "rev", Deny: []core.Reason{{Rule: "r", Code: core.AccessDenied, Message: "No."}}}
	return t
}

func read(t testing.TB, text string) strictjson.Value {
	t.Helper()
	v, err := strictjson.Parse([]byte(text), strictjson.Stored)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// at follows member names.
func at(v strictjson.Value, names ...string) strictjson.Value {
	for _, name := range names {
		v, _ = v.Get(name)
	}
	return v
}

func textAt(t testing.TB, v strictjson.Value, names ...string) string {
	t.Helper()
	text, _ := at(v, names...).Text()
	return text
}
