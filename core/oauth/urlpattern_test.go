package oauth_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

func TestURLPatterns(t *testing.T) {
	for pattern, test := range map[string]struct{ in, out string }{
		"*":                      {"https://a.example/cb com.example.app:/cb http://127.0.0.1:7/", ""},
		"*.example.com/*":        {"https://example.com/ https://example.com https://a.example.com?x https://a.example.com/cb http://a.b.example.com:8443/x/y", "https://example.com.evil.example/ https://evilexample.com/ https://example.org/ com.example.com:/cb"},
		"https://*.example.com":  {"https://a.example.com/cb?x=1", "http://a.example.com/cb https://a.example.org/"},
		"*://app.example.com/cb": {"https://app.example.com/cb http://APP.example.com/cb https://app.example.com/c%62", "https://app.example.com/cb/ https://app.example.com/cbx https://a.app.example.com/cb"},
		"app.example.com:443":    {"https://app.example.com/ https://app.example.com:443/", "https://app.example.com:8443/ http://app.example.com/"},
		"app.example.com:*/a*/b": {"https://app.example.com/a/b https://app.example.com:1/ax/y/b", "https://app.example.com/a https://app.example.com/b https://app.example.com/a/bc"},
		"https://*/cb":           {"https://any.example/cb https://192.0.2.1/cb", "https://any.example/ http://any.example/cb"},
		"https://*":              {"https://any.example/cb", "http://any.example/cb com.example.app:/cb"},
		"*://evil.example/*":     {"https://evil.example http://evil.example/x com.example.app://evil.example/cb com.example.app://evil.example", "com.example.app:/cb"},
		"https://a.example/":     {"https://a.example https://a.example/ https://a.example?x", "https://a.example/x"},
		"a.example/%63b/a%2Ab":   {"https://a.example/cb/a*b https://a.example/c%62/a%2ab", "https://a.example/cb/axb"},
		"a.example/ü*":           {"https://a.example/%C3%BCx", "https://a.example/ux"},
		"com.example.app://*/*":  {"com.example.app:/cb com.example.app:cb com.example.app://x", "com.example.apple:/cb"},
		"com.example.app://*":    {"com.example.app:/cb com.example.app://x/cb", "com.example.apple:/cb https://com.example.app/"},
		"bücher.example":         {"https://xn--bcher-kva.example/", "https://bucher.example/"},
		"http://[::1]:*/":        {"http://[::1]:7/ http://[0:0:0:0:0:0:0:1]/", "http://127.0.0.1/ http://[::1]/x"},
		"http://127.0.0.1/*":     {"http://127.0.0.1:9999/cb", "http://localhost/cb"},
		"a.example/*x*x":         {"https://a.example/xx https://a.example/axbx", "https://a.example/x https://a.example/xxa"},
	} {
		p, err := oauth.ParseURLPattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
		for want, list := range map[bool]string{true: test.in, false: test.out} {
			for _, raw := range strings.Fields(list) {
				if u := oauth.ParseURI(raw); p.Matches(u) != want {
					t.Errorf("%s, %s: %v", pattern, raw, !want)
				}
			}
		}
	}
	if p, _ := oauth.ParseURLPattern("https://*.example.com:8443/cb"); !p.MatchesSite(oauth.ParseURI("https://a.example.com:8443/bye")) || p.MatchesSite(oauth.ParseURI("https://a.example.com/cb")) ||
		p.Matches(oauth.ParseURI("https://a.example.com:8443/bye")) {
		t.Errorf("%+v without its path", p)
	}
	for _, wrong := range []string{"", "/", "https://", "https:///cb", "a..example", "a.*.example", "*example.com", "*.192.0.2.1", "1.2.3", "a.example:x", "a.example:", "a.example:123456",
		"a.example/cb?x", "a.example/#", "a.example/%", "a.example/%zz*", "a.example/a/../b", "a.example/%2e%2E/*", "-://a.example", "a b://c.example", "u@a.example", "[::1", "https://a.example:443:443/"} {
		if p, err := oauth.ParseURLPattern(wrong); err == nil {
			t.Errorf("%q was read: %+v", wrong, p)
		}
	}
}

// What a pattern matches it matches without a query, and with the path that no path stands for; and no host is matched by another one's
// pattern.
func FuzzURLPattern(f *testing.F) {
	f.Add("*.example.com/*", "https://a.example.com/cb?x=/")
	f.Add("https://a.example:443/a*b", "https://a.example/a/b")
	f.Add("*://*:*/*", "http://[::1]")
	f.Add("*://a.example/", "com.example.app://a.example?x")
	f.Add("a.example/%63b", "https://a.example/c%62")
	f.Fuzz(func(t *testing.T, pattern, raw string) {
		p, err := oauth.ParseURLPattern(pattern)
		u := oauth.ParseURI(raw)
		if err != nil || !u.Valid || u.Host == "" {
			return
		}
		bare, _, _ := strings.Cut(raw, "?")
		if u.Path == "" {
			bare += "/"
		}
		if same := oauth.ParseURI(bare); p.Matches(u) != p.Matches(same) {
			t.Errorf("%q does not say the same of %q and %q", pattern, raw, bare)
		}
		if strings.Contains(pattern, "*") {
			return
		}
		other := u
		other.Host, other.IP = "other."+u.Host, ""
		if p.Matches(u) && p.Matches(other) {
			t.Errorf("%q matches %q and %q", pattern, u.Host, other.Host)
		}
	})
}
