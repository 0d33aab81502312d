package decision

import (
	"cmp"
	"time"

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

// provenance writes how a client came to be and what policy thought of it then.
func provenance(w Writer, channel core.Channel, profile, trust string, labels []string) {
	w.Key("provenance")
	w.BeginObject(4)
	text(w, "channel", string(channel))
	text(w, "profile", profile)
	text(w, "trust", cmp.Or(trust, trustLevels[0]))
	list(w, "labels", labels)
	w.EndObject()
}

// A person is who a request is made for, as policy may see it.
type person struct {
	present, admin, verified bool
	username, email          string
}

func (p person) write(w Writer) {
	w.Key("user")
	w.BeginObject(5)
	flag(w, "present", p.present)
	text(w, "username", p.username)
	flag(w, "admin", p.admin)
	text(w, "email", p.email)
	flag(w, "email_verified", p.verified)
	w.EndObject()
}

// signIn writes when and how the person signed in.
func signIn(w Writer, at time.Time, methods []string) {
	w.Key("sign_in")
	w.BeginObject(2)
	number(w, "time", unix(at))
	list(w, "methods", methods)
	w.EndObject()
}
