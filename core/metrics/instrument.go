package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// A Counter goes up. values are given in the order of its labels. Inc and Add never fail and never panic; an Add of less than
// nothing is ignored.
type Counter struct{ series[prometheus.Counter] }

// A Gauge goes up and down.
type Gauge struct{ series[prometheus.Gauge] }

// A Histogram sorts observations into buckets.
type Histogram struct{ series[prometheus.Observer] }

// A Count is one series of a Counter, for who counts the same again and again. The zero value counts nothing.
type Count struct{ one prometheus.Counter }

// A Sorter is one series of a Histogram. The zero value sorts nothing.
type Sorter struct{ one prometheus.Observer }

// Of gives the series of label values.
func (c *Counter) Of(values ...string) Count { return Count{c.of(values)} }

// Of gives the series of label values.
func (h *Histogram) Of(values ...string) Sorter { return Sorter{h.of(values)} }

// Add adds n, which is not negative.
func (c Count) Add(n float64) {
	if n >= 0 && c.one != nil { // a counter that goes down panics in the library; NaN is not >= 0
		c.one.Add(n)
	}
}

// Observe sorts v into its bucket.
func (s Sorter) Observe(v float64) {
	if s.one != nil {
		s.one.Observe(v)
	}
}

// Inc adds one.
func (c *Counter) Inc(values ...string) { c.of(values).Inc() }

// Add adds n, which is not negative.
func (c *Counter) Add(n float64, values ...string) {
	c.Of(values...).Add(n)
}

// Set makes the value v.
func (g *Gauge) Set(v float64, values ...string) { g.of(values).Set(v) }

// Add adds delta, which may be negative.
func (g *Gauge) Add(delta float64, values ...string) { g.of(values).Add(delta) }

// Observe sorts v into its bucket.
func (h *Histogram) Observe(v float64, values ...string) { h.of(values).Observe(v) }

// series finds the series of label values. Since the sets are bounded, each has its place, and the library is asked but once.
type series[T any] struct {
	labels []Label
	made   []atomic.Pointer[T]
	create func(values ...string) T
}

func newSeries[T any](labels []Label, create func(values ...string) T) series[T] {
	size := 1
	for i := range labels {
		size *= labels[i].size() + 1 // Other
	}
	return series[T]{labels: labels, made: make([]atomic.Pointer[T], size), create: create}
}

func (s *series[T]) of(values []string) T {
	at := 0
	for i := range s.labels {
		l := &s.labels[i]
		place := l.size() // Other
		if i < len(values) {
			if known := l.index(values[i]); known >= 0 {
				place = known
			}
		}
		at = at*(l.size()+1) + place
	}
	if made := s.made[at].Load(); made != nil {
		return *made
	}
	made := s.create(valuesAt(s.labels, at)...)
	s.made[at].Store(&made)
	return made
}

// valuesAt gives exactly one value a label, each from its set or Other: those that have the place. The library panics on any
// other number of them.
func valuesAt(labels []Label, at int) []string {
	out := make([]string, len(labels))
	for i := len(labels) - 1; i >= 0; i-- {
		l := &labels[i]
		out[i] = l.value(at % (l.size() + 1))
		at /= l.size() + 1
	}
	return out
}
