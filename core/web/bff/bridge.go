package bff

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/web"
)

// The bounds of a call that goes through the bridge.
const (
	maxAnswer = 8 << 20          // bytes
	callTime  = 30 * time.Second // from its beginning to the end of its answer
)

// Proxied takes a call to the proxy and collects its answer.
func (h *Handlers) Proxied(ctx context.Context, r *web.Request) (web.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	// A reverse proxy whose source breaks off in the middle panics under a server, so that no half answer passes for a whole
	// one, and only says nothing elsewhere: here is a server.
	ctx = context.WithValue(ctx, http.ServerContextKey, &http.Server{})
	call, err := toHTTP(ctx, r)
	if err != nil {
		return web.Response{}, core.Refuse(core.InvalidRequest, "The request target cannot be read.")
	}
	got := &collector{header: http.Header{}}
	if !got.take(h.proxy, call) {
		return brokenOff(), nil
	}
	return got.answer(), nil
}

// arriving are the fields that describe how a call came to us: the body is read, the rest is between the browser and the edge.
// Connection is none of them, because only the proxy may do as it says: after it has looked at who made the call.
var arriving = map[string]bool{
	"Content-Length": true, "Expect": true, "Host": true, "Keep-Alive": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// toHTTP makes what a plain handler takes. Every field that is for the API crosses; the proxy removes those that may not.
func toHTTP(ctx context.Context, r *web.Request) (*http.Request, error) {
	target := r.Path
	if r.RawQuery != "" {
		target += "?" + r.RawQuery
	}
	call, err := http.NewRequestWithContext(ctx, r.Method, target, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	for name, value := range r.Headers() {
		if name = http.CanonicalHeaderKey(name); !arriving[name] {
			call.Header[name] = append(call.Header[name], value)
		}
	}
	call.Header.Set("X-Request-Id", r.ID)
	call.Host, call.RemoteAddr = r.Host, r.RemoteIP.String()
	return call, nil
}

var errTooLong = errors.New("the answer is longer than the bridge carries")

// A collector is an http.ResponseWriter that keeps what is written.
type collector struct {
	header http.Header // as the handler sees it
	sent   http.Header // as it was when the status was written
	status int
	body   bytes.Buffer
}

// take runs a handler; false when it broke its answer off.
func (c *collector) take(handler http.Handler, call *http.Request) (whole bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	handler.ServeHTTP(c, call)
	return true
}

// Header implements http.ResponseWriter.
func (c *collector) Header() http.Header { return c.header }

// WriteHeader implements http.ResponseWriter. Interim answers (1xx) are not passed on.
func (c *collector) WriteHeader(status int) {
	if c.status == 0 && status >= http.StatusOK {
		c.status, c.sent = status, c.header.Clone()
	}
}

// Write implements http.ResponseWriter.
func (c *collector) Write(p []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	if c.body.Len()+len(p) > maxAnswer {
		return 0, errTooLong
	}
	return c.body.Write(p)
}

// framing are the fields that describe one connection or one message on it: the edge writes its own.
var framing = map[string]bool{
	"Connection": true, "Content-Length": true, "Content-Type": true, "Date": true, "Keep-Alive": true, "Trailer": true, "Transfer-Encoding": true,
}

func (c *collector) answer() web.Response {
	c.WriteHeader(http.StatusOK)
	answer := web.Response{Status: c.status, ContentType: c.sent.Get("Content-Type"), Body: c.body.Bytes()}
	if answer.ContentType == "" && len(answer.Body) > 0 {
		answer.ContentType = "application/octet-stream" // nothing is guessed
	}
	for _, name := range slices.Sorted(maps.Keys(c.sent)) {
		if framing[name] {
			continue
		}
		for _, value := range c.sent[name] {
			answer.Header = append(answer.Header, web.Header{Name: name, Value: value})
		}
	}
	return answer
}

// brokenOff is RFC 9457's problem for an API that began an answer and did not end it.
func brokenOff() web.Response {
	return web.Response{Status: http.StatusBadGateway, ContentType: "application/problem+json", Body: []byte(
		`{"type":"about:blank","title":"Bad Gateway","status":502,"detail":"The API behind this path broke its answer off, or it is too long.","code":"bad_gateway"}`)}
}
