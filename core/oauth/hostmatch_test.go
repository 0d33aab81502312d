package oauth_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

func TestHostMatches(t *testing.T) {
	for _, test := range []struct {
		host, pattern string
		want          bool
	}{
		{"example.com", "example.com", true},
		{"EXAMPLE.com", "example.COM", true},
		{"example.com.", "example.com", true},
		{"example.com", "example.com.", true},
		{"example.com..", "example.com", false},
		{"www.example.com", "example.com", false},
		{"www.example.com", "*.example.com", true},
		{"WWW.example.com.", "*.Example.com.", true},
		{"a.b.example.com", "*.example.com", false},
		{"example.com", "*.example.com", false},
		{".example.com", "*.example.com", false},
		{"*.example.com", "*.example.com", false},
		{"wwwexample.com", "*.example.com", false},
		{"www.example.com.evil.test", "*.example.com", false},
		{"evil.test/www.example.com", "*.example.com", false},
		{"evil.test\\.example.com", "*.example.com", false},
		{"a@www.example.com", "*.example.com", false},
		{"www.example.com:443", "*.example.com", false},
		{"www.example.com\x00", "*.example.com", false},
		{"b\u00fccher.example", "xn--bcher-kva.example", true},
		{"XN--BCHER-KVA.example", "b\u00fccher.example", true},
		{"b\u00fccher.example", "*.example", true},
		{"www.example\u3002com", "*.example.com", true}, // browsers take an ideographic full stop for a dot
		{"xn--a", "xn--a", false},                       // below: no pattern either
		{"192.0.2.1", "192.0.2.1", true},
		{"[2001:DB8::1]", "2001:db8:0::1", true},
		{"::ffff:192.0.2.1", "192.0.2.1", true},
		{"[192.0.2.1]", "192.0.2.1", false},
		{"[::1", "::1", false},
		{"fe80::1%eth0", "fe80::1", false},
		{"0x7f.1", "localhost", false},
		{"1.0.2.192", "*.0.2.192", false}, // below: no pattern
		{"localhost", "localhost", true},
		{"", "localhost", false},
		{strings.Repeat("a.", 10_000) + "com", "*.com", false},
	} {
		got, err := oauth.HostMatches(test.host, test.pattern)
		if got != test.want || err != nil && test.pattern != "xn--a" && test.pattern != "*.0.2.192" {
			t.Errorf("HostMatches(%.40q, %q) = %v, %v", test.host, test.pattern, got, err)
		}
	}
}

func TestHostPatterns(t *testing.T) {
	for _, pattern := range []string{
		"", "*", "*.", ".", "..", "*.*.example.com", "www.*.com", "w*.example.com", "**.example.com", "*.192.0.2.1", "*.[::1]", "*.::1",
		"https://example.com", "example.com/", "example.com:443", "a b", "exa_mple.com/x", "xn--a", "127.1", "0x7f000001", "*.0.2.192", "[example.com]",
		"-\u200d.com", strings.Repeat("a", 64) + ".com", strings.Repeat("a", 5000),
	} {
		if matches, err := oauth.HostMatches("www.example.com", pattern); err == nil || matches || len(err.Error()) > 2000 {
			t.Errorf("%.40q is a pattern: %v", pattern, matches)
		}
	}
}

// What stands in a URI and what is asked for by itself is one domain.
func TestRegistrableDomainOfHosts(t *testing.T) {
	for host, want := range map[string]string{
		"login.example.co.uk": "example.co.uk", "LOGIN.Example.co.UK.": "example.co.uk", "example.com": "example.com",
		"a.b.github.io": "b.github.io", "github.io": "", "co.uk": "", "localhost": "", "192.0.2.1": "", "[::1]": "", "": "", ".": "", "..": "",
		"www.b\u00fccher.example": "xn--bcher-kva.example", "a b.com": "", "*.example.com": "", "127.1": "",
	} {
		if got := oauth.RegistrableDomain(host); got != want {
			t.Errorf("RegistrableDomain(%q) = %q, want %q", host, got, want)
		}
		if u := oauth.ParseURI("https://" + host + "/cb"); u.Valid && u.RegistrableDomain() != want {
			t.Errorf("of the URI with %q: %q", host, u.RegistrableDomain())
		}
	}
}

func FuzzHostMatches(f *testing.F) {
	for _, seed := range []string{"example.com", "*.example.com", "b\u00fccher.example", "[::1]", "127.1", "a..b", "\u3002", "xn--"} {
		f.Add(seed, "*.example.com")
		f.Add("www.example.com", seed)
	}
	f.Fuzz(func(t *testing.T, host, pattern string) {
		matches, err := oauth.HostMatches(host, pattern)
		if err != nil && matches {
			t.Errorf("%q matches %q, which is no pattern", host, pattern)
		}
		if matches && strings.ContainsAny(host, "/\\@ \x00*#?") {
			t.Errorf("%q is a host", host)
		}
		if self, err := oauth.HostMatches(host, host); err == nil && !strings.HasPrefix(host, "*.") && !self {
			t.Errorf("%q does not match itself", host)
		}
	})
}
