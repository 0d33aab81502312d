package plugins

import (
	"encoding/base64"
	"strconv"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// usualInput is as long as what most calls are told; what is longer than most is not kept.
const usualInput, longInput = 2 << 10, 16 << 10

// inputs keeps the memory that inputs are written to. A module gets a copy, so when its call is over nobody has it.
type inputs struct{ pool sync.Pool }

func (i *inputs) take() *[]byte {
	if kept, ok := i.pool.Get().(*[]byte); ok {
		return kept
	}
	fresh := make([]byte, 0, usualInput)
	return &fresh
}

func (i *inputs) give(in *[]byte) {
	if cap(*in) <= longInput {
		i.pool.Put(in)
	}
}

// writeInput writes what a plugin is told, reduced to what its manifest reads: what json.Marshal would write of an input, without
// making one first, and without a look at every type in every call.
func writeInput(out []byte, m *Manifest, call *hook.Call, e *entropy) []byte {
	o := open(out)
	o.number("v", abi.Major)
	o.text("hook", string(call.Point))
	o.object("context", func(o *object) { writeContext(o, &call.Context) })
	o.visible("client", m, call.Client)
	if !call.Before.IsAbsent() {
		o.visible("before", m, call.Before)
	}
	o.bytes("entropy", e[:])
	if s := call.Signed; s != nil {
		o.object("signed", func(o *object) {
			o.text("kind", s.Kind)
			o.text("alg", s.Alg)
			o.text("kid", s.Kid)
			o.value("claims", members(s.Claims))
		})
	}
	if c := call.Certificate; c != nil {
		o.object("certificate", func(o *object) { writeCertificate(o, c, c.PEM) })
	}
	if t := call.Token; t != nil {
		o.object("token", func(o *object) {
			o.text("grant_type", t.GrantType)
			o.text("subject", string(t.Subject))
			o.list("scopes", t.Scopes)
			o.list("audience", t.Audience)
			o.value("claims", members(t.Claims))
		})
	}
	return o.close()
}

func writeContext(o *object, c *hook.Context) {
	o.text("decision_id", string(c.DecisionID))
	o.text("operation", string(c.Operation))
	o.text("channel", string(c.Channel))
	o.text("client_id", string(c.ClientID))
	o.text("profile", c.Profile)
	o.number("now", unix(c.Now))
	o.object("caller", func(o *object) {
		o.text("kind", c.Caller.Kind)
		o.text("ip", c.Caller.IP)
		o.text("origin", c.Caller.Origin)
		o.text("user_agent", c.Caller.UserAgent)
		o.text("subject", string(c.Caller.Subject))
		o.text("client_id", string(c.Caller.ClientID))
		o.list("scopes", c.Caller.Scopes)
		o.list("roles", c.Caller.Roles)
	})
	if t := c.IAT; t != nil {
		o.object("initial_access_token", func(o *object) {
			o.text("label", t.Label)
			o.text("profile", t.Profile)
			if !t.Terms.IsAbsent() {
				o.value("terms", t.Terms)
			}
		})
	}
	if !c.Statement.IsAbsent() {
		o.object("software_statement", func(o *object) { o.value("claims", c.Statement) })
	}
	if held := c.Caller.Certificate; held != nil {
		o.object("certificate", func(o *object) { writeCertificate(o, held, "") })
	}
	o.list("locked", c.Locked)
}

// writeCertificate writes one with its PEM, or without.
func writeCertificate(o *object, c *core.Certificate, pem string) {
	o.text("subject", c.Subject)
	o.text("issuer", c.Issuer)
	o.text("serial", c.Serial)
	o.text("sha256", c.SHA256)
	o.object("san", func(o *object) {
		o.list("dns", c.SAN.DNS)
		o.list("uri", c.SAN.URI)
		o.list("email", c.SAN.Email)
		o.list("ip", c.SAN.IP)
	})
	o.number("not_before", unix(c.NotBefore))
	o.number("not_after", unix(c.NotAfter))
	if pem != "" {
		o.text("pem", pem)
	}
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// An object is a JSON object that is being written, member by member.
type object struct {
	out   []byte
	begun bool
}

func open(out []byte) *object { return &object{out: append(out, '{')} }

func (o *object) close() []byte { return append(o.out, '}') }

func (o *object) comma() {
	if o.begun {
		o.out = append(o.out, ',')
	}
	o.begun = true
}

// name writes one that needs no escape.
func (o *object) name(name string) {
	o.comma()
	o.out = append(append(append(o.out, '"'), name...), '"', ':')
}

func (o *object) text(name, s string) {
	o.name(name)
	o.out = strictjson.AppendString(o.out, s)
}

func (o *object) bytes(name string, data []byte) {
	o.name(name)
	o.out = append(base64.StdEncoding.AppendEncode(append(o.out, '"'), data), '"')
}

func (o *object) number(name string, n int64) {
	o.name(name)
	o.out = strconv.AppendInt(o.out, n, 10)
}

func (o *object) value(name string, v strictjson.Value) {
	o.name(name)
	o.out = strictjson.Append(o.out, v)
}

// visible writes of a document what the plugin may read.
func (o *object) visible(name string, m *Manifest, doc strictjson.Value) {
	if doc.Kind() != strictjson.KindObject {
		doc = strictjson.Object()
	}
	if m.Reads.All() {
		o.value(name, doc)
		return
	}
	o.object(name, func(o *object) {
		for member, v := range doc.All() {
			if m.Reads.Has(member) {
				o.comma()
				o.out = strictjson.Append(append(strictjson.AppendString(o.out, member), ':'), v)
			}
		}
	})
}

func (o *object) list(name string, list []string) {
	o.name(name)
	o.out = append(o.out, '[')
	for i, s := range list {
		if i > 0 {
			o.out = append(o.out, ',')
		}
		o.out = strictjson.AppendString(o.out, s)
	}
	o.out = append(o.out, ']')
}

// object writes a member that is itself an object.
func (o *object) object(name string, members func(*object)) {
	o.name(name)
	inner := object{out: append(o.out, '{')}
	members(&inner)
	o.out = inner.close()
}
