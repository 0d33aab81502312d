package registration_test

import (
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/registration"
)

// A method that needs a certificate is only registered where certificates reach the server.
func TestCertificateMethodsWhereTheyWork(t *testing.T) {
	const byCA = `{"token_endpoint_auth_method":"tls_client_auth","tls_client_auth_san_dns":"app.example","redirect_uris":["https://app.example/cb"]}`
	const bySelf = `{"token_endpoint_auth_method":"self_signed_tls_client_auth","jwks_uri":"https://app.example/k","redirect_uris":["https://app.example/cb"]}`
	for _, c := range []struct {
		body      string
		certified []oauth.AuthMethod
		accepted  bool
	}{
		{byCA, nil, false},
		{bySelf, nil, false},
		{byCA, []oauth.AuthMethod{oauth.AuthSelfSignedTLS}, false},
		{bySelf, []oauth.AuthMethod{oauth.AuthSelfSignedTLS}, true},
		{byCA, []oauth.AuthMethod{oauth.AuthTLS, oauth.AuthSelfSignedTLS}, true},
	} {
		b := newBench(t, func(*registration.Site) {})
		b.certify(c.certified)
		answer, err := b.do(b.request(core.Register, core.ChannelDCR, "", c.body))
		if c.accepted != (err == nil) {
			t.Errorf("%v: %s: %v", c.certified, c.body, err)
		}
		if err != nil {
			checkCode(t, err, core.InvalidClientMetadata, "is not offered")
			continue
		}
		if secret := text(answer, "client_secret"); secret != "" || !slices.Contains(c.certified, oauth.AuthMethod(text(answer, "token_endpoint_auth_method"))) {
			t.Errorf("registered with the secret %q as %s", secret, text(answer, "token_endpoint_auth_method"))
		}
	}
}
