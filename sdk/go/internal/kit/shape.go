package main

import (
	"strings"

	"github.com/ostiary/ostiary/sdk/go"
)

// shape is the job that the benchmarks measure: what a plugin usually does, on most of a registration.
func shape(c *ostiary.Call) error {
	for _, uri := range c.Client.RedirectURIs() {
		if !strings.HasPrefix(uri, "https://") {
			return ostiary.Reject(ostiary.InvalidRedirectURI, uri+" is not https")
		}
	}
	if c.Client.TokenEndpointAuthMethod() != "private_key_jwt" {
		c.Patch.SetString("token_endpoint_auth_method", "private_key_jwt")
	}
	kept := []string{}
	for _, scope := range c.Client.Scope() {
		if scope != "offline_access" {
			kept = append(kept, scope)
		}
	}
	c.Patch.SetScope(kept)
	c.Patch.SetStrings("contacts", append(c.Client.Contacts(), "ops@"+c.Context.Profile+".example"))
	if strings.Contains(c.Context.Profile, "fapi") {
		c.Patch.SetBool("require_pushed_authorization_requests", true)
	}
	return nil
}
