package web

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// On one connection the same head is answered the same each time, but for its id, whatever else comes between.
func TestTheSameHeadAgain(t *testing.T) {
	var kept []*Request
	g := start(t, func(o *Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		o.Routes = append(o.Routes, Route{Method: "GET", Path: "/fixed", Handler: func(ctx context.Context, r *Request) (Response, error) {
			kept = append(kept, r)
			answer, err := echo(ctx, r)
			return answer.With("X-Seen", r.Host+" "+r.Header("X-A")+" "+r.Header("Authorization")), err
		}})
	})
	w := g.dial(t)
	ask := func(raw string, status int, body, seen string) {
		t.Helper()
		w.send(raw)
		method, _, _ := strings.Cut(raw, " ")
		if a := w.read(method); a.StatusCode != status || !strings.HasPrefix(a.body, body) || a.Header.Get("X-Seen") != seen {
			t.Errorf("%q: %d %q, %q", raw, a.StatusCode, a.body, a.Header.Get("X-Seen"))
		}
	}
	for range 2 {
		for range 3 {
			ask(get("/fixed?q", "X-A: 1", "X-Forwarded-For: 203.0.113.7"), 200, "GET /fixed||q|203.0.113.7|0", site+" 1")
			ask(get("/fixed?q", "X-A: 1", "X-Forwarded-For: 203.0.113.7"), 200, "GET /fixed||q|203.0.113.7|0", site+" 1")
			ask(get("/fixed?q", "X-A: 2", "Authorization: Bearer t"), 200, "GET /fixed||q|127.0.0.1|0", site+" 2 Bearer t")
			ask(get("/fixed?p", "X-A: 2", "Authorization: Bearer t"), 200, "GET /fixed||p|127.0.0.1|0", site+" 2 Bearer t")
			ask(request("HEAD", "/fixed?p", "", "X-A: 2", "Authorization: Bearer t"), 200, "", site+" 2 Bearer t")
			ask(request("DELETE", "/fixed?p", "", "X-A: 2", "Authorization: Bearer t"), 405, "", "")
			ask(get("/fixed?p", "X-A: 2", "Authorization: Bearer t"), 200, "GET /fixed||p|127.0.0.1|0", site+" 2 Bearer t")
			ask(strings.ReplaceAll(get("/fixed"), site, "evil.test"), 421, "", "")
			ask(strings.ReplaceAll(get("/fixed"), site, "evil.test"), 421, "", "")
			ask(get("/fixed", "Content-Encoding: gzip"), 415, "", "")
			ask(get("/fixed", "Content-Length: 2")+"ab", 200, "GET /fixed|||127.0.0.1|2", site)
			ask(get("/fixed", "Content-Length: 2")+"cd", 200, "GET /fixed|||127.0.0.1|2", site)
		}
	}
	ids := map[string]bool{}
	for i, r := range kept {
		if r.Start.IsZero() || ids[r.ID] || r.ID == "" || i > 0 && r == kept[i-1] {
			t.Errorf("request %d: %+v", i, r)
		}
		ids[r.ID] = true
	}
	if n := strings.Count(g.log(), "\n"); n != 6*12 || len(kept) != 6*8 {
		t.Errorf("%d lines, %d handled", n, len(kept))
	}
}

// What is remembered is one short head of a plain GET: nothing that was refused, long or of a path with parameters.
func TestWhatAConnectionRemembers(t *testing.T) {
	g := start(t)
	for _, c := range []struct {
		raw        string
		remembered bool
	}{
		{get("/console/login"), true},
		{get("/console/login", "X-A: "+strings.Repeat("a", againLimit)), false},
		{get("/files/a"), false},
		{get("/nope"), false},
		{request("POST", "/api/oidc/token", "a=b"), false},
		{strings.Replace(get("/console/login"), "1.1", "1.0", 1), false},
		{get("/console/login", "Host: "+site), false},
		{strings.ReplaceAll(get("/console/login"), site, "evil.test"), false},
	} {
		near, far := net.Pipe()
		connection := &conn{Conn: far}
		served := make(chan error, 1)
		go func() { served <- g.app.Server().ServeConn(connection) }()
		if _, err := near.Write([]byte(strings.Replace(c.raw, "\r\n", "\r\nConnection: close\r\n", 1))); err != nil {
			t.Fatal(err)
		}
		var answer fasthttp.Response
		if err := answer.Read(bufio.NewReader(near)); err != nil || answer.StatusCode() == http.StatusInternalServerError {
			t.Errorf("%q: %d, %v", c.raw, answer.StatusCode(), err)
		}
		<-served // its error is what fasthttp refused
		if got := connection.last != nil; got != c.remembered {
			t.Errorf("%.60q: remembered %t", c.raw, got)
		}
	}
}
