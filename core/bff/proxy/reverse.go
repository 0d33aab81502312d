package proxy

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
)

// newReverse makes the part that speaks to one API. Hop-by-hop fields are removed by it before Rewrite sets the token, so that
// no "Connection: Authorization" takes the token away.
func newReverse(r Route, transport http.RoundTripper, log *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: transport,
		ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		Rewrite: func(call *httputil.ProxyRequest) {
			call.Out.Header.Set("Authorization", call.In.Header.Get("Authorization"))
			for _, name := range [...]string{"Connection", "Upgrade"} { // a protocol we cannot read is not passed on
				call.Out.Header.Del(name)
			}
			if r.StripPrefix {
				call.Out.URL.Path = stripped(call.Out.URL.Path, r.Prefix)
				call.Out.URL.RawPath = stripped(call.Out.URL.RawPath, r.Prefix)
			}
			call.SetURL(r.Upstream)
		},
		ModifyResponse: func(answer *http.Response) error {
			tame(answer.Header, r.KeepCookies)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			log.Warn("an API did not answer", "prefix", r.Prefix, "error", err)
			writeProblem(w, &core.Error{Code: badGateway, Detail: "The API behind this path did not answer as it should; try again in a moment."})
		},
	}
}

func stripped(path, prefix string) string {
	if path == "" { // RawPath is, when nothing is encoded
		return ""
	}
	return "/" + strings.TrimPrefix(strings.TrimPrefix(path, prefix), "/")
}

// badGateway is not a word of any protocol of ours: it is said here only.
const badGateway core.Code = "bad_gateway"

// statusOf is what a plain handler answers with; the edge's own table (core/web) knows many more codes.
func statusOf(code core.Code) int {
	switch code {
	case core.InvalidRequest:
		return http.StatusBadRequest
	case core.InvalidToken:
		return http.StatusUnauthorized
	case core.AccessDenied:
		return http.StatusForbidden
	case core.NotFound:
		return http.StatusNotFound
	case core.MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case badGateway:
		return http.StatusBadGateway
	case core.TemporarilyUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// writeProblem is RFC 9457 §3.
func writeProblem(w http.ResponseWriter, err error) {
	e := core.AsError(err)
	status := statusOf(e.Code)
	body, _ := json.Marshal(struct { // strings and a number always marshal
		Type   string    `json:"type"`
		Title  string    `json:"title"`
		Status int       `json:"status"`
		Detail string    `json:"detail"`
		Code   core.Code `json:"code"`
	}{"about:blank", http.StatusText(status), status, e.Detail, e.Code})
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
