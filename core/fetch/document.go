package fetch

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ErrNoDocument says that what an address answers is no document that was asked for: another status than 200 that does not pass, another
// type, too long, or an address that is not written as it is sent.
var ErrNoDocument = errors.New("there is no such document at the address")

// ErrAnswer says, beside what else is wrong, that it is the address itself that says so: an answer of HTTP came.
var ErrAnswer = errors.New("the address answers so")

// JSON reads one JSON document of at most limit bytes: a 200 with application/json, or application/…+json, and without
// Content-Encoding. fresh is how long the answer says that it may be kept; 0 when it says nothing or forbids it. What failed
// is not remembered. Errors are ErrRefused, ErrFailed or ErrNoDocument, ErrAnswer beside one of them, or the caller's context's own.
func (s *Stranger) JSON(ctx context.Context, purpose, address string, limit int64) (body []byte, fresh time.Duration, err error) {
	_, u, err := parseTarget(purpose, address)
	if err != nil {
		return nil, 0, err
	}
	if u.String() != address { // what is fetched must be what was named, character by character
		return nil, 0, fmt.Errorf("%w: the URL is not in its usual spelling", ErrNoDocument)
	}
	response, err := s.Do(ctx, purpose, Request{URL: address, Header: http.Header{"Accept": {"application/json"}}}, limit)
	switch {
	case errors.Is(err, ErrTooLong):
		return nil, 0, answered(ErrNoDocument, "%v", err)
	case err != nil:
		return nil, 0, err
	case response.Status == http.StatusTooManyRequests || response.Status >= http.StatusInternalServerError: // it passes
		return nil, 0, answered(ErrFailed, "status %d", response.Status)
	case response.Status != http.StatusOK:
		return nil, 0, answered(ErrNoDocument, "status %d", response.Status)
	case !isJSON(response.Header.Get("Content-Type")):
		return nil, 0, answered(ErrNoDocument, "Content-Type %.60q", response.Header.Get("Content-Type"))
	}
	if coding := response.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, 0, answered(ErrNoDocument, "Content-Encoding %.20q", coding)
	}
	return response.Body, freshFor(response.Header), nil
}

// answered words what is wrong with an answer that came.
func answered(what error, format string, args ...any) error {
	return fmt.Errorf("%w: %s, as %w", what, fmt.Sprintf(format, args...), ErrAnswer)
}

func isJSON(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	kind, isApplication := strings.CutPrefix(mediaType, "application/")
	return isApplication && (kind == "json" || strings.HasSuffix(kind, "+json"))
}

// longestFresh keeps what an answer says within what a time can hold.
const longestFresh = 365 * 24 * time.Hour

// freshFor reads Cache-Control as a shared cache does: s-maxage before max-age, less the Age that it has already (RFC 9111 §4.2.1).
func freshFor(h http.Header) time.Duration {
	maxAge, shared := int64(0), int64(-1)
	for _, directive := range strings.Split(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch seconds := deltaSeconds(value); strings.ToLower(name) {
		case "no-store", "no-cache", "private":
			return 0
		case "max-age":
			maxAge = seconds
		case "s-maxage":
			shared = seconds
		}
	}
	if shared >= 0 {
		maxAge = shared
	}
	return time.Duration(max(0, maxAge-deltaSeconds(h.Get("Age")))) * time.Second
}

// deltaSeconds reads RFC 9111 §1.2.2; 0 for what is none.
func deltaSeconds(text string) int64 {
	n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(text), `"`), 10, 63)
	if err != nil {
		return 0
	}
	return min(int64(n), int64(longestFresh/time.Second))
}
