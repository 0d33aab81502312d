// Fapi holds clients to the FAPI 2.0 Security Profile: who asks for less gets what the profile wants where that can be set for
// them, and is refused where it cannot.
package main

import (
	"slices"
	"strings"

	"github.com/ostiary/ostiary/sdk/go"
)

// What the profile allows. RSA with PKCS#1 v1.5 padding (RS256) is not among the algorithms.
var (
	methods    = []string{"private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"}
	algorithms = []string{"PS256", "ES256", "EdDSA", "Ed25519"}
	signed     = []string{"token_endpoint_auth_signing_alg", "id_token_signed_response_alg", "request_object_signing_alg"}
	grants     = []string{"authorization_code", "refresh_token", "client_credentials"}
)

// preferred is the algorithm of who chose none.
var preferred = "PS256"

func init() {
	ostiary.Configure(func(c ostiary.Value) error {
		if v := c.Get("algorithm"); v.Exists() {
			preferred = v.Text()
		}
		return nil
	})
	ostiary.PreRegister(harden)
	ostiary.PreUpdate(harden)
}

func main() {}

func harden(c *ostiary.Call) error {
	for _, check := range []func(*ostiary.Call) error{redirects, flows, authentication, signatures} {
		if err := check(c); err != nil {
			return err
		}
	}
	if !c.Client.Get("require_pushed_authorization_requests").Bool() {
		c.Patch.SetBool("require_pushed_authorization_requests", true)
	}
	return nil
}

// redirects must be https (FAPI 2.0 §5.3.2.2).
func redirects(c *ostiary.Call) error {
	for _, uri := range c.Client.RedirectURIs() {
		if !strings.HasPrefix(strings.ToLower(uri), "https://") {
			return ostiary.Reject(ostiary.InvalidRedirectURI, uri+" is not https, which FAPI 2.0 wants.")
		}
	}
	return nil
}

// flows other than the code flow end with tokens in the browser.
func flows(c *ostiary.Call) error {
	for _, grant := range c.Client.GrantTypes() {
		if !slices.Contains(grants, grant) {
			return ostiary.Reject(ostiary.InvalidClientMetadata, "grant_types: FAPI 2.0 has no "+grant+".")
		}
	}
	for _, kind := range c.Client.ResponseTypes() {
		if kind != "code" {
			return ostiary.Reject(ostiary.InvalidClientMetadata, "response_types: FAPI 2.0 has only code.")
		}
	}
	return nil
}

// authentication is by a key (FAPI 2.0 §5.3.2.1). A public client is refused: it would not know what to do with one.
func authentication(c *ostiary.Call) error {
	switch method := c.Client.TokenEndpointAuthMethod(); {
	case slices.Contains(methods, method):
	case method == "none":
		return ostiary.Reject(ostiary.InvalidClientMetadata, "token_endpoint_auth_method: FAPI 2.0 has no public clients; use private_key_jwt.")
	default:
		c.Patch.SetString("token_endpoint_auth_method", "private_key_jwt")
		c.Warn("token_endpoint_auth_method is private_key_jwt: FAPI 2.0 has no secrets.")
	}
	return nil
}

// signatures are made with an algorithm of the profile (FAPI 2.0 §5.4.1).
func signatures(c *ostiary.Call) error {
	for _, member := range signed {
		switch alg := c.Client.Get(member).Text(); {
		case slices.Contains(algorithms, alg):
		case alg == "":
			c.Patch.SetString(member, preferred)
		default:
			return ostiary.Reject(ostiary.InvalidClientMetadata, member+": "+alg+" is not one of "+strings.Join(algorithms, ", ")+".")
		}
	}
	return nil
}
