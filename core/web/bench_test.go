package web

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// A replay is a connection on which the same request comes n times and answers vanish.
type replay struct {
	request []byte
	left    int
	rest    []byte
}

func (c *replay) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.left == 0 {
			return 0, io.EOF
		}
		c.left--
		c.rest = c.request
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *replay) Write(p []byte) (int, error)      { return len(p), nil }
func (c *replay) Close() error                     { return nil }
func (c *replay) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080} }
func (c *replay) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9} }
func (c *replay) SetDeadline(time.Time) error      { return nil }
func (c *replay) SetReadDeadline(time.Time) error  { return nil }
func (c *replay) SetWriteDeadline(time.Time) error { return nil }

// benchRequest is as long as a browser's or a client library's.
const benchRequest = "GET /api/oidc/.well-known/openid-configuration HTTP/1.1\r\nHost: " + site + "\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate, br\r\n\r\n"

func benchServer(b *testing.B, srv *fasthttp.Server, wrap func(net.Conn) net.Conn) {
	b.ReportAllocs()
	if err := srv.ServeConn(wrap(&replay{request: []byte(benchRequest), left: b.N})); err != nil {
		b.Fatal(err)
	}
}

var benchBody = bytes.Repeat([]byte("x"), 2000)

// BenchmarkBareFiber is the floor the edge is compared with.
func BenchmarkBareFiber(b *testing.B) {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get("/api/oidc/.well-known/openid-configuration", func(c *fiber.Ctx) error {
		c.Set("Content-Type", "application/json")
		return c.Send(benchBody)
	})
	app.Handler()
	benchServer(b, app.Server(), func(c net.Conn) net.Conn { return c })
}

func benchEdge(b *testing.B, log *slog.Logger) {
	routes := table()
	answer := JSON(200, benchBody).Prepared()
	routes[0].Handler = func(context.Context, *Request) (Response, error) { return answer, nil }
	s, err := New(Options{Routes: routes, IssuerPath: "/api/oidc", Sites: []string{site}, Log: log})
	if err != nil {
		b.Fatal(err)
	}
	benchServer(b, s.app.Server(), func(c net.Conn) net.Conn { return &conn{Conn: c, peer: ipOf(c.RemoteAddr())} })
}

// BenchmarkEdge is the whole edge without its log.
func BenchmarkEdge(b *testing.B) { benchEdge(b, nil) }

// BenchmarkEdgeLogged writes every request's line to a real file descriptor.
func BenchmarkEdgeLogged(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	buffer := NewLogBuffer(null, 64<<10, 20*time.Millisecond)
	benchEdge(b, slog.New(NewJSONLog(buffer, nil)))
	if err := buffer.Close(); err != nil {
		b.Fatal(err)
	}
}
