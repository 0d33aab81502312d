package token_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/token"
)

// certificate is one whose hash is the same byte again and again.
func (h *house) certificate(digit string) *core.Certificate {
	return &core.Certificate{SHA256: strings.Repeat(digit, 64), NotBefore: start.Add(-time.Hour), NotAfter: start.Add(24 * time.Hour)}
}

func by(cert *core.Certificate, req token.Request) token.Request {
	req.Caller.Certificate = cert
	return req
}

func bound(c *core.Client) {
	yes := true
	c.Metadata.CertificateBoundTokens = &yes
}

func obliged(c *core.Client) {
	c.Governance.Obligations = []core.Obligation{{Name: decision.ObligeMTLS, Rule: "r"}}
}

// cnf is what a document says a token is bound to.
func cnf(doc strictjson.Value) string {
	v, _ := doc.Get("cnf")
	v, _ = v.Get("x5t#S256")
	s, _ := v.Text()
	return s
}

// Tokens of a client that wants it, or that policy obliges, are bound to the certificate that was there (RFC 8705 §3).
func TestTokensAreBound(t *testing.T) {
	for name, change := range map[string]func(*core.Client){"registered": bound, "obliged": obliged} {
		h := open(t)
		h.client("api", oauth.AuthClientSecretBasic, change)
		mine, other := h.certificate("a"), h.certificate("b")
		h.refused(name+", without one", h.forItself("api", "scope", "read"), core.InvalidRequest, "present one")
		old := h.certificate("a")
		old.NotAfter = start.Add(-time.Second)
		h.refused(name+", with one that ended", by(old, h.forItself("api", "scope", "read")), core.InvalidRequest, "present one")
		answer := h.got(by(mine, h.forItself("api", "scope", "read")))
		if got := cnf(h.claims(answer.AccessToken, "at+jwt", "ES256")); got != mine.Thumbprint() || got == "" {
			t.Errorf("%s: bound to %q", name, got)
		}
		for what, cert := range map[string]*core.Certificate{"none": nil, "another": other} {
			_, err := h.VerifyWith(t.Context(), answer.AccessToken, cert)
			h.checkRefusal(name+", shown with "+what, err, core.InvalidToken, "bound to another")
		}
		_, err := h.Verify(t.Context(), answer.AccessToken)
		h.checkRefusal(name, err, core.InvalidToken, "bound to another")
		if access, err := h.VerifyWith(t.Context(), answer.AccessToken, mine); err != nil || access.Certificate != mine.Thumbprint() || len(access.Added) > 0 {
			t.Errorf("%s: %+v, %v", name, access, err)
		}
		told, err := h.Introspect(t.Context(), h.as("api", "token", answer.AccessToken.Reveal()))
		if err != nil || cnf(parse(t, told)) != mine.Thumbprint() {
			t.Errorf("%s: introspection says %s, %v", name, told, err)
		}
	}
}

// A client that did not ask for it gets tokens that anybody can use, with a certificate or without.
func TestTokensThatAreNotBound(t *testing.T) {
	h := open(t)
	answer := h.got(by(h.certificate("a"), h.forItself("web", "scope", "read")))
	if claims := h.claims(answer.AccessToken, "at+jwt", "ES256"); cnf(claims) != "" {
		t.Errorf("bound: %s", claims)
	}
	if _, err := h.VerifyWith(t.Context(), answer.AccessToken, h.certificate("b")); err != nil {
		t.Error(err)
	}
}

// Userinfo wants the certificate again, and a public client its own to refresh (RFC 8705 §4).
func TestBoundFlow(t *testing.T) {
	h := open(t)
	h.client("spa", oauth.AuthNone, bound)
	mine, other := h.certificate("a"), h.certificate("b")
	code := h.code("spa")
	h.refused("a code without a certificate", h.redeeming("spa", code), core.InvalidRequest, "present one")
	answer := h.got(by(mine, h.redeeming("spa", code)))
	if _, err := h.UserInfo(t.Context(), answer.AccessToken, mine); err != nil {
		t.Error(err)
	}
	for _, cert := range []*core.Certificate{nil, other} {
		_, err := h.UserInfo(t.Context(), answer.AccessToken, cert)
		h.checkRefusal("userinfo", err, core.InvalidToken, "bound to another")
	}
	h.refused("refreshing with another", by(other, h.refreshing("spa", answer.RefreshToken)), core.InvalidGrant, "bound to another")
	h.client("spa", oauth.AuthNone) // it is bound even when the client is not any more
	h.refused("refreshing without", h.refreshing("spa", answer.RefreshToken), core.InvalidGrant, "bound to another")
	h.client("spa", oauth.AuthNone, bound)
	next := h.got(by(mine, h.refreshing("spa", answer.RefreshToken)))
	if got := cnf(h.claims(next.AccessToken, "at+jwt", "ES256")); got != mine.Thumbprint() {
		t.Errorf("refreshed: bound to %q", got)
	}
	// A confidential client proves itself each time: its next certificate may be a renewed one.
	h.client("web", oauth.AuthClientSecretBasic, bound)
	web := h.got(by(mine, h.redeeming("web", h.code("web"))))
	renewed := h.got(by(other, h.refreshing("web", web.RefreshToken)))
	if got := cnf(h.claims(renewed.AccessToken, "at+jwt", "ES256")); got != other.Thumbprint() {
		t.Errorf("renewed: bound to %q", got)
	}
}

// Who registered that its tokens are bound by DPoP gets none that are not, by whatever grant (RFC 9449 §5.2).
func TestNoTokensWithoutTheirBinding(t *testing.T) {
	h := open(t)
	code := h.code("web")
	refresh := h.got(h.redeeming("web", h.code("web"))).RefreshToken
	promised := func(on bool) func(*core.Client) {
		return func(c *core.Client) { c.Metadata.DPoPBoundTokens = &on }
	}
	h.client("web", oauth.AuthClientSecretBasic, promised(true))
	writes := h.writes
	for what, req := range map[string]token.Request{
		"a code": h.redeeming("web", code), "a refresh token": h.refreshing("web", refresh), "for itself": h.forItself("web", "scope", "read"),
		"with a certificate": by(h.certificate("a"), h.forItself("web", "scope", "read")),
	} {
		h.refused(what, req, core.InvalidRequest, "dpop_bound_access_tokens")
	}
	if h.writes != writes {
		t.Error("a refused request used something up")
	}
	h.client("web", oauth.AuthClientSecretBasic, promised(false))
	h.got(h.redeeming("web", code))
}

// What no token would say is not passed over (RFC 9396 §5).
func TestAuthorizationDetailsAtTheTokenEndpoint(t *testing.T) {
	h := open(t)
	h.refused("for itself", h.forItself("web", "scope", "read", "authorization_details", `[{"type":"payment_initiation"}]`), core.InvalidAuthzDetails, "authorization_details")
}
