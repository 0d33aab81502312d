package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
)

// A refusal is an error on its way out: what to say and what it means for the connection.
type refusal struct {
	err    *core.Error
	status int // 0: by the table
	close  bool
}

// statusOf is the one table from a code to a status. known is false for a code it does not name; those come from plugins,
// policies and OAuth extensions, which all speak of a bad request.
func statusOf(code core.Code) (status int, known bool) {
	switch code {
	case core.InvalidRequest, core.UnauthorizedClient, core.InvalidScope, core.InvalidRedirectURI,
		core.InvalidClientMetadata, core.InvalidSoftwareStatement, core.UnapprovedSoftwareStmt, core.StaleEvidence,
		core.InvalidGrant, core.UnsupportedGrantType, core.UnsupportedResponseType, core.UnsupportedTokenType, core.InvalidTarget,
		core.InvalidAuthzDetails, core.InvalidRequestURI, core.RequestNotSupported, core.RequestURINotSupported, core.RegistrationNotSupported,
		core.LoginRequired, core.ConsentRequired, core.InteractionRequired, core.AccountSelectionRequired:
		return http.StatusBadRequest, true
	case core.InvalidClient, core.InvalidToken:
		return http.StatusUnauthorized, true
	case core.AccessDenied, core.InsufficientScope:
		return http.StatusForbidden, true
	case core.NotFound:
		return http.StatusNotFound, true
	case core.MethodNotAllowed:
		return http.StatusMethodNotAllowed, true
	case core.Conflict:
		return http.StatusConflict, true
	case core.PreconditionFailed:
		return http.StatusPreconditionFailed, true
	case core.PayloadTooLarge:
		return http.StatusRequestEntityTooLarge, true
	case core.UnsupportedMediaType:
		return http.StatusUnsupportedMediaType, true
	case core.MisdirectedRequest:
		return http.StatusMisdirectedRequest, true
	case core.TooManyRequests:
		return http.StatusTooManyRequests, true
	case core.ServerError, core.PolicyUnstable, core.PolicyConflict, core.PluginFault:
		return http.StatusInternalServerError, true
	case core.TemporarilyUnavailable, core.PolicyUnavailable:
		return http.StatusServiceUnavailable, true
	case core.InsufficientStorage:
		return http.StatusInsufficientStorage, true
	}
	return http.StatusBadRequest, false
}

func (r *refusal) statusCode() int {
	if r.status != 0 {
		return r.status
	}
	status, _ := statusOf(r.err.Code)
	return status
}

// answer gives an error the face of its route; page draws it for people.
func (r *refusal) answer(face Face, page func(e *core.Error, status int) Response) Response {
	status := r.statusCode()
	var res Response
	switch face {
	case Operator:
		res = problem(r.err, status)
	case Page:
		res = page(r.err, status)
	case Plain:
		res = Text(status, printable(string(r.err.Code))+": "+printable(r.err.Detail)+"\n")
	default:
		res = oauthError(r.err, status)
	}
	if r.err.RetryAfter > 0 {
		seconds := (r.err.RetryAfter + time.Second - 1) / time.Second
		res = res.With("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	return res
}

// A shownReason is what the caller sees of a public reason: never where the rule stands.
type shownReason struct {
	Rule    string    `json:"rule,omitempty"`
	Code    core.Code `json:"code,omitempty"`
	Fields  []string  `json:"fields,omitempty"`
	Message string    `json:"message,omitempty"`
}

func shown(reasons []core.Reason) []shownReason {
	var list []shownReason
	for _, r := range reasons {
		if r.Public {
			list = append(list, shownReason{r.Rule, r.Code, r.Fields, r.Message})
		}
	}
	return list
}

// oauthError is RFC 6749 §5.2 and RFC 7591 §3.2.2, with our two members.
func oauthError(e *core.Error, status int) Response {
	return document(status, "application/json", struct {
		Error       string          `json:"error"`
		Description string          `json:"error_description,omitempty"`
		Decision    core.DecisionID `json:"decision_id,omitempty"`
		Errors      []shownReason   `json:"errors,omitempty"`
	}{printable(string(e.Code)), printable(e.Detail), e.Decision, shown(e.Reasons)}).withMembers(e.Extra)
}

// problem is RFC 9457 §3.
func problem(e *core.Error, status int) Response {
	return document(status, "application/problem+json", struct {
		Type     string          `json:"type"`
		Title    string          `json:"title"`
		Status   int             `json:"status"`
		Detail   string          `json:"detail,omitempty"`
		Code     string          `json:"code"`
		Decision core.DecisionID `json:"decision_id,omitempty"`
		Errors   []shownReason   `json:"errors,omitempty"`
	}{"about:blank", http.StatusText(status), status, printable(e.Detail), printable(string(e.Code)), e.Decision, shown(e.Reasons)}).withMembers(e.Extra)
}

// withMembers adds the members of a JSON object to an answer that is one, too, and has none of them.
func (res Response) withMembers(extra string) Response {
	if len(extra) > len(`{}`) {
		res.Body = append(append(bytes.TrimSuffix(res.Body, []byte{'}'}), ','), extra[1:]...)
	}
	return res
}

func document(status int, mediaType string, v any) Response {
	body, err := json.Marshal(v)
	if err != nil { // structs of strings always marshal
		return Text(http.StatusInternalServerError, "server_error\n")
	}
	return Response{Status: status, ContentType: mediaType, Body: body}
}

// maxDescription keeps an answer short however long the member it speaks of.
const maxDescription = 400

// printable keeps what RFC 6749 §5.2 allows in error and error_description: printable ASCII without quote and backslash.
func printable(s string) string {
	ok := func(c rune) bool { return c >= ' ' && c <= '~' && c != '"' && c != '\\' }
	if len(s) <= maxDescription && strings.IndexFunc(s, func(c rune) bool { return !ok(c) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, c := range s {
		if b.Len() == maxDescription-3 {
			b.WriteString("...")
			break
		}
		switch {
		case c == '"':
			c = '\''
		case !ok(c):
			c = '?'
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}

// challenge is the WWW-Authenticate of a refused credential, or "". RFC 6750 §3.1: error is said only to who sent a token.
func challenge(scheme Challenge, e *core.Error, status int, authorization string) string {
	denied := status == http.StatusUnauthorized || e.Code == core.InsufficientScope
	if scheme == "" || !denied {
		return ""
	}
	value := string(scheme) + ` realm="ostiary"`
	if scheme == Bearer && sentToken(authorization) && (e.Code == core.InvalidToken || e.Code == core.InsufficientScope) {
		value += `, error="` + string(e.Code) + `"`
		if e.Detail != "" {
			value += `, error_description="` + printable(e.Detail) + `"`
		}
	}
	return value
}

func sentToken(authorization string) bool {
	scheme, token, _ := strings.Cut(authorization, " ")
	return token != "" && (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "DPoP"))
}
