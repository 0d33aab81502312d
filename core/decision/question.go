package decision

import (
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
)

// A Question is the input of one decision: *Registration, *Authorization, *Token or *Session.
type Question interface {
	// Write gives the whole input to w: the one description of its order, names and types.
	Write(w Writer)
}

// storedDocument gives a registered client as a Document.
func storedDocument(c *core.Client) Document {
	return Document{ClientID: c.ID, Metadata: c.Metadata, Extra: metadata.Beyond(&c.Metadata)}
}
