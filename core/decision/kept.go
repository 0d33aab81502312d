package decision

import (
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A question about a registration is kept so that it can be asked again, of other rules too: AppendKept writes it, ParseKept
// reads it. What is kept is what the input is written from: not what follows from it, such as the parts of a URI, nor the many
// members that a client does not have. Beside it stands the one thing that policy cannot see and the road goes by: which members of
// the two documents were there although they were empty.

// explicit is the member that names them, where there are any: "effective.contacts", "before.require_auth_time".
const explicit = "explicit"

// usualKept is about how long a question is as it is kept.
const usualKept = 3 << 10

// AppendKept appends the question as it is kept.
func AppendKept(dst []byte, r *Registration) []byte {
	w := JSONWriter{buf: slices.Grow(dst, usualKept)}
	w.BeginObject(0)
	r.writeOccasion(&w)
	r.Request.keep(&w, "request", nil)
	list(&w, "present", r.Present)
	empties := r.Effective.keep(&w, "effective", nil)
	empties = r.Before.keep(&w, "before", empties)
	list(&w, "changed", r.Changed)
	r.writeKeys(&w)
	r.writeCredentials(&w)
	if len(empties) > 0 {
		list(&w, explicit, empties)
	}
	w.EndObject()
	return w.buf
}

// keep writes the members that the client has, and adds the names of those that it has empty.
func (d *Document) keep(w *JSONWriter, name string, empties []string) []string {
	w.Key(name)
	w.BeginObject(0)
	text(w, "client_id", string(d.ClientID))
	for _, row := range metadata.Visible() {
		switch {
		case row.Empty(&d.Metadata):
			empties = append(empties, name+"."+row.Name)
		case row.Has(&d.Metadata):
			w.Key(row.Name)
			writeMember(w, row, &d.Metadata)
		}
	}
	d.writeExtra(w)
	w.EndObject()
	return empties
}

// ParseKept reads what AppendKept wrote. The question that it gives is written, by any Writer, as the one that was kept.
func ParseKept(text []byte) (*Registration, error) {
	doc, err := strictjson.Parse(text, strictjson.Stored)
	if err != nil {
		return nil, fmt.Errorf("kept question: %w", err)
	}
	k := keptReader{doc: doc}
	empties, _ := doc.Get(explicit)
	k.explicit, _ = empties.Strings()
	if contract := k.text(doc, "contract"); contract != Contract {
		return nil, fmt.Errorf("kept question: it is of the contract %q, not %s", contract, Contract)
	}
	r := k.registration()
	if k.err != nil {
		return nil, fmt.Errorf("kept question: %w", k.err)
	}
	return r, nil
}

// A keptReader reads members and remembers the first that is not as it should be.
type keptReader struct {
	doc      strictjson.Value
	explicit []string
	err      error
}

func (k *keptReader) registration() *Registration {
	doc := k.doc
	r := &Registration{
		Operation: core.Operation(k.text(doc, "operation")), Channel: core.Channel(k.text(doc, "channel")),
		Profile: k.text(doc, "profile"), Pass: int(k.number(doc, "pass")), Now: k.moment(doc, "now"), RequestID: k.text(doc, "request_id"),
		Request: k.document("request"), Present: k.list(doc, "present"),
		Effective: k.document("effective"), Before: k.document("before"), Changed: k.list(doc, "changed"),
		IAT: k.iat(k.member(doc, "iat")), Statement: k.statement(k.member(doc, "software_statement")), Signed: k.signature(doc),
		Caller: k.caller(k.member(doc, "caller")),
	}
	for _, v := range k.member(doc, "keys").All() {
		r.Keys = append(r.Keys, Key{
			Kty: k.text(v, "kty"), Alg: k.text(v, "alg"), Use: k.text(v, "use"), Kid: k.text(v, "kid"), Crv: k.text(v, "crv"),
			Bits: int(k.number(v, "bits")),
		})
	}
	return r
}

func (k *keptReader) document(name string) Document {
	v := k.member(k.doc, name)
	d := Document{ClientID: core.ClientID(k.text(v, "client_id"))}
	read := 2 // client_id and extra
	for _, row := range metadata.Visible() {
		empty := slices.Contains(k.explicit, name+"."+row.Name)
		seen, kept := v.Get(row.Name)
		if !kept {
			row.RestoreZero(&d.Metadata, empty)
			continue
		}
		read++
		if err := row.Restore(&d.Metadata, seen, empty); err != nil {
			k.wrong("%s.%v", name, err)
		}
	}
	if v.Len() > read { // kept by a server that knows more
		k.wrong("%s has members that this server does not know", name)
	}
	d.Extra = k.member(v, "extra").Members()
	for _, m := range d.Extra {
		metadata.RestoreTagged(&d.Metadata, m.Name, m.Value)
	}
	return d
}

func (k *keptReader) iat(v strictjson.Value) IAT {
	present, _ := v.Get("present")
	here, _ := present.Bool()
	return IAT{
		Present: here, ID: core.TokenID(k.text(v, "id")), Label: k.text(v, "label"), Profile: k.text(v, "profile"),
		MaxUses: k.number(v, "max_uses"), CreatedBy: core.Subject(k.text(v, "created_by")), ExpiresAt: k.moment(v, "expires_at"),
		Terms: k.terms(v),
	}
}

// terms are absent in what was kept before tokens had any.
func (k *keptReader) terms(iat strictjson.Value) core.Terms {
	data, kept := iat.Get("policy_data")
	if !kept {
		return core.Terms{}
	}
	terms := core.Terms{
		Scopes: k.list(iat, "scopes"), RedirectHosts: k.list(iat, "redirect_hosts"), SoftwareIDs: k.list(iat, "software_ids"), Origins: k.list(iat, "origins"),
	}
	if len(data.Members()) > 0 {
		terms.PolicyData = string(strictjson.Append(nil, data))
	}
	return terms
}

// signature is absent in what was kept before requests could be signed.
func (k *keptReader) signature(doc strictjson.Value) Signature {
	v, kept := doc.Get("signed_request")
	if !kept {
		return Signature{Trust: "none"}
	}
	present, _ := v.Get("present")
	here, _ := present.Bool()
	return Signature{Present: here, Trust: k.text(v, "trust"), Issuer: k.text(v, "issuer"), Alg: k.text(v, "alg"), Kid: k.text(v, "kid")}
}

func (k *keptReader) statement(v strictjson.Value) Statement {
	present, _ := v.Get("present")
	here, _ := present.Bool()
	return Statement{
		Present: here, Trust: k.text(v, "trust"), Issuer: k.text(v, "issuer"), Alg: k.text(v, "alg"), Kid: k.text(v, "kid"),
		Claims: k.member(v, "claims"),
	}
}

func (k *keptReader) caller(v strictjson.Value) core.Caller {
	return core.Caller{
		Kind: k.text(v, "kind"), IP: k.text(v, "ip"), Origin: k.text(v, "origin"), UserAgent: k.text(v, "user_agent"),
		Subject: core.Subject(k.text(v, "subject")), ClientID: core.ClientID(k.text(v, "client_id")),
		Scopes: k.list(v, "scopes"), Roles: k.list(v, "roles"), Certificate: k.certificate(v),
	}
}

// certificate is absent in what was kept before callers could have one.
func (k *keptReader) certificate(caller strictjson.Value) *core.Certificate {
	v, kept := caller.Get("cert")
	present, _ := v.Get("present")
	if here, _ := present.Bool(); !kept || !here {
		return nil
	}
	san := k.member(v, "san")
	said, _ := v.Get("trusted") // absent in what was kept before it was looked at
	trusted, _ := said.Bool()
	return &core.Certificate{
		Trusted: trusted,
		Subject: k.text(v, "subject"), Issuer: k.text(v, "issuer"), Serial: k.text(v, "serial"), SHA256: k.text(v, "sha256"),
		NotBefore: k.moment(v, "not_before"), NotAfter: k.moment(v, "not_after"),
		SAN: core.AlternativeNames{DNS: k.list(san, "dns"), URI: k.list(san, "uri"), Email: k.list(san, "email"), IP: k.list(san, "ip")},
	}
}

func (k *keptReader) member(v strictjson.Value, name string) strictjson.Value {
	m, ok := v.Get(name)
	if !ok {
		k.wrong("%s is missing", name)
	}
	return m
}

func (k *keptReader) text(v strictjson.Value, name string) string {
	s, ok := k.member(v, name).Text()
	if !ok {
		k.wrong("%s is no string", name)
	}
	return s
}

func (k *keptReader) number(v strictjson.Value, name string) int64 {
	n, ok := k.member(v, name).Int64()
	if !ok {
		k.wrong("%s is no whole number", name)
	}
	return n
}

func (k *keptReader) list(v strictjson.Value, name string) []string {
	texts, ok := k.member(v, name).Strings()
	if !ok {
		k.wrong("%s is no list of strings", name)
	}
	return texts
}

// moment gives the time of whole seconds; 0 is none.
func (k *keptReader) moment(v strictjson.Value, name string) time.Time {
	seconds := k.number(v, name)
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func (k *keptReader) wrong(format string, args ...any) {
	if k.err == nil {
		k.err = fmt.Errorf(format, args...)
	}
}
