package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/ostiary/ostiary/core/metrics"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/policies"
)

// meters are the server's metrics. No label has a value that a request controls.
type meters struct {
	registry *metrics.Registry
	requests *metrics.Counter
	seconds  *metrics.Histogram

	differences, evaluations, unasked *metrics.Counter // of the policy shadow
	logged, unlogged                  *metrics.Counter // events of the decision log
	documents                         *metrics.Counter // looks at clients' metadata documents

	limits  *metrics.Counter // requests that a limit of dcr_config.yaml refused
	unused  *metrics.Counter // clients that nobody uses, and that were to be removed
	plugins pluginMeters
	glance  func() // sets what is only looked at when the metrics are read
}

// newMeters makes the metrics of a route table; what is read when asked comes from the house.
func (h *house) newMeters(table []web.Route, issuerPath string) (*meters, error) {
	m, err := newRequestMeters(table, issuerPath)
	if err != nil {
		return nil, err
	}
	m.glance = func() { m.plugins.glance(h.plugins.Status()) }
	var looking error
	m.documents, looking = m.registry.Counter("ostiary_client_documents_total", "Looks at client ID metadata documents, by what they came to.",
		metrics.Of("result", registration.DocumentResults()...))
	return m, errors.Join(looking, m.addLimits(), m.addUnused(), m.addShadow(), m.addDecisionLog(), m.addPlugins(),
		m.registry.GaugeFunc("ostiary_policy_bundle_problems", "Times in a row that the policy bundle could not be read or was refused; 0 without a bundle.",
			func() float64 { return float64(h.rules.bundle.failed()) }),
		m.registry.GaugeFunc("ostiary_problems", "Problems that /health/ready reports now.",
			func() float64 { return float64(len(h.health(h.engine.Health(context.Background())).Problems)) }),
		m.registry.GaugeFunc("ostiary_ledger_dropped_entries", "Ledger entries that the full queue had no room for, since the start.",
			func() float64 { return float64(h.book.Dropped()) }),
	)
}

// newRequestMeters makes the metrics that every listener for the world has.
func newRequestMeters(table []web.Route, issuerPath string) (*meters, error) {
	m := &meters{registry: metrics.New(), glance: func() {}}
	routes := metrics.Of("route", append(patterns(table, issuerPath), "unmatched")...)
	classes := metrics.Of("status", statusClasses[2:]...)
	var counting, timing error
	m.requests, counting = m.registry.Counter("ostiary_requests_total", "Requests answered.", routes, classes)
	m.seconds, timing = m.registry.Histogram("ostiary_request_duration_seconds", "From the head's arrival to the answer.",
		[]float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5}, routes)
	return m, errors.Join(counting, timing)
}

// patterns lists every path of the table once, as requests report it.
func patterns(table []web.Route, issuerPath string) []string {
	var list []string
	seen := make(map[string]bool)
	for _, r := range table {
		path := r.Path
		if path[0] != '/' {
			path = issuerPath + "/" + path
		}
		if !seen[path] {
			seen[path] = true
			list = append(list, path)
		}
	}
	return list
}

// statusClasses are the values of the label status, by the first digit.
var statusClasses = [...]string{"", "", "2xx", "3xx", "4xx", "5xx"}

func statusClass(status int) string {
	if class := status / 100; class < len(statusClasses) {
		return statusClasses[class]
	}
	return ""
}

// done counts one request.
func (m *meters) done(d web.Done) {
	m.requests.Inc(d.Route, statusClass(d.Status))
	m.seconds.Observe(d.Duration.Seconds(), d.Route)
}

// answer is /metrics.
func (m *meters) answer(context.Context, *web.Request) (web.Response, error) {
	m.glance()
	body, mediaType, err := m.registry.Text()
	return web.Response{Status: http.StatusOK, ContentType: mediaType, Body: body}, err
}

// addLimits adds what is counted of the limits of registration.
func (m *meters) addLimits() (err error) {
	var bounds []string
	for _, b := range registration.Bounds() {
		bounds = append(bounds, string(b))
	}
	m.limits, err = m.registry.Counter("ostiary_registration_limited_total", "Requests that a limit of dcr_config.yaml refused.", metrics.Of("limit", bounds...))
	return err
}

// limited counts a request that a limit refused.
func (h *house) limited(b registration.Bound) { h.meters.limits.Inc(string(b)) }

// addUnused adds what is counted of clients that nobody uses.
func (m *meters) addUnused() (err error) {
	m.unused, err = m.registry.Counter("ostiary_unused_clients_total", "Clients that nobody uses, by whether they were removed or something kept them.",
		metrics.Of("reason", registration.Reasons()...), metrics.Of("outcome", "removed", "kept"))
	return err
}

// reaped counts a client that was to be removed.
func (h *house) reaped(r registration.Reaped) {
	outcome := "removed"
	if r.Err != nil {
		outcome = "kept"
	}
	h.meters.unused.Inc(r.Why, outcome)
}

// addShadow adds what is counted of the policy shadow.
func (m *meters) addShadow() error {
	var differing, evaluating, dropping error
	decided := metrics.Of("decision", policies.Decisions()...)
	m.differences, differing = m.registry.Counter("ostiary_policy_shadow_differences_total",
		"Decisions on which the policy shadow does not agree.", decided, metrics.Of("kind", policies.Kinds()...))
	m.evaluations, evaluating = m.registry.Counter("ostiary_policy_shadow_evaluations_total", "Decisions that the policy shadow was asked about.", decided)
	m.unasked, dropping = m.registry.Counter("ostiary_policy_shadow_dropped_total", "Decisions that the policy shadow had no time for.", decided)
	return errors.Join(differing, evaluating, dropping)
}

// addDecisionLog adds what is counted of the decision log.
func (m *meters) addDecisionLog() error {
	var writing, dropping error
	sinks := metrics.Of("sink", "file", "stdout", "http")
	m.logged, writing = m.registry.Counter("ostiary_decision_log_written_total", "Events that a sink of the decision log took.", sinks)
	m.unlogged, dropping = m.registry.Counter("ostiary_decision_log_dropped_total", "Events that a sink of the decision log lost.", sinks)
	return errors.Join(writing, dropping)
}

// sighted counts what the policy shadow was seen to do.
func (h *house) sighted(decision string, seen policies.Sighting) {
	switch seen {
	case policies.Dropped:
		h.meters.unasked.Inc(decision)
		return
	case policies.Same:
	default:
		h.meters.differences.Inc(decision, string(seen))
	}
	h.meters.evaluations.Inc(decision)
}
