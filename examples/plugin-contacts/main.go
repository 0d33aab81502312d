// Contacts is the example plugin: it gives every client somebody to write to.
//
// Before a client is registered or updated it adds a contact address when there is none, and refuses one that is no address.
// When a client is registered or read it says in the answer who registered it.
package main

import (
	"errors"
	"strings"

	"github.com/ostiary/ostiary/sdk/go"
)

// What the configuration says; the values here are those without one.
var (
	domain = "example.com"
	label  = "ostiary-example"
)

func init() {
	ostiary.Configure(configure)
	ostiary.PreRegister(shape)
	ostiary.PreUpdate(shape)
	ostiary.PostRegister(sign)
	ostiary.OnRead(sign)
}

func main() {}

// configure takes the configuration from the manifest.
func configure(c ostiary.Value) error {
	if v := c.Get("domain"); v.Exists() {
		domain = v.Text()
	}
	if v := c.Get("label"); v.Exists() {
		label = v.Text()
	}
	if domain == "" || strings.ContainsAny(domain, "@ ") {
		return errors.New("domain must be a host name, such as example.com")
	}
	return nil
}

// shape sees to the contacts of a client.
func shape(c *ostiary.Call) error {
	contacts := c.Client.Contacts()
	for _, address := range contacts {
		if !plausible(address) {
			return ostiary.Reject(ostiary.InvalidClientMetadata, "contacts: "+address+" is no e-mail address; write name@host.")
		}
	}
	if len(contacts) > 0 || c.Locked("contacts") {
		return nil
	}
	c.Patch.SetStrings("contacts", []string{"clients@" + domain})
	c.Audit("added_contact", ostiary.Bool(true))
	return nil
}

// sign says in the answer who registered the client.
func sign(c *ostiary.Call) error {
	c.Patch.SetString("registered_through", label)
	return nil
}

// plausible tells whether a text may be an e-mail address. Whether it is one, only a letter to it would show.
func plausible(address string) bool {
	name, host, found := strings.Cut(address, "@")
	return found && name != "" && host != "" && !strings.ContainsAny(address, " \t") && !strings.Contains(host, "@")
}
