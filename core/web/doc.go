// Package web is the edge: the only place that knows HTTP, Fiber and status codes. It owns the transport rules (framing, sites,
// limits, media types, CORS), the route table, the one table from an error to an answer, and the request log. It owns no rule
// of the protocol: a handler parses, calls a verb and returns a value.
//
// The road of a request: fasthttp parses the head, admit refuses what cannot be trusted (head.go, target.go, sites.go), Fiber
// finds the resource, dispatch applies the route's own limits and calls the Handler, and one exchange writes the answer and
// the log line. An error takes the same way out as an answer: through error.go.
//
// Nothing a Handler sees is shared with Fiber or fasthttp: the head is copied once and every string is cut from that copy.
package web
