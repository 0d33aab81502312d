package clientauth_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
)

const (
	issuer   = "https://op.example/api/oidc"
	endpoint = issuer + "/token"
)

// house is an authenticator over clients in a map.
type house struct {
	*testing.T
	*clientauth.Authenticator
	now       time.Time
	mu        sync.Mutex
	clients   map[core.ClientID]core.Registered
	spent     map[core.SecretHash]time.Time
	published map[string]jose.KeySet
}

func open(t *testing.T) *house {
	h := &house{
		T: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), clients: map[core.ClientID]core.Registered{},
		spent: map[core.SecretHash]time.Time{}, published: map[string]jose.KeySet{},
	}
	h.Authenticator = clientauth.New(clientauth.Parts{
		Clients: h, Keys: h, Once: h, Issuer: issuer, TokenEndpoint: endpoint, Now: func() time.Time { return h.now },
	})
	return h
}

// Registered implements clientauth.Clients.
func (h *house) Registered(_ context.Context, id core.ClientID) (core.Registered, error) {
	return h.clients[id], nil
}

// Set implements clientauth.Keys.
func (h *house) Set(_ context.Context, uri, _ string) (jose.KeySet, error) {
	set, ok := h.published[uri]
	if !ok {
		return jose.KeySet{}, errUnreachable
	}
	return set, nil
}

// Once implements clientauth.Once.
func (h *house) Once(_ context.Context, kind string, hash core.SecretHash, until time.Time) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if before, seen := h.spent[hash]; seen && h.now.Before(before) || kind != "client_assertion" {
		return false, nil
	}
	h.spent[hash] = until
	return true, nil
}

// add registers an active client.
func (h *house) add(id core.ClientID, method oauth.AuthMethod, change ...func(*core.Registered)) {
	r := core.Registered{State: core.Active, Client: core.Client{ID: id, Metadata: core.Metadata{TokenEndpointAuthMethod: string(method)}}}
	for _, f := range change {
		f(&r)
	}
	h.clients[id] = r
}

// secrets gives a client secrets that do not expire.
func secrets(list ...core.Secret) func(*core.Registered) {
	return func(r *core.Registered) {
		for _, s := range list {
			r.Credentials.Secrets = append(r.Credentials.Secrets, core.StoredSecret{Alg: "sha256", Hash: s.Hash().String()})
		}
	}
}

func keyed(keys ...jose.PrivateKey) func(*core.Registered) {
	return func(r *core.Registered) {
		var list []string
		for _, key := range keys {
			jwk, err := jose.PublicJWK(key)
			if err != nil {
				panic(err)
			}
			list = append(list, string(jwk))
		}
		r.Client.Metadata.JWKS = `{"keys":[` + strings.Join(list, ",") + `]}`
	}
}

func newKey(t *testing.T, alg string) jose.PrivateKey {
	t.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// form makes parameters of name, value, name, value …
func form(pairs ...string) oauth.Params {
	p := oauth.Params{}
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i]] = append(p[pairs[i]], pairs[i+1])
	}
	return p
}

// claims of an assertion that is accepted, changed by members given as JSON; an empty value removes one.
func (h *house) claims(change ...string) string {
	members := map[string]string{
		"iss": `"c-1"`, "sub": `"c-1"`, "aud": fmt.Sprintf("%q", issuer), "jti": `"j-1"`,
		"exp": fmt.Sprint(h.now.Add(time.Minute).Unix()), "iat": fmt.Sprint(h.now.Unix()),
	}
	for i := 0; i < len(change); i += 2 {
		members[change[i]] = change[i+1]
	}
	var list []string
	for name, value := range members {
		if value != "" {
			list = append(list, fmt.Sprintf("%q:%s", name, value))
		}
	}
	return "{" + strings.Join(list, ",") + "}"
}

// signed makes an assertion.
func signed(t *testing.T, key jose.PrivateKey, typ, claims string) string {
	t.Helper()
	compact, err := jose.Sign(key, typ, []byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// asserting presents an assertion.
func asserting(compact string, more ...string) clientauth.Presented {
	return clientauth.Presented{Endpoint: endpoint, Form: form(append([]string{
		"client_assertion", compact, "client_assertion_type", clientauth.AssertionType,
	}, more...)...)}
}

// refused fails unless the request is refused with a code and a text that says something.
func (h *house) refused(what string, p clientauth.Presented, code core.Code, says string) {
	h.Helper()
	client, err := h.Authenticate(h.Context(), p)
	if core.CodeOf(err) != code || !strings.Contains(core.AsError(err).Detail, says) {
		h.Errorf("%s: %q, %v; want %s with %q", what, client.Client.ID, err, code, says)
	}
	if client.Client.ID != "" && code != core.UnauthorizedClient {
		h.Errorf("%s: refused, and gave the client %s", what, client.Client.ID)
	}
}

func (h *house) accepted(what string, p clientauth.Presented, want core.ClientID) {
	h.Helper()
	if client, err := h.Authenticate(h.Context(), p); err != nil || client.Client.ID != want {
		h.Errorf("%s: %q, %v", what, client.Client.ID, err)
	}
}
