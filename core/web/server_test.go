package web

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// New reports everything that is wrong with the table at once.
func TestNewRefusesABadTable(t *testing.T) {
	_, err := New(Options{Routes: []Route{
		{Method: "GET", Path: "a", Handler: echo},
		{Method: "GET", Path: "/api/oidc/a", Handler: echo},
		{Method: "FETCH", Path: "b", Handler: echo},
		{Method: "GET", Path: "c"},
		{Method: "GET", Path: "/d//e", Handler: echo},
		{Method: "GET", Path: "/d/*/e", Handler: echo},
		{Method: "GET", Path: "/d/x:y", Handler: echo},
		{Method: "GET", Path: "/d e", Handler: echo},
	}, IssuerPath: "/api/oidc"})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"/api/oidc/a: given twice", "FETCH /api/oidc/b: bad method", "/api/oidc/c: no handler", "/d//e: bad path", "/d/*/e: bad path", "/d/x:y: bad path", "/d e: bad path", "no sites"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
		}
	}
	for _, site := range []string{"", "http://a", "a/b", "u@a", "a b"} {
		if _, err := New(Options{Sites: []string{site}}); err == nil {
			t.Errorf("site %q accepted", site)
		}
	}
	if s, err := New(Options{Sites: []string{"a"}}); err != nil {
		t.Errorf("%v, %v", s, err)
	}
}

// The more particular path wins, whatever the order of the table.
func TestParticularPathsWin(t *testing.T) {
	g := start(t, func(o *Options) {
		o.IssuerPath = ""
		o.Routes = []Route{
			{Method: "GET", Path: "*", Handler: echo},
			{Method: "GET", Path: "/a/*", Handler: echo},
			{Method: "GET", Path: "/a/:x/:y", Handler: echo},
			{Method: "GET", Path: "/a/b/:y", Handler: echo},
			{Method: "GET", Path: "/a/b/c", Handler: echo},
			{Method: "GET", Path: "/", Handler: echo},
		}
	})
	for path, want := range map[string]string{"/a/b/c": "/a/b/c", "/a/b/d": "/a/b/:y", "/a/d/e": "/a/:x/:y", "/a/b/c/d": "/a/*", "/z": "/*", "/": "/"} {
		if a := g.ask(t, get(path)); !strings.HasPrefix(a.body, "GET "+want+"|") {
			t.Errorf("%s reached %s", path, a.body)
		}
	}
}

// Shutdown lets what is under way finish, and says so to the client.
func TestShutdownWaitsForHandlers(t *testing.T) {
	entered, leave := make(chan context.Context), make(chan struct{})
	s, err := New(Options{Sites: []string{AnySite}, Routes: []Route{{Method: "GET", Path: "/slow", Handler: func(ctx context.Context, _ *Request) (Response, error) {
		entered <- ctx
		<-leave
		return Text(200, "done"), nil
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	w := (&rig{Server: s, addr: ln.Addr().String()}).dial(t)
	w.send(get("/slow"))
	ctx := <-entered
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
	if ctx.Err() != nil {
		t.Error("the handler was cancelled before its time")
	}
	close(leave)
	if a := w.read("GET"); a.body != "done" || !a.Close {
		t.Errorf("%q, close %t", a.body, a.Close)
	}
	if err := <-stopped; err != nil || ctx.Err() == nil {
		t.Errorf("shutdown: %v; context: %v", err, ctx.Err())
	}
}

// A handler sees the client's certificate.
func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"id.test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	s, err := New(Options{Sites: []string{site}, Routes: []Route{{Method: "GET", Path: "/cert", Handler: func(_ context.Context, r *Request) (Response, error) {
		if held := CallerOf(r).Certificate; held == nil || held.Serial != "1" || !slices.Equal(held.SAN.DNS, []string{"id.test"}) || len(held.SHA256) != 64 {
			return Response{}, fmt.Errorf("the caller has the certificate %+v", held)
		}
		return Response{Body: r.Certificates[0].Raw}, nil
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		served <- s.Serve(tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert}))
	}()
	roots := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(leaf)
	conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "id.test", Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t, conn, bufio.NewReader(conn)}
	w.send(get("/cert", "Connection: close"))
	if a := w.read("GET"); a.body != string(der) {
		t.Errorf("%d: %d bytes", a.StatusCode, len(a.body))
	}
	conn.Close()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// In process, a request walks the same edge: sites, limits, media types, errors and log.
func TestRoundTripper(t *testing.T) {
	g := start(t, func(o *Options) {
		o.Routes = append(o.Routes, Route{Method: "GET", Path: "/inside", Handler: func(_ context.Context, r *Request) (Response, error) {
			return Response{Body: fmt.Append(nil, r.InProcess)}, nil
		}})
	})
	trip := g.RoundTripper()
	send := func(method, url, contentType, body string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", contentType)
		res, err := trip.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(text)
	}
	const root = "http://" + site
	for _, c := range []struct {
		method, url, contentType, body string
		status                         int
		want                           string
	}{
		{"POST", root + "/api/oidc/token?a=b", "application/x-www-form-urlencoded", "x=y", 200, "POST /api/oidc/token||a=b|127.0.0.1|3"},
		{"GET", root + "/files/a%20b", "", "", 200, "GET /files/*|a b||127.0.0.1|0"},
		{"POST", root + "/api/oidc/token", "text/plain", "x=y", 415, "unsupported_media_type"},
		{"POST", root + "/api/oidc/token", "application/x-www-form-urlencoded", strings.Repeat("x", 1<<20), 413, "payload_too_large"},
		{"GET", "http://evil.test/files/a", "", "", 421, "misdirected_request"},
		{"GET", root + "/panic", "", "", 500, "server_error"},
		{"GET", root + "/inside", "", "", 200, "true"},
	} {
		res, body := send(c.method, c.url, c.contentType, c.body)
		if res.StatusCode != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.url, res.StatusCode, body)
		}
	}
	if n := strings.Count(g.log(), "\n"); n != 7 {
		t.Errorf("%d log lines", n)
	}
	if a := g.ask(t, "GET /inside HTTP/1.1\r\nHost: "+site+"\r\n\r\n"); a.body != "false" {
		t.Errorf("by a socket: %+v", a)
	}
}

// A caller that gives up is not kept waiting by a handler that does not.
func TestRoundTripperIsCancelled(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	g := start(t, func(o *Options) {
		o.Routes = []Route{{Method: "GET", Path: "/slow", Handler: func(context.Context, *Request) (Response, error) {
			close(entered)
			<-leave
			return NoContent(), nil
		}}}
	})
	defer close(leave)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+site+"/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-entered
		cancel()
	}()
	if res, err := g.RoundTripper().RoundTrip(req); err != context.Canceled {
		t.Errorf("%v, %v", res, err)
	}
}

// A signal may come before the listener.
func TestServeAfterShutdown(t *testing.T) {
	s, err := New(Options{Routes: table(), IssuerPath: "/api/oidc", Sites: []string{site}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	select {
	case err := <-served:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("it serves")
	}
}

// Response values do not share their fields.
func TestResponseWith(t *testing.T) {
	base := JSON(200, []byte("{}")).With("A", "1")
	one, two := base.With("B", "1"), base.With("C", "2")
	if !one.has("b") || one.has("c") || two.has("b") || !two.has("C") || base.has("B") {
		t.Errorf("%v %v %v", base, one, two)
	}
	if r := SeeOther("/x"); r.Status != 303 || r.Header[0] != (Header{"Location", "/x"}) {
		t.Errorf("%+v", r)
	}
	if r := HTML(200, nil); r.ContentType != "text/html; charset=utf-8" {
		t.Errorf("%+v", r)
	}
}

// A handler's fields replace the edge's own, may repeat, and cannot break the head.
func TestHandlerFields(t *testing.T) {
	g := start(t, func(o *Options) {
		o.Routes = []Route{{Method: "GET", Path: "/x", Handler: func(context.Context, *Request) (Response, error) {
			return Text(200, "").With("Cache-Control", "public, max-age=60").With("Set-Cookie", "a=1; Path=/").With("Set-Cookie", "b=2").
				With("WWW-Authenticate", "x").With("X-Split", "a\r\nX-Injected: b"), nil
		}}}
	})
	w := g.dial(t)
	w.send(get("/x", "Connection: close"))
	raw, err := io.ReadAll(w.in)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\r\nCache-Control: public, max-age=60\r\n", "\r\nSet-Cookie: a=1; Path=/\r\n", "\r\nSet-Cookie: b=2\r\n", "\r\nWWW-Authenticate: x\r\n"} {
		if !bytes.Contains(raw, []byte(want)) {
			t.Errorf("lacks %q:\n%s", want, raw)
		}
	}
	if bytes.Contains(raw, []byte("no-store")) || bytes.Contains(raw, []byte("\nX-Injected")) {
		t.Errorf("%s", raw)
	}
}

// A fault while a request is taken in is answered, too, and ends neither the server nor the next request.
func TestFaultWhileTakingIn(t *testing.T) {
	var broken atomic.Bool
	g := start(t, func(o *Options) {
		o.Now = func() time.Time {
			if broken.CompareAndSwap(true, false) {
				panic("no time")
			}
			return time.Now()
		}
	})
	broken.Store(true)
	if a := g.ask(t, get("/files/alive")); a.StatusCode != 500 || !a.Close {
		t.Errorf("status %d, close %t: %s", a.StatusCode, a.Close, a.body)
	}
	if a := g.ask(t, get("/files/alive")); a.StatusCode != 200 {
		t.Errorf("afterwards: status %d: %s", a.StatusCode, a.body)
	}
}
