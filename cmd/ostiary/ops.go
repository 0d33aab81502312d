package main

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime"

	"github.com/ostiary/ostiary/core/web"
)

// openOps makes the operations listener: health, metrics, version. It answers to any host, because probes ask by address.
func (h *house) openOps() (*web.Server, error) {
	get := func(path string, handler web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Path: path, Handler: handler, Face: web.Plain}
	}
	return web.New(web.Options{
		Routes: []web.Route{
			get("/health/live", h.live),
			get("/health/ready", h.ready),
			get("/health/started", h.hasStarted),
			get("/metrics", h.meters.answer),
			get("/version", h.version),
		},
		Face: web.Plain, Sites: []string{web.AnySite}, Now: h.now, Log: h.log,
	})
}

// live answers 200 as long as the process serves requests at all.
func (h *house) live(context.Context, *web.Request) (web.Response, error) {
	return document(http.StatusOK, health{Status: "ok", Problems: []problem{}})
}

// ready answers 200 while requests can be answered (status ok or degraded), else 503.
func (h *house) ready(ctx context.Context, _ *web.Request) (web.Response, error) {
	report := h.health(h.engine.Health(ctx))
	if report.Status == "unavailable" {
		return document(http.StatusServiceUnavailable, report)
	}
	return document(http.StatusOK, report)
}

// hasStarted answers 200 once the plugins that were there at the start are live or have failed.
func (h *house) hasStarted(context.Context, *web.Request) (web.Response, error) {
	if !h.started.Load() {
		return document(http.StatusServiceUnavailable, health{Status: "starting", Problems: []problem{}})
	}
	return document(http.StatusOK, health{Status: "ok", Problems: []problem{}})
}

func (h *house) version(context.Context, *web.Request) (web.Response, error) {
	return document(http.StatusOK, struct {
		Version string `json:"version"`
		Go      string `json:"go"`
	}{version, runtime.Version()})
}

func document(status int, v any) (web.Response, error) {
	body, err := json.Marshal(v)
	return web.JSON(status, body), err
}
