package token

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// The scopes that a client may register and yet not hold: registering is permission to ask.
const (
	ScopeAdminAPI    = "admin.api"    // the operators' API
	ScopeDCRRegister = "dcr.register" // registering clients
)

// maxResources is how many resources one request may name.
const maxResources = 10

// chooseTarget settles what the tokens are for: of what may be had, what was asked for.
func (c *call) chooseTarget(context.Context) error {
	if err := c.chooseScope(); err != nil {
		return err
	}
	if c.form.Has("authorization_details") { // RFC 9396 §5: there are no types of them here
		return core.Refuse(core.InvalidAuthzDetails, "authorization_details has types that are not known here: there are none. Ask for what is needed with scope and resource.")
	}
	return c.chooseResources()
}

// chooseScope narrows and never widens (RFC 6749 §6). What the client is not registered for any more has gone from its grants
// too. A code has no scope parameter: there the one of the authorization request counts.
func (c *call) chooseScope() error {
	registered := c.client.Client.Metadata.Scope
	c.scope = slices.DeleteFunc(slices.Clone(c.scope), func(s string) bool {
		return !oauth.ScopeContains(registered, s) || !c.mayHold(s)
	})
	if c.form.Get("grant_type") == string(oauth.GrantAuthorizationCode) {
		return nil
	}
	asked, err := oauth.ParseScope(c.form.Get("scope"))
	if err != nil {
		return core.Refuse(core.InvalidScope, "%s.", err)
	}
	for _, scope := range asked {
		if !oauth.ScopeContains(c.scope, scope) {
			return core.Refuse(core.InvalidScope, "The scope %s is not one that this request can get.", core.Clip(scope))
		}
	}
	if len(asked) > 0 {
		c.scope = asked
	}
	return nil
}

// mayHold tells whether a scope may be in a token. The operators' scopes are for clients that an operator registered, and the
// operators' API also for administrators.
func (c *call) mayHold(scope string) bool {
	switch scope {
	case ScopeAdminAPI:
		return c.client.Client.Provenance.Channel == core.ChannelOperator || c.user.Admin
	case ScopeDCRRegister:
		return c.client.Client.Provenance.Channel == core.ChannelOperator
	}
	return true
}

// chooseResources is RFC 8707 §2.2: a grant's own resources can be narrowed; a client acting for itself may name any that
// tokens are issued for. The issuer is always one.
func (c *call) chooseResources() error {
	asked := slices.Compact(slices.Sorted(slices.Values(c.form["resource"])))
	if len(asked) > maxResources {
		return core.Refuse(core.InvalidTarget, "More than %d resources in one request.", maxResources)
	}
	for _, resource := range asked {
		if !oauth.ParseURI(resource).Valid {
			return core.Refuse(core.InvalidTarget, "resource must be an absolute URI without a fragment (RFC 8707 section 2).")
		}
		if c.grant.ID != "" && !c.wasGranted(resource) {
			return core.Refuse(core.InvalidTarget, "The resource %s was not part of the authorization request.", core.Clip(resource))
		}
	}
	if len(asked) > 0 {
		c.resources = asked
	}
	for _, resource := range c.resources {
		if !c.mayTarget(resource) {
			return core.Refuse(core.InvalidTarget, "No tokens are issued to this client for the resource %s.", core.Clip(resource))
		}
	}
	if one, other, apart := oauth.ScopesApart(c.scope, c.standsFor); apart && len(c.resources) == 0 {
		return core.Refuse(core.InvalidScope, "The scopes %s and %s are for different resources: name one of these with resource, or ask for the scopes one by one (RFC 9068 section 3).",
			core.Clip(one), core.Clip(other))
	}
	return nil
}

func (c *call) wasGranted(resource string) bool {
	if len(c.grant.Resources) == 0 {
		return slices.Contains(c.audience(), resource)
	}
	return slices.Contains(c.grant.Resources, resource)
}

func (c *call) isOurs(resource string) bool {
	return resource == c.options.Issuer || resource == c.options.DefaultAudience
}

// mayTarget tells whether the client gets tokens for a resource.
func (c *call) mayTarget(resource string) bool {
	return c.isOurs(resource) || c.options.AudienceAllowed(resource, c.client.Client)
}

// targets are the resources that were named, else those that the scopes stand for.
func (c *call) targets() (resources []string) {
	if len(c.resources) > 0 {
		return slices.Clone(c.resources)
	}
	for _, scope := range c.scope {
		for _, name := range c.standsFor(scope) {
			if !slices.Contains(resources, name) {
				resources = append(resources, name)
			}
		}
	}
	return resources
}

// standsFor gives the resources that a scope stands for, as far as the client gets tokens for them.
func (c *call) standsFor(scope string) (resources []string) {
	for _, name := range c.options.ScopeAudiences[scope] {
		if c.mayTarget(name) {
			resources = append(resources, name)
		}
	}
	return resources
}

// audience gives whom the access token is for. With openid it is for userinfo too, which is ours.
func (c *call) audience() []string {
	audience := c.targets()
	if len(audience) == 0 {
		audience = []string{c.options.DefaultAudience}
	}
	if oauth.ScopeContains(c.scope, oauth.ScopeOpenID) && !slices.Contains(audience, c.options.Issuer) {
		audience = append(audience, c.options.Issuer)
	}
	return audience
}
