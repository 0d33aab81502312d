package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/keys"
)

// The demo API takes no other token than it says.
func TestDemoAPIVerifies(t *testing.T) {
	p, other := newDemoProvider(t), newDemoProvider(t)
	api := demoAPI(demoVerifier{Issuer: demoIssuer, JWKSURI: demoIssuer + "/jwks", Audience: demoIssuer, Keys: p, Now: time.Now})
	change := func(name string, v any) string { return p.access(map[string]any{name: v}) }
	unsigned := "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + strings.Split(p.access(nil), ".")[1] + "."
	for name, test := range map[string]struct {
		authorization string
		status        int
	}{
		"good":               {"Bearer " + p.access(nil), 200},
		"many aud":           {"bearer " + change("aud", []string{"https://other.example", demoIssuer}), 200},
		"long typ":           {"Bearer " + p.signed("application/at+jwt", map[string]any{"aud": demoIssuer, "client_id": "c", "scope": "openid"}), 200},
		"without openid":     {"Bearer " + change("scope", "profile"), 403},
		"without scope":      {"Bearer " + change("scope", nil), 403},
		"none":               {"", 401},
		"another scheme":     {"Basic eA==", 401},
		"no JWT":             {"Bearer x", 401},
		"alg none":           {"Bearer " + unsigned, 401},
		"of another key":     {"Bearer " + other.access(nil), 401},
		"an ID token":        {"Bearer " + p.signed("JWT", map[string]any{"aud": demoIssuer, "client_id": "c", "scope": "openid"}), 401},
		"of another issuer":  {"Bearer " + change("iss", "https://evil.example"), 401},
		"for another API":    {"Bearer " + change("aud", "https://other.example"), 401},
		"for nobody":         {"Bearer " + change("aud", nil), 401},
		"expired":            {"Bearer " + change("exp", time.Now().Unix()-1), 401},
		"without an end":     {"Bearer " + change("exp", nil), 401},
		"of nobody":          {"Bearer " + change("sub", nil), 401},
		"of no client":       {"Bearer " + change("client_id", nil), 401},
		"with a bad scope":   {"Bearer " + change("scope", "a\nb"), 401},
		"changed after that": {"Bearer " + p.access(nil) + "A", 401},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/me", nil)
			if test.authorization != "" {
				r.Header.Set("Authorization", test.authorization)
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			if w.Code != test.status || (w.Code != 200) != (w.Header().Get("WWW-Authenticate") != "") || w.Code != 200 && strings.Contains(w.Body.String(), "u-alice") {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
		})
	}
	two := httptest.NewRequest(http.MethodGet, "/me", nil)
	two.Header["Authorization"] = []string{"Bearer " + p.access(nil), "Bearer " + p.access(nil)}
	w := httptest.NewRecorder()
	if api.ServeHTTP(w, two); w.Code != 401 {
		t.Errorf("two tokens: %d", w.Code)
	}
	unreachable := keys.NewRemote(func(context.Context, string) ([]byte, error) { return nil, io.EOF }, time.Now)
	api = demoAPI(demoVerifier{Issuer: demoIssuer, JWKSURI: demoIssuer + "/jwks", Audience: demoIssuer, Keys: unreachable, Now: time.Now})
	one := httptest.NewRequest(http.MethodGet, "/me", nil)
	one.Header.Set("Authorization", "Bearer "+p.access(nil))
	w = httptest.NewRecorder()
	if api.ServeHTTP(w, one); w.Code != 401 {
		t.Errorf("without keys: %d", w.Code)
	}
}

// The notes are bounded: in length, in number, in people.
func TestDemoNotes(t *testing.T) {
	p := newDemoProvider(t)
	api := demoAPI(demoVerifier{Issuer: demoIssuer, JWKSURI: demoIssuer + "/jwks", Audience: demoIssuer, Keys: p, Now: time.Now})
	token := "Bearer " + p.access(nil)
	add := func(body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/notes", strings.NewReader(body))
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w
	}
	for _, bad := range []string{"", "{}", `{"text":1}`, `{"text":"a","more":1}`, `{"text":"` + strings.Repeat("x", 201) + `"}`, `{"text":"` + strings.Repeat("x", 5000) + `"}`} {
		if w := add(bad); w.Code != 400 {
			t.Errorf("%.40s: %d", bad, w.Code)
		}
	}
	for i := range demoMaxNotes + 1 {
		if w := add(fmt.Sprintf(`{"text":"note %d"}`, i)); w.Code != 201 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	if body := add(`{"text":"last"}`).Body.String(); strings.Count(body, "note ") != demoMaxNotes-1 || !strings.HasPrefix(body, `{"notes":["last","note 20"`) || strings.Contains(body, `"note 1"`) {
		t.Errorf("%s", body)
	}
	n := &demoNotes{of: map[string][]string{}}
	for i := range demoMaxPeople + 5 {
		n.add(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/notes", strings.NewReader(`{"text":"x"}`)), demoCaller{Subject: fmt.Sprint(i)})
	}
	if len(n.of) > demoMaxPeople {
		t.Errorf("notes of %d people", len(n.of))
	}
}
