package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Each of these pairs a Prometheus vector with the closed sets of its labels.
type (
	counter struct {
		vec  *prometheus.CounterVec
		sets [][]string
	}
	gauge struct {
		vec  *prometheus.GaugeVec
		sets [][]string
	}
	histogram struct {
		vec  *prometheus.HistogramVec
		sets [][]string
	}
)

// Inc implements Counter.
func (c counter) Inc(values ...string) { c.vec.WithLabelValues(known(c.sets, values)...).Inc() }

// Add implements Counter.
func (c counter) Add(n float64, values ...string) {
	if n >= 0 { // a counter that goes down panics in the library; NaN is not >= 0
		c.vec.WithLabelValues(known(c.sets, values)...).Add(n)
	}
}

// Set implements Gauge.
func (g gauge) Set(v float64, values ...string) {
	g.vec.WithLabelValues(known(g.sets, values)...).Set(v)
}

// Add implements Gauge.
func (g gauge) Add(delta float64, values ...string) {
	g.vec.WithLabelValues(known(g.sets, values)...).Add(delta)
}

// Observe implements Histogram.
func (h histogram) Observe(v float64, values ...string) {
	h.vec.WithLabelValues(known(h.sets, values)...).Observe(v)
}

// known gives exactly one value a label, each from its set or Other. The library panics on any other number of them.
func known(sets [][]string, values []string) []string {
	out := make([]string, len(sets))
	for i, set := range sets {
		out[i] = Other
		if i < len(values) && slices.Contains(set, values[i]) {
			out[i] = values[i]
		}
	}
	return out
}

var (
	_ Counter   = counter{}
	_ Gauge     = gauge{}
	_ Histogram = histogram{}
)
