package ostiary

import (
	"errors"
	"strconv"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// newCall takes a call and what most of them need besides at once: each piece of memory that a guest asks for costs it more than the
// reading of a string.
func newCall() *Call {
	room := &struct {
		call    Call
		members [24]Member // of Client
		patch   [6]Member
	}{call: Call{Client: Metadata{Value: empty}, Before: Metadata{Value: empty}}}
	room.call.Client.members, room.call.Patch.members = room.members[:0], room.patch[:0]
	return &room.call
}

var empty = Value{text: "{}"}

// readCall reads an abi.Input in one pass. Members it does not know are newer than this SDK and left alone.
func readCall(v Value) (c *Call, err error) {
	c = newCall()
	s := &scanner{text: v.text}
	for name, more := s.enter(); more; name, more = s.member() {
		switch name {
		case "v":
			if major := s.take(); major.text != strconv.Itoa(abi.Major) {
				err = errors.New("the host speaks version " + major.JSON() + " of the wire")
			}
		case "hook":
			c.Hook = s.string()
		case "context":
			readContext(s, &c.Context)
		case "client":
			c.Client = readMetadata(s, c.Client.members)
		case "before":
			c.Before = readMetadata(s, make([]Member, 0, 24))
		case "signed":
			c.Signed = readSigned(s.take())
		case "certificate":
			c.Certificate = readCertificate(s.take())
		case "token":
			c.Token = readToken(s.take())
		case "entropy":
			if !decodeEntropy(&c.Entropy, s.string()) {
				err = errors.New("entropy is not 32 bytes in base64")
			}
		default:
			s.take()
		}
	}
	return c, err
}

func readContext(s *scanner, c *Context) {
	for name, more := s.enter(); more; name, more = s.member() {
		switch name {
		case "decision_id":
			c.DecisionID = s.string()
		case "operation":
			c.Operation = s.string()
		case "channel":
			c.Channel = s.string()
		case "client_id":
			c.ClientID = s.string()
		case "profile":
			c.Profile = s.string()
		case "now":
			c.Now, _ = s.take().Int()
		case "caller":
			readCaller(s, &c.Caller)
		case "initial_access_token":
			c.InitialAccessToken = readInitialAccessToken(s)
		case "software_statement":
			c.SoftwareStatement = &abi.Statement[Value]{Claims: s.take().Get("claims")}
		case "certificate":
			c.Certificate = readCertificate(s.take())
		case "locked":
			c.Locked = s.take().Strings()
		default:
			s.take()
		}
	}
}

func readInitialAccessToken(s *scanner) *abi.InitialAccessToken[Value] {
	t := &abi.InitialAccessToken[Value]{}
	for name, more := s.enter(); more; name, more = s.member() {
		switch name {
		case "label":
			t.Label = s.string()
		case "profile":
			t.Profile = s.string()
		case "terms":
			t.Terms = s.take()
		default:
			s.take()
		}
	}
	return t
}

func readCaller(s *scanner, c *abi.Caller) {
	for name, more := s.enter(); more; name, more = s.member() {
		switch name {
		case "kind":
			c.Kind = s.string()
		case "ip":
			c.IP = s.string()
		case "origin":
			c.Origin = s.string()
		case "user_agent":
			c.UserAgent = s.string()
		case "subject":
			c.Subject = s.string()
		case "client_id":
			c.ClientID = s.string()
		case "scopes":
			c.Scopes = s.take().Strings()
		case "roles":
			c.Roles = s.take().Strings()
		default:
			s.take()
		}
	}
}

// readMetadata finds the members once, so that each Get need not walk the text.
func readMetadata(s *scanner, room []Member) Metadata {
	m := Metadata{members: room}
	start := s.pos
	for name, more := s.enter(); more; name, more = s.member() {
		m.members = append(m.members, Member{Name: name, Value: s.take()})
	}
	m.Value = Value{text: s.text[start:s.pos]}
	return m
}

// decodeEntropy reads 32 bytes in base64 (RFC 4648 §4).
func decodeEntropy(out *[32]byte, text string) bool {
	if len(text) != 44 || text[43] != '=' {
		return false
	}
	wrong := byte(0)
	for at, to := 0, 0; at < 44; at, to = at+4, to+3 {
		a, b, c, d := digits[text[at]], digits[text[at+1]], digits[text[at+2]], byte(0)
		if at < 40 {
			d = digits[text[at+3]]
			out[to+2] = c<<6 | d
		}
		out[to], out[to+1] = a<<2|b>>4, b<<4|c>>2
		wrong |= a | b | c | d
	}
	return wrong < 64
}

// digits are those of base64; what is none is 64.
var digits = func() (values [256]byte) {
	for c := range values {
		values[c] = 64
	}
	for n, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		values[c] = byte(n)
	}
	return values
}()

func readSigned(v Value) *Signed {
	return &Signed{Kind: v.Get("kind").Text(), Alg: v.Get("alg").Text(), Kid: v.Get("kid").Text(), Claims: v.Get("claims")}
}

func readCertificate(v Value) *Certificate {
	from, _ := v.Get("not_before").Int()
	until, _ := v.Get("not_after").Int()
	names := v.Get("san")
	return &Certificate{
		Subject: v.Get("subject").Text(), Issuer: v.Get("issuer").Text(), Serial: v.Get("serial").Text(), SHA256: v.Get("sha256").Text(),
		SAN: abi.AlternativeNames{
			DNS: names.Get("dns").Strings(), URI: names.Get("uri").Strings(), Email: names.Get("email").Strings(), IP: names.Get("ip").Strings(),
		},
		NotBefore: from, NotAfter: until, PEM: v.Get("pem").Text(),
	}
}

func readToken(v Value) *Token {
	return &Token{
		GrantType: v.Get("grant_type").Text(), Subject: v.Get("subject").Text(), Scopes: v.Get("scopes").Strings(),
		Audience: v.Get("audience").Strings(), Claims: v.Get("claims"),
	}
}
