package oauth_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

func TestParseScope(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"   ", nil},
		{"openid", []string{"openid"}},
		{"openid profile email", []string{"openid", "profile", "email"}},
		{"  openid   profile ", []string{"openid", "profile"}},
		{"b a b a", []string{"b", "a"}},
		{"read Read READ", []string{"read", "Read", "READ"}},
		{"https://api.example/read urn:x:y !#[]~", []string{"https://api.example/read", "urn:x:y", "!#[]~"}},
		{strings.Repeat("a", 256), []string{strings.Repeat("a", 256)}},
	} {
		got, err := oauth.ParseScope(c.text)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, %v; want %q", c.text, got, err, c.want)
		}
	}
}

func TestParseScopeRefuses(t *testing.T) {
	for _, text := range []string{"a\tb", "a\nb", "a\x00", `a"b`, `a\b`, "a\x7f", "é", "\xff", "a\u00a0b", strings.Repeat("a", 257),
		numbered(201), strings.Repeat(" ", 200*257+1)} {
		if got, err := oauth.ParseScope(text); err == nil {
			t.Errorf("%.20q was read as %d values", text, len(got))
		} else if strings.IndexFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) >= 0 {
			t.Errorf("%.20q: the error may not be sent: %q", text, err)
		}
	}
	if got, err := oauth.ParseScope(numbered(200)); err != nil || len(got) != 200 {
		t.Errorf("200 values: %d, %v", len(got), err)
	}
	if got, err := oauth.ParseScope(numbered(200) + " s1 s2"); err != nil || len(got) != 200 {
		t.Errorf("duplicates counted: %d, %v", len(got), err)
	}
}

// numbered gives n different scopes.
func numbered(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("s%d", i))
	}
	return oauth.FormatScope(all)
}

func TestValidScope(t *testing.T) {
	for token, want := range map[string]bool{"openid": true, "": false, "a b": false, " ": false, "é": false, `"`: false,
		strings.Repeat("a", 257): false, strings.Repeat("a", 256): true} {
		if got := oauth.ValidScope(token); got != want {
			t.Errorf("%.20q: %v", token, got)
		}
	}
}

func TestScopeContains(t *testing.T) {
	scopes := []string{"openid", oauth.ScopeEmail}
	if !oauth.ScopeContains(scopes, "email") || oauth.ScopeContains(scopes, "Email") || oauth.ScopeContains(nil, "") {
		t.Error("scopes are found by their exact text")
	}
}

// RFC 9068 §3: scopes of several resources go into no one token.
func TestScopesApart(t *testing.T) {
	stand := map[string][]string{"orders": {"a"}, "pay": {"a"}, "stock": {"b"}, "all": {"b", "a", "b"}, "both": {"a", "b"}}
	for scopes, want := range map[string]string{
		"": "", "openid email": "", "orders": "", "all": "", "orders pay openid": "", "all both": "",
		"openid orders stock": "orders stock", "stock openid orders": "stock orders", "orders pay both": "orders both", "all stock": "all stock",
	} {
		one, other, apart := oauth.ScopesApart(strings.Fields(scopes), func(scope string) []string { return stand[scope] })
		if got := strings.TrimSpace(one + " " + other); got != want || apart != (want != "") {
			t.Errorf("%s: %q, %t, want %q", scopes, got, apart, want)
		}
	}
	if stand["all"][0] != "b" {
		t.Error("it sorted what it was given")
	}
}

// FuzzScope holds that what was read, written and read again is the same, and that every token read is one.
func FuzzScope(f *testing.F) {
	for _, text := range []string{"", "openid profile", "  a  b a ", "é", `"`, "a\tb", numbered(201)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		scopes, err := oauth.ParseScope(text)
		if err != nil {
			return
		}
		for i, scope := range scopes {
			if !oauth.ValidScope(scope) || slices.Contains(scopes[:i], scope) || !strings.Contains(text, scope) {
				t.Fatalf("%q gave %q", text, scopes)
			}
		}
		again, err := oauth.ParseScope(oauth.FormatScope(scopes))
		if err != nil || !slices.Equal(again, scopes) {
			t.Fatalf("%q became %q, %v", scopes, again, err)
		}
	})
}
