package web

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

func TestMethods(t *testing.T) {
	g := start(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"POST", "/api/oidc/dcr/register", 200, ""},
		{"GET", "/api/oidc/dcr/register", 405, "POST, OPTIONS"},
		{"DELETE", "/api/oidc/dcr/register/c1", 405, "GET, HEAD, PUT, OPTIONS"},
		{"PATCH", "/api/admin/clients/c1", 405, "GET, HEAD, OPTIONS"},
		{"TRACE", "/files/a", 405, "GET, HEAD, OPTIONS"},
		{"CONNECT", "/files/a", 405, "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/files/a", 204, "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/nope", 404, ""},
		{"BREW", "/files/a", 501, ""},
		{"get", "/files/a", 501, ""},
	} {
		a := g.ask(t, request(c.method, c.path, ""))
		if a.StatusCode != c.status || a.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q", c.method, c.path, a.StatusCode, a.Header.Get("Allow"))
		}
	}
}

// HEAD is GET without the body.
func TestHead(t *testing.T) {
	g := start(t)
	w := g.dial(t)
	w.send(request("HEAD", "/files/a", ""))
	if a := w.read("HEAD"); a.StatusCode != 200 || a.body != "" || a.ContentLength != int64(len("HEAD /files/*|a||127.0.0.1|0")) {
		t.Errorf("%d, %d bytes announced, %q", a.StatusCode, a.ContentLength, a.body)
	}
	w.send(get("/files/b"))
	if a := w.read("GET"); !strings.Contains(a.body, "|b|") {
		t.Errorf("out of step: %q", a.body)
	}
}

// Where other origins may read, they may read every answer; nowhere with credentials, and nowhere else.
func TestCORS(t *testing.T) {
	g := start(t)
	big := strings.Repeat("x", DefaultLimit+1)
	for status, raw := range map[int]string{
		200: get("/api/oidc/.well-known/openid-configuration"),
		401: get("/api/oidc/userinfo"),
		405: request("DELETE", "/api/oidc/userinfo", ""),
		413: request("POST", "/api/oidc/dcr/register", big),
		415: request("POST", "/api/oidc/dcr/register", "x"),
		421: "GET /api/oidc/userinfo HTTP/1.1\r\nHost: evil.test\r\n\r\n",
		400: get("/api/oidc/userinfo", "A: b\r\n c"),
		204: request("OPTIONS", "/api/oidc/userinfo", "", "Origin: https://app.test", "Access-Control-Request-Method: GET"),
	} {
		a := g.ask(t, raw)
		if a.StatusCode != status || a.Header.Get("Access-Control-Allow-Origin") != "*" ||
			a.Header.Get("Access-Control-Expose-Headers") != "WWW-Authenticate, DPoP-Nonce, Retry-After, ETag, Ostiary-Decision-Id" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("want %d: %d %v", status, a.StatusCode, a.Header)
		}
	}
	for _, raw := range []string{
		get("/api/admin/clients/c1", "Origin: https://app.test"), get("/files/a", "Origin: https://app.test"), get("/api/oidc/nope", "Origin: https://app.test"),
		request("OPTIONS", "/api/admin/clients", "", "Origin: https://app.test", "Access-Control-Request-Method: POST"),
	} {
		if a := g.ask(t, raw); slices.ContainsFunc(names(a), func(name string) bool { return strings.HasPrefix(name, "Access-Control") }) {
			t.Errorf("%q: %v", raw, a.Header)
		}
	}
	a := g.ask(t, request("OPTIONS", "/api/oidc/dcr/register/c1", "", "Access-Control-Request-Method: PUT"))
	if a.Header.Get("Access-Control-Allow-Methods") != "GET, PUT" || !strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Authorization") || a.Header.Get("Access-Control-Max-Age") == "" {
		t.Errorf("preflight: %v", a.Header)
	}
}

func names(a answer) []string {
	var list []string
	for name := range a.Header {
		list = append(list, name)
	}
	return list
}

func TestSecurityFields(t *testing.T) {
	g := start(t)
	for path, csp := range map[string]string{"/api/oidc/userinfo": "", "/api/admin/clients/x": "", "/console/login": "", "/nope": ""} {
		a := g.ask(t, get(path))
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Content-Security-Policy": csp, "Server": "",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	if a := g.ask(t, get("/console/nope")); a.StatusCode != 404 || a.Header.Get("Content-Type") != "text/html; charset=utf-8" || a.Header.Get("Content-Security-Policy") != pagePolicy {
		t.Errorf("error page of an area: %d %v", a.StatusCode, a.Header)
	}
}

// Judged routes: every error answer and every answer to a write carries the id, a successful read does not.
func TestDecisionID(t *testing.T) {
	g := start(t)
	big := strings.Repeat("x", DefaultLimit+1)
	for status, raw := range map[int]string{
		413: request("POST", "/api/oidc/dcr/register", big, "Origin: https://app.test", "User-Agent: curl/8", "X-Request-Id: r-1"),
		415: request("POST", "/api/oidc/dcr/register", "x"),
		405: get("/api/oidc/dcr/register"),
		421: "POST /api/oidc/dcr/register HTTP/1.1\r\nHost: evil.test\r\n\r\n",
		400: request("POST", "/api/oidc/dcr/register", "", "A: b\r\n c"),
	} {
		a := g.ask(t, raw)
		id := a.Header.Get("Ostiary-Decision-Id")
		if a.StatusCode != status || !strings.HasPrefix(id, "d-") || a.member(t, "decision_id") != id {
			t.Errorf("%d, header %q: %s", a.StatusCode, id, a.body)
		}
		refused := g.refusals()
		i := slices.IndexFunc(refused, func(r Refused) bool { return string(r.Decision) == id })
		if i < 0 {
			t.Errorf("%d was not reported", status)
			continue
		}
		if r := refused[i]; status == 413 && (r.Route != "/api/oidc/dcr/register" || r.Method != "POST" || r.Code != "payload_too_large" || r.Detail == "" ||
			r.RemoteIP.String() != "127.0.0.1" || r.Origin != "https://app.test" || r.UserAgent != "curl/8" || r.RequestID != "r-1" || r.At.IsZero()) {
			t.Errorf("reported %+v", r)
		}
	}
	reported := len(g.refusals())
	if a := g.ask(t, request("POST", "/api/oidc/dcr/register", "{}", "Content-Type: application/json")); a.Header.Get("Ostiary-Decision-Id") == "" {
		t.Error("a write's answer lacks the id")
	}
	for _, raw := range []string{get("/api/oidc/dcr/register/c1"), request("HEAD", "/api/oidc/dcr/register/c1", ""), get("/api/oidc/userinfo"), request("POST", "/api/oidc/token", "x")} {
		if a := g.ask(t, raw); a.Header.Get("Ostiary-Decision-Id") != "" || strings.Contains(a.body, "decision_id") {
			t.Errorf("%q carries an id", raw)
		}
	}
	if len(g.refusals()) != reported {
		t.Errorf("reported what was not refused: %+v", g.refusals()[reported:])
	}
}

// One line per request, with the pattern and nothing that could be a secret.
func TestLogLine(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	g := start(t, func(o *Options) {
		o.Now = func() time.Time { now = now.Add(1500 * time.Microsecond); return now }
	})
	a := g.ask(t, request("POST", "/api/oidc/token?client_secret=hush1", "hush2", "Authorization: Basic hush3", "X-Request-Id: abc-1.2_3"))
	if got := a.Header.Get("X-Request-Id"); got != "abc-1.2_3" {
		t.Errorf("request id %q", got)
	}
	log := g.log()
	want := `{"time":"2026-11-20T10:00:00.003Z","level":"INFO","msg":"request","method":"POST","route":"/api/oidc/token","status":415,"bytes":` +
		fmt.Sprint(len(a.body)) + `,"duration_us":1500,"remote_ip":"127.0.0.1","request_id":"abc-1.2_3","code":"unsupported_media_type"}` + "\n"
	if log != want {
		t.Errorf("logged\n%swant\n%s", log, want)
	}
	g.ask(t, get("/nope/hush4?hush5"))
	g.ask(t, request("BREW", "/api/oidc/token", ""))
	log = g.log()
	if strings.Contains(log, "hush") || strings.Contains(log, "BREW") || strings.Count(log, `"route":"unmatched"`) != 2 || strings.Count(log, `"method":"OTHER"`) != 1 {
		t.Errorf("logged\n%s", log)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if d := (Done{"/api/oidc/token", "POST", 415, len(a.body), 1500 * time.Microsecond}); len(g.done) != 3 || g.done[0] != d {
		t.Errorf("reported %+v", g.done)
	}
}

// The lines that are written ready made are those that slog would write.
func TestLinesAreThoseOfSlog(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 120_000_000, time.FixedZone("", 3600))
	const id = "X-Request-Id: id-@"
	var logs []string
	for _, handler := range []func(io.Writer) slog.Handler{
		func(w io.Writer) slog.Handler { return NewJSONLog(w, nil) },
		func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	} {
		sink, ticks := &rig{}, atomic.Int64{}
		g := start(t, func(o *Options) {
			o.Log = slog.New(handler(sink))
			o.Now = func() time.Time { return noon.Add(time.Duration(ticks.Add(1234567))) }
		})
		for i, raw := range []string{
			request("GET", "/files/a", "", id), request("GET", "/api/oidc/userinfo", "", id), request("GET", "/nowhere", "", id),
			request("GET", "/broken", "", id), request("GET", "/panic", "", id), request("FOO", "/files/a", "", id),
			request("POST", "/api/oidc/dcr/register", "{}", id, "Content-Type: application/json"),
		} {
			g.ask(t, strings.ReplaceAll(raw, "@", strconv.Itoa(i)))
		}
		logs = append(logs, sink.log())
	}
	stackAndID := regexp.MustCompile(`"stack":"[^"]*(\\"[^"]*)*"|"decision_id":"[^"]*"`)
	for i, log := range logs {
		logs[i] = stackAndID.ReplaceAllString(log, "")
	}
	if logs[0] != logs[1] || strings.Count(logs[0], "\n") != 7 {
		t.Errorf("ready made:\n%s\nslog:\n%s", logs[0], logs[1])
	}
}

func TestLogLevel(t *testing.T) {
	g := start(t)
	g.Server.log = slog.NewJSONHandler(g, &slog.HandlerOptions{Level: slog.LevelError})
	g.ask(t, get("/files/a"))
	g.ask(t, get("/broken"))
	if log := g.log(); strings.Contains(log, "/files") || !strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("logged %s", log)
	}
}

// The cause of a refusal is for whoever debugs.
func TestCauseOfARefusal(t *testing.T) {
	g := start(t, func(o *Options) {
		o.Routes = []Route{{Method: "GET", Path: "/x", Handler: failing(core.Fail(core.InvalidToken, "No.", errors.New("bad signature")))}}
	})
	g.ask(t, get("/x"))
	if strings.Contains(g.log(), "bad signature") {
		t.Errorf("logged %s", g.log())
	}
	g.Server.log = slog.NewJSONHandler(g, &slog.HandlerOptions{Level: slog.LevelDebug})
	if a := g.ask(t, get("/x")); strings.Contains(a.body, "signature") || !strings.Contains(g.log(), `"cause":"bad signature"`) {
		t.Errorf("said %s, logged %s", a.body, g.log())
	}
}

func TestRequestID(t *testing.T) {
	g := start(t)
	minted := map[string]bool{}
	for _, sent := range []string{"", "a b", "a\"b", "\xc3\xa9", strings.Repeat("a", 65), "a\tb", "<a>"} {
		id := g.ask(t, get("/files/a", "X-Request-Id: "+sent)).Header.Get("X-Request-Id")
		if id == "" || id == sent || minted[id] {
			t.Errorf("%q became %q", sent, id)
		}
		minted[id] = true
	}
	if id := g.ask(t, get("/files/a", "X-Request-Id: "+strings.Repeat("a", 64))).Header.Get("X-Request-Id"); id != strings.Repeat("a", 64) {
		t.Errorf("a plain id became %q", id)
	}
}

// X-Forwarded-For is believed only as far as trusted proxies wrote it.
func TestTrustedProxies(t *testing.T) {
	trusted := func(o *Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	}
	near, far := start(t, trusted), start(t)
	for _, c := range []struct {
		sent []string
		want string
	}{
		{nil, "127.0.0.1"},
		{[]string{"203.0.113.7"}, "203.0.113.7"},
		{[]string{"6.6.6.6, 203.0.113.7"}, "203.0.113.7"},
		{[]string{"6.6.6.6", "203.0.113.7, 10.1.1.1"}, "203.0.113.7"},
		{[]string{"10.9.9.9, 10.1.1.1"}, "10.9.9.9"},
		{[]string{"2001:db8::1"}, "2001:db8::1"},
		{[]string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		{[]string{"6.6.6.6, unknown, 10.1.1.1"}, "10.1.1.1"},
		{[]string{"evil"}, "127.0.0.1"},
		{[]string{"203.0.113.7:4711"}, "203.0.113.7"},
		{[]string{""}, "127.0.0.1"},
	} {
		var header []string
		for _, value := range c.sent {
			header = append(header, "X-Forwarded-For: "+value)
		}
		if a := near.ask(t, get("/files/a", header...)); !strings.Contains(a.body, "|"+c.want+"|") {
			t.Errorf("%q: %s, want %s", c.sent, a.body, c.want)
		}
		if a := far.ask(t, get("/files/a", header...)); !strings.Contains(a.body, "|127.0.0.1|") {
			t.Errorf("%q from an untrusted peer: %s", c.sent, a.body)
		}
	}
}

// With Forwarded (RFC 7239) it is the same, and X-Forwarded-For, which the proxy does not write, counts for nothing.
func TestForwarded(t *testing.T) {
	near := start(t, func(o *Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
		o.ForwardedHeader = Forwarded
	})
	for _, c := range []struct {
		sent []string
		want string
	}{
		{nil, "127.0.0.1"},
		{[]string{"for=203.0.113.7"}, "203.0.113.7"},
		{[]string{"For=6.6.6.6, for=203.0.113.7;proto=https;by=10.0.0.1"}, "203.0.113.7"},
		{[]string{"for=6.6.6.6", `proto=https; for = "203.0.113.7:4711", for=10.1.1.1`}, "203.0.113.7"},
		{[]string{`for="[2001:db8::1]:4711"`}, "2001:db8::1"},
		{[]string{`for="[::ffff:203.0.113.7]"`}, "203.0.113.7"},
		{[]string{`for=6.6.6.6;host="a,for=7.7.7.7"`}, "6.6.6.6"},
		{[]string{`for=6.6.6.6;host="a\",for=7.7.7.7"`}, "6.6.6.6"},
		{[]string{"for=6.6.6.6, for=unknown, for=10.1.1.1"}, "10.1.1.1"},
		{[]string{"for=_hidden"}, "127.0.0.1"},
		{[]string{"for=6.6.6.6;for=7.7.7.7"}, "127.0.0.1"},
		{[]string{"proto=https"}, "127.0.0.1"},
		{[]string{`for="6.6.6.6`}, "127.0.0.1"},
		// The caller leaves a quoted string open, so that what the proxy adds seems to be part of it.
		{[]string{`for=6.6.6.6;x="`, "for=203.0.113.7"}, "203.0.113.7"},
		{[]string{`for=6.6.6.6;x=", for=203.0.113.7`}, "203.0.113.7"},
		{[]string{`for=6.6.6.6;x=", for="[2001:db8::1]:4711"`}, "2001:db8::1"},
		{[]string{`for=6.6.6.6;x="\, for="[2001:db8::1]:4711"`}, "2001:db8::1"},
		{[]string{`for=6.6.6.6, x=", for=10.1.1.1`}, "10.1.1.1"},
	} {
		header := []string{"X-Forwarded-For: 6.6.6.9"}
		for _, value := range c.sent {
			header = append(header, "Forwarded: "+value)
		}
		if a := near.ask(t, get("/files/a", header...)); !strings.Contains(a.body, "|"+c.want+"|") {
			t.Errorf("%q: %s, want %s", c.sent, a.body, c.want)
		}
	}
}

// A head over the read buffer is 431, as OAuth JSON, and the end of the connection.
func TestHeadTooLong(t *testing.T) {
	g := start(t)
	w := g.dial(t)
	w.send("GET /files/a HTTP/1.1\r\nHost: " + site + "\r\nX-A: " + strings.Repeat("a", headLimit) + "\r\n")
	a := w.read("GET")
	if a.StatusCode != 431 || a.member(t, "error") != "invalid_request" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	w.closed()
	if a := g.ask(t, get("/files/a", "X-A: "+strings.Repeat("a", headLimit/2))); a.StatusCode != 200 {
		t.Errorf("half of it: %d", a.StatusCode)
	}
}

// Pipelined requests are answered one by one, in order.
func TestPipelining(t *testing.T) {
	g := start(t)
	w := g.dial(t)
	var raw strings.Builder
	for i := range 20 {
		raw.WriteString(request("PUT", fmt.Sprintf("/api/oidc/dcr/register/c%d", i), strings.Repeat("x", i)))
	}
	w.send(raw.String())
	for i := range 20 {
		if a := w.read("PUT"); !strings.HasPrefix(a.body, fmt.Sprintf("PUT /api/oidc/dcr/register/:client_id|c%d|", i)) || !strings.HasSuffix(a.body, fmt.Sprintf("|%d", i)) {
			t.Fatalf("answer %d: %s", i, a.body)
		}
	}
}

// Everything under the issuer speaks OAuth JSON, everything under the operators' path problems.
func TestAreas(t *testing.T) {
	g := start(t)
	for _, path := range []string{"/api/oidc", "/api/oidc/", "/api/oidc/nope", "/api/oidc/dcr/register/a/b", "/api/oidc/%2e%2e/x", "/nope"} {
		if a := g.ask(t, get(path)); a.StatusCode < 400 || a.member(t, "error") == "" || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	for _, path := range []string{"/api/admin", "/api/admin/nope", "/api/admin/clients", "/api/admin/clients/x", "/api/admin/%2e%2e/x"} {
		a := g.ask(t, get(path))
		v, err := strictjson.Parse([]byte(a.body), strictjson.Default)
		if err != nil {
			t.Errorf("%s: %v: %s", path, err, a.body)
		}
		status, _ := v.Get("status")
		if n, _ := status.Int64(); int(n) != a.StatusCode || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := g.ask(t, get("/api/administrator")); a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("a prefix is not an area: %s", a.Header.Get("Content-Type"))
	}
}

// Whatever a proxy or its caller wrote into Forwarded: an address comes out that can be compared, or none.
func FuzzForwardedFor(f *testing.F) {
	for _, seed := range []string{"for=203.0.113.7", `for="[2001:db8::1]:4711";proto=https`, `for="a\",b";for=6.6.6.6`, `for="[::ffff:1.2.3.4%eth0]"`, "for=", `for="`, "FOR = 1.2.3.4 ", `for=6.6.6.6;x="\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, element string) {
		if got := forwardedFor(element); got.IsValid() && (got.Zone() != "" || got.Is4In6()) {
			t.Errorf("%q: %s", element, got)
		}
		parts, _ := splitOutside(element, ',')
		if strings.Join(parts, ",") != element {
			t.Errorf("%q falls into %q", element, parts)
		}
		for added, want := range map[string]string{"for=203.0.113.7": "203.0.113.7", `for="[2001:db8::1]:4711";proto=https`: "2001:db8::1"} {
			elements := elementsOf(element + ", " + added)
			if got := forwardedFor(elements[len(elements)-1]); got.String() != want {
				t.Errorf("a proxy added %s to %q: %s", added, element, got)
			}
		}
	})
}
