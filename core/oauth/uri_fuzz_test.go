package oauth_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

// FuzzParseURI holds that nothing panics, that reading is repeatable, and that for what is found valid net/url, the
// reader of the rest of the program, sees the same place.
func FuzzParseURI(f *testing.F) {
	for _, raw := range []string{"https://app.example:443/cb?x=1", "http://[::1]:80/", "com.example.app:/cb", "myapp://host/a%2fb",
		"urn:a:b", "https://bücher.example/", "http://0x7f.1/", "https://a@b\\c#d", "https://xn--bcher-kva.example/", "x:%2e%2e", "a://[::1]"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u := oauth.ParseURI(raw)
		if !same(u, oauth.ParseURI(u.Raw)) || u.Raw != raw {
			t.Fatalf("not repeatable: %+v", u)
		}
		checkConsistent(t, u)
		if u.Valid {
			compareWithNetURL(t, u)
		}
	})
}

func checkConsistent(t *testing.T, u oauth.URI) {
	t.Helper()
	if u.Valid != (len(u.Problems) == 0) || u.Valid && u.Class == oauth.ClassInvalid {
		t.Fatalf("contradicts itself: %+v", u)
	}
	for i, p := range u.Problems {
		if !slices.Contains(oauth.Problems(), p) || slices.Contains(u.Problems[:i], p) {
			t.Fatalf("unknown or repeated problem: %+v", u)
		}
	}
	safe := len(oauth.RedirectProblems(u)) == 0
	if safe != (u.Valid && u.Class != oauth.ClassHTTP) {
		t.Fatalf("the floor and the class disagree: %+v", u)
	}
	if web := u.Scheme == "http" || u.Scheme == "https"; u.Valid && web && u.Host == "" {
		t.Fatalf("valid without a host: %+v", u)
	}
	if domain := u.RegistrableDomain(); !strings.HasSuffix(u.Host, domain) {
		t.Fatalf("registrable domain %q: %+v", domain, u)
	}
}

func compareWithNetURL(t *testing.T, u oauth.URI) {
	t.Helper()
	std, err := url.Parse(u.Raw)
	if err != nil {
		t.Fatalf("net/url refuses %+v: %v", u, err)
	}
	if std.Scheme != u.Scheme || strings.ToLower(std.Hostname()) != u.Host || std.Port() != u.Port || std.User != nil {
		t.Fatalf("net/url sees %+v, we %+v", std, u)
	}
	if std.RawQuery != u.Query || std.Fragment != "" || std.ForceQuery != (u.HasQuery && u.Query == "") {
		t.Fatalf("net/url sees query %q and fragment %q, we %+v", std.RawQuery, std.Fragment, u)
	}
	path := std.Opaque
	if path == "" {
		path = std.EscapedPath()
	}
	if path != u.Path {
		t.Fatalf("net/url sees path %q, we %+v", path, u)
	}
}

// TestSpellings puts many parts together in every way and holds the fuzz test's properties for each.
func TestSpellings(t *testing.T) {
	schemes := []string{"https:", "HTTP:", "com.example.app:", "x:", ""}
	authorities := []string{"", "//", "//a", "//A.b:80", "//a.b:", "//u@a", "//[::1]", "//[::1]:8", "//[fe80::1]", "//127.0.0.1",
		"//127.1", "//localhost:1", "//a_-b", "//a.", "//xn--bcher-kva.b", "//xn--a", "//a%41", "//a;b", "///", "/a"}
	paths := []string{"", "/", "//", "///a", "/a:b", "/@", "/a%2fb", "/a%2Fb/%7e", "/..a", "/a/..", "/%2e", "/a;b=c", "/*", "/!$&'()+,", "/%zz", "a", "a:b"}
	queries := []string{"", "?", "?a", "?a?b", "?/../", "?%41", "?a=b&c@d:e", "#", "?#a"}
	valid := 0
	for _, scheme := range schemes {
		for _, authority := range authorities {
			for _, path := range paths {
				for _, query := range queries {
					u := oauth.ParseURI(scheme + authority + path + query)
					checkConsistent(t, u)
					if u.Valid {
						valid++
						compareWithNetURL(t, u)
					}
				}
			}
		}
	}
	if valid < 1000 {
		t.Errorf("only %d spellings were valid, so little was compared", valid)
	}
}
