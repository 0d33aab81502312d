// Package fetch is the only maker of HTTP clients. Stranger reads from addresses that a client or anybody else gave, and
// trusts neither the address nor what is behind it; Peer speaks to addresses that the operator gave, and is the client of
// tests. What an answer means is the caller's business.
//
// The road of a Stranger's request: the URL is checked as text; the host is looked up once and every address must be public
// or opened by a rule; that very address is dialled and checked again at the socket; the answer is bounded in time and size,
// is not unpacked, and no redirect is followed.
package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bounds of one request to a stranger.
const (
	MaxStrangerBody = 1 << 20
	maxHeaders      = 64 << 10
	maxURL          = 2048
)

// Why a fetch brought nothing. What stands behind these words is for the log: told to a caller it would turn us into a
// scanner of our own network.
var (
	ErrRefused = errors.New("the address may not be fetched")
	ErrFailed  = errors.New("the address could not be fetched")
	ErrTooLong = errors.New("the answer is too long")
)

// A Resolver looks up addresses; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// StrangerOptions configure a Stranger. The zero value is good: public https addresses only.
type StrangerOptions struct {
	Allow    []Rule
	TrustCA  *x509.CertPool   // nil: the system's
	Resolver Resolver         // nil: the system's
	Now      func() time.Time // nil: time.Now
	Timeout  time.Duration    // of a whole request, waiting included; 0: 5 s
	Remember time.Duration    // how long a failure answers for the address; 0: 30 s, negative: not at all
	AtOnce   int              // requests under way in all; 0: 32
	PerHost  int              // requests under way to one host; 0: 4
}

// A Stranger fetches from addresses that nobody vouches for.
type Stranger struct {
	rules    []rule
	resolver Resolver
	trust    *x509.CertPool
	timeout  time.Duration
	gate     *gate
	failures *failures
}

// NewStranger checks the rules and makes a Stranger.
func NewStranger(opt StrangerOptions) (*Stranger, error) {
	s := &Stranger{resolver: opt.Resolver, trust: opt.TrustCA, timeout: opt.Timeout}
	for _, r := range opt.Allow {
		compiled, err := r.compile()
		if err != nil {
			return nil, err
		}
		s.rules = append(s.rules, compiled)
	}
	if s.resolver == nil {
		s.resolver = net.DefaultResolver
	}
	if s.timeout <= 0 {
		s.timeout = 5 * time.Second
	}
	s.gate = newGate(positive(opt.AtOnce, 32), positive(opt.PerHost, 4))
	s.failures = &failures{now: opt.Now, ttl: opt.Remember, list: map[string]failure{}}
	if opt.Now == nil {
		s.failures.now = time.Now
	}
	if opt.Remember == 0 {
		s.failures.ttl = 30 * time.Second
	}
	return s, nil
}

func positive(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// Get reads one document. purpose says what it is for ("jwks", "sector_identifier", …); rules may be bound to it. Only a 200
// of at most MaxStrangerBody bytes without Content-Encoding is a document. Errors are ErrRefused or ErrFailed, or the
// caller's context's own.
func (s *Stranger) Get(ctx context.Context, purpose, address string) (body []byte, contentType string, err error) {
	to, u, err := parseTarget(purpose, address)
	if err != nil {
		return nil, "", err
	}
	key := purpose + " " + u.String()
	if err := s.failures.recent(key); err != nil {
		return nil, "", err
	}
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	leave, err := s.gate.enter(limited, net.JoinHostPort(to.host, strconv.Itoa(int(to.port))))
	if err != nil { // our own crowd says nothing about the address: not remembered
		return nil, "", cause(ctx, fmt.Errorf("%w: too many requests under way", ErrFailed))
	}
	defer leave()
	body, contentType, err = s.get(limited, to, u)
	switch {
	case err == nil:
		s.failures.forget(key)
	case ctx.Err() == nil:
		s.failures.remember(key, err)
	}
	return body, contentType, cause(ctx, err)
}

// cause prefers the caller's own reason to stop over what it led to.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// parseTarget checks a URL as text.
func parseTarget(purpose, address string) (target, *url.URL, error) {
	refuse := func(why string) (target, *url.URL, error) {
		return target{}, nil, fmt.Errorf("%w: %s", ErrRefused, why)
	}
	if len(address) > maxURL {
		return refuse("the URL is too long")
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return refuse("not a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return refuse("only https")
	case u.Opaque != "" || u.User != nil || strings.ContainsAny(address, "\\ "):
		return refuse("the URL has parts that do not belong there")
	}
	to := target{purpose: purpose, scheme: u.Scheme, port: defaultPort(u.Scheme)}
	if text := u.Port(); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return refuse("the port is not one")
		}
		to.port = uint16(port)
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		to.host = addr.String()
	} else if to.host, err = cleanHost(u.Hostname()); err != nil {
		return refuse(err.Error())
	}
	u.Fragment, u.RawFragment = "", ""
	return to, u, nil
}

// lookup gives the addresses of a target. One bad address refuses all: an honest name has none.
func (s *Stranger) lookup(ctx context.Context, to target) ([]netip.Addr, error) {
	if !mayUse(s.rules, to) {
		return nil, fmt.Errorf("%w: only https", ErrRefused)
	}
	addrs := []netip.Addr{}
	if literal, err := netip.ParseAddr(to.host); err == nil {
		addrs = append(addrs, literal)
	} else if addrs, err = s.resolver.LookupNetIP(ctx, "ip", to.host); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%w: %s has no address", ErrFailed, to.host)
	}
	for _, addr := range addrs {
		if err := permit(s.rules, to, addr); err != nil {
			return nil, err
		}
	}
	return addrs, nil
}

// dial connects to one of the addresses that were checked, and to nothing else.
func (s *Stranger) dial(ctx context.Context, to target, addrs []netip.Addr) (net.Conn, error) {
	d := net.Dialer{Timeout: max(s.timeout/2, time.Second), ControlContext: s.control(to)}
	var failed error
	for _, addr := range addrs[:min(len(addrs), 4)] {
		conn, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(addr.Unmap(), to.port).String())
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// control checks what the socket is about to be connected to, whatever happened before.
func (s *Stranger) control(to target) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRefused, err)
		}
		if at.Port() != to.port {
			return fmt.Errorf("%w: port %d", ErrRefused, at.Port())
		}
		return permit(s.rules, to, at.Addr())
	}
}

// get reads one document.
func (s *Stranger) get(ctx context.Context, to target, u *url.URL) ([]byte, string, error) {
	response, err := s.send(ctx, to, u, Request{})
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, contentType, err := document(response)
	if err == nil && ctx.Err() != nil { // a server may end its answer because we hang up
		return nil, "", fmt.Errorf("%w: %w", ErrFailed, ctx.Err())
	}
	return body, contentType, err
}

// send makes one request on a connection of its own.
func (s *Stranger) send(ctx context.Context, to target, u *url.URL, r Request) (*http.Response, error) {
	addrs, err := s.lookup(ctx, to)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return s.dial(ctx, to, addrs) },
		TLSClientConfig:        &tls.Config{RootCAs: s.trust, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaders,
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	request.Header.Set("Accept-Encoding", "identity")
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", userAgent)
	}
	response, err := transport.RoundTrip(request) // not a Client: it would follow redirects
	if err != nil {
		return nil, wrapFailure(err)
	}
	return response, nil
}

// Do sends one request to where Get would read from, and follows no redirect. Every status is an answer; a body of more than limit
// bytes is an error. What failed is not remembered. r.Follow does not count.
func (s *Stranger) Do(ctx context.Context, purpose string, r Request, limit int64) (Response, error) {
	to, u, err := parseTarget(purpose, r.URL)
	if err != nil {
		return Response{}, err
	}
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	leave, err := s.gate.enter(limited, net.JoinHostPort(to.host, strconv.Itoa(int(to.port))))
	if err != nil {
		return Response{}, cause(ctx, fmt.Errorf("%w: too many requests under way", ErrFailed))
	}
	defer leave()
	response, err := s.send(limited, to, u, r)
	if err != nil {
		return Response{}, cause(ctx, err)
	}
	defer response.Body.Close()
	body, err := readAtMost(response.Body, limit)
	if err == nil {
		err = limited.Err() // a server may end its answer because we hang up
	}
	if err != nil {
		return Response{}, cause(ctx, fmt.Errorf("%w: %w", ErrFailed, err))
	}
	return Response{Status: response.StatusCode, Header: response.Header, Body: body, URL: u.String()}, nil
}

// wrapFailure keeps a refusal at the socket a refusal.
func wrapFailure(err error) error {
	if errors.Is(err, ErrRefused) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrFailed, err)
}

// document reads a response that may be one.
func document(response *http.Response) ([]byte, string, error) {
	if response.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("%w: status %d", ErrFailed, response.StatusCode)
	}
	if coding := response.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, "", fmt.Errorf("%w: Content-Encoding %.20q", ErrFailed, coding)
	}
	body, err := readAtMost(response.Body, MaxStrangerBody)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return body, response.Header.Get("Content-Type"), nil
}

// readAtMost refuses a longer body instead of cutting it.
func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLong, limit)
	}
	return body, nil
}
