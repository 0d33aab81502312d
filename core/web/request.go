package web

import (
	"crypto/x509"
	"iter"
	"net/netip"
	"time"

	"github.com/ostiary/ostiary/core"
)

// A Request is what a Handler sees. Everything in it is the handler's own and may be kept.
type Request struct {
	Method       string              // as sent; HEAD reaches the handler of GET
	Path         string              // as sent, still percent-encoded
	RawQuery     string              // without the question mark
	Route        string              // the pattern that matched, e.g. "/api/oidc/dcr/register/:client_id"
	Host         string              // the site that was asked, in lower case; to compare, never to build a URL from
	RemoteIP     netip.Addr          // the caller: the peer, or whom trusted proxies name
	Body         []byte              // at most the route's limit
	Certificates []*x509.Certificate // that the client presented, its own first; their issuer is not verified
	InProcess    bool                // it came by Server.RoundTripper: a part of this server asks
	ID           string              // the request id, also in the log line
	DecisionID   core.DecisionID     // minted for judged routes, else empty
	Start        time.Time           // when the head had arrived

	head    head
	params  []param
	issuers *x509.CertPool // who may issue certificates for clients; nil: nobody
	proxied bool           // the peer is a trusted proxy: TLS is with it, not with the caller
}

type param struct{ name, value string }

// Param gives a path parameter, percent-decoded once. The rest of a path under "/*" has the name "*".
func (r *Request) Param(name string) string {
	for _, p := range r.params {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// Header gives the first field of that name, or "". Trailers of a chunked body are never headers.
func (r *Request) Header(name string) string { return r.head.first(name) }

// HeaderValues gives every field of that name in the order sent.
func (r *Request) HeaderValues(name string) []string { return r.head.all(name) }

// Headers gives every field, name and value, in the order sent and in the spelling sent.
func (r *Request) Headers() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for rest := r.head; rest != ""; {
			var name, value string
			if name, value, rest = rest.line(); name == "" || !yield(name, value) {
				return
			}
		}
	}
}
