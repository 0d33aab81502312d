package core

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code is the word an answer carries in its "error" member. It belongs to the protocol, not to HTTP: core/web owns the
// one table from Code to status.
type Code string

// The codes of RFC 6749 §5.2, RFC 6750 §3.1, RFC 7591 §3.2.2 and our own for what these leave open.
const (
	InvalidRequest           Code = "invalid_request"               // RFC 6749 §5.2: malformed, repeated or missing parameter
	InvalidClient            Code = "invalid_client"                // RFC 6749 §5.2: the client could not be authenticated
	InvalidGrant             Code = "invalid_grant"                 // RFC 6749 §5.2: a code, refresh token or assertion that does not count
	UnsupportedGrantType     Code = "unsupported_grant_type"        // RFC 6749 §5.2
	UnsupportedResponseType  Code = "unsupported_response_type"     // RFC 6749 §4.1.2.1
	UnsupportedTokenType     Code = "unsupported_token_type"        // RFC 7009 §2.2.1
	InvalidTarget            Code = "invalid_target"                // RFC 8707 §2: a resource that is unknown or not allowed
	InvalidAuthzDetails      Code = "invalid_authorization_details" // RFC 9396 §5: a type that is not known
	InvalidRequestURI        Code = "invalid_request_uri"           // RFC 9101 §6: a request_uri that is expired, used or not ours
	RequestNotSupported      Code = "request_not_supported"         // OpenID Connect Core §3.1.2.6
	RequestURINotSupported   Code = "request_uri_not_supported"     // OpenID Connect Core §3.1.2.6
	RegistrationNotSupported Code = "registration_not_supported"    // OpenID Connect Core §3.1.2.6
	LoginRequired            Code = "login_required"                // OpenID Connect Core §3.1.2.6: prompt=none, and nobody is signed in
	ConsentRequired          Code = "consent_required"              // OpenID Connect Core §3.1.2.6
	InteractionRequired      Code = "interaction_required"          // OpenID Connect Core §3.1.2.6
	AccountSelectionRequired Code = "account_selection_required"    // OpenID Connect Core §3.1.2.6
	UnauthorizedClient       Code = "unauthorized_client"           // RFC 6749 §5.2: authenticated, but may not do this
	InvalidScope             Code = "invalid_scope"                 // RFC 6749 §5.2: a scope outside policy
	AccessDenied             Code = "access_denied"                 // RFC 6749 §4.1.2.1: refused by policy or by the owner
	ServerError              Code = "server_error"                  // RFC 6749 §4.1.2.1: our fault; the cause is only in the log
	TemporarilyUnavailable   Code = "temporarily_unavailable"       // RFC 6749 §4.1.2.1: try again; RetryAfter says when
	InvalidToken             Code = "invalid_token"                 // RFC 6750 §3.1: expired, revoked, used up, unknown
	InsufficientScope        Code = "insufficient_scope"            // RFC 6750 §3.1: a valid token without the needed scope
	InvalidRedirectURI       Code = "invalid_redirect_uri"          // RFC 7591 §3.2.2
	InvalidClientMetadata    Code = "invalid_client_metadata"       // RFC 7591 §3.2.2
	InvalidSoftwareStatement Code = "invalid_software_statement"    // RFC 7591 §3.2.2: form, signature or time
	UnapprovedSoftwareStmt   Code = "unapproved_software_statement" // RFC 7591 §3.2.2: well formed, issuer not accepted
	StaleEvidence            Code = "stale_evidence"                // draft-tschofenig-oauth-attested-dclient-reg: none, or not of the nonce given
	NotFound                 Code = "not_found"                     // nothing has this path or id
	Conflict                 Code = "conflict"                      // somebody else changed it first, or it exists already
	PreconditionFailed       Code = "precondition_failed"           // If-Match did not match (RFC 9110 §13.1.1)
	MethodNotAllowed         Code = "method_not_allowed"            // the path exists, this method does not
	UnsupportedMediaType     Code = "unsupported_media_type"        // wrong Content-Type or any Content-Encoding
	PayloadTooLarge          Code = "payload_too_large"             // longer than the route's limit
	TooManyRequests          Code = "too_many_requests"             // a rate was exceeded; RetryAfter says when
	MisdirectedRequest       Code = "misdirected_request"           // Host names no site of ours (RFC 9110 §15.5.20)
	PolicyUnstable           Code = "policy_unstable"               // a decision disagreed with its own result (DESIGN: the road, stage 6)
	PolicyConflict           Code = "policy_conflict"               // two rules set one field to different values
	PolicyUnavailable        Code = "policy_unavailable"            // no decision was reached: undefined, error, deadline
	PluginFault              Code = "plugin_fault"                  // a plugin trapped, ran out of fuel or answered garbage
	InsufficientStorage      Code = "insufficient_storage"          // the store refuses writes until space is freed
)

// Codes lists all of them: policies and plugins answer with some of these.
func Codes() []Code {
	return []Code{
		InvalidRequest, InvalidClient, InvalidGrant, UnsupportedGrantType, UnsupportedResponseType, UnsupportedTokenType,
		InvalidTarget, InvalidAuthzDetails, InvalidRequestURI, RequestNotSupported, RequestURINotSupported, RegistrationNotSupported, LoginRequired,
		ConsentRequired, InteractionRequired, AccountSelectionRequired, UnauthorizedClient, InvalidScope, AccessDenied,
		ServerError, TemporarilyUnavailable, InvalidToken, InsufficientScope, InvalidRedirectURI, InvalidClientMetadata,
		InvalidSoftwareStatement, UnapprovedSoftwareStmt, StaleEvidence, NotFound, Conflict, PreconditionFailed, MethodNotAllowed,
		UnsupportedMediaType, PayloadTooLarge, TooManyRequests, MisdirectedRequest, PolicyUnstable, PolicyConflict,
		PolicyUnavailable, PluginFault, InsufficientStorage,
	}
}

// An Error has two faces: Code, Detail, Reasons, Decision, RetryAfter and Extra may be shown to the caller; Err is the cause and
// goes to the log only. core/web is the only bridge from an Error to an answer.
type Error struct {
	Code       Code
	Detail     string        // safe for the caller: what was wrong and what to do, printable ASCII
	Reasons    []Reason      // every public reason, when there is more than one thing to say
	Decision   DecisionID    // the ledger entry that explains it; empty when nothing was judged
	RetryAfter time.Duration // when to try again; zero: do not say
	Extra      string        // a JSON object with more members for the answer, none of which it has itself; empty: none
	Err        error         // the cause, for the log only
}

// Error gives the log's view, cause included. Answers never use it.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Refuse makes an Error whose detail is safe for the caller.
func Refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Fail makes an Error for a fault of ours: the caller learns nothing but the code, the log learns the cause.
func Fail(code Code, detail string, cause error) *Error {
	return &Error{Code: code, Detail: detail, Err: cause}
}

// Clip keeps what a caller sent short enough to be quoted in a Detail.
func Clip(s string) string {
	const limit = 120
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}

// AsError finds the Error in a chain, or wraps what is not one as a server_error without detail.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: ServerError, Detail: "The server could not finish the request.", Err: err}
}

// CodeOf gives the code of the Error in a chain, ServerError for any other error and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return AsError(err).Code
}

// A Reason is one rule's finding: a denial, a warning, or what a stage changed and why.
type Reason struct {
	Rule    string   `json:"rule,omitempty"`    // the rule's own name, e.g. "redirects.https_only"
	Code    Code     `json:"code,omitempty"`    // for denials
	Fields  []string `json:"fields,omitempty"`  // metadata members concerned
	Message string   `json:"message,omitempty"` // plain English: what is wrong and what to do
	Public  bool     `json:"public"`            // may the caller see it
	File    string   `json:"file,omitempty"`    // where the rule stands
	Line    int      `json:"line,omitempty"`
}
