package registration_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/registration"
)

// Who declares issuers over the network must not get at the server's own files: a revocation list may be a file, and its credential
// may come from one.
func TestDeclaredIssuersNameNoFiles(t *testing.T) {
	const issuer = `{"trusted_issuers":[{"issuer":"https://directory.example","jwks_uri":"https://directory.example/keys"`
	if _, err := registration.ReadAdditions(parse(t, issuer+`}]}`)); err != nil {
		t.Fatal(err)
	}
	for _, revocation := range []string{
		`{"list":"/etc/passwd"}`, `{}`, `null`,
		`{"introspection":"https://evil.example/","authorization":"file:///etc/passwd"}`,
	} {
		_, err := registration.ReadAdditions(parse(t, issuer+`,"revocation":`+revocation+`}]}`))
		if err == nil || !strings.Contains(err.Error(), "trusted_issuers[0].revocation: cannot be declared") {
			t.Errorf("%s: %v", revocation, err)
		}
	}
	// A secret is taken as it stands: neither a file nor the environment is read for it.
	for _, secret := range []string{"file:///etc/passwd" + strings.Repeat("x", 64), "${HOME}" + strings.Repeat("x", 64)} {
		a, err := registration.ReadAdditions(parse(t, `{"trusted_issuers":[{"issuer":"https://directory.example","shared_secret":"`+secret+`"}]}`))
		if err != nil || a.Issuers[0].SharedSecret.Reveal() != secret {
			t.Errorf("%s: %v", secret, err)
		}
	}
}
