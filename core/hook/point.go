package hook

import (
	"slices"

	"github.com/ostiary/ostiary/core"
)

// A Point is one place where plugins are asked.
type Point string

// The points, in the order of a client's life.
const (
	RequestKeys           Point = "request_keys"            // give the keys that verify a signed request
	SoftwareStatementKeys Point = "software_statement_keys" // give the keys of a statement's issuer
	PreRegister           Point = "pre_register"            // propose a patch to a new client, or reject it
	MintClientID          Point = "mint_client_id"          // give a new client its id
	PostRegister          Point = "post_register"           // add members to the 201 answer
	PreUpdate             Point = "pre_update"              // propose a patch to an update, or reject it
	PostUpdate            Point = "post_update"             // add members to the answer of an update
	OnRead                Point = "on_read"                 // add members to the answer of a read
	PreDelete             Point = "pre_delete"              // reject the end of a client
	CertificateCheck      Point = "certificate_check"       // reject a client's certificate
	TokenClaims           Point = "token_claims"            // add claims to an access token
)

// MaxAddedClaims is how many bytes, as JSON, all plugins together may add to an access token: it travels in a header with each request.
const MaxAddedClaims = 4 << 10

// Answers say what the plugins of a point may answer, besides having nothing to say.
type Answers struct {
	Patches bool        // a patch of the client's metadata
	Adds    bool        // a patch that adds members to what goes out: to an answer, to an access token
	Results bool        // the result that the point is for; the first plugin that gives one is the last one asked
	Rejects []core.Code // a refusal with one of these codes; none: what was asked for has happened already
	Keeps   bool        // what they write to kv is kept, with the commit; else they only read it
}

// points is the one table of what plugins may answer where. Host, road, guides and SDK are held to it.
var points = []struct {
	Point
	Answers
}{
	{RequestKeys, Answers{Results: true, Rejects: registering}},
	{SoftwareStatementKeys, Answers{Results: true, Rejects: registering}},
	{PreRegister, Answers{Patches: true, Rejects: registering, Keeps: true}},
	{MintClientID, Answers{Results: true, Rejects: registering, Keeps: true}},
	{PostRegister, Answers{Adds: true}},
	{PreUpdate, Answers{Patches: true, Rejects: registering, Keeps: true}},
	{PostUpdate, Answers{Adds: true}},
	{OnRead, Answers{Adds: true}},
	{PreDelete, Answers{Rejects: registering, Keeps: true}},
	{CertificateCheck, Answers{Rejects: []core.Code{core.InvalidClient}}},
	{TokenClaims, Answers{Adds: true, Rejects: []core.Code{core.AccessDenied, core.InvalidGrant, core.InvalidScope, core.InvalidTarget}}},
}

// registering are the codes of RFC 7591 §3.2.2, two of RFC 6749, and that of attested registrations.
var registering = []core.Code{
	core.InvalidRedirectURI, core.InvalidClientMetadata, core.InvalidSoftwareStatement, core.UnapprovedSoftwareStmt, core.InvalidScope, core.AccessDenied,
	core.StaleEvidence,
}

// Points lists all points.
func Points() []Point {
	all := make([]Point, len(points))
	for i, row := range points {
		all[i] = row.Point
	}
	return all
}

// Answers gives what the point's plugins may answer; nothing, for what is no point. It is shared and must not be changed.
func (p Point) Answers() Answers {
	for _, row := range points {
		if row.Point == p {
			return row.Answers
		}
	}
	return Answers{}
}

// Shapes tells whether the point's plugins only shape an answer: what was asked for is done, and no fault of theirs undoes it.
func (p Point) Shapes() bool {
	a := p.Answers()
	return a.Adds && len(a.Rejects) == 0
}

// MayFailOpen tells whether an operator may let requests go on when a plugin fails at this point: where plugins only add something.
func (p Point) MayFailOpen() bool { return p.Answers().Adds }

// MayReject tells whether the point's plugins may refuse with a code.
func (p Point) MayReject(code core.Code) bool { return slices.Contains(p.Answers().Rejects, code) }

// Fault is the error of a plugin that failed at this point: what may be told of it, with the cause for log and ledger. Where
// plugins only shape the answer nothing is refused: what was asked for is done.
func (p Point) Fault(plugin string, cause error) *core.Error {
	effect := "the request was refused"
	if p.Shapes() {
		effect = "the answer went out without what it adds"
	}
	return core.Fail(core.PluginFault, "The plugin "+plugin+" failed, so "+effect+". An operator can see why under the decision id.", cause)
}

// OwnInError tells the members that an error answer has itself, as OAuth JSON or as a problem (RFC 9457), so that no plugin adds
// them to one.
func OwnInError(member string) bool {
	return slices.Contains(ownInError, member)
}

var ownInError = []string{
	"error", "error_description", "error_uri", "errors", "decision_id", "warnings", "registration_status", "state", "iss",
	"type", "title", "status", "detail", "instance", "code",
}
