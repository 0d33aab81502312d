package decision

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The schemas of the inputs: every member required, no other allowed, except in free objects (extra, jwks, claims), which say
// nothing of what they hold.

// RegistrationSchema gives the JSON Schema of a Registration.
func RegistrationSchema() []byte { return schema("registration", fullRegistration()) }

// AuthorizationSchema gives the JSON Schema of an Authorization.
func AuthorizationSchema() []byte { return schema("authorization", fullAuthorization()) }

// TokenSchema gives the JSON Schema of a Token.
func TokenSchema() []byte { return schema("token", fullToken()) }

// SessionSchema gives the JSON Schema of a Session.
func SessionSchema() []byte { return schema("session", fullSession()) }

func schema(name string, sample Question) []byte {
	var w schemaWriter
	sample.Write(&w)
	root := w.root.With("$schema", strictjson.String("http://json-schema.org/draft-07/schema#"))
	root = root.With("title", strictjson.String("Input of data.ostiary."+name+".decision, contract "+Contract))
	return strictjson.Append(nil, root)
}

// schemaWriter infers a schema from one document in which every list has an item: it is itself the description.
type schemaWriter struct {
	open []shape
	root strictjson.Value
}

// A shape is an object or array whose members are still coming.
type shape struct {
	list     bool
	key      string // of the member that comes next
	members  []strictjson.Member
	required []string
	item     strictjson.Value
}

func typed(name string, more ...strictjson.Member) strictjson.Value {
	return strictjson.Object(append([]strictjson.Member{{Name: "type", Value: strictjson.String(name)}}, more...)...)
}

// put places a finished schema where the document stands. Items of one list are alike; the last one counts.
func (w *schemaWriter) put(v strictjson.Value) {
	if len(w.open) == 0 {
		w.root = v
		return
	}
	top := &w.open[len(w.open)-1]
	if top.list {
		top.item = v
		return
	}
	top.members = append(top.members, strictjson.Member{Name: top.key, Value: v})
	top.required = append(top.required, top.key)
}

func (w *schemaWriter) pop() shape {
	top := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	return top
}

// BeginObject implements Writer.
func (w *schemaWriter) BeginObject(int) { w.open = append(w.open, shape{}) }

// EndObject implements Writer. An object without members is a free one.
func (w *schemaWriter) EndObject() {
	s := w.pop()
	if len(s.members) == 0 {
		w.put(typed("object"))
		return
	}
	w.put(typed("object",
		strictjson.Member{Name: "properties", Value: strictjson.Object(s.members...)},
		strictjson.Member{Name: "required", Value: strictjson.Strings(s.required)},
		strictjson.Member{Name: "additionalProperties", Value: strictjson.Bool(false)}))
}

// BeginArray implements Writer.
func (w *schemaWriter) BeginArray(int) { w.open = append(w.open, shape{list: true}) }

// EndArray implements Writer.
func (w *schemaWriter) EndArray() {
	w.put(typed("array", strictjson.Member{Name: "items", Value: w.pop().item}))
}

// Key implements Writer.
func (w *schemaWriter) Key(name string) { w.open[len(w.open)-1].key = name }

// Text implements Writer.
func (w *schemaWriter) Text(string) { w.put(typed("string")) }

// Int implements Writer.
func (w *schemaWriter) Int(int64) { w.put(typed("integer")) }

// Bool implements Writer.
func (w *schemaWriter) Bool(bool) { w.put(typed("boolean")) }

// Value implements Writer. What stands here is somebody else's JSON.
func (w *schemaWriter) Value(strictjson.Value) { w.put(typed("object")) }

var _ Writer = (*schemaWriter)(nil)

// fullRegistration is an input in which every list has an item.
func fullRegistration() *Registration {
	doc := fullDocument()
	return &Registration{
		Operation: core.Update, Channel: core.ChannelManage, Profile: "oauth2.1", Pass: 1, Now: time.Unix(1, 0), RequestID: "d-1",
		Request: doc, Present: []string{"client_name"}, Effective: doc, Before: doc, Changed: []string{"client_name"},
		Keys:      []Key{{Kty: "EC"}},
		IAT:       IAT{Present: true, Terms: fullTerms()},
		Statement: Statement{Present: true},
		Caller:    fullCaller(),
	}
}

func fullTerms() core.Terms {
	one := []string{"https://app.example"}
	return core.Terms{Scopes: one, RedirectHosts: one, SoftwareIDs: one, Origins: one}
}

// fullAuthorization is an input in which every list has an item.
func fullAuthorization() *Authorization {
	return &Authorization{
		Parties: fullParties(), RedirectURI: "https://app.example/callback#",
		Scopes: []string{"openid"}, Resources: []string{"https://api.example"}, Prompt: []string{"login"},
		Caller: fullCaller(),
	}
}

// fullToken is an input in which every list has an item.
func fullToken() *Token {
	return &Token{
		Parties: fullParties(), Scopes: []string{"openid"}, Resources: []string{"https://api.example"}, Caller: fullCaller(),
	}
}

// fullSession is an input in which every list has an item.
func fullSession() *Session {
	return &Session{Parties: fullParties(), Caller: fullCaller()}
}

func fullParties() Parties {
	return Parties{Client: fullDocument(), ClientLabels: []string{"partner"}, Methods: []string{"pwd"}}
}

func fullDocument() Document { return Document{ClientID: "c-1", Metadata: fullMetadata()} }

func fullCaller() core.Caller {
	names := core.AlternativeNames{DNS: []string{"app.example"}, URI: []string{"urn:app"}, Email: []string{"a@app.example"}, IP: []string{"192.0.2.1"}}
	return core.Caller{
		Kind: "operator", Scopes: []string{"admin.api"}, Roles: []string{"administrator"}, Certificate: &core.Certificate{Subject: "CN=app,OU=unit", SHA256: "00", SAN: names},
	}
}

// fullMetadata gives every list of the table one item that is a URI and a scope at once.
func fullMetadata() core.Metadata {
	const item = "https://app.example/callback#" // the fragment is a problem, of which there is a list, too
	var m core.Metadata
	for _, row := range metadata.Visible() {
		v := strictjson.Value{}
		switch row.Kind {
		case metadata.List, metadata.URIs:
			v = strictjson.Strings([]string{item})
		case metadata.Scope, metadata.URI:
			v = strictjson.String(item)
		}
		if row.Set(&m, v) != nil {
			continue // the schema's test would see the empty list
		}
	}
	return m
}
