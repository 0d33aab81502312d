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
		return errors.New("the script has no step " + op)
	}
	return nil
}

// report says what the plugin was told, through the SDK's accessors.
func report(c *ostiary.Call) ostiary.Value {
	token, claims := ostiary.Null(), ostiary.Null()
	if t := c.Context.InitialAccessToken; t != nil {
		token = ostiary.String(t.Label)
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

func described(m ostiary.Metadata) ostiary.Value {
	return ostiary.Object(
		named("texts", ostiary.Strings([]string{m.ClientName(), m.ClientURI(), m.LogoURI(), m.TosURI(), m.PolicyURI(), m.JWKSURI(),
			m.SoftwareID(), m.SoftwareVersion(), m.ApplicationType(), m.TokenEndpointAuthMethod()})),
		named("lists", ostiary.Array(ostiary.Strings(m.RedirectURIs()), ostiary.Strings(m.GrantTypes()),
			ostiary.Strings(m.ResponseTypes()), ostiary.Strings(m.Contacts()), ostiary.Strings(m.Scope()))),
		named("extra", m.Get("extra")),
	)
}

func named(name string, v ostiary.Value) ostiary.Member { return ostiary.Member{Name: name, Value: v} }
