package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/admin"
)

// The keys of a trusted issuer come over TLS that the system's authorities vouch for, or those of trust_ca.
func TestIssuerKeysTrustTheirAuthorities(t *testing.T) {
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := jose.PublicJWK(key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/jwks" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(`{"keys":[` + string(jwk) + `]}`))
	}))
	defer server.Close()
	server.Config.ErrorLog = nil
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ trust, path, says string }{
		{"", "/jwks", "certificate"},
		{file, "/jwks", ""},
		{file, "/other", "status 404"},
	} {
		h := &house{settings: settings{TrustCA: test.trust}, now: time.Now}
		trust, err := h.trustedCAs()
		if err != nil {
			t.Fatal(err)
		}
		set, err := h.issuerKeys(trust).Set(t.Context(), server.URL+test.path, key.ID())
		switch {
		case test.says == "" && (err != nil || !set.Has(key.ID())):
			t.Errorf("%+v: %v", test, err)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%+v: %v", test, err)
		}
		if err := h.close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := (&house{settings: settings{TrustCA: file + ".absent"}}).trustedCAs(); err == nil {
		t.Error("an absent file was trusted")
	}
}

// What the edge turns away is written down as what it was meant to be.
func TestRefusedAtTheDoor(t *testing.T) {
	for _, c := range []struct {
		method, route string
		operation     core.Operation
		channel       core.Channel
	}{
		{"POST", "/api/oidc/dcr/register", core.Register, core.ChannelDCR},
		{"PUT", "/api/oidc/dcr/register/:client_id", core.Update, core.ChannelManage},
		{"DELETE", "/api/oidc/dcr/register/:client_id", core.Delete, core.ChannelManage},
		{"GET", "/api/oidc/dcr/register/:client_id", core.Read, core.ChannelManage},
		{"POST", "/api/admin/clients", core.Register, core.ChannelOperator},
		{"PATCH", "/api/admin/clients/:id", core.Update, core.ChannelOperator},
		{"POST", "/api/admin/clients/:id/disable", core.Disable, core.ChannelOperator},
		{"POST", "/api/admin/clients/:id/enable", core.Enable, core.ChannelOperator},
		{"POST", "/api/admin/clients/:id/approve", core.Approve, core.ChannelOperator},
		{"POST", "/api/admin/clients/:id/reject", core.Reject, core.ChannelOperator},
	} {
		r := web.Refused{Method: c.method, Route: c.route}
		if op, channel := admin.OperationOf(r.Method, r.Route), channelOf(r); op != c.operation || channel != c.channel {
			t.Errorf("%s %s: %s by %s", c.method, c.route, op, channel)
		}
	}
}
