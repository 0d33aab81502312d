package web

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/ostiary/ostiary/core"
	"github.com/valyala/fasthttp"
)

// exchangeKey is where an exchange waits while Fiber looks for its resource.
type exchangeKey struct{}

func exchangeOf(c *fiber.Ctx) *exchange {
	return c.Context().UserValue(exchangeKey{}).(*exchange) // serve put it there
}

// paramsOf copies the path parameters out, decoded. plainPath has proved that they decode.
func paramsOf(c *fiber.Ctx) []param {
	names := c.Route().Params
	if len(names) == 0 {
		return nil
	}
	params := make([]param, len(names))
	for i, name := range names {
		value, _ := decodeSegment(c.Params(name))
		params[i] = param{strings.TrimSuffix(name, "1"), value} // Fiber numbers its wildcards: "*1"
	}
	return params
}

// copyHead takes the request target and the head out of fasthttp's buffers, which are reused for the next request.
func copyHead(ctx *fasthttp.RequestCtx) (uri string, fields head) {
	sent, rest := ctx.Request.Header.RequestURI(), ctx.Request.Header.RawHeaders()
	var both strings.Builder
	both.Grow(len(sent) + len(rest))
	both.Write(sent)
	both.Write(rest)
	return both.String()[:len(sent)], head(both.String()[len(sent):])
}

// copyRequest makes what a handler may see of a request. Nothing in it lies in fasthttp's buffers.
func (s *Server) copyRequest(ctx *fasthttp.RequestCtx, t target, fields head) *Request {
	r := &Request{
		Method:    methodOf(ctx.Method()),
		Path:      t.path,
		RawQuery:  t.query,
		Start:     s.opt.Now(),
		head:      fields,
		InProcess: ctx.RemoteAddr().Network() == inProcess,
	}
	peer := peerOf(ctx)
	r.RemoteIP, r.proxied = s.callerIP(peer, r.head), s.trusted(peer)
	return r
}

// callerIP walks what proxies said from the right while the speaker is a trusted one.
func (s *Server) callerIP(ip netip.Addr, h head) netip.Addr {
	if len(s.opt.TrustedProxies) == 0 || !s.trusted(ip) {
		return ip
	}
	for _, next := range slices.Backward(s.hops(h)) {
		if !next.IsValid() {
			return ip
		}
		if ip = next; !s.trusted(ip) {
			return ip
		}
	}
	return ip
}

func (s *Server) trusted(ip netip.Addr) bool {
	return slices.ContainsFunc(s.opt.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// methodOf copies a method; the known ones need no memory of their own.
func methodOf(sent []byte) string {
	for _, known := range fiber.DefaultMethods {
		if string(sent) == known {
			return known
		}
	}
	return string(sent)
}

// knownMethod tells the methods Fiber can route; any other gets 501 (RFC 9110 §9.1).
func knownMethod(method string) bool { return slices.Contains(fiber.DefaultMethods, method) }

// protocolRefusal says what a request means that fasthttp could not read. The connection closes after it.
func protocolRefusal(err error) *refusal {
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.As(err, &small):
		r := badFraming("The request head is too long.")
		r.status = http.StatusRequestHeaderFieldsTooLarge
		return r
	case isTimeout(err):
		return requestTimeout()
	case isUnknownCoding(err):
		return unknownCoding()
	}
	return badFraming("The request does not follow HTTP/1.1.")
}

// isUnknownCoding has only the text to go by: fasthttp gives this fault no value of its own. A test holds it.
func isUnknownCoding(err error) bool {
	inner := errors.Unwrap(err)
	return inner != nil && strings.HasPrefix(inner.Error(), "unsupported transfer-encoding:")
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func requestTimeout() *refusal {
	r := &refusal{err: core.Refuse(core.InvalidRequest, "The request took too long to arrive."), close: true}
	r.status = http.StatusRequestTimeout
	return r
}
