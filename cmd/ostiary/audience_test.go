package main

import (
	"testing"

	"github.com/ostiary/ostiary/core"
)

// A client that names its audiences asks for no other; one that names none asks for any.
func TestAllowedAudiences(t *testing.T) {
	const api = "https://api.example.com"
	for _, c := range []struct {
		allowed []string
		may     bool
	}{{nil, true}, {[]string{}, false}, {[]string{api}, true}, {[]string{api + "/"}, false}} {
		if mayAskFor(core.Client{Metadata: core.Metadata{AllowedAudiences: c.allowed}}, api) != c.may {
			t.Errorf("%q: %t", c.allowed, !c.may)
		}
	}
}
