package oidc_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/oidc"
)

// The document names its own issuer, and endpoints below it, whatever the issuer's path.
func TestDocument(t *testing.T) {
	for _, issuer := range []string{"https://op.example", "https://op.example/api/oidc", "http://[::1]:8080/a/b"} {
		doc, err := strictjson.Parse(oidc.Document(issuer), strictjson.Default)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"issuer": issuer, "jwks_uri": issuer + "/jwks", "registration_endpoint": issuer + "/dcr/register", "token_endpoint": issuer + "/token",
			"authorization_endpoint": issuer + "/authorize", "pushed_authorization_request_endpoint": issuer + "/par",
			"userinfo_endpoint": issuer + "/userinfo", "introspection_endpoint": issuer + "/introspect", "revocation_endpoint": issuer + "/revoke",
			"end_session_endpoint": issuer + "/logout",
		}
		for name, v := range doc.All() {
			text, isText := v.Text()
			if isText && text != want[name] {
				t.Errorf("%s: %s is %s, want %q", issuer, name, v, want[name])
			}
			delete(want, name)
		}
		if len(want) > 0 {
			t.Errorf("%s: lacks %v", issuer, want)
		}
	}
}

// The methods of RFC 8705 are named where certificates reach the server.
func TestDocumentNamesCertificateMethods(t *testing.T) {
	doc, err := strictjson.Parse(oidc.Document("https://op.example", "self_signed_tls_client_auth"), strictjson.Default)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"token_endpoint_auth_methods_supported":         `["client_secret_basic","client_secret_post","private_key_jwt","self_signed_tls_client_auth","none"]`,
		"introspection_endpoint_auth_methods_supported": `["client_secret_basic","client_secret_post","private_key_jwt","self_signed_tls_client_auth"]`,
	} {
		if v, _ := doc.Get(name); string(strictjson.Append(nil, v)) != want {
			t.Errorf("%s is %s", name, strictjson.Append(nil, v))
		}
	}
}

// What clients look at before they choose how to speak (Discovery §3, RFC 8414 §2, RFC 9207 §3).
func TestDocumentNamesWhatWorks(t *testing.T) {
	doc, err := strictjson.Parse(oidc.Document("https://op.example"), strictjson.Default)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"response_types_supported":                       `["code"]`,
		"response_modes_supported":                       `["query","form_post"]`,
		"grant_types_supported":                          `["authorization_code","refresh_token","client_credentials"]`,
		"subject_types_supported":                        `["public","pairwise"]`,
		"id_token_signing_alg_values_supported":          `["RS256","PS256","ES256","EdDSA","Ed25519"]`,
		"token_endpoint_auth_methods_supported":          `["client_secret_basic","client_secret_post","private_key_jwt","none"]`,
		"introspection_endpoint_auth_methods_supported":  `["client_secret_basic","client_secret_post","private_key_jwt"]`,
		"code_challenge_methods_supported":               `["S256"]`,
		"authorization_response_iss_parameter_supported": `true`,
		"request_uri_parameter_supported":                `false`,
	} {
		if v, _ := doc.Get(name); string(strictjson.Append(nil, v)) != want {
			t.Errorf("%s is %s, want %s", name, v, want)
		}
	}
}

func TestMetadata(t *testing.T) {
	h := open(t)
	a := ok(t, h.ask(ask{method: http.MethodGet, path: "configuration"}))
	if a.body != string(oidc.Document(issuer)) || a.Header.Get("Cache-Control") != "public, max-age=300" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %s", a.Header, a.body)
	}
	head := ok(t, h.ask(ask{method: http.MethodHead, path: "configuration"}))
	if head.body != "" || head.ContentLength != int64(len(a.body)) || head.Header.Get("Cache-Control") != a.Header.Get("Cache-Control") {
		t.Errorf("HEAD: %v %q", head.Header, head.body)
	}
}

// RFC 9110 §13.1.2 and §15.4.5: who has the keys is told so, with the fields that keep them fresh.
func TestJWKS(t *testing.T) {
	h := open(t)
	a := ok(t, h.ask(ask{method: http.MethodGet, path: "jwks"}))
	if a.body != `{"keys":[]}` || a.Header.Get("ETag") != `"k1"` || a.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("%v %s", a.Header, a.body)
	}
	for sent, want := range map[string]int{
		`"k1"`: 304, `W/"k1"`: 304, `"k0", "k1"`: 304, `"k0",W/"k1"`: 304, "*": 304,
		`"k0"`: 200, `k1`: 200, `"K1"`: 200, `W/"k0"`: 200, `"k"`: 200, "": 200, `"k1`: 200,
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := h.ask(ask{method: method, path: "jwks", header: http.Header{"If-None-Match": strings.Split(sent, "; ")}})
			if a.StatusCode != want || a.Header.Get("ETag") != `"k1"` || a.Header.Get("Cache-Control") != "public, max-age=300" || want == 304 && a.body != "" {
				t.Errorf("%s %q: %d %v %q", method, sent, a.StatusCode, a.Header, a.body)
			}
		}
	}
	lines := h.ask(ask{method: http.MethodGet, path: "jwks", header: http.Header{"If-None-Match": {`"k0"`, `"k1"`}}})
	if lines.StatusCode != http.StatusNotModified {
		t.Errorf("in two lines: %d", lines.StatusCode)
	}
}

// A turning is a key set that changes at every look.
type turning struct{ turns int }

func (k *turning) JWKS() ([]byte, string) {
	k.turns++
	return fmt.Appendf(nil, `{"keys":[%d]}`, k.turns/2), fmt.Sprintf(`"k%d"`, k.turns/2)
}

// The prepared answer is that of the keys as they are now.
func TestJWKSFollowsTheRing(t *testing.T) {
	keys := &turning{}
	o := oidc.New(nil, keys, nil, oidc.Document(issuer))
	for range 6 {
		a, err := o.JWKS(t.Context(), &web.Request{})
		want := fmt.Sprint(keys.turns / 2)
		if err != nil || string(a.Body) != `{"keys":[`+want+`]}` || !slices.Contains(a.Header, web.Header{Name: "ETag", Value: `"k` + want + `"`}) {
			t.Errorf("turn %s: %v %s, %v", want, a.Header, a.Body, err)
		}
	}
}

// One line for each request, whatever it brings, and none of it.
func TestNothingWritesTheLog(t *testing.T) {
	h := open(t)
	c := h.register(shop)
	const forged = `"},{"level":"ERROR","msg":"forged"`
	before := strings.Count(h.log(), "\n")
	requests := []ask{
		{method: http.MethodGet, path: "dcr/register/forged%22%7D%20" + c.id, bearer: c.rat},
		{method: http.MethodGet, path: "dcr/register?client_id=forged%0a%7B", bearer: c.rat},
		{method: http.MethodGet, path: "dcr/register/" + c.id, bearer: "forged" + c.rat},
		{method: http.MethodPost, path: "dcr/register?forged=" + c.rat, bearer: c.rat, body: `{"forged":"` + c.rat + `"}`, mediaType: `text/"forged"`},
	}
	for _, name := range []string{"X-Request-Id", "User-Agent", "Origin", "Referer", "X-Forwarded-For", "If-None-Match", "Authorization"} {
		for _, tail := range []string{"", "\x1b[2J", "\x00", "\xff\u2028"} {
			requests = append(requests, ask{method: http.MethodGet, path: "dcr/register/c-nobody", header: http.Header{name: {forged + c.rat + tail}}})
		}
	}
	for _, req := range requests {
		if a := h.ask(req); a.StatusCode < 400 || strings.Contains(a.Header.Get("X-Request-Id"), "forged") || strings.Contains(a.body, c.rat) {
			t.Errorf("%+v: %d %v %s", req, a.StatusCode, a.Header, a.body)
		}
	}
	log := h.log()
	if n := strings.Count(log, "\n") - before; n != len(requests) || strings.Contains(log, "forged") || strings.Contains(log, c.rat) || strings.Contains(log, "\x1b") {
		t.Errorf("%d lines for %d requests:\n%s", n, len(requests), log)
	}
	for line := range strings.Lines(log) {
		if _, err := strictjson.Parse([]byte(line), strictjson.Default); err != nil {
			t.Errorf("%v: %s", err, line)
		}
	}
}
