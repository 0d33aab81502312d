package plugins

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

const (
	requestTime = 500 * time.Millisecond
	httpPurpose = "plugin" // as rules of fetch.allow name it
	longHeader  = 4 << 10
	longName    = 64
)

// sendHTTP sends one request to a host that was granted.
func sendHTTP(ctx context.Context, u *uses, mem sandbox.Memory, args []uint64) (int64, error) {
	given, result := handed[abi.HTTPRequest](mem, args)
	var request fetch.Request
	var target string
	if result == 0 {
		request, target, result = u.outgoing(given)
	}
	var response fetch.Response
	if result == 0 {
		response, result = u.send(ctx, request)
	}
	if result != 0 {
		u.note(kindHTTP, target, statusOf(result), nil)
		return int64(result), nil
	}
	u.note(kindHTTP, target, strconv.Itoa(response.Status), response.Body)
	return int64(u.give(incoming(response))), nil
}

// outgoing checks what a plugin wants to send. target is what the trace says of it: never a query, which may hold a credential.
func (u *uses) outgoing(given abi.HTTPRequest) (request fetch.Request, target string, refused int32) {
	method := cmp.Or(given.Method, http.MethodGet)
	at, err := url.Parse(given.URL)
	if err != nil || at.Host == "" || at.User != nil || at.Fragment != "" || at.Opaque != "" {
		return request, "", abi.RefusedBadArgument
	}
	target = method + " " + at.Scheme + "://" + at.Host + at.EscapedPath()
	switch {
	case at.Scheme != "https" && !(at.Scheme == "http" && isLoopback(at.Hostname())):
		return request, target, abi.RefusedDenied
	case !slices.Contains(u.granted.HTTP.Methods, method):
		return request, target, abi.RefusedDenied
	case !isGranted(u.granted.HTTP.Hosts, at):
		return request, target, abi.RefusedDenied
	}
	body, refused := oneOf(given.Body, given.BodyBase64, abi.MaxHTTPBody)
	if refused != 0 {
		return request, target, refused
	}
	header, ok := sendable(given.Headers)
	if !ok || len(body) > 0 && (method == http.MethodGet || method == http.MethodHead) {
		return request, target, abi.RefusedBadArgument
	}
	return fetch.Request{Method: method, URL: given.URL, Header: header, Body: body}, target, 0
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// isGranted tells whether a host, with its port unless that is the scheme's own, is one of those that were granted.
func isGranted(hosts []string, at *url.URL) bool {
	host := strings.ToLower(at.Host)
	host = strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[at.Scheme])
	return slices.Contains(hosts, host)
}

// unsendable are headers that belong to the connection, to the host, or to somebody's session. So do all of proxy-* and
// x-forwarded-*.
var unsendable = []string{
	"accept-encoding", "connection", "content-length", "cookie", "cookie2", "expect", "forwarded", "host", "http2-settings", "keep-alive",
	"set-cookie", "te", "trailer", "transfer-encoding", "upgrade", "via",
}

// sendable gives headers for a request, and false when one of them may not be sent.
func sendable(given map[string]string) (http.Header, bool) {
	if len(given) > abi.MaxHeaders {
		return nil, false
	}
	header := http.Header{}
	for name, value := range given {
		lower := strings.ToLower(name)
		switch {
		case name == "" || len(name) > longName || strings.ContainsFunc(name, notInToken):
			return nil, false
		case slices.Contains(unsendable, lower) || strings.HasPrefix(lower, "proxy-") || strings.HasPrefix(lower, "x-forwarded-"):
			return nil, false
		case len(value) > longHeader || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r > '~' }):
			return nil, false
		case header.Get(name) != "": // in another spelling
			return nil, false
		}
		header.Set(name, value)
	}
	return header, true
}

// notInToken tells which characters RFC 9110 §5.6.2 keeps out of a header's name.
func notInToken(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", r)
}

// send sends a checked request.
func (u *uses) send(ctx context.Context, r fetch.Request) (fetch.Response, int32) {
	switch {
	case u.simulated:
		return fetch.Response{}, abi.RefusedInSimulation
	case u.services.HTTP == nil:
		return fetch.Response{}, abi.RefusedUnavailable
	case !u.begin(kindHTTP):
		return fetch.Response{}, abi.RefusedBudget
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(u.services.RequestTime, requestTime))
	defer cancel()
	response, err := u.services.HTTP.Do(ctx, httpPurpose, r, abi.MaxHTTPBody)
	switch {
	case err == nil:
		return response, 0
	case errors.Is(err, fetch.ErrRefused):
		u.failed(kindHTTP, err)
		return response, abi.RefusedDenied
	case errors.Is(err, fetch.ErrTooLong):
		return response, abi.RefusedTooLarge
	}
	u.failed(kindHTTP, err)
	return response, abi.RefusedUnavailable
}

// receivable are the headers of an answer that a plugin sees.
var receivable = []string{
	"cache-control", "content-language", "content-type", "date", "etag", "expires", "last-modified", "location", "retry-after",
}

// incoming writes what came back.
func incoming(r fetch.Response) []byte {
	headers := map[string]string{}
	for _, name := range receivable {
		if value := r.Header.Get(name); value != "" {
			headers[name] = clippedTo(readable([]byte(value)), longHeader)
		}
	}
	members := make([]strictjson.Member, 0, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		members = append(members, strictjson.Member{Name: name, Value: strictjson.String(headers[name])})
	}
	answer := strictjson.Object(
		strictjson.Member{Name: "status", Value: strictjson.Int(int64(r.Status))},
		strictjson.Member{Name: "headers", Value: strictjson.Object(members...)},
	)
	switch {
	case len(r.Body) == 0:
	case utf8.Valid(r.Body) && !slices.Contains(r.Body, 0):
		answer = answer.With("body", strictjson.String(string(r.Body)))
	default:
		answer = answer.With("body_base64", strictjson.String(base64.StdEncoding.EncodeToString(r.Body)))
	}
	return strictjson.Append(nil, answer)
}
