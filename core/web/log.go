package web

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/strictjson"
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
	if ex.status >= http.StatusInternalServerError && ex.status != http.StatusNotImplemented && ex.status != http.StatusHTTPVersionNotSupported {
		level = slog.LevelError
	}
	if !ex.s.log.Enabled(ex.s.base, level) {
		return
	}
	if level == slog.LevelInfo && ex.quiet() && ex.s.lines != nil {
		ex.line(method, route, took)
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

// A JSONLog is slog's JSON handler, and besides takes the lines of requests ready made, in the same form: of all lines they
// are nearly all, and encoding one attribute after the other costs several times as much.
type JSONLog struct {
	slog.Handler
	out io.Writer
}

// NewJSONLog makes a handler that writes to out, which many goroutines may use.
func NewJSONLog(out io.Writer, options *slog.HandlerOptions) *JSONLog {
	return &JSONLog{Handler: slog.NewJSONHandler(out, options), out: out}
}

// linesOf gives where request lines go ready made; nil when the log is another one.
func linesOf(log slog.Handler) io.Writer {
	if l, ok := log.(*JSONLog); ok {
		return l.out
	}
	return nil
}

// quiet tells that there is nothing to say of a request but how it went.
func (ex *exchange) quiet() bool {
	return ex.stack == nil && (ex.fault == nil || ex.fault.Err == nil)
}

// A lineBuffer is where a line is put together. It remembers the last second it wrote, which the next line nearly always has too.
type lineBuffer struct {
	text []byte

	second int64
	zone   *time.Location
	stamp  []byte // "2026-03-01T12:00:00"
	offset []byte // "Z" or "+01:00"
}

// lineBuffers keeps them; an io.Writer keeps none of what it is given.
var lineBuffers = sync.Pool{New: func() any { return &lineBuffer{text: make([]byte, 0, 512)} }}

// line writes what record would have slog write. A test holds the two equal.
func (ex *exchange) line(method, route string, took time.Duration) {
	buffer := lineBuffers.Get().(*lineBuffer)
	defer lineBuffers.Put(buffer)
	b := append(buffer.text[:0], `{"time":"`...)
	b = buffer.appendTime(b, ex.req.Start.Add(took))
	if ex.route != nil && ex.route.Method == method {
		b = append(b, ex.route.line...)
	} else {
		b = append(b, lineOf(method, route)...)
	}
	b = strconv.AppendInt(b, int64(ex.status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, int64(ex.bytes), 10)
	b = append(b, `,"duration_us":`...)
	b = strconv.AppendInt(b, int64(took/time.Microsecond), 10)
	b = append(b, `,"remote_ip":"`...)
	b = ex.req.RemoteIP.AppendTo(b)
	b = append(b, `","request_id":"`...)
	b = append(b, ex.req.ID...) // requestID let no other characters in
	b = append(b, '"')
	if ex.req.DecisionID != "" {
		b = append(b, `,"decision_id":`...)
		b = strictjson.AppendString(b, string(ex.req.DecisionID))
	}
	if ex.fault != nil {
		b = append(b, `,"code":`...)
		b = strictjson.AppendString(b, string(ex.fault.Code))
	}
	buffer.text = append(b, "}\n"...)
	_, _ = ex.s.lines.Write(buffer.text) // a log that cannot be written has nobody to be told
}

// appendTime writes a time as time.RFC3339Nano does.
func (l *lineBuffer) appendTime(b []byte, t time.Time) []byte {
	if second := t.Unix(); second != l.second || t.Location() != l.zone || len(l.stamp) == 0 {
		l.second, l.zone = second, t.Location()
		l.stamp = t.AppendFormat(l.stamp[:0], "2006-01-02T15:04:05")
		l.offset = t.AppendFormat(l.offset[:0], "Z07:00")
	}
	b = append(b, l.stamp...)
	if ns := t.Nanosecond(); ns != 0 {
		var digits [10]byte
		for i := 9; i > 0; i, ns = i-1, ns/10 {
			digits[i] = byte('0' + ns%10)
		}
		digits[0] = '.'
		b = append(b, bytes.TrimRight(digits[:], "0")...)
	}
	return append(b, l.offset...)
}

// lineOf gives what all lines of a route have in common, after the time and before the status.
func lineOf(method, route string) string {
	return string(strictjson.AppendString([]byte(`","level":"INFO","msg":"request","method":"`+method+`","route":`), route)) + `,"status":`
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
