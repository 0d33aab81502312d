package ostiary

import (
	"encoding/base64"
	"errors"
	"strconv"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// readCall reads an abi.Input in one pass. Members it does not know are newer than this SDK and left alone.
func readCall(v Value) (c *Call, err error) {
	c = &Call{Client: Metadata{Value: Object()}, Before: Metadata{Value: Object()}}
	s := &scanner{text: v.text}
	for name, more := s.enter(); more; name, more = s.member() {
		switch name {
		case "v":
			if major := s.take(); major.text != strconv.Itoa(abi.Major) {
				err = errors.New("the host speaks version " + major.JSON() + " of the wire")
			}
		case "hook":
			c.Hook = s.take().Text()
		case "context":
			readContext(s, &c.Context)
		case "client":
			c.Client = readMetadata(s)
		case "before":
			c.Before = readMetadata(s)
		case "signed":
			c.Signed = readSigned(s.take())
		case "certificate":
			c.Certificate = readCertificate(s.take())
		case "token":
			c.Token = readToken(s.take())
		case "entropy":
			raw, wrong := base64.StdEncoding.DecodeString(s.take().Text())
			if copy(c.Entropy[:], raw) != len(c.Entropy) || len(raw) != len(c.Entropy) || wrong != nil {
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
			c.DecisionID = s.take().Text()
		case "operation":
			c.Operation = s.take().Text()
		case "channel":
			c.Channel = s.take().Text()
		case "client_id":
			c.ClientID = s.take().Text()
		case "profile":
			c.Profile = s.take().Text()
		case "now":
			c.Now, _ = s.take().Int()
		case "caller":
			readCaller(s, &c.Caller)
		case "initial_access_token":
			token := s.take()
			c.InitialAccessToken = &abi.InitialAccessToken[Value]{
				Label: token.Get("label").Text(), Profile: token.Get("profile").Text(), Terms: token.Get("terms"),
			}
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

func readCaller(s *scanner, c *abi.Caller) {
	for name, more := s.enter(); more; name, more = s.member() {
		switch v := s.take(); name {
		case "kind":
			c.Kind = v.Text()
		case "ip":
			c.IP = v.Text()
		case "origin":
			c.Origin = v.Text()
		case "user_agent":
			c.UserAgent = v.Text()
		case "subject":
			c.Subject = v.Text()
		case "client_id":
			c.ClientID = v.Text()
		case "scopes":
			c.Scopes = v.Strings()
		case "roles":
			c.Roles = v.Strings()
		}
	}
}

// readMetadata finds the members once, so that each Get need not walk the text.
func readMetadata(s *scanner) Metadata {
	m := Metadata{members: make([]Member, 0, 24)}
	start := s.pos
	for name, more := s.enter(); more; name, more = s.member() {
		m.members = append(m.members, Member{Name: name, Value: s.take()})
	}
	m.Value = Value{text: s.text[start:s.pos]}
	return m
}

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
