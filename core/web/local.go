package web

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
)

// local sends requests to the server's own handlers, through the whole edge but without a socket.
type local struct{ s *Server }

// inProcess is the network of a net.Pipe, which nobody outside has an end of.
const inProcess = "pipe"

// RoundTripper reaches this server in process: what calls it walks the same road as everybody else. Its requests come from
// 127.0.0.1 and their Host must be one of the sites.
func (s *Server) RoundTripper() http.RoundTripper { return local{s} }

// RoundTrip implements http.RoundTripper.
func (l local) RoundTrip(req *http.Request) (*http.Response, error) {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		_ = l.s.app.Server().ServeConn(far) // its failure is the caller's read error
	}()
	defer near.Close()
	defer context.AfterFunc(req.Context(), func() { near.Close() })()
	answer, err := exchangeOver(near, req)
	if cause := context.Cause(req.Context()); cause != nil {
		return nil, cause
	}
	return answer, err
}

// exchangeOver writes the request and reads the whole answer. Both at once: a refused body is answered before it is read.
func exchangeOver(conn net.Conn, req *http.Request) (*http.Response, error) {
	once := req.Clone(req.Context())
	once.Close = true
	go func() { _ = once.Write(conn) }() // closes the body; a failure shows in the answer
	answer, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		return nil, fmt.Errorf("answer in process: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("answer in process: %w", err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}
