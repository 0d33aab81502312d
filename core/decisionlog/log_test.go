package decisionlog

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/decision"
)

func ids(from, to int) []string {
	var list []string
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprint("d-", i))
	}
	return list
}

func TestEverySinkGetsEveryLine(t *testing.T) {
	one, two := &tray{lines: 10}, &tray{lines: 3}
	l := open(t, Options{Sinks: []Sink{one, two}})
	for i := range 20 {
		l.Record(allowed(fmt.Sprint("d-", i)))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.Record(allowed("late"))
	for _, s := range []*tray{one, two} {
		if got := s.at(t); !slices.Equal(got, ids(0, 19)) || !s.ended {
			t.Errorf("got %v", got)
		}
	}
	if slices.Max(two.sizes) > 3 {
		t.Errorf("batches of %v", two.sizes)
	}
	if s := l.Status(); len(s) != 2 || s[0].Written != 20 || s[0].Waiting != 0 || s[0].Dropped != 1 || s[0].Error != "" {
		t.Errorf("status %+v", s)
	}
}

// A queue that is full loses allowed decisions first, the oldest of them for a refusal; what is left keeps its order.
func TestRefusalsAreDroppedLast(t *testing.T) {
	q := newQueue(4)
	for i, step := range []struct {
		text    string
		refused bool
		lost    int
	}{
		{"a1", false, 0}, {"r1", true, 0}, {"a2", false, 0}, {"a3", false, 0},
		{"a4", false, 1}, // itself
		{"r2", true, 1},  // a1
		{"r3", true, 1},  // a2
		{"r4", true, 1},  // a3
		{"r5", true, 1},  // itself
		{"a5", false, 1}, // itself
	} {
		if lost := q.put(line{text: []byte(step.text), refused: step.refused}); lost != step.lost {
			t.Errorf("%d: %s cost %d", i, step.text, lost)
		}
	}
	var got []string
	for _, l := range q.take(10, batchBytes) {
		got = append(got, string(l))
	}
	if strings.Join(got, " ") != "r1 r2 r3 r4" || q.len() != 0 || q.room != maxQueuedBytes {
		t.Errorf("left: %v, room for %d", got, q.room)
	}
}

func TestQueueKeepsOrderAndBytes(t *testing.T) {
	q := newQueue(1 << 20)
	for i := range 1000 {
		q.put(line{text: []byte(fmt.Sprintf("%04d", i)), refused: i%3 == 0})
	}
	for i := 0; i < 1000; {
		batch := q.take(7, 20) // five of them
		if len(batch) != 5 {
			t.Fatalf("a batch of %d", len(batch))
		}
		for _, l := range batch {
			if string(l) != fmt.Sprintf("%04d", i) {
				t.Fatalf("%s is the %dth", l, i)
			}
			i++
		}
	}
	big := make([]byte, maxQueuedBytes/4)
	for range 4 {
		q.put(line{text: big})
	}
	if lost := q.put(line{text: big}); lost != 1 || q.len() != 4 {
		t.Errorf("lost %d of what is too much", lost)
	}
	if lost := q.put(line{text: big, refused: true}); lost != 1 || q.len() != 4 {
		t.Errorf("lost %d for a refusal", lost)
	}
	if lost := q.put(line{text: make([]byte, maxQueuedBytes+1), refused: true}); lost != 1 || q.len() != 4 {
		t.Errorf("lost %d for what never fits", lost)
	}
	if batch := q.take(10, 1); len(batch) != 1 {
		t.Errorf("a line that is longer than a batch: %d", len(batch))
	}
}

// A sink that fails is tried again, ever more rarely, with the same lines; what the queue has no room for is counted. It is said
// once that it fails, and once that it works again.
func TestFailingSink(t *testing.T) {
	var said output
	var lost atomic.Int64
	s, c := &tray{lines: 100, fail: errFull}, newClock()
	now := time.Unix(1_700_000_000, 0)
	l := open(t, Options{
		Sinks: []Sink{s}, Queue: 5, After: c.after, Log: said.log(), Now: func() time.Time { return now },
		Dropped: func(sink string, n int) {
			if sink == "file" {
				lost.Add(int64(n))
			}
		},
	})
	l.Record(denied("d-0"))
	for _, want := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second} {
		if got := <-c.set; got != want {
			t.Fatalf("tried again after %v, want %v", got, want)
		}
		c.fire <- now
	}
	<-c.set // it waits, and holds d-0
	for i := 1; i <= 8; i++ {
		l.Record(allowed(fmt.Sprint("d-", i)))
	}
	l.Record(denied("d-9"))
	if st := l.Status()[0]; st.Dropped != 4 || lost.Load() != 4 || st.Waiting != 6 || st.Error != errFull.Error() || !st.Since.Equal(now) || st.Written != 0 {
		t.Errorf("status %+v, counted %d", st, lost.Load())
	}
	s.breaks(nil)
	c.fire <- now
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.at(t); !slices.Equal(got, []string{"d-0", "d-2", "d-3", "d-4", "d-5", "d-9"}) {
		t.Errorf("got %v", got)
	}
	if st := l.Status()[0]; st.Error != "" || !st.Since.IsZero() || st.Written != 6 || st.Dropped != 4 {
		t.Errorf("status %+v", st)
	}
	if text := said.String(); strings.Count(text, "cannot be written") != 1 || strings.Count(text, "written again") != 1 || !strings.Contains(text, "lost=4") {
		t.Errorf("said:\n%s", text)
	}
}

// What a sink says it will never take is lost, and does not hold up the rest.
func TestRefusedByTheSink(t *testing.T) {
	s := &tray{fail: &refusal{errFull}}
	l := open(t, Options{Sinks: []Sink{s}})
	l.Record(allowed("d-1"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if st := l.Status()[0]; st.Dropped != 1 || st.Waiting != 0 || st.Error != "" || s.tries != 1 {
		t.Errorf("status %+v after %d tries", st, s.tries)
	}
}

// At the end every batch is tried once more, and what no sink takes is counted as lost.
func TestCloseWithAFailingSink(t *testing.T) {
	s, c := &tray{fail: errFull}, newClock()
	l := open(t, Options{Sinks: []Sink{s}, After: c.after})
	for i := range 3 {
		l.Record(allowed(fmt.Sprint("d-", i)))
	}
	<-c.set
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if st := l.Status()[0]; st.Dropped != 3 || st.Waiting != 0 || s.tries != 4 || !s.ended {
		t.Errorf("status %+v after %d tries", st, s.tries)
	}
}

// A sink that hangs holds nobody up for longer than it may.
func TestCloseWithAHangingSink(t *testing.T) {
	s, c := &tray{gate: make(chan struct{})}, newClock()
	var said output
	l := open(t, Options{Sinks: []Sink{s}, After: c.after, Flush: time.Minute, Log: said.log()})
	for i := range 3 {
		l.Record(allowed(fmt.Sprint("d-", i)))
	}
	over := make(chan error)
	go func() { over <- l.Close() }()
	if flush := <-c.set; flush != time.Minute {
		t.Errorf("it may take %v", flush)
	}
	c.fire <- time.Time{}
	if err := <-over; err != nil {
		t.Fatal(err)
	}
	<-l.outlets[0].done
	if st := l.Status()[0]; st.Dropped != 3 {
		t.Errorf("status %+v\n%s", st, said.String())
	}
}

// A sink that likes batches gets one when there are enough lines, or when the first has waited for long enough.
func TestLinesWaitForOthers(t *testing.T) {
	s, c := &tray{lines: 3, wait: 7 * time.Second, took: make(chan int, 10)}, newClock()
	l := open(t, Options{Sinks: []Sink{s}, After: c.after})
	l.Record(allowed("d-1"))
	if wait := <-c.set; wait != 7*time.Second {
		t.Errorf("waits for %v", wait)
	}
	select {
	case <-s.took:
		t.Error("it did not wait")
	default:
	}
	c.fire <- time.Time{}
	if n := <-s.took; n != 1 {
		t.Errorf("took %d", n)
	}
	for i := 2; i <= 4; i++ {
		l.Record(allowed(fmt.Sprint("d-", i)))
	}
	if n := <-s.took; n != 3 {
		t.Errorf("took %d", n)
	}
}

// Many record at once, while sinks fail and work again and while the log closes: every line is written or counted.
func TestNothingIsLostUncounted(t *testing.T) {
	s := &tray{lines: 16}
	fire := make(chan time.Time)
	close(fire) // no time passes
	l := open(t, Options{Sinks: []Sink{s}, Queue: 64, After: func(d time.Duration) <-chan time.Time {
		if d == defaultFlush {
			return nil
		}
		return fire
	}})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				taken := allowed("d-1")
				if n%5 == 0 {
					taken.Outcome = decision.OutcomeDenied
				}
				l.Record(taken)
				if i == 0 {
					s.breaks([]error{nil, errFull}[n/20%2])
				}
				l.Status()
			}
		})
	}
	all.Wait()
	s.breaks(nil)
	for range 4 {
		all.Go(func() {
			for range 100 {
				l.Record(allowed("d-2"))
			}
		})
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if st := l.Status()[0]; st.Written+st.Dropped != 2000 || int(st.Written) != len(s.got) || st.Waiting != 0 {
		t.Errorf("status %+v, %d lines", st, len(s.got))
	}
}
