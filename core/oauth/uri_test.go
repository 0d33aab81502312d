package oauth_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

// TestParseURIFacts walks URIs that are fine and what is known of them.
func TestParseURIFacts(t *testing.T) {
	for _, want := range []oauth.URI{
		{Raw: "https://app.example/cb", Class: oauth.ClassHTTPS, Scheme: "https", Host: "app.example", Path: "/cb"},
		{Raw: "https://app.example", Class: oauth.ClassHTTPS, Scheme: "https", Host: "app.example"},
		{Raw: "https://app.example?", Class: oauth.ClassHTTPS, Scheme: "https", Host: "app.example", HasQuery: true},
		{Raw: "HTTPS://App.Example:443/Cb?a=../b", Class: oauth.ClassHTTPS, Scheme: "https", Host: "app.example", Port: "443",
			Path: "/Cb", Query: "a=../b", HasQuery: true},
		{Raw: "https://xn--bcher-kva.example/", Class: oauth.ClassHTTPS, Scheme: "https", Host: "xn--bcher-kva.example", Path: "/"},
		{Raw: "https://my_app-.example/a%2Fb%5Cc%20d", Class: oauth.ClassHTTPS, Scheme: "https", Host: "my_app-.example", Path: "/a%2Fb%5Cc%20d"},
		{Raw: "https://a.example/.well-known/.../x..y/..z", Class: oauth.ClassHTTPS, Scheme: "https", Host: "a.example",
			Path: "/.well-known/.../x..y/..z"},
		{Raw: "https://a.example/@user:1//x", Class: oauth.ClassHTTPS, Scheme: "https", Host: "a.example", Path: "/@user:1//x"},
		{Raw: "https://192.0.2.7/", Class: oauth.ClassHTTPS, Scheme: "https", Host: "192.0.2.7", IP: "192.0.2.7", Path: "/"},
		{Raw: "https://[2001:DB8::1]:8443/", Class: oauth.ClassHTTPS, Scheme: "https", Host: "2001:db8::1", IP: "2001:db8::1",
			Port: "8443", Path: "/"},
		{Raw: "https://intranet/cb", Class: oauth.ClassHTTPS, Scheme: "https", Host: "intranet", Path: "/cb"},
		{Raw: "https://localhost/cb", Class: oauth.ClassHTTPS, Scheme: "https", Host: "localhost", Path: "/cb", Loopback: true},
		{Raw: "http://localhost:3000/cb", Class: oauth.ClassLoopbackHTTP, Scheme: "http", Host: "localhost", Port: "3000",
			Path: "/cb", Loopback: true},
		{Raw: "http://127.0.0.1", Class: oauth.ClassLoopbackHTTP, Scheme: "http", Host: "127.0.0.1", IP: "127.0.0.1", Loopback: true},
		{Raw: "http://[::1]:65535/", Class: oauth.ClassLoopbackHTTP, Scheme: "http", Host: "::1", IP: "::1", Port: "65535",
			Path: "/", Loopback: true},
		{Raw: "http://127.0.0.2/", Class: oauth.ClassHTTP, Scheme: "http", Host: "127.0.0.2", IP: "127.0.0.2", Path: "/"},
		{Raw: "http://app.example/", Class: oauth.ClassHTTP, Scheme: "http", Host: "app.example", Path: "/"},
		{Raw: "http://localhost.evil.example/", Class: oauth.ClassHTTP, Scheme: "http", Host: "localhost.evil.example", Path: "/"},
		{Raw: "com.example.app:/cb", Class: oauth.ClassPrivateScheme, Scheme: "com.example.app", Path: "/cb", ReverseDomain: true},
		{Raw: "com.Example.app://Auth:1/cb?x", Class: oauth.ClassPrivateScheme, Scheme: "com.example.app", Host: "auth", Port: "1",
			Path: "/cb", Query: "x", HasQuery: true, ReverseDomain: true},
		{Raw: "cursor://anysphere.cursor-retrieval/oauth/cb", Class: oauth.ClassPrivateScheme, Scheme: "cursor",
			Host: "anysphere.cursor-retrieval", Path: "/oauth/cb"},
		{Raw: "myapp:///cb", Class: oauth.ClassPrivateScheme, Scheme: "myapp", Path: "/cb"},
		{Raw: "myapp://", Class: oauth.ClassPrivateScheme, Scheme: "myapp"},
		{Raw: "myapp://1.2/", Class: oauth.ClassPrivateScheme, Scheme: "myapp", Host: "1.2", Path: "/"},
		{Raw: "myapp://localhost/", Class: oauth.ClassPrivateScheme, Scheme: "myapp", Host: "localhost", Path: "/"},
		{Raw: "com..app:/cb", Class: oauth.ClassPrivateScheme, Scheme: "com..app", Path: "/cb"},
		{Raw: "com.app.:/cb", Class: oauth.ClassPrivateScheme, Scheme: "com.app.", Path: "/cb"},
		{Raw: "urn:ietf:wg:oauth:2.0:oob", Class: oauth.ClassPrivateScheme, Scheme: "urn", Path: "ietf:wg:oauth:2.0:oob"},
	} {
		t.Run(want.Raw, func(t *testing.T) {
			want.Valid = true
			if got := oauth.ParseURI(want.Raw); !same(got, want) {
				t.Errorf("\n got %+v\nwant %+v", got, want)
			}
		})
	}
}

// same compares two URIs in every field.
func same(a, b oauth.URI) bool { return fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b) }

// TestFactsOfBrokenURIs holds that what is refused still shows where a browser would have gone.
func TestFactsOfBrokenURIs(t *testing.T) {
	for _, c := range []struct{ raw, scheme, host, port, path, ip string }{
		{"https://app.example:443@evil.example/cb", "https", "evil.example", "", "/cb", ""},
		{`https://evil.example\@app.example/cb`, "https", "evil.example", "", `\@app.example/cb`, ""},
		{" https://evil.example:0443/\n", "https", "evil.example", "0443", "/", ""},
		{"https://BÜCHER.example/", "https", "xn--bcher-kva.example", "", "/", ""},
		{"http://0x7f.1:80/", "http", "0x7f.1", "80", "/", "127.0.0.1"},
		{"http://017700000001/", "http", "017700000001", "", "/", "127.0.0.1"},
		{"http://10.258/", "http", "10.258", "", "/", "10.0.1.2"},
		{"http://4294967295/", "http", "4294967295", "", "/", "255.255.255.255"},
		{"http://4294967296/", "http", "4294967296", "", "/", ""},
		{"http://1.256.1/", "http", "1.256.1", "", "/", ""},
		{"http://0x.0xA/", "http", "0x.0xa", "", "/", "0.0.0.10"},
		{"http://0x/", "http", "0x", "", "/", "0.0.0.0"},
		{"http://08/", "http", "08", "", "/", ""},
		{"http://[::ffff:a00:1]/", "http", "::ffff:a00:1", "", "/", "10.0.0.1"},
		{"javascript:alert(1)", "javascript", "", "", "", ""},
	} {
		u := oauth.ParseURI(c.raw)
		if u.Scheme != c.scheme || u.Host != c.host || u.Port != c.port || u.Path != c.path || u.IP != c.ip {
			t.Errorf("%q: got %+v", c.raw, u)
		}
		if u.Class != oauth.ClassInvalid {
			t.Errorf("%q has class %s", c.raw, u.Class)
		}
	}
}

func TestFragmentAloneKeepsTheClass(t *testing.T) {
	u := oauth.ParseURI("https://app.example/terms#privacy")
	if u.Valid || u.Class != oauth.ClassHTTPS {
		t.Errorf("got %+v", u)
	}
}

func TestRegistrableDomain(t *testing.T) {
	for raw, want := range map[string]string{
		"https://login.example.co.uk/cb":     "example.co.uk",
		"https://Example.COM":                "example.com",
		"https://user.github.io/":            "user.github.io",
		"https://github.io/":                 "",
		"https://a.xn--bcher-kva.example/":   "xn--bcher-kva.example",
		"https://a.bücher.example/":          "xn--bcher-kva.example",
		"https://192.0.2.1/":                 "",
		"https://127.1/":                     "",
		"https://[::1]/":                     "",
		"http://localhost:3000/":             "",
		"https://a..example/":                "",
		"com.example.app://www.example.com/": "",
		"not a uri":                          "",
	} {
		if got := oauth.ParseURI(raw).RegistrableDomain(); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}

// TestExplain holds that every problem is explained, in the characters of an error_description (RFC 6749 §5.2).
func TestExplain(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range oauth.Problems() {
		text := p.Explain()
		if seen[text] || strings.Contains(text, string(p)) && strings.Contains(string(p), "_") {
			t.Errorf("%s has no explanation of its own: %s", p, text)
		}
		seen[text] = true
		if bad := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }); bad >= 0 {
			t.Errorf("%s: character %d of its explanation may not be sent", p, bad)
		}
	}
	if got := oauth.Problem("new").Explain(); got != "is not acceptable: new" {
		t.Errorf("an unknown problem explains itself as %q", got)
	}
}

func BenchmarkParseURI(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if u := oauth.ParseURI("https://app.example.com/auth/callback.html"); !u.Valid {
			b.Fatal(u.Problems)
		}
	}
}
