package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

const site = "id.test:8080"

// patience bounds every wait of these tests; none of them comes near it.
const patience = 20 * time.Second

// A rig is a running server and what it reported.
type rig struct {
	*Server
	addr string

	mu      sync.Mutex
	lines   strings.Builder
	refused []Refused
	done    []Done
}

func (g *rig) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lines.Write(p)
}

// log is complete for every answer that was read: the line is written first.
func (g *rig) log() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lines.String()
}

func (g *rig) refusals() []Refused {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.refused)
}

// echo answers what a handler can see.
func echo(_ context.Context, r *Request) (Response, error) {
	body := fmt.Sprintf("%s %s|%s|%s|%s|%d", r.Method, r.Route, r.Param("client_id")+r.Param("*"), r.RawQuery, r.RemoteIP, len(r.Body))
	return Text(http.StatusOK, body), nil
}

func failing(err error) Handler {
	return func(context.Context, *Request) (Response, error) { return Response{}, err }
}

func table() []Route {
	return []Route{
		{Method: "GET", Path: ".well-known/openid-configuration", Handler: echo, CORS: true},
		{Method: "POST", Path: "token", Handler: echo, CORS: true, Challenge: Basic, MediaTypes: []string{"application/x-www-form-urlencoded"}},
		{Method: "GET", Path: "userinfo", CORS: true, Challenge: Bearer, Handler: failing(core.Refuse(core.InvalidToken, "The token expired."))},
		{Method: "POST", Path: "dcr/register", Handler: echo, CORS: true, Judged: true, Challenge: Bearer, MediaTypes: []string{"application/json"}},
		{Method: "GET", Path: "dcr/register/:client_id", Handler: echo, CORS: true, Judged: true, Challenge: Bearer},
		{Method: "PUT", Path: "dcr/register/:client_id", Handler: echo, CORS: true, Judged: true, Limit: 100},
		{Method: "POST", Path: "/api/admin/clients", Handler: echo, Face: Operator},
		{Method: "GET", Path: "/api/admin/clients/:client_id", Face: Operator, Handler: failing(core.Refuse(core.NotFound, "No such client."))},
		{Method: "GET", Path: "/console/login", Handler: echo, Face: Page},
		{Method: "GET", Path: "/files/*", Handler: echo, Face: Plain},
		{Method: "GET", Path: "/panic", Face: Plain, Handler: func(context.Context, *Request) (Response, error) { panic("boom") }},
		{Method: "GET", Path: "/broken", Handler: failing(fmt.Errorf("store: %w", errors.New("disk on fire")))},
	}
}

func start(t *testing.T, change ...func(*Options)) *rig {
	t.Helper()
	g := &rig{}
	opt := Options{
		Routes: table(), IssuerPath: "/api/oidc", Sites: []string{site},
		Areas: []Area{{"/api/admin", Operator}, {"/console", Page}},
		Log:   slog.New(NewJSONLog(g, nil)),
		OnRefused: func(_ context.Context, r Refused) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.refused = append(g.refused, r)
		},
		OnDone: func(d Done) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.done = append(g.done, d)
		},
	}
	for _, f := range change {
		f(&opt)
	}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	g.Server = s
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.addr = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return g
}

// A wire is one raw connection.
type wire struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (g *rig) dial(t *testing.T) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &wire{t, conn, bufio.NewReader(conn)}
}

func (w *wire) send(raw string) {
	w.t.Helper()
	w.write([]byte(raw))
}

func (w *wire) write(raw []byte) {
	w.t.Helper()
	if _, err := w.conn.Write(raw); err != nil {
		w.t.Fatalf("send: %v", err)
	}
}

// An answer is a response read to its end.
type answer struct {
	*http.Response
	body string
}

func (w *wire) read(method string) answer {
	w.t.Helper()
	res, err := http.ReadResponse(w.in, &http.Request{Method: method})
	if err != nil {
		w.t.Fatalf("read answer: %v", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("read body: %v", err)
	}
	return answer{res, string(body)}
}

// closed fails unless the server ended the connection without another byte.
func (w *wire) closed() {
	w.t.Helper()
	rest, err := io.ReadAll(w.in)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		w.t.Fatal("connection still open")
	}
	if len(rest) > 0 {
		w.t.Fatalf("more after the last answer: %q", rest)
	}
}

// ask sends one request on a connection of its own.
func (g *rig) ask(t *testing.T, raw string) answer {
	t.Helper()
	w := g.dial(t)
	w.send(raw)
	method, _, _ := strings.Cut(raw, " ")
	return w.read(method)
}

func get(path string, header ...string) string { return request("GET", path, "", header...) }

func request(method, path, body string, header ...string) string {
	head := method + " " + path + " HTTP/1.1\r\nHost: " + site + "\r\n"
	for _, h := range header {
		head += h + "\r\n"
	}
	if body != "" {
		head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return head + "\r\n" + body
}

// member reads one member of a JSON answer.
func (a answer) member(t *testing.T, name string) string {
	t.Helper()
	v, err := strictjson.Parse([]byte(a.body), strictjson.Default)
	if err != nil {
		t.Fatalf("answer is not JSON: %v: %s", err, a.body)
	}
	m, _ := v.Get(name)
	s, _ := m.Text()
	return s
}
