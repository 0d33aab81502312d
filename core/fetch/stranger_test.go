package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// answers is a Resolver that answers one list after the other, the last one for ever.
type answers struct {
	lists [][]string
	asked atomic.Int64
}

func (a *answers) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	i := min(int(a.asked.Add(1)), len(a.lists)) - 1
	var addrs []netip.Addr
	for _, text := range a.lists[i] {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs, nil
}

// resolves gives a Resolver for which every name has these addresses.
func resolves(addrs ...string) *answers { return &answers{lists: [][]string{addrs}} }

// canary listens on loopback and counts who connects.
func canary(t *testing.T) (port string, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	connections = &atomic.Int64{}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			conn.Close()
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port, connections
}

// site is an https server for "example.com" on loopback, with a Stranger that may reach it.
func site(t *testing.T, handler http.HandlerFunc, change func(*StrangerOptions)) (*Stranger, string) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	trust := x509.NewCertPool()
	trust.AddCert(server.Certificate())
	opt := StrangerOptions{
		Allow:    []Rule{{Host: "example.com", Port: uint16(port)}},
		TrustCA:  trust,
		Resolver: resolves("127.0.0.1"),
		Timeout:  20 * time.Second,
		Remember: -1,
	}
	if change != nil {
		change(&opt)
	}
	s, err := NewStranger(opt)
	if err != nil {
		t.Fatal(err)
	}
	return s, "https://example.com:" + u.Port()
}

func TestGetReadsADocument(t *testing.T) {
	s, address := site(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		fmt.Fprintf(w, "%s %s %s %q", r.Method, r.URL, r.Host, r.Header.Get("Accept-Encoding"))
	}, nil)
	body, kind, err := s.Get(t.Context(), "jwks", address+"/a?b=c#fragment")
	want := fmt.Sprintf("GET /a?b=c %s %q", strings.TrimPrefix(address, "https://"), "identity")
	if err != nil || string(body) != want || kind != "application/jwk-set+json" {
		t.Errorf("%q, %s, %v; want %q", body, kind, err, want)
	}
}

// Every known way of writing an inner address, with a resolver that understands all of them.
func TestRefusedSpellings(t *testing.T) {
	port, connections := canary(t)
	hosts := []string{
		"127.0.0.1", "127.0.0.1.", "127.0.1", "127.1", "2130706433", "017700000001", "0177.0.0.1", "0177.0.0.01", "0x7f.0.0.1",
		"0x7f.1", "0x7f000001", "0X7F000001", "127.0.0.0x1", "127.255.255.254", "0.0.0.0", "0", "0x0", "00000000177.1",
		"localhost", "LOCALHOST", "localhost.", "anything.example", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]",
		"[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]",
		"[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]", "[::1%25lo]", "[fd00:ec2::254]",
		"10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "[::ffff:169.254.169.254]", "2852039166",
		"192.0.0.192", "198.18.0.1", "203.0.113.1", "224.0.0.1", "255.255.255.255", "user@127.0.0.1", "example.com@127.0.0.1",
		"１２７.0.0.1", "127。0。0。1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "%31%32%37.0.0.1", "127.0.0.1%00.example.com", "exam ple.com", "example.com\\@127.0.0.1",
		"-", ".", "..", "a..b", "", "*", "xn--", strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 130) + "com",
	}
	s, err := NewStranger(StrangerOptions{Resolver: resolves("127.0.0.1"), Remember: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range hosts {
		if _, _, err := s.Get(t.Context(), "jwks", "https://"+host+":"+port+"/"); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, address := range []string{
		"", "/", "example", "//127.0.0.1:" + port, "http://127.0.0.1:" + port, "http://example.com/", "ftp://127.0.0.1:" + port,
		"file:///etc/passwd", "data:,x", "gopher://127.0.0.1:" + port, "https:127.0.0.1", "https:///path", "https://127.0.0.1:0/",
		"https://127.0.0.1:65536/", "https://127.0.0.1:x/", "https://127.0.0.1:" + port + "#@example.com/", "https://a:b@example.com/",
		" https://example.com/", "https://example.com/\r\nHost: x", "https://example.com/" + strings.Repeat("x", 2048),
	} {
		if _, _, err := s.Get(t.Context(), "jwks", address); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("the canary was reached %d times", n)
	}
}

// One inner address among good ones refuses the name: whoever publishes it hopes for the other one.
func TestOneBadAddressRefusesTheName(t *testing.T) {
	reached := false
	s, address := site(t, func(http.ResponseWriter, *http.Request) { reached = true }, func(o *StrangerOptions) {
		o.Resolver = resolves("127.0.0.1", "169.254.169.254")
	})
	if _, _, err := s.Get(t.Context(), "jwks", address); !errors.Is(err, ErrRefused) || reached {
		t.Errorf("%v, reached %t", err, reached)
	}
}

// A name that answers differently the second time is asked only once: what was checked is what is dialled.
func TestNameIsLookedUpOnce(t *testing.T) {
	flips := &answers{lists: [][]string{{"127.0.0.1"}, {"169.254.169.254"}}}
	s, address := site(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }, func(o *StrangerOptions) {
		o.Resolver = flips
	})
	if _, _, err := s.Get(t.Context(), "jwks", address); err != nil || flips.asked.Load() != 1 {
		t.Errorf("%v after %d lookups", err, flips.asked.Load())
	}
	if _, _, err := s.Get(t.Context(), "jwks", address); !errors.Is(err, ErrRefused) {
		t.Errorf("the second request: %v", err)
	}
}

// The last check is at the socket: it knows the address that is really dialled.
func TestSocketIsChecked(t *testing.T) {
	s, err := NewStranger(StrangerOptions{Allow: []Rule{{Host: "10.0.0.1"}}})
	if err != nil {
		t.Fatal(err)
	}
	check := s.control(target{scheme: "https", host: "example.com", port: 443})
	for address, want := range map[string]bool{
		"8.8.8.8:443": true, "10.0.0.1:443": true, "[::ffff:8.8.8.8]:443": true,
		"127.0.0.1:443": false, "10.0.0.2:443": false, "[::1]:443": false, "8.8.8.8:22": false, "8.8.8.8": false, "x:443": false,
	} {
		if got := check(t.Context(), "tcp", address, nil) == nil; got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
	// and the dialler uses it
	port, connections := canary(t)
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	to := target{scheme: "https", host: "example.com", port: uint16(n)}
	if conn, err := s.dial(t.Context(), to, []netip.Addr{netip.MustParseAddr("127.0.0.1")}); !errors.Is(err, ErrRefused) {
		t.Errorf("%v, %v", conn, err)
	}
	if connections.Load() != 0 {
		t.Error("the canary was reached")
	}
}

func TestRefusedAnswers(t *testing.T) {
	port, connections := canary(t)
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:"+port)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:"+port)
	var packed bytes.Buffer
	bomb := gzip.NewWriter(&packed)
	if _, err := bomb.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	bomb.Close()
	for name, handler := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:"+port+"/")
			w.WriteHeader(http.StatusFound)
		},
		"not found":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"no content": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"packed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		},
		"too long":         func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, MaxStrangerBody+1)) },
		"headers too long": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 80<<10)) },
		"shorter than said": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			fmt.Fprint(w, "1")
		},
		"connection dropped": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		s, address := site(t, handler, nil)
		if body, _, err := s.Get(t.Context(), "jwks", address); !errors.Is(err, ErrFailed) || body != nil {
			t.Errorf("%s: %d bytes, %v", name, len(body), err)
		}
	}
	if connections.Load() != 0 {
		t.Error("a redirect was followed, or the environment's proxy used")
	}
}

func TestLargestBodyIsAccepted(t *testing.T) {
	s, address := site(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, MaxStrangerBody)) }, nil)
	if body, _, err := s.Get(t.Context(), "jwks", address); err != nil || len(body) != MaxStrangerBody {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

func TestUnknownAuthorityIsAFailure(t *testing.T) {
	s, address := site(t, func(http.ResponseWriter, *http.Request) {}, func(o *StrangerOptions) { o.TrustCA = x509.NewCertPool() })
	if _, _, err := s.Get(t.Context(), "jwks", address); !errors.Is(err, ErrFailed) {
		t.Error(err)
	}
}

// A server that never answers, in the headers or in the middle of the body, costs the timeout and no more.
func TestSlowServerIsLeft(t *testing.T) {
	for _, started := range []bool{false, true} {
		s, address := site(t, func(w http.ResponseWriter, r *http.Request) {
			if started {
				fmt.Fprint(w, "{")
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		}, func(o *StrangerOptions) { o.Timeout = 200 * time.Millisecond })
		if _, _, err := s.Get(t.Context(), "jwks", address); !errors.Is(err, ErrFailed) {
			t.Errorf("started %t: %v", started, err)
		}
	}
}

func TestPlainHTTPNeedsARule(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "plain") }))
	defer server.Close()
	_, text, _ := net.SplitHostPort(server.Listener.Addr().String())
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	allowed, err := NewStranger(StrangerOptions{Allow: []Rule{{Host: "127.0.0.1", Port: uint16(port), Scheme: "http", Purpose: "jwks"}}})
	if err != nil {
		t.Fatal(err)
	}
	if body, _, err := allowed.Get(t.Context(), "jwks", server.URL); err != nil || string(body) != "plain" {
		t.Errorf("%q, %v", body, err)
	}
	if _, _, err := allowed.Get(t.Context(), "logo", server.URL); !errors.Is(err, ErrRefused) {
		t.Errorf("for another purpose: %v", err)
	}
}

func TestFailuresAreRememberedForAWhile(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var asked int
	status := http.StatusInternalServerError
	s, address := site(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(status)
	}, func(o *StrangerOptions) { o.Now, o.Remember = func() time.Time { return now }, 30*time.Second })
	get := func(path string) error {
		_, _, err := s.Get(t.Context(), "jwks", address+path)
		return err
	}
	for range 3 {
		if err := get("/a"); !errors.Is(err, ErrFailed) {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times within the time", asked)
	}
	if _ = get("/b"); asked != 2 {
		t.Error("another address must be asked")
	}
	now = now.Add(30 * time.Second)
	status = http.StatusOK
	if err := get("/a"); err != nil || asked != 3 {
		t.Errorf("after its time: %v, asked %d times", err, asked)
	}
}

// A caller who gives up says nothing about the address.
func TestCallersCancelIsNotRemembered(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	first := true
	s, address := site(t, func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			cancel()
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // what is still written could still be read
		}
		fmt.Fprint(w, "ok")
	}, func(o *StrangerOptions) { o.Remember = time.Hour })
	if _, _, err := s.Get(ctx, "jwks", address); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, _, err := s.Get(t.Context(), "jwks", address); err != nil {
		t.Error(err)
	}
}

func TestFailureMemoryIsBounded(t *testing.T) {
	now := time.Unix(0, 0)
	f := failures{now: func() time.Time { return now }, ttl: time.Hour, list: map[string]failure{}}
	for i := range maxFailures + 10 {
		now = now.Add(time.Millisecond)
		f.remember(strconv.Itoa(i), ErrFailed)
	}
	if len(f.list) != maxFailures || f.recent("0") != nil || f.recent(strconv.Itoa(maxFailures+9)) == nil {
		t.Errorf("%d remembered", len(f.list))
	}
}

func TestGateHoldsItsBounds(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	g := newGate(3, 2)
	enter := func(ctx context.Context, host string) func() {
		leave, err := g.enter(ctx, host)
		if err != nil {
			return nil
		}
		return leave
	}
	a1, a2 := enter(t.Context(), "a"), enter(t.Context(), "a")
	if a1 == nil || a2 == nil {
		t.Fatal("two places for one host")
	}
	if enter(ended, "a") != nil {
		t.Error("a third request to one host")
	}
	b := enter(t.Context(), "b")
	if enter(ended, "c") != nil {
		t.Error("a fourth request in all")
	}
	a1()
	if a1 = enter(t.Context(), "c"); a1 == nil {
		t.Fatal("a place that was given back is not free")
	}
	a1()
	a2()
	b()
	if len(g.hosts) != 0 || len(g.all) != 0 {
		t.Errorf("%d hosts and %d places are left", len(g.hosts), len(g.all))
	}
}

func FuzzParseTarget(f *testing.F) {
	f.Add("https://example.com:8443/a?b#c")
	f.Add("https://[::1%25lo]/")
	f.Fuzz(func(t *testing.T, address string) {
		to, u, err := parseTarget("jwks", address)
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Error(err)
			}
			return
		}
		again, _, err := parseTarget("jwks", u.String())
		if err != nil || again != to {
			t.Errorf("%q is %+v, written again %+v, %v", address, to, again, err)
		}
	})
}
