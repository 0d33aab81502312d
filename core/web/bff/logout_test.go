package bff_test

import (
	"net/url"
	"testing"

	backend "github.com/ostiary/ostiary/core/bff"
)

// What changes something is for our own pages only.
func TestCSRF(t *testing.T) {
	form := []string{"Content-Type: application/x-www-form-urlencoded", "Cookie: __Host-bff_session=good"}
	token := "body: csrf_token=" + url.QueryEscape(backend.FormToken("good"))
	for name, test := range map[string]struct {
		line    string
		headers []string
		status  int
	}{
		"refresh":                 {"POST /auth/refresh", []string{"X-CSRF: 1", "Cookie: __Host-bff_session=good"}, 200},
		"refresh bare":            {"POST /auth/refresh", []string{"Cookie: __Host-bff_session=good"}, 403},
		"refresh of another site": {"POST /auth/refresh", []string{"X-CSRF: 1", "Origin: https://evil.example"}, 403},
		"refresh by GET":          {"GET /auth/refresh", []string{"X-CSRF: 1"}, 405},
		"logout":                  {"POST /auth/logout", []string{"X-CSRF: 1", "Origin: https://app.example.com"}, 200},
		"logout bare":             {"POST /auth/logout", []string{"Cookie: __Host-bff_session=good"}, 403},
		"logout as text":          {"POST /auth/logout", []string{"Content-Type: text/plain", "Cookie: __Host-bff_session=good"}, 403},
		"logout by GET":           {"GET /auth/logout", []string{"X-CSRF: 1"}, 405},
		"form":                    {"POST /auth/logout", append(form, token), 303},
		"form of our origin":      {"POST /auth/logout", append(form, token, "Origin: https://app.example.com", "Sec-Fetch-Site: same-origin"), 303},
		"form without a token":    {"POST /auth/logout", form, 403},
		"form with the header":    {"POST /auth/logout", append(form, "X-CSRF: 1"), 403},
		"form of another session": {"POST /auth/logout", append(form, "body: csrf_token="+backend.FormToken("other")), 403},
		"form of another site":    {"POST /auth/logout", append(form, token, "Origin: https://evil.example"), 403},
		"form with two tokens":    {"POST /auth/logout", append(form, token+"&csrf_token=x"), 400},
		"form of nobody":          {"POST /auth/logout", form[:1], 303},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			a := f.ask(test.line, test.headers...)
			f.want("status", a.StatusCode, test.status)
			if refused := test.status >= 400; refused == (len(f.desk.asked) > 0) {
				t.Errorf("asked %q", f.desk.asked)
			}
		})
	}
}

// A sign-out takes the cookie away and says where to go; a form is sent there.
func TestLogout(t *testing.T) {
	f := open(t, nil)
	gone := []string{"__Host-bff_session=; Path=/; Max-Age=0" + attributes}
	a := f.ask("POST /auth/logout", "X-CSRF: 1", "Cookie: __Host-bff_session=good")
	f.want("fetch", a.body, `{"logout_url":"https://id.example.com/logout?client_id=bff-server"}`)
	f.want("cookies", a.Header["Set-Cookie"], gone)
	a = f.ask("GET /auth/csrf", "Cookie: __Host-bff_session=good")
	f.want("csrf", a.body, `{"header":"X-CSRF","csrf_token":"`+backend.FormToken("good")+`"}`)
	f.want("csrf of nobody", f.ask("GET /auth/csrf").body, `{"header":"X-CSRF","csrf_token":""}`)
	a = f.ask("POST /auth/logout", "Content-Type: application/x-www-form-urlencoded", "Cookie: __Host-bff_session=good", "body: csrf_token="+backend.FormToken("good"))
	f.want("form", a.Header.Get("Location"), "https://id.example.com/logout?client_id=bff-server")
	f.want("cookies", a.Header["Set-Cookie"], gone)
	f.wantAsked("logout app.example.com good", "logout app.example.com good")
	f.want("keys", f.ask("GET /.well-known/jwks.json").body, `{"keys":[]}`)
}
