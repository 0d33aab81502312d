package web

import (
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/core"
)

// A head is the header section as it came over the wire, one "Name: value\r\n" after another. We read it ourselves, because
// the parsed form hides what smuggling needs: folded lines, repeated fields, bare LF, and fields that came as trailers.
type head string

// line cuts the first field off: its name, its trimmed value and the rest. The head has passed check.
func (h head) line() (name, value string, rest head) {
	end := strings.IndexByte(string(h), '\n')
	if end <= 1 {
		return "", "", ""
	}
	name, value, _ = strings.Cut(string(h[:end-1]), ":")
	return name, strings.Trim(value, " \t"), h[end+1:]
}

func (h head) first(want string) string {
	for h != "" {
		var name, value string
		if name, value, h = h.line(); len(name) == len(want) && strings.EqualFold(name, want) {
			return value
		}
	}
	return ""
}

func (h head) all(want string) []string {
	var values []string
	for h != "" {
		var name, value string
		if name, value, h = h.line(); len(name) == len(want) && strings.EqualFold(name, want) {
			values = append(values, value)
		}
	}
	return values
}

// facts are the fields the edge itself reads, taken in the one pass that checks the head.
type facts struct {
	host, mediaType, encoding, coding, requestID string

	hosts, lengths, codings, mediaTypes, authorizations int
}

// check refuses every head that two readers could understand differently (RFC 9112 §2.2, §3.2, §5, §6.1). fasthttp refuses
// some of these before us; the edge does not depend on which.
func (h head) check(http11 bool) (facts, *refusal) {
	var f facts
	for rest := h; rest != "" && rest != "\r\n"; {
		end := strings.IndexByte(string(rest), '\n')
		if end < 1 || rest[end-1] != '\r' {
			return f, badFraming("Every header line must end with CR LF.")
		}
		colon, bad := checkLine(rest[:end-1])
		if bad != "" {
			return f, badFraming(bad)
		}
		f.note(string(rest[:colon]), strings.Trim(string(rest[colon+1:end-1]), " \t"))
		rest = rest[end+1:]
	}
	return f, f.check(http11)
}

// checkLine gives the place of the colon, or what is wrong with the line.
func checkLine(line head) (int, string) {
	if line == "" {
		return 0, "An empty line must end the headers."
	}
	if line[0] == ' ' || line[0] == '\t' {
		return 0, "Header lines must not be folded."
	}
	colon := strings.IndexByte(string(line), ':')
	if colon < 1 {
		return 0, "A header line needs a name and a colon."
	}
	for i := range colon {
		if !tokenBytes[line[i]] {
			return 0, "A header name holds a character that is not allowed."
		}
	}
	for i := colon + 1; i < len(line); i++ {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
			return 0, "A header value holds a control character."
		}
	}
	return colon, ""
}

// tokenBytes is RFC 9110 §5.6.2.
var tokenBytes = func() (table [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		table[c] = true
	}
	return table
}()

// note is called for every field of every request; the length tells most of them apart.
func (f *facts) note(name, value string) {
	is := func(want string) bool { return len(name) == len(want) && strings.EqualFold(name, want) }
	switch {
	case is("Host"):
		f.hosts, f.host = f.hosts+1, value
	case is("Content-Length"):
		f.lengths++
	case is("Content-Type"):
		f.mediaTypes, f.mediaType = f.mediaTypes+1, value
	case is("Content-Encoding"):
		f.encoding += value
	case is("Authorization"):
		f.authorizations++
	case is("X-Request-Id"):
		f.requestID = value
	case is("Transfer-Encoding"):
		f.codings, f.coding = f.codings+1, value
	}
}

func (f *facts) check(http11 bool) *refusal {
	switch {
	case f.hosts > 1 || http11 && f.hosts == 0:
		return badFraming("A request needs exactly one Host header.")
	case f.lengths > 1:
		return badFraming("Content-Length must come once.")
	case f.codings > 0 && (f.lengths > 0 || f.codings > 1 || !http11):
		return badFraming("Transfer-Encoding must come once, alone and with HTTP/1.1.")
	case f.codings > 0 && !strings.EqualFold(f.coding, "chunked"):
		return unknownCoding()
	case f.mediaTypes > 1:
		return badFraming("Content-Type must come once.")
	case f.authorizations > 1:
		return badFraming("Authorization must come once.")
	}
	return nil
}

// badFraming closes the connection: what follows on it cannot be told apart from this request.
func badFraming(detail string) *refusal {
	return &refusal{err: &core.Error{Code: core.InvalidRequest, Detail: detail}, close: true}
}

// unknownCoding is RFC 9112 §6.1: a transfer coding that is not understood gets 501.
func unknownCoding() *refusal {
	r := badFraming("The only transfer coding understood here is chunked.")
	r.status = http.StatusNotImplemented
	return r
}
