package plugins

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// The wire's structs with our JSON in them.
type (
	input    = abi.Input[strictjson.Value]
	setup    = abi.Setup[strictjson.Value]
	envelope = abi.Envelope[strictjson.Value]
	keys     = abi.Keys[strictjson.Value]
)

// entropy is the randomness of one call.
type entropy [32]byte

func newEntropy() entropy {
	var e entropy
	_, _ = rand.Read(e[:]) // never fails since Go 1.24
	return e
}

// writeInput writes what a plugin is told, reduced to what its manifest reads.
func writeInput(dst []byte, m *Manifest, call hook.Call, e entropy) []byte {
	in := input{
		V: abi.Major, Hook: string(call.Point), Context: wireContext(&call.Context),
		Client: m.visible(call.Client), Entropy: base64.StdEncoding.EncodeToString(e[:]),
	}
	if !call.Before.IsAbsent() {
		in.Before = m.visible(call.Before)
	}
	if s := call.Signed; s != nil {
		in.Signed = &abi.Signed[strictjson.Value]{Kind: s.Kind, Alg: s.Alg, Kid: s.Kid, Claims: members(s.Claims)}
	}
	if c := call.Certificate; c != nil {
		in.Certificate = wireCertificate(c)
		in.Certificate.PEM = c.PEM
	}
	if t := call.Token; t != nil {
		in.Token = &abi.Token[strictjson.Value]{
			GrantType: t.GrantType, Subject: string(t.Subject), Scopes: present(t.Scopes), Audience: present(t.Audience), Claims: members(t.Claims),
		}
	}
	return appendInput(dst, &in)
}

// members makes what is absent an empty object.
func members(v strictjson.Value) strictjson.Value {
	if v.IsAbsent() {
		return strictjson.Object()
	}
	return v
}

func wireContext(c *hook.Context) abi.Context[strictjson.Value] {
	out := abi.Context[strictjson.Value]{
		DecisionID: string(c.DecisionID), Operation: string(c.Operation), Channel: string(c.Channel), ClientID: string(c.ClientID),
		Profile: c.Profile, Now: unix(c.Now), Locked: present(c.Locked),
		Caller: abi.Caller{
			Kind: c.Caller.Kind, IP: c.Caller.IP, Origin: c.Caller.Origin, UserAgent: c.Caller.UserAgent,
			Subject: string(c.Caller.Subject), ClientID: string(c.Caller.ClientID),
			Scopes: present(c.Caller.Scopes), Roles: present(c.Caller.Roles),
		},
	}
	if t := c.IAT; t != nil {
		out.InitialAccessToken = &abi.InitialAccessToken[strictjson.Value]{Label: t.Label, Profile: t.Profile, Terms: t.Terms}
	}
	if held := c.Caller.Certificate; held != nil {
		out.Certificate = wireCertificate(held)
	}
	if !c.Statement.IsAbsent() {
		out.SoftwareStatement = &abi.Statement[strictjson.Value]{Claims: c.Statement}
	}
	return out
}

// wireCertificate is a certificate without its PEM.
func wireCertificate(c *core.Certificate) *abi.Certificate {
	return &abi.Certificate{
		Subject: c.Subject, Issuer: c.Issuer, Serial: c.Serial, SHA256: c.SHA256, NotBefore: unix(c.NotBefore), NotAfter: unix(c.NotAfter),
		SAN: abi.AlternativeNames{DNS: present(c.SAN.DNS), URI: present(c.SAN.URI), Email: present(c.SAN.Email), IP: present(c.SAN.IP)},
	}
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// present makes a nil list an empty one, which is an array on the wire.
func present(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// visible leaves of a document what the plugin may read.
func (m *Manifest) visible(doc strictjson.Value) strictjson.Value {
	if slices.Contains(m.Reads, allMembers) && doc.Kind() == strictjson.KindObject {
		return doc
	}
	var kept []strictjson.Member
	for name, v := range doc.All() {
		if m.mayRead(name) {
			kept = append(kept, strictjson.Member{Name: name, Value: v})
		}
	}
	return strictjson.Object(kept...)
}

// writeSetup writes what ostiary_configure is given.
func writeSetup(m *Manifest, configuration strictjson.Value) ([]byte, error) {
	s := setup{V: abi.Major, Name: m.Name, Version: m.Version, Hooks: []string{}, Configuration: configuration}
	for _, p := range m.points() {
		s.Hooks = append(s.Hooks, string(p))
	}
	return json.Marshal(s)
}
