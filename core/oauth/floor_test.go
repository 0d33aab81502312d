package oauth_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

// TestRedirectProblems holds the floor: every line is a redirect URI that must not be registered, and why.
func TestRedirectProblems(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{"", "no_scheme"},
		{"app.example/cb", "no_scheme"},
		{"app.example:8443/cb", "no_scheme"},
		{"localhost:3000", "no_scheme"},
		{"localhost:3000?x", "no_scheme"},
		{"://app.example/cb", "no_scheme"},
		{":", "no_scheme"},
		{"1http://app.example/cb", "no_scheme"},
		{"ht_tps://app.example/cb", "no_scheme"},
		{"https%3A//app.example/cb", "no_scheme"},
		{"java%73cript:alert(1)", "no_scheme"},
		{"/cb", "relative"},
		{"//app.example/cb", "relative"},
		{"../cb", "relative"},
		{"?cb", "relative"},
		{`\\app.example\cb`, "backslash relative"},
		{"#", "fragment no_scheme"},
		{"https://app.example/cb#", "fragment"},
		{"https://app.example/cb#frag", "fragment"},
		{"https://app.example#@evil.example/", "fragment"},
		{"com.example.app:/cb#x", "fragment"},
		{"https://user@app.example/cb", "userinfo"},
		{"https://user:pw@app.example/cb", "userinfo"},
		{"https://@app.example/cb", "userinfo"},
		{"https://app.example@evil.example/cb", "userinfo"},
		{"https://app.example:443@evil.example/cb", "userinfo"},
		{"https://a@b@evil.example/cb", "userinfo"},
		{"https://app.example%40evil.example/cb", "bad_host"},
		{"com.example.app://user@host/cb", "userinfo"},
		{"https://*.app.example/cb", "wildcard_host"},
		{"https://*/cb", "wildcard_host"},
		{"https://app*.example/cb", "wildcard_host"},
		{"https://app.example/c\tb", "control_character"},
		{"https://app.example/c\nb", "control_character"},
		{"https://app.example/cb\x00", "control_character"},
		{"https://app.example/cb\x7f", "control_character"},
		{"https://app.example/cb%00", "control_character"},
		{"https://app.example/cb%0d%0ASet-Cookie:a=b", "control_character"},
		{"https://app.example/cb?x=%7F", "control_character"},
		{"java\nscript:alert(1)", "control_character no_scheme"},
		{"\x01javascript:alert(1)", "control_character dangerous_scheme"},
		{" https://app.example/cb", "whitespace"},
		{"https://app.example/cb ", "whitespace"},
		{"https://app.example/c b", "whitespace"},
		{"https://app.example /cb", "whitespace bad_host"},
		{"https://app.example/a b https://evil.example/", "whitespace"},
		{`https://app.example\cb`, "backslash"},
		{`https://app.example\@evil.example/cb`, "backslash"},
		{`https:\\app.example\cb`, "backslash no_host"},
		{`https:/\app.example/cb`, "backslash no_host"},
		{"https://app.example/a/../cb", "dot_segment"},
		{"https://app.example/./cb", "dot_segment"},
		{"https://app.example/..", "dot_segment"},
		{"https://app.example/.", "dot_segment"},
		{"https://app.example/cb/%2e%2E/x", "dot_segment"},
		{"https://app.example/cb/.%2e", "dot_segment"},
		{"https://app.example/cb/%2e", "dot_segment"},
		{"https://app.example/cb/..%2fx", "dot_segment"},
		{"https://app.example/cb%2F..%2fx", "dot_segment"},
		{"https://app.example/cb%5c..%5Cx", "dot_segment"},
		{"https://app.example/cb/..;/x", "dot_segment"},
		{"https://app.example/cb/..;a=b", "dot_segment"},
		{"https://app.example/cb/..%3bx/y", "dot_segment"},
		{`https://app.example/cb\..\x`, "backslash dot_segment"},
		{"com.example.app:../cb", "dot_segment"},
		{"javascript:alert(1)", "dangerous_scheme"},
		{"javascript:1", "dangerous_scheme"}, // not a host and its port
		{"JavaScript://app.example/%0aalert(1)", "control_character dangerous_scheme"},
		{"data:text/html,x", "dangerous_scheme"},
		{"file:///etc/passwd", "dangerous_scheme"},
		{"blob:https://app.example/1", "dangerous_scheme"},
		{"vbscript:x", "dangerous_scheme"},
		{"about:blank", "dangerous_scheme"},
		{"filesystem:https://app.example/x", "dangerous_scheme"},
		{"view-source:https://app.example/x", "dangerous_scheme"},
		{"http://app.example/cb", "http_non_loopback"},
		{"http://127.0.0.2/cb", "http_non_loopback"},
		{"http://0.0.0.0/cb", "http_non_loopback"},
		{"http://localhost.example/cb", "http_non_loopback"},
		{"http://app.localhost/cb", "http_non_loopback"},
		{"http://127.0.0.1.example/cb", "http_non_loopback"},
		{"http://localhost./cb", "bad_host http_non_loopback"},
		{"http://[::2]/cb", "http_non_loopback"},
		{"https:/app.example/cb", "no_host"},
		{"https:app.example/cb", "no_host"},
		{"https:", "no_host"},
		{"https:8443/cb", "no_host"},
		{"https://", "no_host"},
		{"https:///cb", "no_host"},
		{"https://?x", "no_host"},
		{"https://:443/cb", "no_host"},
		{"myapp://:443/cb", "no_host"},
		{"https://app.example:/cb", "bad_port"},
		{"https://app.example:0/cb", "bad_port"},
		{"https://app.example:0443/cb", "bad_port"},
		{"https://app.example:65536/cb", "bad_port"},
		{"https://app.example:99999999999999999999/cb", "bad_port"},
		{"https://app.example:+80/cb", "bad_port"},
		{"https://app.example:8a/cb", "bad_port"},
		{"https://app.example:80:80/cb", "bad_port"},
		{"https://127.1/cb", "odd_ip"},
		{"http://0x7f.1/cb", "odd_ip"},
		{"https://2130706433/cb", "odd_ip"},
		{"https://0177.0.0.1/cb", "odd_ip"},
		{"https://127.0.0.01/cb", "odd_ip"},
		{"https://0x7F000001/cb", "odd_ip"},
		{"https://0x/cb", "odd_ip"},
		{"https://256.1.1.1/cb", "odd_ip"},
		{"https://1.2.3.4.5/cb", "odd_ip"},
		{"https://app.example.1/cb", "odd_ip"},
		{"https://[0:0:0:0:0:0:0:1]/cb", "odd_ip"},
		{"https://[::ffff:127.0.0.1]/cb", "odd_ip"},
		{"https://[::ffff:7f00:1]/cb", "odd_ip"},
		{"https://[::1/cb", "bad_host"},
		{"https://[::1]x/cb", "bad_host"},
		{"https://[127.0.0.1]/cb", "bad_host"},
		{"https://[fe80::1%25eth0]/cb", "bad_host"},
		{"https://[v1.x]/cb", "bad_host"},
		{"https://[]/cb", "bad_host"},
		{"https://app.example./cb", "bad_host"},
		{"https://app..example/cb", "bad_host"},
		{"https://.example/cb", "bad_host"},
		{"https://app.ex%61mple/cb", "bad_host"},
		{"https://app.example,evil.example/cb", "bad_host"},
		{"https://app.example;evil/cb", "bad_host"},
		{"https://app.example&evil/cb", "bad_host"},
		{"https://xn--a/cb", "bad_host"},
		{"https://xn--example-.test/cb", "bad_host"},
		{"https://" + strings.Repeat("a", 64) + ".example/cb", "bad_host"},
		{"https://" + strings.Repeat("a.", 130) + "example/cb", "bad_host"},
		{"https://bücher.example/cb", "non_ascii"},
		{"https://app.example/bücher", "non_ascii"},
		{"https://app.example\uff0fevil.example/cb", "non_ascii bad_host"},
		{"https://\u2460\u2461\u2466.1/cb", "non_ascii odd_ip"},
		{"https://app.example/\xff", "non_ascii"},
		{"https://app.example/%", "bad_percent"},
		{"https://app.example/%4", "bad_percent"},
		{"https://app.example/%zz", "bad_percent"},
		{"https://app.example/?%u0041", "bad_percent"},
		{"https://app.example/{id}", "bad_character"},
		{`https://app.example/"><script>`, "bad_character"},
		{"https://app.example/a[0]", "bad_character"},
		{"https://app.example/?a[0]=1", "bad_character"},
		{longURI(2049), "too_long"},
	} {
		t.Run(c.raw, func(t *testing.T) {
			u := oauth.ParseURI(c.raw)
			if got := names(oauth.RedirectProblems(u)); got != c.want {
				t.Errorf("problems %q, want %q", got, c.want)
			}
			if u.Valid != (c.want == "http_non_loopback") {
				t.Errorf("Valid is %v", u.Valid)
			}
		})
	}
}

// longURI gives a URI of n bytes.
func longURI(n int) string {
	const start = "https://app.example/"
	return start + strings.Repeat("a", n-len(start))
}

func names(problems []oauth.Problem) string {
	var all []string
	for _, p := range problems {
		all = append(all, string(p))
	}
	return strings.Join(all, " ")
}

// TestFloorAccepts holds that the floor refuses nothing that is merely unusual.
func TestFloorAccepts(t *testing.T) {
	for _, raw := range []string{
		"https://app.example/auth/callback", "https://app.example/cb?tenant=a&next=%2Fhome", "https://192.0.2.1/cb",
		"http://127.0.0.1:49152/cb", "http://[::1]/cb", "http://localhost/cb", "http://LOCALHOST:80/cb", "com.example.app:/cb",
		"myapp://cb", "vscode://vendor.ext/auth", "exp://192.168.1.5:19000/--/cb", "fb123456://authorize",
		longURI(2048),
		"msauth://com.example.app/2jmj7l5rSw0yVb%2FvlWAYkK%2FYBwk%3D", "https://app.example/a;b=c/,d", "https://app.example/~u/!$&'()*+",
	} {
		if problems := oauth.RedirectProblems(oauth.ParseURI(raw)); len(problems) > 0 {
			t.Errorf("%s: %v", raw, problems)
		}
	}
}

func TestWebURIProblems(t *testing.T) {
	for _, c := range []struct{ raw, want, httpsOnly string }{
		{"https://app.example/logo.png", "", ""},
		{"https://app.example/terms#privacy", "", ""},
		{"http://localhost:3000/logo.png", "", "not_https"},
		{"http://127.0.0.1/jwks", "", "not_https"},
		{"http://app.example/jwks", "http_non_loopback", "http_non_loopback"},
		{"com.example.app:/logo", "not_https", "not_https"},
		{"https://user@app.example/", "userinfo", "userinfo"},
		{"https://app.example/\n", "control_character", "control_character"},
		{"javascript:alert(1)#x", "dangerous_scheme not_https", "dangerous_scheme not_https"},
		{"data:image/png;base64,AA==", "dangerous_scheme not_https", "dangerous_scheme not_https"},
		{"logo.png", "no_scheme", "no_scheme"},
		{"https://" + strings.Repeat("a", 2048), "too_long", "too_long"},
	} {
		u := oauth.ParseURI(c.raw)
		if got := names(oauth.WebURIProblems(u, false)); got != c.want {
			t.Errorf("%s: %q, want %q", c.raw, got, c.want)
		}
		if got := names(oauth.WebURIProblems(u, true)); got != c.httpsOnly {
			t.Errorf("%s, https only: %q, want %q", c.raw, got, c.httpsOnly)
		}
	}
}

// TestFloorsLeaveTheFactsAlone holds that asking changes nothing and that answers do not share memory.
func TestFloorsLeaveTheFactsAlone(t *testing.T) {
	u := oauth.ParseURI("http://user@app.example:0/#x")
	before := slices.Clone(u.Problems)
	first, second := oauth.RedirectProblems(u), oauth.RedirectProblems(u)
	first[0], first[len(first)-1] = "changed", "changed"
	oauth.WebURIProblems(u, true)[0] = "changed"
	if second[len(second)-1] != oauth.HTTPNonLoopback || !slices.Equal(oauth.ParseURI(u.Raw).Problems, before) ||
		slices.Contains(u.Problems, oauth.HTTPNonLoopback) || !slices.Equal(u.Problems, before) {
		t.Errorf("problems %v, before %v, second answer %v", u.Problems, before, second)
	}
}
