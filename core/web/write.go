package web

import (
	"net/http"
	"strings"

	"github.com/valyala/fasthttp"
)

// write puts the answer on the wire, with the fields every answer carries. What the handler set is kept.
func (ex *exchange) write(answer Response) {
	out := &ex.ctx.Response
	if answer.Status == 0 {
		answer.Status = http.StatusOK
	}
	ex.status, ex.bytes = answer.Status, len(answer.Body)
	if answer.ready != nil {
		answer.ready.of(ex.isOpen()).CopyTo(&out.Header)
	} else {
		ownFieldsOf(ex.isOpen()).write(&out.Header, answer)
	}
	out.SetStatusCode(answer.Status)
	fill(&out.Header, answer, "X-Request-Id", ex.req.ID)
	if ex.req.DecisionID != "" && !ex.quietRead() {
		fill(&out.Header, answer, "Ostiary-Decision-Id", string(ex.req.DecisionID))
	}
	out.SetBodyRaw(answer.Body)
}

// quietRead tells a successful read, which carries no decision.
func (ex *exchange) quietRead() bool {
	reads := ex.req.Method == http.MethodGet || ex.req.Method == http.MethodHead || ex.req.Method == http.MethodOptions
	return reads && ex.fault == nil
}

// isOpen tells whether other origins may read the answer.
func (ex *exchange) isOpen() bool {
	row := ex.row()
	return row != nil && row.CORS
}

func fill(out *fasthttp.ResponseHeader, answer Response, name, value string) {
	if !answer.has(name) {
		out.Add(name, value)
	}
}

// A readyHead is the head of an answer that is the same for everybody: without and with CORS.
type readyHead struct{ closed, open fasthttp.ResponseHeader }

func newReadyHead(answer Response) *readyHead {
	ready := &readyHead{}
	closed.write(&ready.closed, answer)
	open.write(&ready.open, answer)
	return ready
}

func (r *readyHead) of(isOpen bool) *fasthttp.ResponseHeader {
	if isOpen {
		return &r.open
	}
	return &r.closed
}

func ownFieldsOf(isOpen bool) *ownFields {
	if isOpen {
		return open
	}
	return closed
}

// The edge's own fields, without and with CORS.
var (
	closed = newOwnFields(Header{"X-Content-Type-Options", "nosniff"}, Header{"Referrer-Policy", "no-referrer"})
	open   = newOwnFields(append(closed.fields,
		Header{"Access-Control-Allow-Origin", "*"}, Header{"Access-Control-Expose-Headers", corsExposed})...)
)

// ownFields are put together once: to copy them costs a third of adding them one by one.
type ownFields struct {
	fields []Header
	ready  fasthttp.ResponseHeader
}

func newOwnFields(fields ...Header) *ownFields {
	own := &ownFields{fields: fields}
	own.ready.DisableNormalizing() // names go out as written
	for _, h := range fields {
		own.ready.Add(h.Name, h.Value)
	}
	return own
}

// write makes the part of a head that the answer alone decides. It takes back whatever was set in out before, and of the own
// fields it leaves out what the answer sets itself.
func (own *ownFields) write(out *fasthttp.ResponseHeader, answer Response) {
	own.ready.CopyTo(out)
	for _, h := range own.fields {
		if answer.has(h.Name) {
			out.Del(h.Name)
		}
	}
	if answer.ContentType != "" {
		out.SetContentType(answer.ContentType)
	}
	fill(out, answer, "Cache-Control", "no-store")
	if strings.HasPrefix(answer.ContentType, "text/html") {
		fill(out, answer, "Content-Security-Policy", pagePolicy)
	}
	for _, h := range answer.Header {
		out.Add(h.Name, h.Value)
	}
}
