package decision

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Contract is the name and version of the policy contract, input.contract.
const Contract = "ostiary/1"

// Registration asks whether a client may exist and what it may do: input of data.ostiary.registration.decision.
type Registration struct {
	Operation core.Operation
	Channel   core.Channel
	Profile   string    // the effective profile's name; empty: none
	Pass      int       // 1; 2 when the decision is taken again on its own result
	Now       time.Time // written as Unix seconds
	RequestID string

	Request   Document // what was asked for, normalised
	Present   []string // the members that were really sent
	Effective Document // what will be stored: profile, statement, defaults and plugins included
	Before    Document // what is stored now; zero on register
	Changed   []string // members in which Effective differs from Before

	Keys      []Key // the keys of Effective's jwks
	IAT       IAT
	Signed    Signature // of the request itself
	Statement Statement
	Caller    core.Caller
}

// A Document is a client's metadata as policy sees it, with the members that Ostiary has no row for under "extra".
type Document struct {
	ClientID core.ClientID
	Metadata core.Metadata
	Extra    []strictjson.Member
}

// A Key is what policy may know of one public key.
type Key struct {
	Kty, Alg, Use, Kid, Crv string
	Bits                    int
}

// An IAT is the initial access token presented, without the token. When none was, Present is false; on an update and an approval ID,
// Label and Terms are then those of the token that the client was registered with. Else it is zero.
type IAT struct {
	Present   bool
	ID        core.TokenID
	Label     string
	Profile   string
	MaxUses   int64
	CreatedBy core.Subject
	ExpiresAt time.Time
	Terms     core.Terms
}

// A Signature is that of a request that came as a JWT, whose claims are then the request. Trust is "issuer" when a configured
// issuer signed it, "self" when the keys that it brought did, "none" when the request came as it is.
type Signature struct {
	Present bool
	Trust   string
	Issuer  string
	Alg     string
	Kid     string
}

// A Statement is the software statement presented. Trust is "issuer" when a configured issuer signed it, "self" when its own
// keys did, else "none".
type Statement struct {
	Present bool
	Trust   string
	Issuer  string
	Alg     string
	Kid     string
	Claims  strictjson.Value
}

// Write implements Question.
func (r *Registration) Write(w Writer) {
	w.BeginObject(21)
	r.writeOccasion(w)
	r.Request.write(w, "request")
	list(w, "present", r.Present)
	r.Effective.write(w, "effective")
	r.Before.write(w, "before")
	list(w, "changed", r.Changed)
	r.writeURIs(w)
	list(w, "scopes", r.Effective.Metadata.Scope)
	r.writeKeys(w)
	r.writeCredentials(w)
	w.EndObject()
}

// writeOccasion says what is done, where and when.
func (r *Registration) writeOccasion(w Writer) {
	text(w, "contract", Contract)
	text(w, "operation", string(r.Operation))
	text(w, "channel", string(r.Channel))
	text(w, "profile", r.Profile)
	number(w, "pass", int64(r.Pass))
	number(w, "now", unix(r.Now))
	text(w, "request_id", r.RequestID)
}

// writeCredentials says who asks, and what vouches for the request.
func (r *Registration) writeCredentials(w Writer) {
	w.Key("iat")
	r.IAT.write(w)
	w.Key("signed_request")
	r.Signed.write(w)
	w.Key("software_statement")
	r.Statement.write(w)
	w.Key("caller")
	writeCaller(w, &r.Caller)
}

func (d *Document) write(w Writer, name string) {
	if !wants(w, name) {
		return
	}
	w.Key(name)
	all := metadata.Visible()
	w.BeginObject(len(all) + 2)
	text(w, "client_id", string(d.ClientID))
	picker, picks := w.(Picker)
	told := tellsApart(w)
	for _, row := range rowsFor(w, all) {
		if picks && !picker.Wants(row.Name) {
			continue // it may be costly to make
		}
		if told && row.Zero(&d.Metadata) {
			continue // as good as any other mark that nothing is there
		}
		w.Key(row.Name)
		writeMember(w, row, &d.Metadata)
	}
	d.writeExtra(w)
	w.EndObject()
}

func (d *Document) writeExtra(w Writer) {
	w.Key("extra")
	w.BeginObject(len(d.Extra))
	for _, m := range d.Extra {
		w.Key(m.Name)
		w.Value(m.Value)
	}
	w.EndObject()
}

// writeMember writes a member, or the zero value of its kind when it is absent.
func writeMember(w Writer, row *metadata.Row, m *core.Metadata) {
	switch row.Kind {
	case metadata.Text, metadata.URI:
		w.Text(row.Text(m))
	case metadata.List, metadata.URIs, metadata.Scope:
		texts(w, row.List(m))
	case metadata.Number:
		w.Int(row.Number(m))
	case metadata.Flag:
		w.Bool(row.Flag(m))
	case metadata.Object:
		v := row.Get(m)
		if v.Kind() != strictjson.KindObject {
			v = strictjson.Object()
		}
		w.Value(v)
	}
}

// writeURIs writes parsed facts, so that no policy parses a URI: redirect_uris apart, all other members under "uris".
func (r *Registration) writeURIs(w Writer) {
	if wants(w, "redirect_uris") {
		w.Key("redirect_uris")
		w.BeginArray(len(r.Effective.Metadata.RedirectURIs))
		for _, raw := range r.Effective.Metadata.RedirectURIs {
			writeURI(w, "redirect_uris", raw)
		}
		w.EndArray()
	}
	if wants(w, "uris") {
		w.Key("uris")
		w.BeginArray(4)
		if id := r.Effective.ClientID; id.IsDocument() {
			writeURI(w, "client_id", string(id))
		}
		metadata.EachURI(&r.Effective.Metadata, func(member, raw string) {
			if member != "redirect_uris" {
				writeURI(w, member, raw)
			}
		})
		w.EndArray()
	}
}

func writeURI(w Writer, member, raw string) {
	w.BeginObject(14)
	text(w, "member", member)
	writeFacts(w, raw)
	w.EndObject()
}

// writeFacts writes what can be said of a URI, as members of the object that was just begun.
func writeFacts(w Writer, raw string) {
	text(w, "raw", raw)
	if sourcesDo(w) {
		return
	}
	u := oauth.ParseURI(raw)
	flag(w, "valid", u.Valid)
	text(w, "class", string(u.Class))
	text(w, "scheme", u.Scheme)
	text(w, "host", u.Host)
	text(w, "port", u.Port)
	text(w, "path", u.Path)
	flag(w, "query", u.HasQuery)
	flag(w, "loopback", u.Loopback)
	flag(w, "reverse_domain", u.ReverseDomain)
	text(w, "ip", u.IP)
	text(w, "registrable_domain", u.RegistrableDomain())
	list(w, "problems", u.Problems)
}

func (r *Registration) writeKeys(w Writer) {
	w.Key("keys")
	w.BeginArray(len(r.Keys))
	for _, k := range r.Keys {
		w.BeginObject(6)
		text(w, "kty", k.Kty)
		text(w, "alg", k.Alg)
		text(w, "use", k.Use)
		text(w, "kid", k.Kid)
		text(w, "crv", k.Crv)
		number(w, "bits", int64(k.Bits))
		w.EndObject()
	}
	w.EndArray()
}

func (t *IAT) write(w Writer) {
	w.BeginObject(12)
	flag(w, "present", t.Present)
	text(w, "id", string(t.ID))
	text(w, "label", t.Label)
	text(w, "profile", t.Profile)
	number(w, "max_uses", t.MaxUses)
	text(w, "created_by", string(t.CreatedBy))
	number(w, "expires_at", unix(t.ExpiresAt))
	list(w, "scopes", t.Terms.Scopes)
	list(w, "redirect_hosts", t.Terms.RedirectHosts)
	list(w, "software_ids", t.Terms.SoftwareIDs)
	list(w, "origins", t.Terms.Origins)
	w.Key("policy_data")
	w.Value(t.policyData())
	w.EndObject()
}

// policyData is what the operator gave the token for policy. It was an object when the token was made.
func (t *IAT) policyData() strictjson.Value {
	if t.Terms.PolicyData == "" {
		return strictjson.Object()
	}
	v, err := strictjson.Parse([]byte(t.Terms.PolicyData), strictjson.Stored)
	if err != nil {
		return strictjson.Object()
	}
	return v
}

func (s *Signature) write(w Writer) {
	w.BeginObject(5)
	flag(w, "present", s.Present)
	text(w, "trust", s.Trust)
	text(w, "issuer", s.Issuer)
	text(w, "alg", s.Alg)
	text(w, "kid", s.Kid)
	w.EndObject()
}

func (s *Statement) write(w Writer) {
	w.BeginObject(6)
	flag(w, "present", s.Present)
	text(w, "trust", s.Trust)
	text(w, "issuer", s.Issuer)
	text(w, "alg", s.Alg)
	text(w, "kid", s.Kid)
	w.Key("claims")
	claims := s.Claims
	if claims.Kind() != strictjson.KindObject {
		claims = strictjson.Object()
	}
	w.Value(claims)
	w.EndObject()
}

func writeCaller(w Writer, c *core.Caller) {
	w.BeginObject(9)
	text(w, "kind", c.Kind)
	text(w, "ip", c.IP)
	text(w, "origin", c.Origin)
	text(w, "user_agent", c.UserAgent)
	text(w, "subject", string(c.Subject))
	text(w, "client_id", string(c.ClientID))
	list(w, "scopes", c.Scopes)
	list(w, "roles", c.Roles)
	w.Key("cert")
	writeCertificate(w, c.Certificate)
	w.EndObject()
}

// writeCertificate writes the caller's certificate; without one every member is empty.
func writeCertificate(w Writer, c *core.Certificate) {
	if c == nil {
		c = &core.Certificate{}
	}
	w.BeginObject(11)
	flag(w, "present", c.SHA256 != "")
	flag(w, "trusted", c.Trusted)
	text(w, "subject", c.Subject)
	list(w, "cn", oauth.NamesOf(c.Subject, "CN"))
	list(w, "ou", oauth.NamesOf(c.Subject, "OU"))
	text(w, "issuer", c.Issuer)
	text(w, "serial", c.Serial)
	text(w, "sha256", c.SHA256)
	number(w, "not_before", unix(c.NotBefore))
	number(w, "not_after", unix(c.NotAfter))
	w.Key("san")
	w.BeginObject(4)
	list(w, "dns", c.SAN.DNS)
	list(w, "uri", c.SAN.URI)
	list(w, "email", c.SAN.Email)
	list(w, "ip", c.SAN.IP)
	w.EndObject()
	w.EndObject()
}

// unix gives whole seconds, 0 for the zero time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
