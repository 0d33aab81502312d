package web

import (
	"mime"
	"net/url"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// maxToken is longer than any bearer token we make.
const maxToken = 4096

// BearerToken takes the one bearer token of a request (RFC 6750 §2.1); "" when none was presented. A token in the query is
// refused, and so is a second one: which of them counts must never be a question.
func BearerToken(r *Request) (core.Secret, error) {
	if _, found := QueryValue(r.RawQuery, "access_token"); found {
		return "", core.Refuse(core.InvalidRequest, "An access token in the query is not accepted; send it as Authorization: Bearer (RFC 6750 section 2.1).")
	}
	values := r.HeaderValues("Authorization")
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", core.Refuse(core.InvalidRequest, "Two Authorization headers; send one credential.")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimLeft(token, " ")
	if !strings.EqualFold(scheme, string(Bearer)) {
		return "", core.Refuse(core.InvalidToken, "The Authorization scheme is not Bearer.")
	}
	if token == "" || len(token) > maxToken || strings.IndexFunc(token, notToken68) >= 0 {
		return "", core.Refuse(core.InvalidToken, "The access token is malformed.")
	}
	return core.Secret(token), nil
}

// notToken68 tells characters that no bearer token has (RFC 6750 §2.1, b64token).
func notToken68(c rune) bool {
	isLetter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	return !isLetter && (c < '0' || c > '9') && !strings.ContainsRune("-._~+/=", c)
}

// QueryValue gives the first value of a query parameter. Of a query that cannot be read whole, what can be read counts.
func QueryValue(raw, name string) (string, bool) {
	if raw == "" {
		return "", false
	}
	values, _ := url.ParseQuery(raw)
	return values.Get(name), values.Has(name)
}

// OneQueryValue gives the value of a parameter that may be there once; "" when it is not there.
func OneQueryValue(raw, name string) (string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return "", core.Refuse(core.InvalidRequest, "The query cannot be read; percent-encode it.")
	}
	if len(values[name]) > 1 {
		return "", core.Refuse(core.InvalidRequest, "%s is in the query twice; send it once.", name)
	}
	return values.Get(name), nil
}

// EntityTags gives the tags that an If-Match or If-None-Match lists, as they were sent (RFC 9110 §13.1). Nil: there is no such
// header. An empty one lists one tag that nothing has.
func EntityTags(r *Request, header string) []string {
	lines := r.HeaderValues(header)
	if len(lines) == 0 {
		return nil
	}
	tags := strings.Split(strings.Join(lines, ","), ",")
	for i, tag := range tags {
		tags[i] = strings.TrimSpace(tag)
	}
	return tags
}

// ParseBody reads a body as one JSON document.
func ParseBody(body []byte) (strictjson.Value, error) {
	v, err := strictjson.Parse(body, strictjson.Default)
	if err != nil {
		return strictjson.Value{}, core.Refuse(core.InvalidRequest, "The body is not usable JSON: %v.", err)
	}
	return v, nil
}

// MediaType gives the type of the body, without parameters and in lower case; "" when none is said.
func MediaType(r *Request) string {
	mediaType, _, err := mime.ParseMediaType(r.Header("Content-Type"))
	if err != nil {
		return ""
	}
	return mediaType
}

// DecodeBody reads a body into a struct; unknown members are refused.
func DecodeBody(body []byte, dst any) error {
	if err := strictjson.Decode(body, dst, strictjson.Default); err != nil {
		return core.Refuse(core.InvalidRequest, "The body cannot be used: %v.", err)
	}
	return nil
}

// CallerOf gives what policy may know of who asks.
func CallerOf(r *Request) core.Caller {
	return core.Caller{
		IP: r.RemoteIP.String(), Origin: clip(r.Header("Origin"), 512), UserAgent: clip(r.Header("User-Agent"), 512),
		Certificate: certificateOf(r),
	}
}

// clip keeps a header from growing what is stored.
func clip(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	return strings.ToValidUTF8(s, "?")
}

// DecodeLong reads a body that its route lets be longer than others; unknown members are refused.
func DecodeLong(body []byte, dst any) error {
	limits := strictjson.Default
	limits.MaxBytes = max(limits.MaxBytes, len(body))
	if err := strictjson.Decode(body, dst, limits); err != nil {
		return core.Refuse(core.InvalidRequest, "The body cannot be used: %v.", err)
	}
	return nil
}
