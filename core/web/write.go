package web

import (
	"net/http"
	"strings"
)

// write puts the answer on the wire, with the fields every answer carries. What the handler set is kept.
func (ex *exchange) write(answer Response) {
	out := &ex.ctx.Response
	if answer.Status == 0 {
		answer.Status = http.StatusOK
	}
	ex.status, ex.bytes = answer.Status, len(answer.Body)
	out.SetStatusCode(answer.Status)
	out.Header.DisableNormalizing() // names go out as written
	if answer.ContentType != "" {
		out.Header.SetContentType(answer.ContentType)
	}
	ex.fill(answer, "X-Content-Type-Options", "nosniff")
	ex.fill(answer, "Referrer-Policy", "no-referrer")
	ex.fill(answer, "Cache-Control", "no-store")
	ex.fill(answer, "X-Request-Id", ex.req.ID)
	if strings.HasPrefix(answer.ContentType, "text/html") {
		ex.fill(answer, "Content-Security-Policy", pagePolicy)
	}
	ex.fillRow(answer)
	for _, h := range answer.Header {
		out.Header.Add(h.Name, h.Value)
	}
	out.SetBodyRaw(answer.Body)
}

// fillRow adds what the route asks for.
func (ex *exchange) fillRow(answer Response) {
	row := ex.row()
	if row == nil {
		return
	}
	if row.CORS {
		ex.fill(answer, "Access-Control-Allow-Origin", "*")
		ex.fill(answer, "Access-Control-Expose-Headers", corsExposed)
	}
	if ex.req.DecisionID != "" && !ex.quietRead() {
		ex.fill(answer, "Ostiary-Decision-Id", string(ex.req.DecisionID))
	}
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
