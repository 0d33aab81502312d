package web

import "strings"

// CORS without credentials: any page may call, none can ride on the user's cookies.
const (
	corsExposed = "WWW-Authenticate, DPoP-Nonce, Retry-After, ETag, Ostiary-Decision-Id"
	corsHeaders = "Authorization, Content-Type, DPoP, If-Match, X-Request-Id"
	corsMaxAge  = "7200" // what browsers cap it to
)

// answerOptions answers a preflight where other origins may call, else the list of methods. Its body is read like any other.
func (ex *exchange) answerOptions() {
	if _, err := readBody(ex.ctx, DefaultLimit); err != nil {
		ex.refuse(bodyRefusal(err, DefaultLimit))
		return
	}
	answer := NoContent().With("Allow", ex.res.allow)
	if ex.res.cors == nil || ex.req.Header("Access-Control-Request-Method") == "" {
		ex.write(answer)
		return
	}
	var open []string
	for _, r := range ex.res.routes {
		if r.CORS {
			open = append(open, r.Method)
		}
	}
	ex.write(answer.
		With("Access-Control-Allow-Methods", strings.Join(open, ", ")).
		With("Access-Control-Allow-Headers", corsHeaders).
		With("Access-Control-Max-Age", corsMaxAge))
}
