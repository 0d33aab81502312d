package oidc_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/token"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/oidc"
)

// tokens answers what a test wants and remembers what it was asked.
type tokens struct {
	asked  token.Request
	bearer core.Secret
	signed bool
	fails  error
}

func (f *tokens) Token(_ context.Context, req token.Request) (token.Answer, error) {
	f.asked = req
	return token.Answer{AccessToken: "a.b.c", ExpiresIn: time.Minute, Scope: []string{"openid", "read"}, IDToken: "d.e.f"}, f.fails
}

func (f *tokens) Introspect(_ context.Context, req token.Request) ([]byte, error) {
	f.asked = req
	return []byte(`{"active":false}`), f.fails
}

func (f *tokens) Revoke(_ context.Context, req token.Request) error {
	f.asked = req
	return f.fails
}

func (f *tokens) UserInfo(_ context.Context, bearer core.Secret, _ *core.Certificate) (token.UserInfo, error) {
	f.bearer = bearer
	return token.UserInfo{Body: []byte(`{"sub":"u-1"}`), JWT: f.signed}, f.fails
}

// tokenSite serves the handlers by the routes that they are meant for.
func tokenSite(t *testing.T) (*tokens, func(method, path, body string, fields ...string) (*http.Response, string)) {
	t.Helper()
	f := &tokens{}
	h := oidc.NewTokenHandlers(f, issuer)
	form := []string{web.Form}
	server, err := web.New(web.Options{
		IssuerPath: "/api/oidc", Sites: []string{site}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Routes: []web.Route{
			{Method: "POST", Path: "token", Handler: h.Token, MediaTypes: form, CORS: true, Challenge: web.Basic},
			{Method: "POST", Path: "introspect", Handler: h.Introspect, MediaTypes: form, Challenge: web.Basic},
			{Method: "POST", Path: "revoke", Handler: h.Revoke, MediaTypes: form, CORS: true, Challenge: web.Basic},
			{Method: "GET", Path: "userinfo", Handler: h.UserInfo, CORS: true, Challenge: web.Bearer},
			{Method: "POST", Path: "userinfo", Handler: h.UserInfo, MediaTypes: form, CORS: true, Challenge: web.Bearer},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return f, func(method, path, body string, fields ...string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+site+"/api/oidc/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(fields); i += 2 {
			req.Header.Add(fields[i], fields[i+1])
		}
		if body != "" && req.Header.Get("Content-Type") == "" {
			req.Header.Set("Content-Type", web.Form)
		}
		res, err := server.RoundTripper().RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(text)
	}
}

// RFC 6749 §5.1: the answer is JSON that nobody may keep; the request reaches the verb as it was sent.
func TestTokenEndpoint(t *testing.T) {
	f, ask := tokenSite(t)
	res, body := ask("POST", "token", "grant_type=x&resource=a&resource=b&empty=", "Authorization", "Basic eDp5", "User-Agent", "Test/1", "Origin", "https://spa.example")
	const want = `{"access_token":"a.b.c","token_type":"Bearer","expires_in":60,"scope":"openid read","id_token":"d.e.f"}`
	if res.StatusCode != 200 || body != want || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, body)
	}
	if res.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("CORS: %v", res.Header)
	}
	p := f.asked.Presented
	if p.Authorization != "Basic eDp5" || p.Endpoint != issuer+"/token" || len(p.Form["resource"]) != 2 || p.Form.Has("empty") || p.Form.Get("grant_type") != "x" ||
		f.asked.Caller.UserAgent != "Test/1" || f.asked.RequestID == "" {
		t.Errorf("asked %+v", f.asked)
	}
	if _, body := ask("POST", "introspect", "token=x"); body != `{"active":false}` || f.asked.Presented.Endpoint != issuer+"/introspect" || f.asked.Presented.Authorization != "" {
		t.Errorf("introspect: %s, asked %+v", body, f.asked)
	}
	if res, body := ask("POST", "revoke", "token=x"); res.StatusCode != 200 || body != "" || f.asked.Presented.Endpoint != issuer+"/revoke" {
		t.Errorf("revoke: %d %s, asked %+v", res.StatusCode, body, f.asked)
	}
}

// What is wrong with a request before anybody looks at what it asks for.
func TestMalformedTokenRequests(t *testing.T) {
	f, ask := tokenSite(t)
	for _, path := range []string{"token", "introspect", "revoke"} {
		for _, c := range []struct {
			what, method, query, body string
			fields                    []string
			status                    int
			says                      string
		}{
			{"a parameter twice (RFC 6749 §3.2)", "POST", "", "token=a&token=a", nil, 400, "token was sent twice"},
			{"a secret twice (RFC 6749 §3.2)", "POST", "", "client_secret=a&client_secret=b", nil, 400, "client_secret was sent twice"},
			{"two headers (RFC 6749 §2.3)", "POST", "", "token=a", []string{"Authorization", "Basic eDp5", "Authorization", "Basic eDp6"}, 400, "Authorization must come once"},
			{"parameters in the query (RFC 6749 §2.3.1)", "POST", "?client_secret=x", "token=a", nil, 400, "not into the query"},
			{"broken encoding", "POST", "", "token=%zz", nil, 400, "cannot be read"},
			{"JSON (RFC 6749 §3.2)", "POST", "", `{"token":"a"}`, []string{"Content-Type", "application/json"}, 415, "unsupported_media_type"},
			{"GET (RFC 6749 §3.2)", "GET", "?token=a", "", nil, 405, "method_not_allowed"},
		} {
			f.asked = token.Request{}
			res, body := ask(c.method, path+c.query, c.body, c.fields...)
			if res.StatusCode != c.status || !strings.Contains(body, c.says) || f.asked.RequestID != "" {
				t.Errorf("%s, %s: %d %s, asked %+v", path, c.what, res.StatusCode, body, f.asked)
			}
		}
	}
}

// The verb's refusals and the challenges beside them (RFC 6749 §5.2, RFC 6750 §3).
func TestTokenRefusals(t *testing.T) {
	f, ask := tokenSite(t)
	for _, c := range []struct {
		path      string
		fails     core.Code
		status    int
		challenge string
	}{
		{"token", core.InvalidClient, 401, "Basic"},
		{"introspect", core.InvalidClient, 401, "Basic"},
		{"revoke", core.InvalidClient, 401, "Basic"},
		{"token", core.InvalidGrant, 400, ""},
		{"token", core.InvalidTarget, 400, ""},
		{"revoke", core.InvalidGrant, 400, ""},
		{"introspect", core.InvalidRequest, 400, ""},
		{"userinfo", core.InvalidToken, 401, `error="invalid_token"`},
		{"userinfo", core.InsufficientScope, 403, `error="insufficient_scope"`},
	} {
		f.fails = core.Refuse(c.fails, "Because.")
		res, body := ask("POST", c.path, "a=b", "Authorization", "Bearer x")
		got := res.Header.Get("WWW-Authenticate")
		if res.StatusCode != c.status || !strings.Contains(body, `"error":"`+string(c.fails)+`","error_description":"Because."`) ||
			(got == "") != (c.challenge == "") || !strings.Contains(got, c.challenge) || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s, %s: %d %q %s", c.path, c.fails, res.StatusCode, got, body)
		}
		if strings.Contains(body, "access_token") {
			t.Errorf("%s, %s: an error with tokens: %s", c.path, c.fails, body)
		}
	}
}

// OpenID Connect Core §5.3.1: GET and POST, the token in the header or in a form (RFC 6750 §2), in one of them.
func TestUserInfoEndpoint(t *testing.T) {
	f, ask := tokenSite(t)
	for _, c := range []struct {
		method, query, body, header string
		want                        core.Secret
		status                      int
	}{
		{"GET", "", "", "Bearer tok", "tok", 200},
		{"POST", "", "", "Bearer tok", "tok", 200},
		{"POST", "", "access_token=tok", "", "tok", 200},
		{"GET", "", "", "", "", 200}, // the verb refuses it
		{"POST", "", "access_token=tok", "Bearer tok", "", 400},
		{"POST", "", "access_token=tok&access_token=tok", "", "", 400},
		{"GET", "?access_token=tok", "", "", "", 400},
		{"GET", "", "", "Basic eDp5", "", 401},
	} {
		f.bearer = ""
		var fields []string
		if c.header != "" {
			fields = []string{"Authorization", c.header}
		}
		res, body := ask(c.method, "userinfo"+c.query, c.body, fields...)
		if res.StatusCode != c.status || f.bearer != c.want || (c.status == 200) != (body == `{"sub":"u-1"}`) {
			t.Errorf("%+v: %d %s, asked with %q", c, res.StatusCode, body, f.bearer.Reveal())
		}
	}
	f.signed = true
	if res, _ := ask("GET", "userinfo", "", "Authorization", "Bearer tok"); res.Header.Get("Content-Type") != "application/jwt" {
		t.Errorf("signed: %v", res.Header)
	}
}
