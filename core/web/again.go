package web

import (
	"net/http"

	"github.com/valyala/fasthttp"
)

// againLimit is the longest head that a connection remembers.
const againLimit = 1 << 10

// A sighting is what the edge made of a head: everything but the time and the id follows from its bytes, the connection and the
// options. Who asks for the same again, as pollers, probes and proxies do, is not judged again.
type sighting struct {
	uri   string
	req   Request
	facts facts
	res   *resource
}

// remember keeps a head of a fixed path that had nothing wrong.
func (ex *exchange) remember(uri string) {
	c, ok := ex.ctx.Conn().(*conn)
	if !ok || ex.denied != nil || ex.res == nil || ex.req.Method != http.MethodGet || len(uri)+len(ex.req.head) > againLimit || !isHTTP11(ex.ctx) {
		return
	}
	if c.last == nil {
		c.last = new(sighting)
	}
	*c.last = sighting{uri, *ex.req, ex.facts, ex.res}
}

// again takes in a request whose head is byte for byte the one before.
func (ex *exchange) again() bool {
	c, ok := ex.ctx.Conn().(*conn)
	if !ok || c.last == nil || !c.last.is(ex.ctx) {
		return false
	}
	req := c.last.req
	req.Start, req.ID = ex.s.opt.Now(), ex.s.requestID(c.last.facts.requestID)
	ex.req, ex.facts, ex.res = &req, c.last.facts, c.last.res
	return true
}

func (last *sighting) is(ctx *fasthttp.RequestCtx) bool {
	h := &ctx.Request.Header
	return string(h.RawHeaders()) == string(last.req.head) && string(h.RequestURI()) == last.uri && string(h.Method()) == http.MethodGet && isHTTP11(ctx)
}

func isHTTP11(ctx *fasthttp.RequestCtx) bool {
	return string(ctx.Request.Header.Protocol()) == "HTTP/1.1"
}
