package main

import (
	"encoding/base64"
	"errors"

	"github.com/ostiary/ostiary/sdk/go"
)

// calls counts calls: a host that resets the module's memory shows 1 every time.
var calls int64

// perform plays one step of the script.
func perform(c *ostiary.Call, step ostiary.Value) error {
	member, text := step.Get("member").Text(), step.Get("text").Text()
	switch op := step.Get("op").Text(); op {
	case "set":
		c.Patch.Set(member, step.Get("value"))
	case "remove":
		c.Patch.Remove(member)
	case "set_scope":
		c.Patch.SetScope(step.Get("value").Strings())
	case "warn":
		c.Warn(text)
	case "audit":
		c.Audit(member, step.Get("value"))
	case "log":
		ostiary.Log(ostiary.Info, text)
	case "reject":
		return ostiary.Reject(ostiary.Code(step.Get("code").Text()), text)
	case "reject_with":
		return ostiary.RejectWith(ostiary.Code(step.Get("code").Text()), text, named(member, step.Get("value")))
	case "give":
		given = step.Get("value")
	case "give_if_issuer": // of what is signed
		if c.Signed != nil && c.Signed.Claims.Get("iss").Text() == text {
			given = step.Get("value")
		}
	case "shape":
		return shape(c)
	case "about":
		c.Audit("about", about(c))
	case "fail":
		return errors.New(text)
	case "count":
		calls++
		c.Patch.SetInt(member, calls)
	case "report":
		c.Patch.Set(member, report(c))
	case "skip_if_locked":
		if !c.Locked(member) {
			c.Patch.Set(member, step.Get("value"))
		}
	default:
		return use(c, op, step)
	}
	return nil
}

// report says what the plugin was told, through the SDK's accessors.
func report(c *ostiary.Call) ostiary.Value {
	token, claims := ostiary.Null(), ostiary.Null()
	if t := c.Context.InitialAccessToken; t != nil {
		if token = ostiary.String(t.Label + t.Profile); t.Terms.IsObject() {
			token = ostiary.Array(token, t.Terms)
		}
	}
	if s := c.Context.SoftwareStatement; s != nil {
		claims = s.Claims
	}
	return ostiary.Object(
		named("hook", ostiary.String(c.Hook)),
		named("decision_id", ostiary.String(c.Context.DecisionID)),
		named("operation", ostiary.String(c.Context.Operation)),
		named("channel", ostiary.String(c.Context.Channel)),
		named("client_id", ostiary.String(c.Context.ClientID)),
		named("profile", ostiary.String(c.Context.Profile)),
		named("now", ostiary.Int(c.Context.Now)),
		named("caller", ostiary.Strings([]string{c.Context.Caller.Kind, c.Context.Caller.IP, c.Context.Caller.Origin,
			c.Context.Caller.UserAgent, c.Context.Caller.Subject, c.Context.Caller.ClientID})),
		named("scopes", ostiary.Strings(c.Context.Caller.Scopes)),
		named("roles", ostiary.Strings(c.Context.Caller.Roles)),
		named("token", token),
		named("claims", claims),
		named("locked", ostiary.Strings(c.Context.Locked)),
		named("entropy", ostiary.String(base64.StdEncoding.EncodeToString(c.Entropy[:]))),
		named("client", described(c.Client)),
		named("before", described(c.Before)),
	)
}

// about says what the hook is about, through the SDK's accessors.
func about(c *ostiary.Call) ostiary.Value {
	var members []ostiary.Member
	if s := c.Signed; s != nil {
		members = append(members, named("signed", ostiary.Array(texts(s.Kind, s.Alg, s.Kid), s.Claims)))
	}
	if t := c.Token; t != nil {
		members = append(members, named("token", ostiary.Array(texts(t.GrantType, t.Subject), ostiary.Strings(t.Scopes), ostiary.Strings(t.Audience), t.Claims)))
	}
	if held := c.Certificate; held != nil {
		members = append(members, named("certificate", certificate(held)))
	}
	if held := c.Context.Certificate; held != nil {
		members = append(members, named("presented", certificate(held)))
	}
	return ostiary.Object(members...)
}

func certificate(c *ostiary.Certificate) ostiary.Value {
	return ostiary.Array(texts(c.Subject, c.Issuer, c.Serial, c.SHA256, c.PEM), ostiary.Strings(c.SAN.DNS), ostiary.Strings(c.SAN.URI),
		ostiary.Strings(c.SAN.Email), ostiary.Strings(c.SAN.IP), ostiary.Int(c.NotBefore), ostiary.Int(c.NotAfter))
}

func texts(list ...string) ostiary.Value { return ostiary.Strings(list) }

func described(m ostiary.Metadata) ostiary.Value {
	return ostiary.Object(
		named("texts", ostiary.Strings([]string{m.ClientName(), m.ClientURI(), m.LogoURI(), m.TosURI(), m.PolicyURI(), m.JWKSURI(),
			m.SoftwareID(), m.SoftwareVersion(), m.ApplicationType(), m.TokenEndpointAuthMethod()})),
		named("lists", ostiary.Array(ostiary.Strings(m.RedirectURIs()), ostiary.Strings(m.GrantTypes()),
			ostiary.Strings(m.ResponseTypes()), ostiary.Strings(m.Contacts()), ostiary.Strings(m.Scope()))),
		named("extra", m.Get("extra")),
		named("nameless", m.Get("")),
	)
}

func named(name string, v ostiary.Value) ostiary.Member { return ostiary.Member{Name: name, Value: v} }
