package oauth_test

import (
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

// What two readers could take for two places is never above the floor; an international name has one form, in which it is compared.
func TestURITricks(t *testing.T) {
	for raw, problem := range map[string]oauth.Problem{
		"https://app.example/a/%2e%2e/cb": oauth.DotSegment, "https://app.example/a/.%2E/cb": oauth.DotSegment, "https://app.example/a/..%2fcb": oauth.DotSegment,
		"https://app.example/a/..;/cb": oauth.DotSegment, `https://app.example/..%5ccb`: oauth.DotSegment, `https://app.example\evil.example/cb`: oauth.Backslash,
		`https:\\app.example/cb`: oauth.Backslash, `https://evil.example\@app.example/cb`: oauth.Backslash, "https://app.example@evil.example/": oauth.Userinfo,
		"https://bücher.example/cb": oauth.NonASCII, "https://app。example/cb": oauth.NonASCII, "https://ａpp.example/cb": oauth.NonASCII,
		"https://xn--a.example/cb": oauth.BadHost, "https://app.example./cb": oauth.BadHost, "http://①②⑧.0.0.1/cb": oauth.NonASCII, "http://0177.0.0.1/cb": oauth.OddIP,
		"java\tscript:alert(1)": oauth.ControlCharacter, " https://app.example/cb": oauth.Whitespace, "https://app.example/cb%00": oauth.ControlCharacter,
	} {
		if u := oauth.ParseURI(raw); !slices.Contains(oauth.RedirectProblems(u), problem) {
			t.Errorf("%q: %v, want %s", raw, u.Problems, problem)
		}
	}
	for _, raw := range []string{"https://bücher.example/cb", "https://BÜCHER.example/cb", "https://xn--bcher-kva.example/cb", "https://XN--BCHER-KVA.example/cb"} {
		if u := oauth.ParseURI(raw); u.Host != "xn--bcher-kva.example" {
			t.Errorf("%s has the host %q", raw, u.Host)
		}
	}
	if oauth.MatchRedirect("https://xn--bcher-kva.example/cb", "https://bücher.example/cb", true) {
		t.Error("another spelling of a registered URI is taken for it")
	}
}
