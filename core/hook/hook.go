// Package hook holds the sockets that plugins plug into: the points on the road, what a plugin is told there and what it may
// answer. It owns their shapes and nothing of how a plugin runs; core/registration calls, plugins implements.
package hook

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Call is what a plugin is told.
type Call struct {
	Point   Point
	Context Context
	// Client is the draft's metadata, or what is stored (pre_delete, token_claims, certificate_check), or the answer without
	// credentials (post_*, on_read), or the request's document (software_statement_keys); absent in request_keys.
	Client strictjson.Value
	Before strictjson.Value // the stored metadata, on an update; else absent

	Signed      *Signed           // in software_statement_keys and request_keys
	Certificate *core.Certificate // in certificate_check
	Token       *Token            // in token_claims
}

// Context is what surrounds a call. No secrets.
type Context struct {
	DecisionID core.DecisionID
	Operation  core.Operation
	Channel    core.Channel
	ClientID   core.ClientID // empty before there is one
	Profile    string
	Now        time.Time
	Caller     core.Caller
	IAT        *InitialAccessToken // nil: none was presented
	Statement  strictjson.Value    // claims of a verified software statement; else absent
	Locked     []string            // members that no patch may touch
	Writes     *Writes             // what plugins put in this judgement; nil: nothing can be kept here
	Simulated  bool                // nothing may go out, and nothing will be carried out
}

// InitialAccessToken is what a plugin may know of the token a client registers with.
type InitialAccessToken struct {
	Label, Profile string
	Terms          strictjson.Value // what it lays down, an object; absent: nothing
}

// What is signed, as Signed.Kind.
const (
	SignedStatement = "software_statement"
	SignedRequest   = "request"
)

// Signed is a JWT whose keys are asked for. Nothing of it is verified yet.
type Signed struct {
	Kind     string
	Alg, Kid string
	Claims   strictjson.Value
}

// Token is an access token that is about to be minted.
type Token struct {
	GrantType string
	Subject   core.Subject
	Scopes    []string
	Audience  []string
	Claims    strictjson.Value // an object: what it says so far
}

// Action is what a plugin decided.
type Action string

// The actions of the envelope.
const (
	Continue Action = "continue"
	Patch    Action = "patch"
	Give     Action = "result"
	Reject   Action = "reject"
)

// A Result is what a plugin answered, checked for form but not for content.
type Result struct {
	Action   Action
	Patch    strictjson.Value // RFC 7396, an object; where plugins add: the members to add
	ClientID core.ClientID    // for Give in mint_client_id
	Keys     Keys             // for Give in software_statement_keys and request_keys
	Code     core.Code        // for Reject
	Message  string           // for Reject
	Extra    strictjson.Value // for Reject: an object with more members for the error answer; absent: none
	Audit    strictjson.Value // goes into the trace
	Warnings []string
}

// Keys are what verifies a signature, as a plugin gave them: a JWK Set, or else a secret for HMAC. They go into no trace, log,
// metric or error.
type Keys struct {
	JWKS   string // JSON; empty: none
	Secret core.Secret
}

// Format implements fmt.Formatter: keys are never printed.
func (Keys) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "[redacted]") }

// Usage is what a call cost.
type Usage struct {
	Wall  time.Duration
	Fuel  uint64
	Calls []Outcall
}

// An Outcall is one use of a capability during a call.
type Outcall struct {
	Kind   string
	Target string
	Status string
	Digest string
}

// A Plugin is one plugged-in module, ready to be asked. It is safe for concurrent use.
type Plugin interface {
	// Name is the manifest's name, Digest the module's SHA-256 in hexadecimal.
	Name() string
	Digest() string
	// Reads are the members of the client that the manifest asks for: others need not be in a call.
	Reads() Reads
	// MayWrite tells whether the manifest lets the plugin write a member at this point: of the client, of the answer, of a token.
	MayWrite(p Point, member string) bool
	// FailsOpen tells whether the operator lets a request go on when the plugin fails at this point, as if it had nothing to say.
	FailsOpen(p Point) bool
	// Ask runs the plugin, and judge on what it answered. An error is that of judge, a plugin fault (core.PluginFault), or a busy
	// host (core.TemporarilyUnavailable). A fault counts against the plugin, whoever found it.
	Ask(ctx context.Context, call Call, judge func(Result) error) (Result, Usage, error)
}

// A Chain gives the plugins of a point in their order (priority, then name). It fails with core.TemporarilyUnavailable
// while a plugin that would be asked is still being loaded.
type Chain interface {
	At(p Point) ([]Plugin, error)
	// Serves tells whether a point has plugins, or will have once they are loaded. Who only wants to know that does not ask At,
	// whose plugins are kept open until they were asked.
	Serves(p Point) bool
}

// None is the chain of a server without plugins.
type None struct{}

// At gives no plugins.
func (None) At(Point) ([]Plugin, error) { return nil, nil }

// Serves knows no plugins.
func (None) Serves(Point) bool { return false }
