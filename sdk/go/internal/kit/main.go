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
	ostiary.OnRead(play)
}

func main() {}

func play(c *ostiary.Call) error {
	if how := configuration.Get("misbehave").Text(); how != "" {
		return misbehave(how, c)
	}
	for step := range configuration.Get("steps").Items() {
		if err := perform(c, step); err != nil {
			return err
		}
	}
	return nil
}
