// Scheme is a plugin for a scheme such as open banking: a directory knows every member with its keys, and a client is what its
// member's software statement says. It serves the hooks that ask for one thing: keys, an id, a yes.
package main

import (
	"slices"
	"strings"

	"github.com/ostiary/ostiary/sdk/go"
)

// members is what the manifest's configuration says of each member, by the issuer that signs for it.
var members ostiary.Value

func init() {
	ostiary.Configure(func(configuration ostiary.Value) error {
		members = configuration.Get("members")
		return nil
	})
	ostiary.SoftwareStatementKeys(keys)
	ostiary.RequestKeys(keys)
	ostiary.MintClientID(name)
	ostiary.CertificateCheck(check)
	ostiary.TokenClaims(claims)
	ostiary.PreDelete(keep)
	ostiary.PostUpdate(remind)
}

func main() {}

// keys gives the keys of who signed a software statement or a request. Zero Keys: somebody this directory does not know.
func keys(c *ostiary.Call) (ostiary.Keys, error) {
	member := members.Get(c.Signed.Claims.Get("iss").Text())
	if member.Get("expelled").Bool() {
		return ostiary.Keys{}, ostiary.Reject(ostiary.UnapprovedSoftwareStatement, "The member has left the directory.")
	}
	return ostiary.Keys{JWKS: member.Get("jwks"), Secret: member.Get("secret").Text()}, nil
}

// name makes the software's id in the directory the client's id. "" leaves the id to the server.
func name(c *ostiary.Call) (string, error) {
	if s := c.Context.SoftwareStatement; s != nil {
		return s.Claims.Get("software_id").Text(), nil
	}
	return "", nil
}

// check wants a certificate that names the client's software.
func check(c *ostiary.Call) error {
	id := c.Client.SoftwareID()
	if id == "" || slices.Contains(strings.Split(c.Certificate.Subject, ","), "CN="+id) {
		return nil
	}
	return ostiary.RejectWith(ostiary.InvalidClient, "The certificate is not that of the software.",
		ostiary.Member{Name: "certificate_subject", Value: ostiary.String(c.Certificate.Subject)})
}

// claims tells the APIs which software is calling.
func claims(c *ostiary.Call) error {
	if id := c.Client.SoftwareID(); id != "" {
		c.Patch.SetString("software_id", id)
		c.Patch.Set("subject_is_client", ostiary.Bool(c.Token.Subject == c.Context.ClientID))
	}
	return nil
}

// keep lets nobody but an operator remove the software of a member.
func keep(c *ostiary.Call) error {
	if c.Client.SoftwareID() != "" && c.Context.Caller.Kind != "operator" {
		return ostiary.Reject(ostiary.AccessDenied, "Software of the directory is removed by the directory's operators.")
	}
	return nil
}

// remind adds a member to the answer of each update.
func remind(c *ostiary.Call) error {
	c.Patch.SetString("directory_notice", "Tell the directory, too.")
	return nil
}
