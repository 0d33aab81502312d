package main

import (
	"errors"
	"sync"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/metrics"
	"github.com/ostiary/ostiary/plugins"
)

// pluginMeters are what is measured of plugins. Their names are those of the operator's folder.
type pluginMeters struct {
	names     *metrics.Names
	calls     *metrics.Counter
	uses      *metrics.Counter
	seconds   *metrics.Histogram
	fuel      *metrics.Histogram
	reset     *metrics.Counter
	instances *metrics.Gauge
	breaker   *metrics.Gauge
}

// meteredPlugins is how many plugins have series of their own.
const meteredPlugins = 32

// breakerStates are the values of the breaker's gauge.
var breakerStates = map[plugins.BreakerState]float64{plugins.BreakerClosed: 0, plugins.BreakerHalfOpen: 1, plugins.BreakerOpen: 2}

// addPlugins adds what is measured of plugins.
func (m *meters) addPlugins() error {
	p := pluginMeters{names: metrics.NewNames(meteredPlugins)}
	var points, outcomes []string
	for _, point := range hook.Points() {
		points = append(points, string(point))
	}
	for _, o := range plugins.Outcomes() {
		outcomes = append(outcomes, string(o))
	}
	name, point := metrics.Growing("plugin", p.names), metrics.Of("hook", points...)
	capabilities, ends := plugins.Uses()
	var errs [7]error
	p.calls, errs[0] = m.registry.Counter("ostiary_plugin_calls_total", "Calls of plugins, by how they ended.", name, point, metrics.Of("outcome", outcomes...))
	p.seconds, errs[1] = m.registry.Histogram("ostiary_plugin_call_seconds", "What a call of a plugin took.",
		[]float64{0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5}, name, point)
	p.fuel, errs[2] = m.registry.Histogram("ostiary_plugin_call_fuel", "The fuel that a call of a plugin took: instructions, about.",
		[]float64{1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}, name, point)
	p.reset, errs[3] = m.registry.Counter("ostiary_plugin_reset_pages_total", "Pages of 4 KiB that were set back after calls of a plugin.", name)
	p.instances, errs[4] = m.registry.Gauge("ostiary_plugin_instances", "Instances of a plugin that are ready or at work.", name)
	p.breaker, errs[5] = m.registry.Gauge("ostiary_plugin_breaker_state", "0: a plugin is asked, 1: the next call tries it, 2: it failed too often and is not asked.", name)
	p.uses, errs[6] = m.registry.Counter("ostiary_plugin_uses_total", "Uses of capabilities by plugins, by how they ended.",
		name, metrics.Of("capability", capabilities...), metrics.Of("outcome", ends...))
	m.plugins = p
	return errors.Join(errs[:]...)
}

// watchPlugin gives what counts the calls of a plugin at a point. A plugin has series from its first call on.
func (h *house) watchPlugin(plugin string, at hook.Point) func(plugins.Asked) {
	series := sync.OnceValue(func() pluginSeries { return h.meters.plugins.series(plugin, string(at)) })
	return func(a plugins.Asked) {
		s := series()
		s.calls[a.Outcome].Add(1)
		for use, n := range a.Uses {
			h.meters.plugins.uses.Add(float64(n), plugin, use.Capability, use.Outcome)
		}
		if a.Outcome != plugins.Skipped {
			s.seconds.Observe(a.Wall.Seconds())
			s.fuel.Observe(float64(a.Fuel))
			s.reset.Add(float64(a.PagesReset))
		}
	}
}

// pluginSeries are those that every call of a plugin at a point is counted in.
type pluginSeries struct {
	calls         map[plugins.Outcome]metrics.Count
	seconds, fuel metrics.Sorter
	reset         metrics.Count
}

func (m *pluginMeters) series(plugin, at string) pluginSeries {
	m.names.Add(plugin)
	calls := map[plugins.Outcome]metrics.Count{}
	for _, o := range plugins.Outcomes() {
		calls[o] = m.calls.Of(plugin, at, string(o))
	}
	return pluginSeries{calls: calls, seconds: m.seconds.Of(plugin, at), fuel: m.fuel.Of(plugin, at), reset: m.reset.Of(plugin)}
}

// glance sets the gauges to what is now.
func (m *pluginMeters) glance(all []plugins.Status) {
	for _, name := range m.names.All() {
		m.instances.Set(0, name) // it may be gone
		m.breaker.Set(0, name)
	}
	for _, s := range all {
		if !plugins.ValidName(s.Name) {
			continue
		}
		m.names.Add(s.Name)
		m.instances.Set(float64(s.Instances), s.Name)
		m.breaker.Set(breakerStates[s.Breaker], s.Name)
	}
}
