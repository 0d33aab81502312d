package web

import (
	"log/slog"
	"net/http"
	"time"
)

// record writes the one log line of a request: the pattern instead of the path, never a query, a credential or a body.
func (ex *exchange) record() {
	took := ex.s.opt.Now().Sub(ex.req.Start)
	route, method := ex.req.Route, ex.req.Method
	if route == "" {
		route = "unmatched"
	}
	if !knownMethod(method) {
		method = "OTHER"
	}
	if done := ex.s.opt.OnDone; done != nil {
		done(Done{Route: route, Method: method, Status: ex.status, Bytes: ex.bytes, Duration: took})
	}
	level := slog.LevelInfo
	if ex.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if !ex.s.log.Enabled(ex.s.base, level) {
		return
	}
	var log slog.Handler
	if ex.route != nil && ex.route.Method == method {
		log = ex.route.log
	} else {
		log = logFor(ex.s.log, method, route)
	}
	// A record of our own: Logger.LogAttrs would look for the caller's line, which costs more than the rest and is always this
	// one. The first five attributes of a record need no memory.
	line := slog.NewRecord(ex.req.Start.Add(took), level, "request", 0)
	line.AddAttrs(
		slog.Int("status", ex.status),
		slog.Int("bytes", ex.bytes),
		slog.Int64("duration_us", int64(took/time.Microsecond)),
		slog.String("remote_ip", ex.req.RemoteIP.String()),
		slog.String("request_id", ex.req.ID),
	)
	ex.addFault(&line)
	_ = log.Handle(ex.s.base, line) // a log that cannot be written has nobody to be told
}

// logFor encodes what all requests of a route have in common once.
func logFor(log slog.Handler, method, route string) slog.Handler {
	return log.WithAttrs([]slog.Attr{slog.String("method", method), slog.String("route", route)})
}

// addFault says why a request was refused. The cause of our own faults appears here and nowhere else.
func (ex *exchange) addFault(line *slog.Record) {
	if ex.req.DecisionID != "" {
		line.AddAttrs(slog.String("decision_id", string(ex.req.DecisionID)))
	}
	if ex.fault == nil {
		return
	}
	line.AddAttrs(slog.String("code", string(ex.fault.Code)))
	if ex.fault.Err != nil && (line.Level >= slog.LevelError || ex.s.log.Enabled(ex.s.base, slog.LevelDebug)) {
		line.AddAttrs(slog.String("cause", ex.fault.Err.Error()))
	}
	if ex.stack != nil {
		line.AddAttrs(slog.String("stack", string(ex.stack)))
	}
}
