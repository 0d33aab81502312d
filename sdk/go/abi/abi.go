// Package abi is the wire between Ostiary and a plugin, frozen as version 1: the names a module exports and imports, the
// messages as structs, the words in them and their bounds. Host and SDK both import it, so that neither can drift.
//
// A name, a number or a JSON member that once stood here never changes its meaning. New ones are added in a new Minor; both
// sides ignore nothing and guess nothing: a host refuses a module that needs a newer Minor than its own.
//
// Free JSON (metadata, claims, configuration) has the type parameter J: each side puts its own JSON type there.
package abi

// Major and Minor are the version of this wire. Major is also part of the names Marker and Imports.
const (
	Major = 1
	Minor = 0
)

// What a module exports, besides "memory" and one function (ptr i32, len i32) -> i64 for each hook it serves. The i64 is
// the answer's ptr<<32|len; 0 says that the plugin failed and has said why through log.
const (
	Memory    = "memory"
	Marker    = "ostiary_abi_v1"    // () -> i32: the Minor the module was built for
	Alloc     = "ostiary_alloc"     // (len i32) -> i32: where the host may write len bytes for the next call
	Configure = "ostiary_configure" // (ptr i32, len i32) -> i64, optional: takes a Setup, answers an Envelope, once after start
)

// What a module may import. WASI preview 1 is there too, but gives nothing: no files, no network, no real clock.
const (
	Imports = "ostiary_v1"
	Log     = "log" // (level i32, ptr i32, len i32): one line of UTF-8 for the operator's log
)

// The levels of log.
const (
	LevelDebug int32 = 0
	LevelInfo  int32 = 1
	LevelWarn  int32 = 2
	LevelError int32 = 3
)

// The hooks, in the order of a client's life. A hook's name is also the name of its export.
const (
	RequestKeys           = "request_keys"            // give the keys that verify a signed request
	SoftwareStatementKeys = "software_statement_keys" // give the keys of a software statement's issuer
	PreRegister           = "pre_register"            // propose a patch to a new client, or reject it
	MintClientID          = "mint_client_id"          // give a new client its id
	PostRegister          = "post_register"           // add members to the answer of a registration
	PreUpdate             = "pre_update"              // propose a patch to an update, or reject it
	PostUpdate            = "post_update"             // add members to the answer of an update
	OnRead                = "on_read"                 // add members to the answer of a read
	PreDelete             = "pre_delete"              // reject the end of a client
	CertificateCheck      = "certificate_check"       // reject a client's certificate
	TokenClaims           = "token_claims"            // add claims to an access token
)

// Hooks lists all hooks.
func Hooks() []string {
	return []string{RequestKeys, SoftwareStatementKeys, PreRegister, MintClientID, PostRegister, PreUpdate, PostUpdate, OnRead, PreDelete,
		CertificateCheck, TokenClaims}
}

// The actions of an Envelope.
const (
	ActionContinue = "continue" // nothing to say
	ActionPatch    = "patch"    // patch holds the change
	ActionResult   = "result"   // result holds what the hook is for
	ActionReject   = "reject"   // error holds the refusal
)

// Patches tells the hooks that may answer with a patch: of the client's metadata in pre_register and pre_update; of members to
// add in post_register, post_update and on_read (to the answer) and token_claims (to the access token).
func Patches(hook string) bool {
	switch hook {
	case PreRegister, PreUpdate, PostRegister, PostUpdate, OnRead, TokenClaims:
		return true
	}
	return false
}

// Results tells the hooks that may answer with a result.
func Results(hook string) bool {
	return hook == RequestKeys || hook == SoftwareStatementKeys || hook == MintClientID
}

// The codes a plugin may reject with: RFC 7591 §3.2.2, some of RFC 6749 and RFC 8707, and that of attested registrations
// (draft-tschofenig-oauth-attested-dclient-reg).
const (
	InvalidRedirectURI          = "invalid_redirect_uri"
	InvalidClientMetadata       = "invalid_client_metadata"
	InvalidSoftwareStatement    = "invalid_software_statement"
	UnapprovedSoftwareStatement = "unapproved_software_statement"
	InvalidScope                = "invalid_scope"
	AccessDenied                = "access_denied"
	InvalidClient               = "invalid_client"
	InvalidGrant                = "invalid_grant"
	InvalidTarget               = "invalid_target"
	StaleEvidence               = "stale_evidence"
)

// RejectCodes lists the codes a plugin may reject with in a hook; none where it cannot reject.
func RejectCodes(hook string) []string {
	switch hook {
	case RequestKeys, SoftwareStatementKeys, PreRegister, MintClientID, PreUpdate, PreDelete:
		return []string{InvalidRedirectURI, InvalidClientMetadata, InvalidSoftwareStatement, UnapprovedSoftwareStatement,
			InvalidScope, AccessDenied, StaleEvidence}
	case CertificateCheck:
		return []string{InvalidClient}
	case TokenClaims:
		return []string{AccessDenied, InvalidGrant, InvalidScope, InvalidTarget}
	}
	return nil
}

// OwnInError tells the members that an error answer has itself; error.extra may have none of them.
func OwnInError(member string) bool {
	switch member {
	case "error", "error_description", "error_uri", "errors", "decision_id", "warnings", "registration_status", "state", "iss",
		"type", "title", "status", "detail", "instance", "code":
		return true
	}
	return false
}

// Bounds of an answer. Beyond one of them the answer is a plugin fault.
const (
	MaxAnswer      = 256 << 10 // bytes of an Envelope
	MaxDepth       = 16        // arrays and objects inside each other
	MaxMembers     = 4096      // members and items over the whole Envelope
	MaxWarnings    = 8
	MaxWarning     = 200     // characters of one warning, all printable
	MaxDescription = 400     // bytes of an error's description, as RFC 6749 §5.2 allows them
	MaxExtra       = 1 << 10 // bytes of an error's extra as JSON
	MaxExtras      = 8       // members of an error's extra
	MaxClientID    = 128     // characters of a client_id in a result: A-Z a-z 0-9 - . _ ~
	MaxSecret      = 1 << 10 // bytes of a secret in a result
	MaxAudit       = 4 << 10 // bytes of audit as JSON
	MaxLogLines    = 32      // log lines of one call that are kept
	MaxLogLine     = 1 << 10 // bytes of one log line that are kept
)
