package web

import (
	"strings"
	"testing"
	"time"
)

// smuggled is put behind every bad request: it must never be answered.
const smuggled = "GET /files/smuggled HTTP/1.1\r\nHost: " + site + "\r\n\r\n"

// Two readers could disagree where each of these ends: the answer is a refusal and the end of the connection.
func TestBadFramingClosesTheConnection(t *testing.T) {
	g := start(t, func(o *Options) { o.ReadTimeout = 2 * time.Second })
	const path = "POST /api/oidc/token HTTP/1.1\r\n"
	const host = "Host: " + site + "\r\n"
	for _, c := range []struct {
		name, raw string
		status    int
	}{
		{"content-length and chunked", path + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"chunked and content-length", path + host + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
		{"chunked twice", path + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"chunked twice in a list", path + host + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501},
		{"transfer-encoding on 1.0", "POST /api/oidc/token HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"unknown coding", path + host + "Transfer-Encoding: gzip\r\n\r\n", 501},
		{"unknown coding in a list", path + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
		{"identity coding", path + host + "Transfer-Encoding: identity\r\n\r\n", 501},
		{"identity coding with length", path + host + "Transfer-Encoding: identity\r\nContent-Length: 2\r\n\r\nhi", 400},
		{"vertical tab before chunked", path + host + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400},
		{"two lengths", path + host + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400},
		{"two different lengths", path + host + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", 400},
		{"length list", path + host + "Content-Length: 2, 2\r\n\r\nhi", 400},
		{"negative length", path + host + "Content-Length: -2\r\n\r\nhi", 400},
		{"signed length", path + host + "Content-Length: +2\r\n\r\nhi", 400},
		{"hex length", path + host + "Content-Length: 0x2\r\n\r\nhi", 400},
		{"overflowing length", path + host + "Content-Length: 99999999999999999999999\r\n\r\nhi", 400},
		{"empty length", path + host + "Content-Length: \r\n\r\nhi", 400},
		{"two hosts", path + host + host + "\r\n", 400},
		{"two different hosts", path + host + "Host: evil.test\r\n\r\n", 400},
		{"no host", path + "Accept: */*\r\n\r\n", 400},
		{"no headers", path + "\r\n", 400},
		{"bare LF behind a header", path + host + "Accept: a\nX-A: b\r\n\r\n", 400},
		{"bare LF everywhere", "GET / HTTP/1.1\nHost: " + site + "\n\n", 400},
		{"bare LF at the end", path + host + "Accept: a\r\n\n", 400},
		{"bare CR in a value", path + host + "Accept: a\rX-A: b\r\n\r\n", 400},
		{"NUL in a value", path + host + "Accept: a\x00b\r\n\r\n", 400},
		{"control in a value", path + host + "Accept: a\x01b\r\n\r\n", 400},
		{"DEL in a value", path + host + "Accept: a\x7fb\r\n\r\n", 400},
		{"folded header", path + host + "Accept: a\r\n b\r\n\r\n", 400},
		{"folded header by tab", path + host + "Accept: a\r\n\tb\r\n\r\n", 400},
		{"folded length", path + host + "Content-Length:\r\n 5\r\n\r\nhello", 400},
		{"folded first header", path + " Accept: a\r\n" + host + "\r\n", 400},
		{"space before the colon", path + host + "Content-Length : 2\r\n\r\nhi", 400},
		{"space in a name", path + host + "Content Length: 2\r\n\r\nhi", 400},
		{"name with parentheses", path + host + "X(a): 2\r\n\r\n", 400},
		{"no name", path + host + ": 2\r\n\r\n", 400},
		{"no colon", path + host + "Content-Length 2\r\n\r\n", 400},
		{"two content types", path + host + "Content-Type: application/json\r\nContent-Type: text/plain\r\n\r\n", 400},
		{"two authorizations", path + host + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400},
		{"version 2.0", "POST /api/oidc/token HTTP/2.0\r\n" + host + "\r\n", 505},
		{"version 1.2", "POST /api/oidc/token HTTP/1.2\r\n" + host + "\r\n", 505},
		{"no version", "POST /api/oidc/token\r\n" + host + "\r\n", 400},
		{"two spaces", "POST  /api/oidc/token HTTP/1.1\r\n" + host + "\r\n", 400},
		{"NUL in the target", "POST /api/oidc/token\x00 HTTP/1.1\r\n" + host + "\r\n", 400},
		{"trailing space in the version", "POST /api/oidc/token HTTP/1.1 \r\n" + host + "\r\n", 400},
		{"bad chunk size", path + host + "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400},
		{"bare LF after a chunk size", path + host + "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n", 400},
		{"chunk longer than its size", path + host + "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhi\r\n0\r\n\r\n", 400},
		{"signed chunk size", path + host + "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\nhi\r\n0\r\n\r\n", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := g.dial(t)
			w.send(c.raw + smuggled)
			a := w.read("POST")
			if a.StatusCode != c.status || !a.Close {
				t.Errorf("status %d, close %t, want %d and close: %s", a.StatusCode, a.Close, c.status, a.body)
			}
			if got := a.member(t, "error"); got != "invalid_request" {
				t.Errorf("error %q in %s", got, a.body)
			}
			w.closed()
		})
	}
	if strings.Contains(g.log(), "/files/*") {
		t.Errorf("a smuggled request was served:\n%s", g.log())
	}
}

// RFC 9112 §2.2 lets a request line end in a bare LF and fasthttp takes it. Nothing can hide behind that: the next request is
// the next request.
func TestBareLFAfterTheRequestLine(t *testing.T) {
	g := start(t)
	w := g.dial(t)
	w.send("GET /files/one HTTP/1.1\nHost: " + site + "\r\n\r\n" + get("/files/two"))
	for _, want := range []string{"one", "two"} {
		if a := w.read("GET"); !strings.Contains(a.body, "|"+want+"|") {
			t.Errorf("answer %q, want that of %s", a.body, want)
		}
	}
}

// check holds every framing rule by itself, so that no change of fasthttp can open one.
func TestHeadCheck(t *testing.T) {
	for _, c := range []struct {
		head   head
		http11 bool
		status int
	}{
		{"Host: a\r\n\r\n", true, 0},
		{"Host: a\r\nX_A-b.c: \xc3\xa9\t \r\nEmpty:\r\n\r\n", true, 0},
		{"Host: a\r\nTransfer-Encoding: Chunked\r\n\r\n", true, 0},
		{"", false, 0},
		{"", true, 400},
		{"Host: a\r\nHost: a\r\n\r\n", true, 400},
		{"Host: a\nX: b\r\n\r\n", true, 400},
		{"Host: a\r\nX: b\n\r\n", true, 400},
		{"Host: a\r\nX: b\r\n\n", true, 400},
		{"Host: a\r\n\r\nX: b\r\n\r\n", true, 400},
		{"Host: a\r\nX: b", true, 400},
		{"Host: a\r\n X: b\r\n\r\n", true, 400},
		{"Host: a\r\nX : b\r\n\r\n", true, 400},
		{"Host: a\r\nX: \x00\r\n\r\n", true, 400},
		{"Host: a\r\nX: \x7f\r\n\r\n", true, 400},
		{"Host: a\r\nX: a\rb\r\n\r\n", true, 400},
		{"Host: a\r\nX\xc3: a\r\n\r\n", true, 400},
		{"Host: a\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n", true, 400},
		{"Host: a\r\nContent-Length: 1\r\ntransfer-encoding: chunked\r\n\r\n", true, 400},
		{"Host: a\r\nTransfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n", true, 400},
		{"Host: a\r\nTransfer-Encoding: chunked\r\n\r\n", false, 400},
		{"Host: a\r\nTransfer-Encoding: xchunked\r\n\r\n", true, 501},
		{"Host: a\r\nTransfer-Encoding:\r\n\r\n", true, 501},
	} {
		status := 0
		if _, r := c.head.check(c.http11); r != nil {
			status = r.statusCode()
			if !r.close {
				t.Errorf("%q: the connection stays open", c.head)
			}
		}
		if status != c.status {
			t.Errorf("%q: status %d, want %d", c.head, status, c.status)
		}
	}
}

// FuzzHead: what passes check reads back as the same fields, none of them folded or hidden.
func FuzzHead(f *testing.F) {
	f.Add("Host: a\r\nX: b\r\n\r\n")
	f.Add("Host: a\r\nX:  b \t\r\nY:\r\n\r\n")
	f.Add("Host:a\nX: b\r\n\r\n")
	f.Fuzz(func(t *testing.T, raw string) {
		h := head(raw)
		if _, bad := h.check(true); bad != nil {
			return
		}
		if len(h.all("Host")) != 1 {
			t.Fatalf("%q passed without one Host", raw)
		}
		fields := 0
		for rest := h; rest != ""; fields++ {
			var name, value string
			if name, value, rest = rest.line(); strings.ContainsAny(name+value, "\r\n\x00") {
				t.Fatalf("%q: field %q: %q", raw, name, value)
			}
		}
		if lines := strings.Count(raw, "\n"); lines != fields {
			t.Fatalf("%q: %d lines read as %d fields", raw, lines, fields)
		}
	})
}

// A head that ends only in LF never ends for us: the connection times out.
func TestUnfinishedHead(t *testing.T) {
	g := start(t, func(o *Options) { o.ReadTimeout = 50 * time.Millisecond })
	for _, raw := range []string{"GET / HTTP/1.1\nHost: " + site + "\n\n", "GET / HTTP/1.1\r\nHost: ", "POST /api/oidc/token HTTP/1.1\r\nHost: " + site + "\r\nContent-Length: 10\r\n\r\nabc"} {
		w := g.dial(t)
		w.send(raw)
		if a := w.read("GET"); a.StatusCode != 408 {
			t.Errorf("%q: status %d", raw, a.StatusCode)
		}
		w.closed()
	}
}
