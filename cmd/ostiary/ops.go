package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core/web"
)

// operations are what the operations listener tells of a process.
type operations struct {
	health  func(context.Context) health
	started *atomic.Bool
	metrics web.Handler
	now     func() time.Time
	log     *slog.Logger
}

// openOps makes the operations listener of a house.
func (h *house) openOps() (*web.Server, error) {
	return operations{
		health:  func(ctx context.Context) health { return h.health(h.engine.Health(ctx)) },
		started: &h.started, metrics: h.meters.answer, now: h.now, log: h.log,
	}.open()
}

// open makes the operations listener: health, metrics, version. It answers to any host, because probes ask by address.
func (o operations) open() (*web.Server, error) {
	get := func(path string, handler web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Handler: handler, Face: web.Plain}
	}
	return web.New(web.Options{
		Routes: []web.Route{
			get("/health/live", o.live),
			get("/health/ready", o.ready),
			get("/health/started", o.hasStarted),
			get("/metrics", o.metrics),
			get("/version", o.version),
		},
		Face: web.Plain, Sites: []string{web.AnySite}, Now: o.now, Log: o.log,
	})
}

// live answers 200 as long as the process serves requests at all.
func (o operations) live(context.Context, *web.Request) (web.Response, error) {
	return document(http.StatusOK, health{Status: "ok", Problems: []problem{}})
}

// ready answers 200 while requests can be answered (status ok or degraded), else 503.
func (o operations) ready(ctx context.Context, _ *web.Request) (web.Response, error) {
	report := o.health(ctx)
	if report.Status == "unavailable" {
		return document(http.StatusServiceUnavailable, report)
	}
	return document(http.StatusOK, report)
}

// hasStarted answers 200 once what there was to do at the start is done, or has failed.
func (o operations) hasStarted(context.Context, *web.Request) (web.Response, error) {
	if !o.started.Load() {
		return document(http.StatusServiceUnavailable, health{Status: "starting", Problems: []problem{}})
	}
	return document(http.StatusOK, health{Status: "ok", Problems: []problem{}})
}

func (o operations) version(context.Context, *web.Request) (web.Response, error) {
	return document(http.StatusOK, struct {
		Version string `json:"version"`
		Go      string `json:"go"`
	}{version, runtime.Version()})
}

func document(status int, v any) (web.Response, error) {
	body, err := json.Marshal(v)
	return web.JSON(status, body), err
}
