package hook

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Standing is what is remembered of a plugin, by its name.
type Standing struct {
	Accepted string    // the version that went live last, the highest unless an operator allowed an older one; "": none
	Hooks    []Point   // that that version serves; nil: not known
	Approval *Approval // nil: no operator gave one
}

// An Approval is an operator's consent to what a plugin asks for: to exactly that.
type Approval struct {
	Asked   strictjson.Value // an object: the capabilities
	Version string           // of the plugin that asked
	Digest  string           // of its module
	By      core.Subject
	At      time.Time
}
