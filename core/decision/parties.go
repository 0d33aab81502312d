package decision

import (
	"cmp"
	"time"

	"github.com/ostiary/ostiary/core"
)

// Parties are the client and the person that a question about a registered client is about.
type Parties struct {
	Client        Document // what is registered; of a session: zero when no client led there
	ClientTrust   string   // in its software statement: "issuer", "self" or "none"; empty: none
	ClientLabels  []string
	ClientProfile string
	ClientChannel core.Channel // the door it was registered by

	Subject       core.Subject // who it is about: the person, or for client_credentials the client itself
	UserPresent   bool         // somebody is signed in, and Subject is that person; the members below are zero otherwise
	Username      string
	UserAdmin     bool
	Email         string
	EmailVerified bool
	AuthTime      time.Time
	Methods       []string // "amr" of RFC 8176
}

// SetClient fills in all that a question says of the client. One without an ID is none.
func (p *Parties) SetClient(c *core.Client) {
	if c.ID == "" {
		return
	}
	p.Client, p.ClientTrust, p.ClientLabels = storedDocument(c), c.Governance.Trust, c.Governance.Labels
	p.ClientProfile, p.ClientChannel = c.Provenance.Profile, c.Provenance.Channel
}

// SetUser fills in all that a question says of the person.
func (p *Parties) SetUser(u *core.User, authTime time.Time, methods []string) {
	p.UserPresent, p.Subject, p.Username, p.UserAdmin = true, u.Subject, u.Username, u.Admin
	p.Email, p.EmailVerified, p.AuthTime, p.Methods = u.Profile.Email, u.Profile.EmailVerified, authTime, methods
}

// writeClient writes what is registered, how the client came to be, and what policy thought of it then.
func (p *Parties) writeClient(w Writer) {
	p.Client.write(w, "client")
	w.Key("provenance")
	w.BeginObject(4)
	text(w, "channel", string(p.ClientChannel))
	text(w, "profile", p.ClientProfile)
	text(w, "trust", cmp.Or(p.ClientTrust, trustLevels[0]))
	list(w, "labels", p.ClientLabels)
	w.EndObject()
}

// writePerson writes whom the request is made for, and how that person signed in.
func (p *Parties) writePerson(w Writer) {
	text(w, "subject", string(p.Subject))
	w.Key("user")
	w.BeginObject(5)
	flag(w, "present", p.UserPresent)
	text(w, "username", p.Username)
	flag(w, "admin", p.UserAdmin)
	text(w, "email", p.Email)
	flag(w, "email_verified", p.EmailVerified)
	w.EndObject()
	w.Key("sign_in")
	w.BeginObject(2)
	number(w, "time", unix(p.AuthTime))
	list(w, "methods", p.Methods)
	w.EndObject()
}
