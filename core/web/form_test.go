package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core"
)

func TestFormAndQuery(t *testing.T) {
	r := &Request{Body: []byte("a=1&resource=x&resource=y"), RawQuery: "b=2&b=3"}
	form, err := ParseForm(r, "resource")
	if err != nil || form.Get("a") != "1" || len(form["resource"]) != 2 {
		t.Errorf("%v, %v", form, err)
	}
	if _, err := ParseForm(r); core.CodeOf(err) != core.InvalidRequest {
		t.Errorf("a repeated parameter: %v", err)
	}
	if _, err := ParseQuery(r); core.CodeOf(err) != core.InvalidRequest {
		t.Errorf("a repeated parameter: %v", err)
	}
	if _, err := ParseForm(&Request{Body: []byte("a=%")}); core.CodeOf(err) != core.InvalidRequest {
		t.Errorf("a broken escape: %v", err)
	}
}

func TestCookies(t *testing.T) {
	r := &Request{head: "Host: x\r\nCookie: a=1; session=one=\r\nCookie: session=two; b\r\n\r\n"}
	for name, want := range map[string]string{"a": "1", "session": "one=", "b": "", "none": ""} {
		if got := r.Cookie(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	answer := NoContent().SetCookie(&http.Cookie{Name: "a", Value: "1", HttpOnly: true}).SetCookie(&http.Cookie{Name: "b", MaxAge: -1})
	if len(answer.Header) != 2 || answer.Header[0] != (Header{"Set-Cookie", "a=1; HttpOnly"}) {
		t.Errorf("%v", answer.Header)
	}
}

// A form of another site is refused by what the browser says of it; of our own, browsers send Origin: null where pages send no referrer.
func TestOwnForm(t *testing.T) {
	for fields, ours := range map[string]bool{
		"": true, "Sec-Fetch-Site: same-origin": true, "Sec-Fetch-Site: same-origin|Origin: null": true, "Sec-Fetch-Site: none": true,
		"Origin: null": true, "Origin: https://OP.example:8443": true,
		"Sec-Fetch-Site: cross-site": false, "Sec-Fetch-Site: same-site": false, "Sec-Fetch-Site: cross-site|Origin: https://op.example:8443": false,
		"Sec-Fetch-Site: cross-site|Origin: null": false, "Sec-Fetch-Site: what": false,
		"Origin: https://evil.example": false, "Origin: https://op.example": false, "Origin: https://evil.example/op.example:8443": false,
	} {
		r := &Request{Host: "op.example:8443"}
		if fields != "" {
			r.head = head(strings.ReplaceAll(fields, "|", "\r\n") + "\r\n\r\n")
		}
		if err := OwnForm(r); (err == nil) != ours || err != nil && core.CodeOf(err) != core.AccessDenied {
			t.Errorf("%q: %v", fields, err)
		}
	}
}
