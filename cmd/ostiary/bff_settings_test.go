package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/bff"
)

func backendOf(t *testing.T, file string, environment ...string) (backendSettings, []string) {
	t.Helper()
	s, notes, err := readBackend(file, func(*backendSettings) {}, environment)
	if err != nil {
		t.Fatal(err)
	}
	return s, notes
}

// What is set in the environment counts more than the file, the file more than what is usual.
func TestOrderOfSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bff.yaml")
	text := "provider: {issuer: https://id.example.com}\nbff: {origins: [https://app.example.com], session: 2h, return_to: [https://old.example.com]}\nclient: {key: keys/mine.pem}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := backendOf(t, file, "SESSION_LIFETIME=3600", "ALLOWED_REDIRECT_ORIGINS=https://a.example.com", `ALLOWED_FRONTEND_ORIGINS=["https://b.example.com","https://a.example.com"]`,
		"BFF_ALLOWED_REDIRECT_HOSTS=c.example.com", "DCR_PROFILE=", "DCR_IAT=")
	if s.Site.Common.Session != time.Hour || s.Provider.Issuer != "https://id.example.com" || s.Listen != "127.0.0.1:8090" || s.Client.Key != filepath.Join(filepath.Dir(file), "keys", "mine.pem") {
		t.Errorf("%+v", s)
	}
	if got := strings.Join(s.Site.Common.ReturnTo, " "); got != "https://c.example.com https://a.example.com https://b.example.com" {
		t.Errorf("return_to %s", got)
	}
}

// What follows from what was said.
func TestWhatFollows(t *testing.T) {
	for _, test := range []struct {
		environment string
		got         func(s backendSettings) any
		want        string
	}{
		{"", func(s backendSettings) any { return s.Site.Common.Origins }, "[http://localhost:8090]"},
		{"BFF_BASE_URL=https://app.example.com/", func(s backendSettings) any { return s.Site.Common.Origins }, "[https://app.example.com]"},
		{"BFF_DEFAULT_HOST=app.example.com", func(s backendSettings) any { return s.Site.Common.Origins }, "[https://app.example.com]"},
		{"BFF_DEFAULT_HOST=localhost:1 BFF_DEFAULT_SCHEME=http", func(s backendSettings) any { return s.Site.Common.Origins }, "[http://localhost:1]"},
		{"DCR_REDIRECT_URIS=https://a.example.com/auth/callback,https://b.example.com/auth/callback BFF_CALLBACK_URL=https://b.example.com/auth/callback",
			func(s backendSettings) any { return s.Site.Common.Origins }, "[https://b.example.com https://a.example.com]"},
		{"DCR_REDIRECT_URIS=https://a.example.com/auth/callback,https://b.example.com/auth/callback BFF_DYNAMIC_CALLBACK=false",
			func(s backendSettings) any { return fmt.Sprint(s.Site.Common.Origins, s.backend().RedirectURIs) }, "[https://a.example.com] [https://a.example.com/auth/callback https://b.example.com/auth/callback]"},
		{"BFF_KEYS_DIR=/app/keys", func(s backendSettings) any { return s.Client.Key + " " + s.Client.Credentials }, "/app/keys/bff.pem /app/keys/bff_client.json"},
		{"", func(s backendSettings) any { return s.backend().KeyLife }, "720h0m0s"},
		{"BFF_JWT_SIGNING_KEY=/app/keys/mine.pem", func(s backendSettings) any { return s.backend().KeyLife }, "-1s"},
		{"BFF_JWT_SIGNING_KEY=/app/keys/mine.pem BFF_JWK_ROTATE_AFTER_DAYS=10", func(s backendSettings) any { return s.backend().KeyLife }, "240h0m0s"},
		{"BFF_JWK_ROTATE_AFTER_DAYS=0", func(s backendSettings) any { return fmt.Sprint(s.backend().TurnKey, s.backend().KeyLife < 0) }, "true true"},
		{"BFF_JWK_RETIRE_AFTER_DAYS=0 BFF_JWK_MAX_KEYS=-5", func(s backendSettings) any { return fmt.Sprint(s.backend().KeyKept < 0, s.backend().MaxKeys) }, "true 0"},
		{"", func(s backendSettings) any { return s.redirects() }, string(bff.KeepRedirects)},
		{"DCR_REDIRECT_URIS=https://a.example.com/auth/callback", func(s backendSettings) any { return s.redirects() }, string(bff.ReplaceRedirects)},
		{"DCR_REDIRECT_UPDATE_MODE=replace DCR_ROTATION_SAFE=true", func(s backendSettings) any { return s.redirects() }, string(bff.MergeRedirects)},
		{"MS_BFF_PAR_ENABLED=true", func(s backendSettings) any { return s.backend().Push == bff.PushAlways }, "true"},
		{"MS_BFF_PAR_ENABLED=false", func(s backendSettings) any { return s.backend().Push }, string(bff.PushNever)},
		{"BFF_COOKIE_DOMAIN=.example.com DCR_REDIRECT_URIS=https://a.example.com/auth/callback", func(s backendSettings) any { return s.Site.CookieDomain }, "example.com"},
	} {
		s, _ := backendOf(t, "", strings.Fields(test.environment)...)
		if got := fmt.Sprint(test.got(s)); got != test.want {
			t.Errorf("%s: %s, want %s", test.environment, got, test.want)
		}
	}
}

// Where the issuer is looked for, and as whom it is known.
func TestWhereTheIssuerIs(t *testing.T) {
	for environment, want := range map[string]string{
		"":                                     "[http://localhost:8080/api/oidc]",
		"OIDC_ISSUER=https://id.example.com/x": "[https://id.example.com/x]",
		"IDP_BASE_URL=https://id.example.com":  "[https://id.example.com https://id.example.com/api/oidc]",
		"IDP_BASE_URL=https://id.example.com/": "[https://id.example.com https://id.example.com/api/oidc]",
		"IDP_BASE_URL=http://idp:8080/api/oidc OIDC_ISSUER=https://id.example.com/api/oidc": "[http://idp:8080/api/oidc]",
		"IDP_BASE_URL=http://idp:8080 OIDC_ISSUER=https://id.example.com/api/oidc":          "[http://idp:8080/api/oidc]",
	} {
		s, _ := backendOf(t, "", strings.Fields(environment)...)
		if at, _ := s.reach(nil); fmt.Sprint(at) != want {
			t.Errorf("%s: %v, want %s", environment, at, want)
		}
	}
}

// Everything that is wrong is told at once, under the name by which it was said; no secret is in it.
func TestWrongEnvironment(t *testing.T) {
	_, _, err := readBackend("", func(*backendSettings) {}, []string{
		"DCR_ENABLED=yes", "DCR_IAT=<paste iat>", "SESSION_LIFETIME=1h", "OIDC_SCOPES=openid,profile", "IDP_BASE_URL=idp", "OIDC_AUTHORIZATION_URL=http://idp:8080/authorize",
		"MS_BFF_TOKEN_AUTH_METHOD=password", "DCR_REDIRECT_URIS=https://a.example.com/callback", "DCR_REDIRECT_UPDATE_MODE=sometimes", "AUTH_CLIENT_ID=a", "DCR_CLIENT_ID=b",
		"MS_BFF_DPOP_ENABLED=true", "MS_BFF_JARM_ENABLED=true", "BFF_JWT_VERIFY_SIGNATURE=false", "MS_BFF_AUTHZ_ENABLED=maybe", "BFF_JWK_MAX_KEYS=many", "BFF_COOKIE_SAMESITE=None",
		"BFF_COOKIE_DOMAIN=com", "BFF_COOKIE_SECURE=false", "BFF_ALLOWED_REDIRECT_HOSTS=*.example.com", "ALLOWED_REDIRECT_ORIGINS=https://x.example/y", "PROM_PUSHGATEWAY_URL=gateway", "BFF_KID=k", "BFF_JWK_ROTATE_AFTER_DAYS=1", "AUTH_CLIENT_SECRET=TOP-SECRET",
	})
	for _, want := range []string{
		"environment: DCR_ENABLED: must be true or false, not \"yes\"", "environment: DCR_IAT: still has the words", "SESSION_LIFETIME: must be a number of seconds",
		"OIDC_SCOPES: must be separated by spaces", "IDP_BASE_URL: is not a URL", "OIDC_AUTHORIZATION_URL: must be https", "MS_BFF_TOKEN_AUTH_METHOD: must be one of private_key_jwt",
		"DCR_REDIRECT_URIS: \"https://a.example.com/callback\" must end in /auth/callback", "DCR_REDIRECT_UPDATE_MODE: must be one of auto", "DCR_CLIENT_ID: must say the same as AUTH_CLIENT_ID",
		"MS_BFF_DPOP_ENABLED: is true, but tokens are not bound", "MS_BFF_JARM_ENABLED: is true", "BFF_JWT_VERIFY_SIGNATURE: is false", "MS_BFF_AUTHZ_ENABLED: must be true or false",
		"BFF_JWK_MAX_KEYS: must be a whole number", "BFF_COOKIE_SAMESITE: must be lax", "BFF_COOKIE_DOMAIN: \"com\" is no domain", "BFF_COOKIE_SECURE: is false, but browsers come by https",
		"BFF_ALLOWED_REDIRECT_HOSTS: \"https://*.example.com\" is no origin", "ALLOWED_REDIRECT_ORIGINS: \"https://x.example/y\" is no origin", "PROM_PUSHGATEWAY_URL: is not a URL", "BFF_KID: names one key", "BFF_JWK_ROTATE_AFTER_DAYS: must be two days or more",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told:\n%v", want, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "TOP-SECRET") {
		t.Error("a secret is told")
	}
}

// A slip is told once: nothing is said to follow from what was not understood.
func TestSlipToldOnce(t *testing.T) {
	for _, slip := range []string{"DCR_ENABLED=yes", "SKIP_DCR_BOOTSTRAP=1", "BFF_COOKIE_SECURE=no"} {
		name, _, _ := strings.Cut(slip, "=")
		_, _, err := readBackend("", func(*backendSettings) {}, []string{slip, "DCR_REDIRECT_URIS=https://a.example.com/auth/callback"})
		if err == nil || !strings.HasPrefix(err.Error(), "environment: "+name+": must be true or false") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", slip, err)
		}
	}
}

// A few that need each other.
func TestWrongTogether(t *testing.T) {
	for environment, want := range map[string]string{
		"DCR_ENABLED=false":                  "AUTH_CLIENT_ID",
		"DCR_ENABLED=false AUTH_CLIENT_ID=a": "BFF_JWT_SIGNING_KEY",
		"SKIP_DCR_BOOTSTRAP=true AUTH_CLIENT_ID=a MS_BFF_TOKEN_AUTH_METHOD=client_secret_post":                       "AUTH_CLIENT_SECRET",
		"BFF_CALLBACK_URL=https://c.example.com/auth/callback DCR_REDIRECT_URIS=https://a.example.com/auth/callback": "each host must be registered",
		"BFF_COOKIE_DOMAIN=example.com DCR_REDIRECT_URIS=https://a.example.net/auth/callback":                        "does not lie in example.com",
		"BFF_COOKIE_SECURE=true":                                 "browsers come by http://localhost:8090",
		"DCR_REDIRECT_URIS=http://a.example.com/auth/callback":   "is no origin",
		"DCR_REDIRECT_URIS=https://a.example.com/auth/callback/": "without a slash after it",
		"BFF_JWT_SIGNING_KEY=/a.pem DCR_SIGNING_KEY=/b.pem":      "must say the same as BFF_JWT_SIGNING_KEY",
		"OIDC_SCOPES=profile":                                    "lacks openid",
	} {
		if _, _, err := readBackend("", func(*backendSettings) {}, strings.Fields(environment)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", environment, err, want)
		}
	}
}

// Variables that stand for what is not there say so in the log, one line each, and nothing of their values.
func TestVariablesInVain(t *testing.T) {
	environment := []string{
		"REDIS_URL=redis://:SECRET@shared_redis:6379/5", "KAFKA_BOOTSTRAP_SERVERS=kafka:9092", "PDP_URL=http://pdp", "MS_BFF_JARM_MODE=jwt", "TOKEN_HASH_SALT=SECRET",
		"MS_BFF_DPOP_ENABLED=false", "MS_BFF_JARM_ENABLED=false", "BFF_JWT_VERIFY_SIGNATURE=true", "MS_BFF_AUTHZ_ENABLED=false", "DCR_REDIRECT_URI=https://a.example.com", "BFF_PORT=tcp://10.0.0.1:80", "PATH=/bin",
	}
	_, notes := backendOf(t, "", environment...)
	var names []string
	for _, note := range notes {
		name, _, _ := strings.Cut(note, " ")
		names = append(names, name)
	}
	if want := []string{"DCR_REDIRECT_URI", "KAFKA_BOOTSTRAP_SERVERS", "MS_BFF_JARM_MODE", "PDP_URL", "REDIS_URL", "TOKEN_HASH_SALT"}; !slices.Equal(names, want) {
		t.Errorf("told of %v, want %v", names, want)
	}
	if text := strings.Join(notes, "\n"); strings.Contains(text, "SECRET") || !strings.Contains(text, "embedded store") {
		t.Error(text)
	}
}
