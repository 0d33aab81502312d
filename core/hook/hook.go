// Package hook holds the sockets that plugins plug into: the points on the road, what a plugin is told there and what it may
// answer. It owns their shapes and nothing of how a plugin runs; core/registration calls, plugins implements.
package hook

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Point is one place on the road where plugins are asked.
type Point string

// The points, in the order of a client's life.
const (
	PreRegister  Point = "pre_register"  // propose a patch to a new client, or reject it
	PreUpdate    Point = "pre_update"    // propose a patch to an update, or reject it
	PostRegister Point = "post_register" // add members to the 201 answer
	OnRead       Point = "on_read"       // add members to the answer of a read
)

// Points lists all points.
func Points() []Point { return []Point{PreRegister, PreUpdate, PostRegister, OnRead} }

// Proposes tells whether the point's plugins may patch or reject; the others only shape the answer.
func (p Point) Proposes() bool { return p == PreRegister || p == PreUpdate }

// Fault is the error of a plugin that failed at this point: what may be told of it, with the cause for log and ledger. Where
// plugins only shape the answer nothing is refused: what was asked for is done.
func (p Point) Fault(plugin string, cause error) *core.Error {
	effect := "the answer went out without what it adds"
	if p.Proposes() {
		effect = "the request was refused"
	}
	return core.Fail(core.PluginFault, "The plugin "+plugin+" failed, so "+effect+". An operator can see why under the decision id.", cause)
}

// A Call is what a plugin is told.
type Call struct {
	Point   Point
	Context Context
	Client  strictjson.Value // the draft's metadata (pre_*), or the answer without credentials (post_*, on_read)
	Before  strictjson.Value // the stored metadata, on an update; else absent
}

// Context is what surrounds a call. No secrets.
type Context struct {
	DecisionID core.DecisionID
	Operation  core.Operation
	Channel    core.Channel
	ClientID   core.ClientID // empty in pre_register
	Profile    string
	Now        time.Time
	Caller     core.Caller
	IATLabel   string
	Statement  strictjson.Value // claims of a verified software statement; else absent
	Locked     []string         // members that no patch may touch
	Writes     *Writes          // what plugins put in this judgement; nil: nothing can be kept here
	Simulated  bool             // nothing may go out, and nothing will be carried out
}

// Action is what a plugin decided.
type Action string

// The actions of the envelope.
const (
	Continue Action = "continue"
	Patch    Action = "patch"
	Reject   Action = "reject"
)

// A Result is what a plugin answered, checked for form but not for content.
type Result struct {
	Action   Action
	Patch    strictjson.Value // RFC 7396, an object; for post_* and on_read: members to add
	Code     core.Code        // for Reject
	Message  string           // for Reject
	Audit    strictjson.Value // goes into the trace
	Warnings []string
}

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
	// MayWrite tells whether the manifest lets the plugin write a member at this point.
	MayWrite(p Point, member string) bool
	// Ask runs the plugin. An error is a plugin fault (core.PluginFault) or a busy host (core.TemporarilyUnavailable).
	Ask(ctx context.Context, call Call) (Result, Usage, error)
}

// A Chain gives the plugins of a point in their order (priority, then name). It fails with core.TemporarilyUnavailable
// while a plugin that would be asked is still being loaded.
type Chain interface {
	At(p Point) ([]Plugin, error)
}

// None is the chain of a server without plugins.
type None struct{}

// At gives no plugins.
func (None) At(Point) ([]Plugin, error) { return nil, nil }
