package web

import (
	"net/http"
	"strings"
)

// A Header is one response field.
type Header struct{ Name, Value string }

// A Response is what a Handler answers. Body is written after the handler returned and must not change any more.
type Response struct {
	Status      int // 0 means 200
	ContentType string
	Header      []Header // replaces the edge's own field of the same name; may repeat a name
	Body        []byte

	ready *readyHead // of a Prepared answer
}

// JSON answers a document that is already encoded.
func JSON(status int, body []byte) Response {
	return Response{Status: status, ContentType: "application/json", Body: body}
}

// HTML answers a page. Its fields are escaped by whoever made it (html/template).
func HTML(status int, body []byte) Response {
	return Response{Status: status, ContentType: "text/html; charset=utf-8", Body: body}
}

// Text answers plain text.
func Text(status int, body string) Response {
	return Response{Status: status, ContentType: "text/plain; charset=utf-8", Body: []byte(body)}
}

// NoContent answers 204.
func NoContent() Response { return Response{Status: http.StatusNoContent} }

// SeeOther answers 303: the browser comes back with GET, so a form is never sent on (RFC 9700 §4.12).
func SeeOther(location string) Response {
	return Response{Status: http.StatusSeeOther, Header: []Header{{"Location", location}}}
}

// With adds a response field.
func (r Response) With(name, value string) Response {
	if value == "" {
		return r
	}
	r.Header, r.ready = append(r.Header[:len(r.Header):len(r.Header)], Header{name, value}), nil
	return r
}

// Prepared puts the head of an answer together, for a document that is sent many times as it is. Only With may change it.
func (r Response) Prepared() Response {
	r.ready = newReadyHead(r)
	return r
}

func (r Response) has(name string) bool {
	for _, h := range r.Header {
		if strings.EqualFold(h.Name, name) {
			return true
		}
	}
	return false
}
