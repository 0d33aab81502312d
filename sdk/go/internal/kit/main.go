// The kit is the plugin that the tests of SDK and host share: its configuration says what it does in every hook. Steps play
// a well-behaved plugin (script.go), misbehave plays a hostile or broken one (hostile.go).
package main

import "github.com/ostiary/ostiary/sdk/go"

// configuration is kept from ostiary_configure on.
var configuration ostiary.Value

func init() {
	ostiary.Configure(func(v ostiary.Value) error {
		configuration = v
		return start(v)
	})
	ostiary.PreRegister(play)
	ostiary.PreUpdate(play)
	ostiary.PostRegister(play)
	ostiary.PostUpdate(play)
	ostiary.OnRead(play)
	ostiary.PreDelete(play)
	ostiary.CertificateCheck(play)
	ostiary.TokenClaims(play)
	ostiary.MintClientID(mint)
	ostiary.SoftwareStatementKeys(keys)
	ostiary.RequestKeys(keys)
}

func main() {}

// given is what the steps of this call give as a result.
var given ostiary.Value

// keys plays a hook about keys.
func keys(c *ostiary.Call) (ostiary.Keys, error) {
	err := play(c)
	return ostiary.Keys{JWKS: given.Get("jwks"), Secret: given.Get("secret").Text()}, err
}

// mint plays mint_client_id.
func mint(c *ostiary.Call) (string, error) {
	err := play(c)
	return given.Get("client_id").Text(), err
}

func play(c *ostiary.Call) error {
	if how := configuration.Get("misbehave").Text(); how != "" {
		return misbehave(how, c)
	}
	given = ostiary.Value{}
	for step := range configuration.Get("steps").Items() {
		if err := perform(c, step); err != nil {
			return err
		}
	}
	return nil
}
