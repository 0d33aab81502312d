package metrics_test

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/core/metrics"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(made T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
}

// lines gives what /metrics shows of our own metrics.
func lines(t *testing.T, r *metrics.Registry) []string {
	t.Helper()
	body, contentType, err := r.Text()
	if err != nil || !strings.HasPrefix(contentType, "text/plain; version=0.0.4") {
		t.Fatalf("%s, %v", contentType, err)
	}
	var out []string
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "ostiary_") {
			out = append(out, strings.TrimSuffix(line, "\n"))
		}
	}
	return out
}

func TestText(t *testing.T) {
	r := metrics.New()
	registrations := must[*metrics.Counter](t)(r.Counter("ostiary_registrations_total", "Registrations judged.",
		metrics.Of("channel", "dcr", "operator"), metrics.Of("verdict", "accepted", "refused")))
	registrations.Inc("dcr", "accepted")
	registrations.Add(2, "dcr", "accepted")
	registrations.Inc("operator", "refused")

	must[*metrics.Counter](t)(r.Counter("ostiary_faults_total", "Faults."))
	sessions := must[*metrics.Gauge](t)(r.Gauge("ostiary_bff_sessions", "Sessions held."))
	sessions.Set(5)
	sessions.Add(-2)
	waits := must[*metrics.Histogram](t)(r.Histogram("ostiary_decision_seconds", "Time of a decision.", []float64{0.001, 0.1}))
	waits.Observe(0.01)
	waits.Observe(7)
	if err := r.GaugeFunc("ostiary_queue_entries", "Ledger entries not yet written.", func() float64 { return 4 }); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`ostiary_bff_sessions 3`,
		`ostiary_decision_seconds_bucket{le="0.001"} 0`,
		`ostiary_decision_seconds_bucket{le="0.1"} 1`,
		`ostiary_decision_seconds_bucket{le="+Inf"} 2`,
		`ostiary_decision_seconds_sum 7.01`,
		`ostiary_decision_seconds_count 2`,
		`ostiary_faults_total 0`,
		`ostiary_queue_entries 4`,
		`ostiary_registrations_total{channel="dcr",verdict="accepted"} 3`,
		`ostiary_registrations_total{channel="operator",verdict="refused"} 1`,
	}
	if got := lines(t, r); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	body, _, _ := r.Text()
	for _, name := range []string{"go_goroutines ", "# HELP ostiary_faults_total Faults.", "# TYPE ostiary_decision_seconds histogram"} {
		if !strings.Contains(string(body), name) {
			t.Errorf("%s is missing", name)
		}
	}
}

// Whatever a request carries, the number of series stays what the metric declared.
func TestRequestsCannotMakeSeries(t *testing.T) {
	r := metrics.New()
	c := must[*metrics.Counter](t)(r.Counter("ostiary_requests_total", "Requests.", metrics.Of("method", "GET", "POST"), metrics.Of("route", "token")))
	for _, values := range [][]string{
		{"GET", "token"}, {"BREW", "token"}, {"GET", "/../etc"}, {"\xff\n", "\"}"}, {}, {"GET"}, {"GET", "token", "extra"}, {"", ""}, {"get", "Token"},
	} {
		c.Inc(values...)
	}
	want := []string{
		`ostiary_requests_total{method="GET",route="other"} 2`,
		`ostiary_requests_total{method="GET",route="token"} 2`,
		`ostiary_requests_total{method="other",route="other"} 4`,
		`ostiary_requests_total{method="other",route="token"} 1`,
	}
	if got := lines(t, r); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// A set that grows knows what it was given, up to its size, and nothing that is only asked for.
func TestGrowingLabel(t *testing.T) {
	r, names := metrics.New(), metrics.NewNames(2)
	c := must[*metrics.Counter](t)(r.Counter("ostiary_calls_total", "Calls.", metrics.Growing("plugin", names), metrics.Of("hook", "a")))
	c.Inc("first", "a")
	for _, name := range []string{"", metrics.Other, "first", "first", "second", "third"} {
		names.Add(name)
	}
	for _, name := range []string{"first", "second", "third"} {
		c.Inc(name, "a")
	}
	want := []string{
		`ostiary_calls_total{hook="a",plugin="first"} 1`,
		`ostiary_calls_total{hook="a",plugin="other"} 2`,
		`ostiary_calls_total{hook="a",plugin="second"} 1`,
	}
	if got := lines(t, r); !slices.Equal(got, want) || !slices.Equal(names.All(), []string{"first", "second"}) {
		t.Errorf("got\n%s\n%v", strings.Join(got, "\n"), names.All())
	}
	if _, err := r.Counter("ostiary_many_total", "Many.", metrics.Growing("a", metrics.NewNames(100)), metrics.Growing("b", metrics.NewNames(100))); err == nil {
		t.Error("two sets that grow too large")
	}
}

// One series, held on to, is the one that its values name; what it is not made for does not count.
func TestOneSeries(t *testing.T) {
	r := metrics.New()
	c := must[*metrics.Counter](t)(r.Counter("ostiary_calls_total", "Calls.", metrics.Of("hook", "a", "b")))
	h := must[*metrics.Histogram](t)(r.Histogram("ostiary_calls_bytes", "Bytes.", []float64{1}, metrics.Of("hook", "a")))
	one, strange := c.Of("a"), c.Of("z")
	one.Add(2)
	one.Add(-1)
	strange.Add(1)
	c.Inc("a")
	h.Of("a").Observe(0.5)
	h.Observe(2, "a")
	metrics.Count{}.Add(1)
	metrics.Sorter{}.Observe(1)
	for _, want := range []string{
		`ostiary_calls_total{hook="a"} 3`, `ostiary_calls_total{hook="other"} 1`, `ostiary_calls_bytes_bucket{hook="a",le="1"} 1`, `ostiary_calls_bytes_count{hook="a"} 2`,
	} {
		if got := lines(t, r); !slices.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, strings.Join(got, "\n"))
		}
	}
}

func TestOddNumbersDoNotPanic(t *testing.T) {
	r := metrics.New()
	c := must[*metrics.Counter](t)(r.Counter("ostiary_odd_total", "Odd."))
	c.Add(-1)
	c.Add(math.NaN())
	h := must[*metrics.Histogram](t)(r.Histogram("ostiary_odd_bytes", "Odd.", []float64{1}, metrics.Of("kind", "a")))
	h.Observe(math.NaN(), "b")
	g := must[*metrics.Gauge](t)(r.Gauge("ostiary_odd_ratio", "Odd.", metrics.Of("kind", "a")))
	g.Set(math.Inf(1), "a", "b")
	if got := lines(t, r); !slices.Contains(got, "ostiary_odd_total 0") {
		t.Errorf("%q", got)
	}
}

func TestRefusedMetrics(t *testing.T) {
	wide := make([]string, 100)
	for i := range wide {
		wide[i] = strings.Repeat("x", i+1)
	}
	ok := metrics.Of("kind", "a")
	for name, create := range map[string]func(r *metrics.Registry) error{
		"no prefix":      func(r *metrics.Registry) error { _, err := r.Counter("requests_total", "h"); return err },
		"empty name":     func(r *metrics.Registry) error { _, err := r.Counter("", "h"); return err },
		"capital":        func(r *metrics.Registry) error { _, err := r.Counter("ostiary_Requests_total", "h"); return err },
		"digits":         func(r *metrics.Registry) error { _, err := r.Counter("ostiary_v2_total", "h"); return err },
		"double line":    func(r *metrics.Registry) error { _, err := r.Counter("ostiary__x_total", "h"); return err },
		"no unit":        func(r *metrics.Registry) error { _, err := r.Counter("ostiary_requests", "h"); return err },
		"counter's unit": func(r *metrics.Registry) error { _, err := r.Counter("ostiary_wait_seconds", "h"); return err },
		"gauge as total": func(r *metrics.Registry) error { _, err := r.Gauge("ostiary_x_total", "h"); return err },
		"func as total": func(r *metrics.Registry) error {
			return r.GaugeFunc("ostiary_x_total", "h", func() float64 { return 0 })
		},
		"func nil": func(r *metrics.Registry) error { return r.GaugeFunc("ostiary_x_bytes", "h", nil) },
		"no help":  func(r *metrics.Registry) error { _, err := r.Counter("ostiary_x_total", ""); return err },
		"label name": func(r *metrics.Registry) error {
			_, err := r.Counter("ostiary_x_total", "h", metrics.Of("A", "a"))
			return err
		},
		"reserved label": func(r *metrics.Registry) error {
			_, err := r.Counter("ostiary_x_total", "h", metrics.Of("le", "a"))
			return err
		},
		"open label": func(r *metrics.Registry) error {
			_, err := r.Counter("ostiary_x_total", "h", metrics.Of("kind"))
			return err
		},
		"empty value": func(r *metrics.Registry) error {
			_, err := r.Counter("ostiary_x_total", "h", metrics.Of("kind", ""))
			return err
		},
		"label twice": func(r *metrics.Registry) error { _, err := r.Counter("ostiary_x_total", "h", ok, ok); return err },
		"too many series": func(r *metrics.Registry) error {
			_, err := r.Counter("ostiary_x_total", "h", metrics.Of("a", wide...), metrics.Of("b", wide...))
			return err
		},
		"no buckets": func(r *metrics.Registry) error { _, err := r.Histogram("ostiary_x_seconds", "h", nil); return err },
		"falling buckets": func(r *metrics.Registry) error {
			_, err := r.Histogram("ostiary_x_seconds", "h", []float64{2, 1})
			return err
		},
		"buckets of NaN": func(r *metrics.Registry) error {
			_, err := r.Histogram("ostiary_x_seconds", "h", []float64{1, math.NaN()})
			return err
		},
		"histogram's unit": func(r *metrics.Registry) error {
			_, err := r.Histogram("ostiary_x_info", "h", []float64{1})
			return err
		},
		"given twice": func(r *metrics.Registry) error {
			must[*metrics.Counter](t)(r.Counter("ostiary_x_total", "h"))
			_, err := r.Counter("ostiary_x_total", "h")
			return err
		},
	} {
		if err := create(metrics.New()); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestManyGoroutines(t *testing.T) {
	r := metrics.New()
	c := must[*metrics.Counter](t)(r.Counter("ostiary_hammer_total", "Blows.", metrics.Of("hand", "left", "right")))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 100 {
				c.Inc([]string{"left", "right"}[i%2])
			}
			if _, _, err := r.Text(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := lines(t, r); !slices.Contains(got, `ostiary_hammer_total{hand="left"} 400`) {
		t.Errorf("%q", got)
	}
}
