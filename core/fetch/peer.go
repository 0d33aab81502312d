package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"time"
)

const (
	// MaxPeerBody bounds what Do reads of a response.
	MaxPeerBody  = 8 << 20
	maxRedirects = 10
	userAgent    = "ostiary"
)

// PeerOptions configure a Peer. The zero value trusts the system's authorities and uses no proxy: those of the environment
// are not looked at.
type PeerOptions struct {
	TrustCA     *x509.CertPool    // nil: the system's
	Certificate *tls.Certificate  // what we show when asked for one (mTLS)
	Proxy       *url.URL          // nil: none
	Timeout     time.Duration     // of a whole request, body included; 0: 30 s, negative: none (for streams)
	Cookies     bool              // keep cookies from one request to the next, as a browser does
	Through     http.RoundTripper // instead of the network: an in-process handler, for example
}

// A Peer speaks to addresses that the operator gave. It is safe for use by many goroutines and reuses connections.
type Peer struct{ client *http.Client }

// NewPeer makes a Peer.
func NewPeer(opt PeerOptions) *Peer {
	client := &http.Client{Transport: opt.Through, Timeout: opt.Timeout, CheckRedirect: stay}
	if opt.Timeout == 0 {
		client.Timeout = 30 * time.Second
	}
	if opt.Timeout < 0 {
		client.Timeout = 0
	}
	if opt.Cookies {
		client.Jar, _ = cookiejar.New(nil) // fails never
	}
	if client.Transport == nil {
		client.Transport = network(opt)
	}
	return &Peer{client: client}
}

func network(opt PeerOptions) *http.Transport {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: opt.TrustCA, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    32,
		MaxResponseHeaderBytes: maxHeaders,
		DisableCompression:     true, // what is passed on must arrive as it was sent
		ForceAttemptHTTP2:      true,
	}
	if opt.Certificate != nil {
		t.TLSClientConfig.Certificates = []tls.Certificate{*opt.Certificate}
	}
	if opt.Proxy != nil {
		t.Proxy = http.ProxyURL(opt.Proxy)
	}
	return t
}

// stay answers a redirect with the redirect itself.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// A Request is what Do sends.
type Request struct {
	Method string // empty: GET
	URL    string
	Header http.Header
	Body   []byte
	Follow bool // follow up to ten redirects
}

// A Response is what came back, read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	URL    string // where it came from, after redirects
}

// Do sends one request and reads at most MaxPeerBody bytes of the answer; a longer one is an error. Every status is an answer. No
// error has the query or the user of an address in it: they may be secret.
func (p *Peer) Do(ctx context.Context, r Request) (Response, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Response{}, fmt.Errorf("fetch: %w", withoutSecrets(err))
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	if host := request.Header.Get("Host"); host != "" { // net/http takes it from here only
		request.Host = host
	}
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", userAgent)
	}
	client := *p.client
	from := request.URL
	if r.Follow {
		client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
			from = next.URL // not from the response: a RoundTripper of others need not set it
			return few(via)
		}
	}
	response, err := client.Do(request)
	if err != nil {
		return Response{}, fmt.Errorf("fetch: %w", withoutSecrets(err))
	}
	defer response.Body.Close()
	body, err := readAtMost(response.Body, MaxPeerBody)
	if err != nil {
		return Response{}, fmt.Errorf("fetch %s: %w", Shown(r.URL), err)
	}
	return Response{Status: response.StatusCode, Header: response.Header, Body: body, URL: from.String()}, nil
}

// Shown is an address as logs and errors may have it: its query and its user may be secret.
func Shown(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "an address that cannot be read"
	}
	u.RawQuery, u.ForceQuery, u.User, u.Fragment, u.RawFragment = "", false, nil, "", ""
	return u.String()
}

// withoutSecrets is an error of net/http with the address as it may be shown.
func withoutSecrets(err error) error {
	var about *url.Error
	if errors.As(err, &about) {
		return fmt.Errorf("%s %s: %w", about.Op, Shown(about.URL), about.Err)
	}
	return err
}

func few(via []*http.Request) error {
	if len(via) >= maxRedirects {
		return errors.New("too many redirects")
	}
	return nil
}

// HTTPClient gives the client itself, for libraries and for streams. It follows no redirects; its Transport serves a reverse
// proxy. Do not change it.
func (p *Peer) HTTPClient() *http.Client { return p.client }

// Close gives back idle connections. Requests under way go on.
func (p *Peer) Close() { p.client.CloseIdleConnections() }
