package oauth_test

import (
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

func TestMatchRedirect(t *testing.T) {
	for _, c := range []struct{ registered, presented string }{
		{"https://app.example/cb", "https://app.example/cb"},
		{"https://app.example/cb?a=1", "https://app.example/cb?a=1"},
		{"com.example.app:/cb", "com.example.app:/cb"},
		{"http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"},
		{"http://127.0.0.1:3000/cb", "http://127.0.0.1:65535/cb"},
		{"http://127.0.0.1:3000/cb", "http://127.0.0.1/cb"},
		{"http://127.0.0.1", "http://127.0.0.1:1"},
		{"http://127.0.0.1?x=1", "http://127.0.0.1:1?x=1"},
		{"http://[::1]/cb?a=1", "http://[::1]:5000/cb?a=1"},
		{"http://localhost:1/cb", "http://localhost:2/cb"},
	} {
		if !oauth.MatchRedirect(c.registered, c.presented, true) {
			t.Errorf("%s should match %s", c.presented, c.registered)
		}
	}
}

// TestNearMisses presents what has, in one server or another, once been taken for the registered URI.
func TestNearMisses(t *testing.T) {
	const registered = "https://app.example/cb"
	for _, presented := range []string{
		"",
		"https://app.example",
		"https://app.example/",
		"https://app.example/cb/",
		"https://app.example/cb?",
		"https://app.example/cb?x=1",
		"https://app.example/cb#",
		"https://app.example/cb#x",
		"https://app.example/CB",
		"https://app.example/c%62",
		"https://app.example//cb",
		"https://app.example/./cb",
		"https://app.example/x/../cb",
		"https://app.example/cb/../evil",
		"https://app.example/cb%2f..%2fevil",
		"https://app.example/cb%00",
		"https://app.example/cb\n",
		" https://app.example/cb",
		"https://app.example/cbx",
		"https://app.example:443/cb",
		"https://app.example:8443/cb",
		"https://App.Example/cb",
		"HTTPS://app.example/cb",
		"http://app.example/cb",
		"https://app.example./cb",
		"https://www.app.example/cb",
		"https://app.example.evil.example/cb",
		"https://evil.example/https://app.example/cb",
		"https://user@app.example/cb",
		"https://app.example@evil.example/cb",
		`https://app.example\@evil.example/cb`,
		`https:\\app.example/cb`,
		"//app.example/cb",
		"/cb",
		"https://app.example/cb,https://evil.example/",
		"https://app.example/cb https://evil.example/",
	} {
		if oauth.MatchRedirect(registered, presented, true) {
			t.Errorf("%q was taken for %q", presented, registered)
		}
	}
	if oauth.MatchRedirect("", "", true) {
		t.Error("nothing matched nothing")
	}
}

// TestLoopbackNearMisses holds that only the port floats, and only on the three hosts.
func TestLoopbackNearMisses(t *testing.T) {
	for _, c := range []struct{ registered, presented string }{
		{"http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb/"},
		{"http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb?x=1"},
		{"http://127.0.0.1:1/cb?a=1", "http://127.0.0.1:2/cb?a=2"},
		{"http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb#x"},
		{"http://127.0.0.1:1/cb", "https://127.0.0.1:2/cb"},
		{"http://127.0.0.1:1/cb", "HTTP://127.0.0.1:2/cb"},
		{"http://127.0.0.1:1/cb", "http://localhost:1/cb"},
		{"http://127.0.0.1:1/cb", "http://[::1]:1/cb"},
		{"http://127.0.0.1:1/cb", "http://127.0.0.2:1/cb"},
		{"http://127.0.0.1:1/cb", "http://127.1:2/cb"},
		{"http://127.0.0.1:1/cb", "http://127.0.0.1.evil.example/cb"},
		{"http://127.0.0.1:1/cb", "http://127.0.0.1:2@evil.example/cb"},
		{"http://127.0.0.1:1/cb", "http://127.0.0.1@evil.example/cb"},
		{"http://127.0.0.1:1/cb", `http://127.0.0.1:2\@evil.example/cb`},
		{"http://127.0.0.1:1/cb", "http://127.0.0.1:/cb"},
		{"http://127.0.0.1:1/cb", "http://127.0.0.1:0/cb"},
		{"http://127.0.0.1:1/cb", "http://127.0.0.1:080/cb"},
		{"http://127.0.0.1:1/cb", "http://127.0.0.1:65536/cb"},
		{"http://127.0.0.1:1/cb", "http://127.0.0.1:2:3/cb"},
		{"http://127.0.0.1:1/cb", "http://127.0.0.1:x/cb"},
		{"http://[::1]:1/cb", "http://[::1]x:2/cb"},
		{"http://[::1]:1/cb", "http://[0:0:0:0:0:0:0:1]:2/cb"},
		{"http://127.0.0.1", "http://127.0.0.1/"},
		{"http://localhost:1/cb", "http://LOCALHOST:2/cb"},
		{"http://localhost:1/cb", "http://localhost.:2/cb"},
		{"http://localhost:1/cb", "http://localhost.evil.example:2/cb"},
		{"http://localhosts:1/cb", "http://localhosts:2/cb"},
		{"https://127.0.0.1:1/cb", "https://127.0.0.1:2/cb"},
		{"http://192.168.0.1:1/cb", "http://192.168.0.1:2/cb"},
	} {
		if oauth.MatchRedirect(c.registered, c.presented, true) {
			t.Errorf("%q was taken for %q", c.presented, c.registered)
		}
	}
}

func TestLocalhostSwitch(t *testing.T) {
	if oauth.MatchRedirect("http://localhost:1/cb", "http://localhost:2/cb", false) {
		t.Error("the port of localhost floats although the switch is off")
	}
	if !oauth.MatchRedirect("http://localhost:1/cb", "http://localhost:1/cb", false) {
		t.Error("the switch refuses the very same URI")
	}
	if !oauth.MatchRedirect("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb", false) {
		t.Error("the switch is for the name only, not for addresses (RFC 8252 §7.3)")
	}
}

// FuzzMatchRedirect holds that what matches a safe registered URI is itself safe and differs in the port at most.
func FuzzMatchRedirect(f *testing.F) {
	f.Add("http://127.0.0.1:1/cb", "http://127.0.0.1:2/cb", true)
	f.Add("http://localhost/cb?x", "http://localhost:2/cb?x", false)
	f.Add("http://[::1]", "http://[::1]:80", true)
	f.Add("https://app.example/cb", "https://app.example/cb", true)
	f.Fuzz(func(t *testing.T, registered, presented string, localhost bool) {
		if !oauth.MatchRedirect(registered, presented, localhost) {
			if registered == presented && registered != "" {
				t.Fatalf("%q does not match itself", registered)
			}
			return
		}
		a, b := oauth.ParseURI(registered), oauth.ParseURI(presented)
		if len(oauth.RedirectProblems(a)) > 0 || len(registered) > oauth.MaxURILength-6 { // room for a longer port
			return
		}
		if registered != presented && a.Class != oauth.ClassLoopbackHTTP {
			t.Fatalf("%q was taken for %q", presented, registered)
		}
		a.Port, a.Raw = b.Port, b.Raw
		if !same(a, b) {
			t.Fatalf("%+v was taken for %+v", b, a)
		}
	})
}
