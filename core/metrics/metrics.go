// Package metrics counts, and is Prometheus's only door: no type of it is seen outside. It owns two rules. A name says what
// product and which unit it belongs to. A label has a closed set of values, or one that only the server itself adds to, so that
// nothing a request carries can make a new series: what is not in the set counts as "other".
//
// The road: wire.go makes one Registry and creates metrics from it; verbs hold Counter, Gauge and Histogram; web asks for Text.
package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// Other is the value of a label whose own value is not in its set, or was not given.
const Other = "other"

// maxSeries bounds what one metric can grow to: the product of its labels' sets.
const maxSeries = 4000

// A Label is a dimension of a metric with every value it can have.
type Label struct {
	Name   string
	Values []string
	grows  *Names
}

// Of makes a Label.
func Of(name string, values ...string) Label { return Label{Name: name, Values: values} }

// Names are values that the server itself comes to know while it runs, up to a number; what comes later counts as Other. It is
// safe for use by many goroutines.
type Names struct {
	mu   sync.RWMutex
	list []string
	most int
}

// NewNames makes a set that can hold so many.
func NewNames(most int) *Names { return &Names{most: most} }

// Add makes a value known. It must never be one that a request chose.
func (n *Names) Add(value string) {
	if n.index(value) >= 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.list) < n.most && value != "" && value != Other && !slices.Contains(n.list, value) {
		n.list = append(n.list, value)
	}
}

// All lists the values that are known.
func (n *Names) All() []string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.Clone(n.list)
}

func (n *Names) value(place int) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if place < len(n.list) {
		return n.list[place]
	}
	return Other
}

func (n *Names) index(value string) int {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.Index(n.list, value)
}

// Growing makes a Label with the values of a set that grows.
func Growing(name string, names *Names) Label { return Label{Name: name, grows: names} }

// size is how many values there can be.
func (l *Label) size() int {
	if l.grows != nil {
		return l.grows.most
	}
	return len(l.Values)
}

// index is the place of a value; negative, when it is not known.
func (l *Label) index(value string) int {
	if l.grows != nil {
		return l.grows.index(value)
	}
	return slices.Index(l.Values, value)
}

// value is the one at a place.
func (l *Label) value(place int) string {
	switch {
	case l.grows != nil:
		return l.grows.value(place)
	case place < len(l.Values):
		return l.Values[place]
	}
	return Other
}

// A Registry holds the metrics of one process. It is safe for use by many goroutines.
type Registry struct{ all *prometheus.Registry }

// New makes a Registry that already knows the Go runtime and, where the system tells, the process.
func New() *Registry {
	r := &Registry{all: prometheus.NewRegistry()}
	r.all.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Counter creates a counter; its name ends in _total.
func (r *Registry) Counter(name, help string, labels ...Label) (*Counter, error) {
	sets, err := check(name, help, labels, "total")
	if err != nil {
		return nil, err
	}
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, names(labels))
	if err := r.register(name, vec); err != nil {
		return nil, err
	}
	if len(labels) == 0 {
		vec.WithLabelValues() // shown as 0 before the first event
	}
	return &Counter{newSeries(sets, vec.WithLabelValues)}, nil
}

// Gauge creates a gauge; its name ends in a unit or in what is counted.
func (r *Registry) Gauge(name, help string, labels ...Label) (*Gauge, error) {
	sets, err := check(name, help, labels, gaugeUnits...)
	if err != nil {
		return nil, err
	}
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, names(labels))
	if err := r.register(name, vec); err != nil {
		return nil, err
	}
	return &Gauge{newSeries(sets, vec.WithLabelValues)}, nil
}

// GaugeFunc creates a gauge that is read when the metrics are. read must be quick and safe for use by many goroutines.
func (r *Registry) GaugeFunc(name, help string, read func() float64) error {
	if _, err := check(name, help, nil, gaugeUnits...); err != nil {
		return err
	}
	if read == nil {
		return fmt.Errorf("metric %s: there is nothing to read", name)
	}
	return r.register(name, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Histogram creates a histogram; its name ends in a unit. buckets are upper bounds in that unit, rising.
func (r *Registry) Histogram(name, help string, buckets []float64, labels ...Label) (*Histogram, error) {
	sets, err := check(name, help, labels, histogramUnits...)
	if err != nil {
		return nil, err
	}
	if len(buckets) == 0 || !rising(buckets) {
		return nil, fmt.Errorf("metric %s: buckets must be given, from smallest to largest", name)
	}
	opts := prometheus.HistogramOpts{Name: name, Help: help, Buckets: slices.Clone(buckets)}
	vec := prometheus.NewHistogramVec(opts, names(labels))
	if err := r.register(name, vec); err != nil {
		return nil, err
	}
	return &Histogram{newSeries(sets, vec.WithLabelValues)}, nil
}

// Text gives all metrics in Prometheus's text format with its media type, for /metrics.
func (r *Registry) Text() (body []byte, contentType string, err error) {
	families, err := r.all.Gather()
	if err != nil {
		return nil, "", fmt.Errorf("gather metrics: %w", err)
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	var b bytes.Buffer
	encoder := expfmt.NewEncoder(&b, format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return nil, "", fmt.Errorf("write metrics: %w", err)
		}
	}
	return b.Bytes(), string(format), nil
}

func (r *Registry) register(name string, c prometheus.Collector) error {
	if err := r.all.Register(c); err != nil {
		return fmt.Errorf("metric %s: %w", name, err)
	}
	return nil
}

// What names may end in. Gauges may also name what they count.
var (
	histogramUnits = []string{"seconds", "bytes", "ratio", "fuel", "ops"}
	gaugeUnits     = []string{"seconds", "bytes", "ratio", "info", "entries", "requests", "sessions", "clients", "connections", "instances", "problems", "state"}
	validName      = regexp.MustCompile(`^ostiary(_[a-z]+)+$`)
	validLabel     = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
)

// check holds a metric against the rules of the package and gives the sets of its labels.
func check(name, help string, labels []Label, units ...string) ([]Label, error) {
	unit := name[strings.LastIndexByte(name, '_')+1:]
	switch {
	case !validName.MatchString(name):
		return nil, fmt.Errorf("metric %q: a name is ostiary_ and small words joined by _", name)
	case !slices.Contains(units, unit):
		return nil, fmt.Errorf("metric %s: the name must end in one of _%s", name, strings.Join(units, ", _"))
	case help == "":
		return nil, fmt.Errorf("metric %s: say what it counts", name)
	}
	series, sets, seen := 1, []Label{}, map[string]bool{}
	for _, l := range labels {
		if err := l.check(); err != nil {
			return nil, fmt.Errorf("metric %s: label %q: %w", name, l.Name, err)
		}
		if seen[l.Name] {
			return nil, fmt.Errorf("metric %s: label %s is given twice", name, l.Name)
		}
		seen[l.Name] = true
		sets = append(sets, Label{Name: l.Name, Values: slices.Clone(l.Values), grows: l.grows})
		if series *= l.size() + 1; series > maxSeries {
			return nil, fmt.Errorf("metric %s: its labels make more than %d series", name, maxSeries)
		}
	}
	return sets, nil
}

func (l Label) check() error {
	switch {
	case !validLabel.MatchString(l.Name) || l.Name == "le":
		return errors.New("a label is small words joined by _")
	case l.size() == 0 || slices.Contains(l.Values, ""):
		return errors.New("every value must be listed, and none is empty")
	}
	return nil
}

func names(labels []Label) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = l.Name
	}
	return out
}

func rising(buckets []float64) bool {
	for i, b := range buckets {
		if math.IsNaN(b) || i > 0 && b <= buckets[i-1] {
			return false
		}
	}
	return true
}
