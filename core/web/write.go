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
	ex.own().copyTo(&out.Header, answer)
	out.SetStatusCode(answer.Status)
	if answer.ContentType != "" {
		out.Header.SetContentType(answer.ContentType)
	}
	ex.fill(answer, "Cache-Control", "no-store")
	ex.fill(answer, "X-Request-Id", ex.req.ID)
	if strings.HasPrefix(answer.ContentType, "text/html") {
		ex.fill(answer, "Content-Security-Policy", pagePolicy)
	}
	if ex.req.DecisionID != "" && !ex.quietRead() {
		ex.fill(answer, "Ostiary-Decision-Id", string(ex.req.DecisionID))
	}
	for _, h := range answer.Header {
		out.Header.Add(h.Name, h.Value)
	}
	out.SetBodyRaw(answer.Body)
}

// quietRead tells a successful read, which carries no decision.
func (ex *exchange) quietRead() bool {
	reads := ex.req.Method == http.MethodGet || ex.req.Method == http.MethodHead || ex.req.Method == http.MethodOptions
	return reads && ex.fault == nil
}

func (ex *exchange) fill(answer Response, name, value string) {
	if !answer.has(name) {
		ex.ctx.Response.Header.Add(name, value)
	}
}

// own gives the fields that do not depend on the answer.
func (ex *exchange) own() *ownFields {
	if row := ex.row(); row != nil && row.CORS {
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

// copyTo leaves out what the answer sets itself. It takes back whatever was set in out before.
func (own *ownFields) copyTo(out *fasthttp.ResponseHeader, answer Response) {
	own.ready.CopyTo(out)
	for _, h := range own.fields {
		if answer.has(h.Name) {
			out.Del(h.Name)
		}
	}
}
