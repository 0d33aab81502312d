package web

import (
	"fmt"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ostiary/ostiary/core"
	"github.com/valyala/fasthttp"
)

// An exchange is one request and its answer on their way through the edge.
type exchange struct {
	s   *Server
	ctx *fasthttp.RequestCtx
	req *Request // its own: a handler may keep it

	facts facts

	denied *refusal  // found before routing; said after it, in the route's own words
	res    *resource // nil until it is found
	route  *Route    // the row for the method; nil when there is none
	called bool      // the handler was reached

	fault  *core.Error // what went wrong, for the log
	stack  []byte      // where a handler panicked
	status int
	bytes  int
}

// exchanges are used again: nobody outside the edge holds one.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func (s *Server) exchange(ctx *fasthttp.RequestCtx) *exchange {
	ex := exchanges.Get().(*exchange)
	*ex = exchange{s: s, ctx: ctx}
	return ex
}

// serve is the whole road of one request.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	ex := s.exchange(ctx)
	defer ex.end()
	switch admitted := ex.admit(); {
	case admitted && ex.res != nil:
		ex.dispatch(ex.res, nil)
	case admitted && ex.routable():
		ctx.SetUserValue(exchangeKey{}, ex)
		defer ctx.RemoveUserValue(exchangeKey{})
		s.route(ctx)
	default:
		ex.unmatched()
	}
}

// protocolError answers what fasthttp could not read as a request: there is no path to know a face by.
func (s *Server) protocolError(ctx *fasthttp.RequestCtx, err error) {
	ex := s.exchange(ctx)
	defer ex.end()
	ex.req = &Request{Start: s.opt.Now(), RemoteIP: s.callerIP(peerOf(ctx), ""), ID: s.mintRequestID()}
	ex.refuse(protocolRefusal(err))
}

// admit takes the request in and makes the checks that need no route. It gives false when there is no path to route by; other
// refusals wait for the route, whose face and CORS they take.
func (ex *exchange) admit() bool {
	if ex.again() {
		return true
	}
	uri, fields := copyHead(ex.ctx)
	t, badTarget := ex.find(uri)
	ex.req = ex.s.copyRequest(ex.ctx, t, fields)
	ex.denied = ex.checkHead()
	ex.req.ID = ex.s.requestID(ex.facts.requestID)
	if ex.denied == nil {
		ex.denied = ex.takeCertificates()
	}
	if ex.denied == nil {
		ex.denied = badTarget
	}
	if ex.denied == nil && !knownMethod(ex.req.Method) {
		ex.denied = &refusal{err: core.Refuse(core.InvalidRequest, "This method is not known here."), status: http.StatusNotImplemented}
	}
	if ex.denied == nil {
		ex.denied = ex.checkSite(t.authority)
	}
	ex.remember(uri)
	return badTarget == nil && knownMethod(ex.req.Method)
}

// find cuts the target and looks among the fixed paths, which were checked with the table.
func (ex *exchange) find(uri string) (t target, bad *refusal) {
	if ex.res = ex.s.fixed[uri]; ex.res != nil {
		return target{path: uri}, nil
	}
	if t, bad = parseTarget(uri); bad == nil {
		ex.res = ex.s.fixed[t.path]
	}
	return t, bad
}

func (ex *exchange) checkHead() *refusal {
	version := string(ex.ctx.Request.Header.Protocol())
	if version != "HTTP/1.1" && version != "HTTP/1.0" {
		r := badFraming("This server speaks HTTP/1.1.")
		r.status = http.StatusHTTPVersionNotSupported
		return r
	}
	var bad *refusal
	ex.facts, bad = ex.req.head.check(version == "HTTP/1.1")
	return bad
}

// checkSite compares both hosts a request can name. RFC 9112 §3.2.2: the target's counts.
func (ex *exchange) checkSite(authority string) *refusal {
	ex.req.Host = strings.ToLower(ex.facts.host)
	known := ex.s.sites.has(ex.req.Host)
	if authority != "" {
		ex.req.Host = strings.ToLower(authority)
		known = known && ex.s.sites.has(ex.req.Host)
	}
	if known {
		return nil
	}
	return &refusal{err: core.Refuse(core.MisdirectedRequest, "This server does not answer for that host.")}
}

// routable tells whether Fiber will look for the same path that we checked.
func (ex *exchange) routable() bool {
	return string(ex.ctx.URI().PathOriginal()) == ex.req.Path
}

// unmatched answers a path that no route has.
func (ex *exchange) unmatched() {
	if ex.denied == nil {
		ex.denied = &refusal{err: core.Refuse(core.NotFound, "Nothing is here.")}
	}
	ex.refuse(ex.denied)
}

// dispatch is the part of the road that knows its resource.
func (ex *exchange) dispatch(res *resource, params []param) {
	ex.res, ex.route = res, res.route(ex.req.Method)
	ex.req.Route, ex.req.params = res.path, params
	if ex.row().Judged {
		ex.req.DecisionID = core.NewDecisionID(ex.req.Start)
	}
	switch {
	case ex.denied != nil:
		ex.refuse(ex.denied)
	case ex.route == nil && ex.req.Method == http.MethodOptions:
		ex.answerOptions()
	case ex.route == nil:
		detail := core.Refuse(core.MethodNotAllowed, "This path takes %s.", res.allow)
		ex.refuse(&refusal{err: detail}, Header{"Allow", res.allow})
	default:
		ex.call()
	}
}

// row is the row whose face, CORS and judgement the answer takes, or nil.
func (ex *exchange) row() *Route {
	switch {
	case ex.route != nil:
		return ex.route
	case ex.res != nil:
		return ex.res.spokesman()
	}
	return nil
}

// call receives the body within the route's limits and hands over to the handler.
func (ex *exchange) call() {
	if bad := ex.receive(); bad != nil {
		ex.refuse(bad)
		return
	}
	ex.called = true
	answer, err := ex.route.Handler(ex.s.base, ex.req)
	if err != nil {
		ex.refuse(&refusal{err: core.AsError(err)}, answer.Header...)
		return
	}
	ex.write(answer)
}

func (ex *exchange) receive() *refusal {
	if ex.facts.encoding != "" {
		return &refusal{err: core.Refuse(core.UnsupportedMediaType, "Send the body without Content-Encoding.")}
	}
	if ex.facts.mediaType != "" && !ex.takesMediaType() {
		return ex.wrongMediaType()
	}
	if ex.ctx.Request.Header.ContentLength() > ex.route.limit() {
		return bodyRefusal(errTooLarge, ex.route.limit())
	}
	if ex.route.Admit != nil {
		if err := ex.route.Admit(ex.s.base, ex.req); err != nil {
			return &refusal{err: core.AsError(err)}
		}
	}
	body, err := readBody(ex.ctx, ex.route.limit())
	if err != nil {
		return bodyRefusal(err, ex.route.limit())
	}
	if ex.req.Body = body; len(body) > 0 && !ex.takesMediaType() {
		return ex.wrongMediaType()
	}
	return nil // an empty body without a type is the handler's to judge
}

// takesMediaType tells whether the body is of a kind that the route takes.
func (ex *exchange) takesMediaType() bool {
	sent, wanted := ex.facts.mediaType, ex.route.MediaTypes
	if len(wanted) == 0 || slices.Contains(wanted, sent) {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(sent)
	return err == nil && slices.Contains(wanted, mediaType)
}

func (ex *exchange) wrongMediaType() *refusal {
	return &refusal{err: core.Refuse(core.UnsupportedMediaType, "Add the header Content-Type: %s.", strings.Join(ex.route.MediaTypes, " or "))}
}

// refuse answers an error in the face of the route, or of the area when no route is known.
func (ex *exchange) refuse(r *refusal, header ...Header) {
	row := ex.row()
	face, limit := ex.s.faceOf(ex.req.Path), DefaultLimit
	if row != nil {
		face, limit = row.Face, row.limit()
	}
	r = ex.settle(r, limit)
	e := *r.err
	if e.Decision == "" {
		e.Decision = ex.req.DecisionID
	}
	ex.fault = &e
	answer := (&refusal{err: &e, status: r.status}).answer(face, ex.s.opt.ErrorPage)
	answer.Header = append(answer.Header, header...)
	if row != nil && !answer.has("WWW-Authenticate") {
		if value := challenge(row.Challenge, &e, answer.Status, ex.req.Header("Authorization")); value != "" {
			answer = answer.With("WWW-Authenticate", value)
		}
	}
	ex.write(answer)
	if r.close {
		ex.ctx.SetConnectionClose()
	}
	ex.report(row)
}

// settle brings the connection to the end of the request. A body over the limit is 413 whatever else is wrong, and whatever
// could not be read to its end closes the connection.
func (ex *exchange) settle(r *refusal, limit int) *refusal {
	if r.close && r.err.Code != core.PayloadTooLarge {
		return r
	}
	read, ended := drain(ex.ctx)
	if read > limit && r.err.Code != core.PayloadTooLarge {
		return bodyRefusal(errTooLarge, limit)
	}
	if !ended {
		return &refusal{err: r.err, status: r.status, close: true}
	}
	return r
}

// report tells the ledger of a judged request that no handler saw.
func (ex *exchange) report(row *Route) {
	if ex.called || row == nil || !row.Judged || ex.s.opt.OnRefused == nil {
		return
	}
	ex.s.opt.OnRefused(ex.s.base, Refused{
		Route: ex.req.Route, Method: ex.req.Method, Decision: ex.fault.Decision, Code: ex.fault.Code, Detail: ex.fault.Detail,
		RemoteIP: ex.req.RemoteIP, Origin: ex.req.Header("Origin"), UserAgent: ex.req.Header("User-Agent"),
		RequestID: ex.req.ID, At: ex.req.Start,
	})
}

// end is deferred: whatever happened, the caller gets an answer and the log one line.
func (ex *exchange) end() {
	if p := recover(); p != nil {
		ex.stack = debug.Stack()
		ex.ctx.Response.Reset()
		if ex.req == nil { // it was not even taken in
			ex.req = &Request{ID: ex.s.mintRequestID()}
		}
		ex.refuse(&refusal{err: core.AsError(fmt.Errorf("panic: %v", p)), close: true})
	}
	ex.record()
	*ex = exchange{} // holds on to nothing
	exchanges.Put(ex)
}

func (s *Server) mintRequestID() string {
	var id [32]byte
	return string(strconv.AppendUint(append(id[:0], s.idPrefix...), s.idCount.Add(1), 36))
}

// requestID takes over the caller's id when it is short and plain, so that it cannot write the log.
func (s *Server) requestID(sent string) string {
	if sent == "" || len(sent) > 64 || strings.ContainsFunc(sent, func(c rune) bool {
		return c != '-' && c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) {
		return s.mintRequestID()
	}
	return sent
}
