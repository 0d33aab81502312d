package web

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
)

// everyPath is one request line for each route, and paths that no route has.
func everyPath() []string {
	lines := []string{"POST /nope", "POST /api/oidc/nope", "PUT /api/admin/nope", "DELETE /api/oidc/token", "OPTIONS /api/oidc/token", "BREW /api/oidc/token", "POST /api/oidc//token"}
	for _, r := range table() {
		path := r.Path
		if !strings.HasPrefix(path, "/") {
			path = "/api/oidc/" + path
		}
		lines = append(lines, r.Method+" "+strings.NewReplacer(":client_id", "c1", "*", "a/b").Replace(path))
	}
	return lines
}

// 5 MiB to every path: an answer, the end of the connection, little memory, and a server that goes on.
func TestBodyFarOverTheLimit(t *testing.T) {
	g := start(t)
	big := strings.Repeat("x", 5<<20)
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat("x", 64<<10))
	chunked := strings.Repeat(chunk, len(big)/(64<<10)) + "0\r\n\r\n"
	for _, line := range everyPath() {
		method, _, _ := strings.Cut(line, " ")
		for framing, raw := range map[string]string{
			"length":  line + " HTTP/1.1\r\nHost: " + site + "\r\nContent-Type: application/json\r\nContent-Length: 5242880\r\n\r\n" + big,
			"chunked": line + " HTTP/1.1\r\nHost: " + site + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
		} {
			t.Run(line+" "+framing, func(t *testing.T) {
				w, wire := g.dial(t), []byte(raw)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				w.write(wire)
				a := w.read(method)
				runtime.ReadMemStats(&after)
				if a.StatusCode != 413 || !a.Close {
					t.Errorf("status %d, close %t: %s", a.StatusCode, a.Close, a.body)
				}
				if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
					t.Errorf("%d bytes of memory for a body that nobody wanted", used)
				}
				w.closed()
			})
		}
	}
	if a := g.ask(t, get("/files/alive")); a.StatusCode != 200 {
		t.Errorf("afterwards: status %d", a.StatusCode)
	}
}

// A long body of somebody whom the route does not admit is not kept, and the answer says who may send one.
func TestLongBodyOfAStranger(t *testing.T) {
	reached := 0
	g := start(t, func(o *Options) {
		o.Routes = []Route{{
			Method: "PUT", Path: "/in", Limit: 5 << 20, Challenge: Bearer,
			Admit: func(_ context.Context, r *Request) error {
				if r.Header("Authorization") == "" {
					return core.Refuse(core.InvalidToken, "Send a token.")
				}
				return nil
			},
			Handler: func(_ context.Context, r *Request) (Response, error) {
				reached += len(r.Body)
				return NoContent(), nil
			},
		}}
	})
	big := strings.Repeat("x", 5<<20)
	w, wire := g.dial(t), []byte(request("PUT", "/in", big))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w.write(wire)
	a := w.read("PUT")
	runtime.ReadMemStats(&after)
	if a.StatusCode != 401 || reached != 0 {
		t.Errorf("status %d, %d bytes reached the handler: %s", a.StatusCode, reached, a.body)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
		t.Errorf("%d bytes of memory for a body that nobody wanted", used)
	}
	if a := g.ask(t, request("PUT", "/in", big, "Authorization: Bearer x")); a.StatusCode != 204 || reached != len(big) {
		t.Errorf("status %d, %d bytes reached the handler: %s", a.StatusCode, reached, a.body)
	}
}

// A body too long to throw away is not waited for.
func TestHugeAnnouncedBody(t *testing.T) {
	g := start(t)
	w := g.dial(t)
	w.send("POST /api/oidc/token HTTP/1.1\r\nHost: " + site + "\r\nContent-Length: 1099511627776\r\n\r\n" + strings.Repeat("x", 8<<10))
	if a := w.read("POST"); a.StatusCode != 413 || a.member(t, "error") != "payload_too_large" {
		t.Errorf("status %d: %s", a.StatusCode, a.body)
	}
	w.closed()
}

func TestBodyAtTheLimit(t *testing.T) {
	g := start(t)
	for n, want := range map[int]int{0: 200, 99: 200, 100: 200, 101: 413} {
		body := strings.Repeat("x", n)
		chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, body)
		if n == 0 {
			chunked = "0\r\n\r\n"
		}
		for _, raw := range []string{
			request("PUT", "/api/oidc/dcr/register/c1", body),
			"PUT /api/oidc/dcr/register/c1 HTTP/1.1\r\nHost: " + site + "\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
		} {
			a := g.ask(t, raw)
			if a.StatusCode != want || want == 200 && !strings.HasSuffix(a.body, fmt.Sprintf("|%d", n)) {
				t.Errorf("%d bytes: status %d: %s", n, a.StatusCode, a.body)
			}
		}
	}
}

// Whatever becomes of a request, its body is never read as the next one.
func TestBodyIsNeverTheNextRequest(t *testing.T) {
	g := start(t)
	inner := get("/files/inner")
	for _, line := range append(everyPath(), "GET /panic") {
		method, _, _ := strings.Cut(line, " ")
		for _, raw := range []string{
			fmt.Sprintf("%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", line, site, len(inner), inner),
			fmt.Sprintf("%s HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", line, site, len(inner), inner),
			fmt.Sprintf("%s HTTP/1.1\r\nHost: evil.test\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", line, len(inner), inner),
		} {
			w := g.dial(t)
			w.send(raw)
			if first := w.read(method); first.Close {
				w.closed()
				continue
			}
			w.send(get("/files/outer"))
			if a := w.read("GET"); !strings.Contains(a.body, "|outer|") {
				t.Errorf("%s: the next answer was %s", line, a.body)
			}
		}
	}
}

// A body that stops short is refused, however much of it came.
func TestTruncatedBody(t *testing.T) {
	g := start(t)
	for _, n := range []int{0, 10, 9 << 10, 30 << 10} {
		for _, head := range []string{"Content-Length: 40000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n9c40\r\n"} {
			w := g.dial(t)
			w.send("POST /api/admin/clients HTTP/1.1\r\nHost: " + site + "\r\n" + head + strings.Repeat("x", n))
			if err := w.conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if a := w.read("POST"); a.StatusCode != 400 || !a.Close {
				t.Errorf("%d of 40000 bytes: %d, close %t: %s", n, a.StatusCode, a.Close, a.body)
			}
		}
	}
}

// Trailers arrive after the checks; they must not become headers.
func TestTrailersAreNotHeaders(t *testing.T) {
	seen := make(chan []string, 2)
	g := start(t, func(o *Options) {
		o.Routes = []Route{{Method: "POST", Path: "/in", Handler: func(_ context.Context, r *Request) (Response, error) {
			seen <- append(r.HeaderValues("X-Mine"), r.Header("Authorization"), string(r.Body))
			return NoContent(), nil
		}}}
	})
	w := g.dial(t)
	w.send("POST /in HTTP/1.1\r\nHost: " + site + "\r\nTrailer: X-Mine\r\nX-Mine: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Mine: b\r\n\r\n")
	if a := w.read("POST"); a.StatusCode != 204 {
		t.Fatalf("status %d: %s", a.StatusCode, a.body)
	}
	if got := strings.Join(<-seen, ","); got != "a,,hi" {
		t.Errorf("saw %s", got)
	}
	w.send(get("/in"))
	if a := w.read("GET"); a.StatusCode != 405 {
		t.Errorf("the connection is out of step: %d", a.StatusCode)
	}
	w.send("POST /in HTTP/1.1\r\nHost: " + site + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
	if a := w.read("POST"); a.StatusCode == 204 && (<-seen)[0] != "" {
		t.Error("a trailer became the credential")
	}
}

func TestContentTypeAndEncoding(t *testing.T) {
	g := start(t)
	for _, c := range []struct {
		name, path, body string
		header           []string
		status           int
		detail           string
	}{
		{"right type", "/api/oidc/dcr/register", "{}", []string{"Content-Type: application/json"}, 200, ""},
		{"right type with charset", "/api/oidc/dcr/register", "{}", []string{"Content-Type: Application/JSON; charset=utf-8"}, 200, ""},
		{"wrong type", "/api/oidc/dcr/register", "{}", []string{"Content-Type: application/x-www-form-urlencoded"}, 415, "Add the header Content-Type: application/json."},
		{"no type", "/api/oidc/dcr/register", "{}", nil, 415, "Add the header Content-Type: application/json."},
		{"broken type", "/api/oidc/dcr/register", "{}", []string{"Content-Type: application/json; ="}, 415, "Add the header Content-Type: application/json."},
		{"longer type", "/api/oidc/dcr/register", "{}", []string{"Content-Type: application/json-patch+json"}, 415, "Add the header Content-Type: application/json."},
		{"empty", "/api/oidc/dcr/register", "", nil, 200, ""},
		{"any type", "/api/admin/clients", "{}", []string{"Content-Type: text/plain"}, 200, ""},
		{"gzip", "/api/oidc/dcr/register", "x", []string{"Content-Type: application/json", "Content-Encoding: gzip"}, 415, "Send the body without Content-Encoding."},
		{"gzip twice", "/api/oidc/token", "x", []string{"Content-Encoding: gzip, gzip"}, 415, "Send the body without Content-Encoding."},
		{"second field", "/api/oidc/token", "x", []string{"Content-Encoding:", "Content-Encoding: br"}, 415, "Send the body without Content-Encoding."},
		{"identity", "/api/oidc/token", "x", []string{"Content-Encoding: identity"}, 415, "Send the body without Content-Encoding."},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := g.ask(t, request("POST", c.path, c.body, c.header...))
			if a.StatusCode != c.status {
				t.Fatalf("status %d, want %d: %s", a.StatusCode, c.status, a.body)
			}
			if c.detail != "" && a.member(t, "error_description") != c.detail {
				t.Errorf("said %s", a.body)
			}
		})
	}
}

// A client that waits for 100 gets it, and its body is read.
func TestExpectContinue(t *testing.T) {
	g := start(t)
	w := g.dial(t)
	w.send("POST /api/admin/clients HTTP/1.1\r\nHost: " + site + "\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	line, err := w.in.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := io.CopyN(io.Discard, w.in, 2); err != nil {
		t.Fatal(err)
	}
	w.send("hi")
	if a := w.read(http.MethodPost); a.StatusCode != 200 || !strings.HasSuffix(a.body, "|2") {
		t.Errorf("status %d: %s", a.StatusCode, a.body)
	}
}
