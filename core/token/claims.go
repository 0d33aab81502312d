package token

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// askedForToken is the operation that plugins are told.
const askedForToken core.Operation = "token"

// An Extension tells of a token that plugins failed at, or refused.
type Extension struct {
	Decision core.DecisionID
	Client   core.ClientID
	Caller   core.Caller
	At       time.Time
	Asked    []hook.Asked
	Err      error // nil: the operator lets tokens be issued all the same
}

// askPlugins lets plugins add claims to the access token, and refuse it. They cannot change what it says of itself.
func (c *call) askPlugins(ctx context.Context) error {
	if !c.parts.Plugins.Serves(hook.TokenClaims) {
		return nil
	}
	if c.decision == "" {
		c.decision = core.NewDecisionID(c.now)
	}
	question := hook.Call{
		Point: hook.TokenClaims, Client: metadata.Document(&c.client.Client.Metadata),
		Context: hook.Context{
			DecisionID: c.decision, Operation: askedForToken, ClientID: c.client.Client.ID, Profile: c.client.Client.Provenance.Profile,
			Now: c.now, Caller: c.caller(),
		},
		Token: &hook.Token{
			GrantType: c.form.Get("grant_type"), Subject: c.subject(), Scopes: c.scope, Audience: c.audience(), Claims: c.claimsSoFar(),
		},
	}
	told := Extension{Decision: c.decision, Client: c.client.Client.ID, Caller: question.Context.Caller, At: c.now}
	failed := false
	told.Err = hook.Consult(ctx, c.parts.Plugins, &question, func(p hook.Plugin, r hook.Result) error { return c.extend(&question, p, r) },
		func(a hook.Asked) {
			told.Asked = append(told.Asked, a)
			failed = failed || a.Err != nil
		})
	if failed && c.parts.Extended != nil {
		c.parts.Extended(told)
	}
	return c.face(told.Err)
}

// face gives a refusal the id under which it can be looked up.
func (c *call) face(err error) error {
	if err == nil {
		return nil
	}
	e := *core.AsError(err)
	e.Decision = c.decision
	return &e
}

// extend takes a plugin's claims into the token, all of them or none, and tells those that follow.
func (c *call) extend(question *hook.Call, p hook.Plugin, r hook.Result) error {
	for name := range r.Patch.All() {
		switch {
		case oauth.ReservedClaim(name):
			return badClaim(p, "it set %s, which only the server sets", name)
		case !p.MayWrite(hook.TokenClaims, name):
			return badClaim(p, "it set %s, which its manifest does not let it write", name)
		}
	}
	next, added := *question.Token, c.added.Overlaid(r.Patch)
	if len(strictjson.Append(nil, added)) > hook.MaxAddedClaims {
		return badClaim(p, "what plugins add to the token is longer than %d bytes", hook.MaxAddedClaims)
	}
	next.Claims = next.Claims.Overlaid(r.Patch)
	c.added, question.Token = added, &next
	return nil
}

func badClaim(p hook.Plugin, format string, args ...any) error {
	return hook.TokenClaims.Fault(p.Name(), fmt.Errorf(format, args...))
}

// claimsSoFar is what the access token will say, as far as it is known before it is minted.
func (c *call) claimsSoFar() strictjson.Value {
	text := func(name, value string) strictjson.Member {
		return strictjson.Member{Name: name, Value: strictjson.String(value)}
	}
	members := []strictjson.Member{
		text("iss", c.options.Issuer), text("sub", string(c.named())), {Name: "aud", Value: strictjson.Strings(c.audience())},
		text("client_id", string(c.client.Client.ID)), {Name: "iat", Value: strictjson.Int(c.now.Unix())},
	}
	if scope := oauth.FormatScope(c.scope); scope != "" {
		members = append(members, text("scope", scope))
	}
	if !c.grant.AuthTime.IsZero() {
		members = append(members, strictjson.Member{Name: "auth_time", Value: strictjson.Int(c.grant.AuthTime.Unix())})
	}
	return strictjson.Object(members...)
}

// addedClaims gives what plugins added to a token of ours.
func addedClaims(claims strictjson.Value) (added []strictjson.Member) {
	for name, v := range claims.All() {
		if !oauth.ReservedClaim(name) {
			added = append(added, strictjson.Member{Name: name, Value: v})
		}
	}
	return added
}
