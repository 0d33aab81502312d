package oauth_test

import (
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

func TestParams(t *testing.T) {
	p, err := oauth.ParseParams("b=2&a=1&a=3&empty=&none&c=%20x&resource=u&resource=v")
	if err != nil {
		t.Fatal(err)
	}
	if p.Get("a") != "1" || p.Get("c") != " x" || p.Get("empty") != "" || p.Has("empty") || p.Has("none") || !p.Has("b") {
		t.Errorf("%v", p)
	}
	if name := p.Repeated("resource"); name != "a" {
		t.Errorf("repeated %q", name)
	}
	if name := p.Repeated("resource", "a"); name != "" {
		t.Errorf("repeated %q", name)
	}
	if text := p.Encode(); text != "a=1&a=3&b=2&c=+x&resource=u&resource=v" {
		t.Errorf("encoded %q", text)
	}
	// An empty twin is still no second value.
	if p, _ = oauth.ParseParams("a=&a=1"); p.Repeated() != "" || p.Get("a") != "1" {
		t.Errorf("%v", p)
	}
	for _, bad := range []string{"a=%", "a=%zz", "a;b=1"} {
		if p, err := oauth.ParseParams(bad); err == nil {
			t.Errorf("%q: %v", bad, p)
		}
	}
}
