package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mistakes are what people write into variables of the environment by mistake, three or more for each. SPOILT stands for a file that is
// neither a key nor credentials, FOLDER for a folder.
var mistakes = map[string][]string{
	"OIDC_ISSUER":                {"nonsense", "ftp://id.example.com", "https://id.example.com/?a=b", "https://id.example.com/#x", "https://user:pw@id.example.com", "<issuer>"},
	"IDP_BASE_URL":               {"id.example.com", "https://", "http://localhost:9/x?y=1", "http://a@localhost:9"},
	"OIDC_AUTHORIZATION_URL":     {"http://id.example.com/a", "nonsense", "javascript:alert(1)"},
	"OIDC_TOKEN_URL":             {"nonsense", "ftp://x/y", "//x/y"},
	"MS_BFF_PAR_ENABLED":         {"yes", "1", "offered"},
	"OIDC_PROMPT":                {"login", "none", "CONSENT"},
	"AUTH_CLIENT_ID":             {"ümlaut", "a\tb", strings.Repeat("a", 256), "<client>"},
	"DCR_CLIENT_ID":              {"ümlaut", "a\nb", "${CLIENT}"},
	"MS_BFF_TOKEN_AUTH_METHOD":   {"none", "client_secret_jwt", "PRIVATE_KEY_JWT"},
	"AUTH_CLIENT_SECRET":         {"<MINE>", "${MY_SECRET}", "<PASTE IT>"},
	"BFF_JWT_SIGNING_KEY":        {"SPOILT", "FOLDER", "SPOILT/bff.pem"},
	"DCR_SIGNING_KEY":            {"SPOILT", "FOLDER", "SPOILT/bff.pem"},
	"BFF_KID":                    {"kéy", "a\nb", strings.Repeat("a", 256)},
	"BFF_KEYS_DIR":               {"SPOILT", "<dir>", "${DIR}"},
	"KEYS_DIR":                   {"SPOILT", "<dir>", "${DIR}"},
	"BFF_CLIENT_CRED_PATH":       {"SPOILT", "FOLDER", "SPOILT/bff_client.json"},
	"DCR_ENABLED":                {"yes", "0", "on"},
	"SKIP_DCR_BOOTSTRAP":         {"yes", "0", "on"},
	"DCR_IAT":                    {"<paste iat>", "Bearer abc", `"abc"`},
	"DCR_CLIENT_PROFILE":         {"<profile>", "${PROFILE}", "<code flow>"},
	"DCR_REDIRECT_URIS":          {"https://a.example/callback", "https://a.example/auth/callback/", "http://a.example/auth/callback", "https://*.a.example/auth/callback", "[https://a", "https://a.example/auth/callback http://localhost:1/auth/callback"},
	"DCR_REDIRECT_UPDATE_MODE":   {"Merge", "add", "yes"},
	"DCR_ROTATION_SAFE":          {"yes", "1", "on"},
	"DCR_FORCE_REPLACE":          {"yes", "1", "on"},
	"ALLOW_BOOTSTRAP_FAILURE":    {"maybe", "1", "on"},
	"BOOTSTRAP_ADMIN_TOKEN":      {"<token>", "a b", "Bearer abc"},
	"PROM_PUSHGATEWAY_URL":       {"pushgateway:9091", "ftp://x", "http://x?y=1"},
	"BFF_JWK_ROTATE_AFTER_DAYS":  {"1", "30d", "99999999"},
	"BFF_JWK_RETIRE_AFTER_DAYS":  {"sixty", "60d", "3.5"},
	"BFF_JWK_MAX_KEYS":           {"three", "1.5", "99999999"},
	"OIDC_SCOPES":                {"openid,profile", "profile email", `openid "x"`},
	"BFF_BASE_URL":               {"app.example.com", "http://app.example.com", "https://app.example.com/path"},
	"BFF_DYNAMIC_CALLBACK":       {"yes", "1", "on"},
	"BFF_CALLBACK_URL":           {"https://app.example.com/callback", "app.example.com/auth/callback", "http://app.example.com/auth/callback"},
	"BFF_DEFAULT_HOST":           {"https://app.example.com", "app example", "app.example.com/x", "App.example.com"},
	"BFF_DEFAULT_SCHEME":         {"http", "ftp", "https://"},
	"BFF_ALLOWED_REDIRECT_HOSTS": {"*.example.com", "http://x.example.com", "a/b"},
	"ALLOWED_REDIRECT_ORIGINS":   {"*", "https://x.example.com/path", "[1]"},
	"ALLOWED_FRONTEND_ORIGINS":   {"[1]", "ftp://x", "//x"},
	"SESSION_LIFETIME":           {"8h", "5", "-1"},
	"BFF_COOKIE_DOMAIN":          {"com", "localhost", "EXAMPLE.com"},
	"BFF_COOKIE_SECURE":          {"yes", "true", "0"},
	"BFF_COOKIE_SAMESITE":        {"none", "strict", "x"},
}

// What is wrong is told by the name of its variable, once, before anything is asked of anybody, with what to do; secrets are not repeated.
func TestWrongVariables(t *testing.T) {
	dir := t.TempDir()
	spoilt := filepath.Join(dir, "spoilt")
	if err := os.WriteFile(spoilt, []byte("neither JSON nor PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		if len(mistakes[v.name]) < 3 {
			t.Errorf("%s is tried with %q only", v.name, mistakes[v.name])
		}
		for _, value := range mistakes[v.name] {
			value = strings.NewReplacer("SPOILT", spoilt, "FOLDER", dir).Replace(value)
			said := saidOf(t, v.name+"="+value)
			if strings.Count(said, "environment: "+v.name+": ") != 1 || strings.Contains(said, "configuration: bff") {
				t.Errorf("%s=%s: %q", v.name, value, said)
			}
			secret := slices.Contains([]string{"AUTH_CLIENT_SECRET", "DCR_IAT", "BOOTSTRAP_ADMIN_TOKEN"}, v.name)
			if secret && strings.Contains(said, strings.Trim(value, `<>"${}`)) {
				t.Errorf("%s=%s is repeated: %q", v.name, value, said)
			}
		}
	}
}

// saidOf gives what is said of an environment.
func saidOf(t *testing.T, pair string) string {
	t.Helper()
	environment := []string{pair}
	if strings.HasPrefix(pair, "BFF_DEFAULT_SCHEME") {
		environment = append(environment, "BFF_DEFAULT_HOST=app.example.com")
	}
	s, _, err := readBackend("", func(b *backendSettings) { b.DataDir = t.TempDir() }, environment)
	if err == nil {
		err = s.checkFiles(t.Context())
	}
	if err == nil {
		return ""
	}
	return err.Error()
}
