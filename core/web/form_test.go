package web

import (
	"net/http"
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
