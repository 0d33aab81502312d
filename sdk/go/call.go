package ostiary

import (
	"slices"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// Context is what surrounds a call: decision, operation, channel, caller, the software statement's claims.
type Context = abi.Context[Value]

// A Call is one question to the plugin and, piece by piece, its answer.
type Call struct {
	Hook    string
	Context Context
	Client  Metadata // what is to be registered so far, or what is stored, or the answer without credentials; only what the manifest reads
	Before  Metadata // what is stored, on an update; else empty
	Entropy [32]byte // new for every call: the module's own random numbers repeat, because its memory is reset
	Patch   Patch
	KV      KV     // what the plugin keeps
	Secret  Secret // the operator's keys

	Signed      *Signed      // what keys are asked for; nil: the hook is not about keys
	Certificate *Certificate // in certificate_check; Context.Certificate is there in all hooks
	Token       *Token       // in token_claims

	warnings []string
	audit    []Member
	result   Value
}

// What some hooks are about.
type (
	Signed      = abi.Signed[Value]
	Certificate = abi.Certificate
	Token       = abi.Token[Value]
)

// Keys verify a signature: a JWK Set, or else a secret for HMAC. The zero Keys say that the plugin does not know the signer.
type Keys struct {
	JWKS   Value
	Secret string
}

// value is the result of a hook about keys.
func (k Keys) value() Value {
	switch {
	case k.JWKS.Exists():
		return Object(Member{"jwks", k.JWKS})
	case k.Secret != "":
		return Object(Member{"secret", String(k.Secret)})
	}
	return Value{}
}

// Warn adds a warning that the client reads in the answer. What cannot be printed becomes "?"; of the text 200 characters are
// kept, of the warnings 8.
func (c *Call) Warn(text string) {
	if len(c.warnings) == abi.MaxWarnings {
		Log(Warn, "a ninth warning was dropped: "+text)
		return
	}
	c.warnings = append(c.warnings, printable(text))
}

// Audit notes a value in the ledger entry of this decision, for the operator.
func (c *Call) Audit(key string, v Value) { c.audit = put(c.audit, key, v) }

// Locked tells whether a trusted software statement fixed a member, so that patching it would be refused.
func (c *Call) Locked(member string) bool { return slices.Contains(c.Context.Locked, member) }

// A Patch is a change of metadata in the terms of RFC 7396. Of two changes of one member the last one counts.
type Patch struct{ members []Member }

// Set sets a member to any value.
func (p *Patch) Set(member string, v Value) { p.members = put(p.members, member, v) }

// SetString sets a member to a string.
func (p *Patch) SetString(member, text string) { p.Set(member, String(text)) }

// SetStrings sets a member to an array of strings.
func (p *Patch) SetStrings(member string, list []string) { p.Set(member, Strings(list)) }

// SetInt sets a member to a whole number.
func (p *Patch) SetInt(member string, n int64) { p.Set(member, Int(n)) }

// SetBool sets a member to true or false.
func (p *Patch) SetBool(member string, b bool) { p.Set(member, Bool(b)) }

// SetScope sets the member scope, which is one string with spaces.
func (p *Patch) SetScope(scopes []string) {
	size := 2
	for _, s := range scopes {
		size += len(s) + 1
	}
	out := append(make([]byte, 0, size), '"')
	for i, s := range scopes {
		if i > 0 {
			out = append(out, ' ')
		}
		out = appendText(out, s)
	}
	p.Set("scope", made(append(out, '"')))
}

// Remove takes a member away.
func (p *Patch) Remove(member string) { p.Set(member, Null()) }

// Get gives what the patch sets a member to so far; null if it removes it, absent if it leaves it alone.
func (p *Patch) Get(member string) Value { return find(p.members, member) }

func find(members []Member, name string) Value {
	for i := range members {
		if members[i].Name == name {
			return members[i].Value
		}
	}
	return Value{}
}

// put sets a member at its old place, or adds it at the end. An absent value is null.
func put(members []Member, name string, v Value) []Member {
	if !v.Exists() {
		v = Null()
	}
	for i := range members {
		if members[i].Name == name {
			members[i].Value = v
			return members
		}
	}
	return append(members, Member{Name: name, Value: v})
}
