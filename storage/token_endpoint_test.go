package storage_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/authorize"
	"github.com/ostiary/ostiary/core/clientauth"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/token"
	"github.com/ostiary/ostiary/storage"
)

const (
	opURL    = "https://op.example/api/oidc"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	tries    = 50
)

// A tokenHouse is the real token endpoint over the real store. Policy alone is a test's: it allows.
type tokenHouse struct {
	*desk
	*token.Endpoint
	ring *keys.Ring
	user core.User
}

func (*tokenHouse) DecideToken(_ context.Context, q *decision.Token) (decision.TokenVerdict, error) {
	return decision.TokenVerdict{Allowed: true, Scopes: q.Scopes}, nil
}

// noKeys publishes none.
type noKeys struct{}

func (noKeys) Set(context.Context, string, string) (jose.KeySet, error) {
	return jose.KeySet{}, keys.ErrUnreachable
}

func (noKeys) Having(context.Context, string, func(jose.KeySet) bool) (jose.KeySet, error) {
	return jose.KeySet{}, keys.ErrUnreachable
}

func openTokens(s *store) *tokenHouse {
	s.Helper()
	h := &tokenHouse{desk: openDesk(s)}
	h.user = core.User{Subject: core.NewSubject(), Username: "ann", Generation: 3, CreatedAt: s.clock.now(), UpdatedAt: s.clock.now()}
	if err := storage.NewUsers(s.engine, issuer, s.ring).Add(s.Context(), h.user); err != nil {
		s.Fatal(err)
	}
	var err error
	if h.ring, err = keys.Open(s.Context(), storage.NewKeys(s.engine, issuer, s.ring), []string{jose.ES256, jose.EdDSA}, s.clock.now); err != nil {
		s.Fatal(err)
	}
	h.reopen()
	return h
}

// reopen makes the endpoint as a new process would.
func (h *tokenHouse) reopen() {
	clients, once := h.reopened(), storage.NewOnce(h.engine, issuer)
	h.Endpoint = token.New(token.Parts{
		Authenticator: clientauth.New(clientauth.Parts{Clients: clients, Keys: noKeys{}, Once: once, Issuer: opURL, TokenEndpoint: opURL + "/token", Now: h.clock.now}),
		Clients:       clients, People: storage.NewUsers(h.engine, issuer, h.desk.ring), Once: once, Keys: h.ring, ClientKeys: noKeys{}, Policy: h, Now: h.clock.now,
		Grants: storage.NewGrants(h.engine, issuer, h.desk.ring, clients, h.clock.now), Options: token.Options{Issuer: opURL},
	})
}

// spa registers a public client that may refresh.
func (h *tokenHouse) spa() core.ClientID {
	h.Helper()
	return h.register(`{"client_name":"Shop","redirect_uris":["https://shop.example/cb"],"scope":"openid offline_access","token_endpoint_auth_method":"none",
		"id_token_signed_response_alg":"ES256","grant_types":["authorization_code","refresh_token"]}`)
}

func (h *tokenHouse) newCode(client core.ClientID) core.Secret {
	h.Helper()
	secret, now := core.NewSecret(), h.clock.now()
	err := storage.NewAuthorizations(h.engine, issuer, h.desk.ring).Issue(h.Context(), authorize.Issue{Code: secret.Hash(), Value: core.AuthorizationCode{
		RedirectURI: "https://shop.example/cb", Challenge: oauth.S256Challenge(verifier), ExpiresAt: now.Add(time.Minute),
		Grant: core.Grant{
			ID: core.NewGrantID(now), Client: client, ClientGeneration: h.load(client).Client.Generation, Subject: h.user.Subject,
			UserGeneration: h.user.Generation, Scope: []string{"openid", "offline_access"}, AuthTime: now, Methods: []string{"pwd"},
		},
	}})
	if err != nil {
		h.Fatal(err)
	}
	return secret
}

// asking is a request with parameters given as name, value, name, value …
func asking(pairs ...string) token.Request {
	form := oauth.Params{}
	for i := 0; i < len(pairs); i += 2 {
		form[pairs[i]] = []string{pairs[i+1]}
	}
	return token.Request{Presented: clientauth.Presented{Form: form, Endpoint: opURL + "/token"}}
}

func redeeming(client core.ClientID, code core.Secret) token.Request {
	return asking("grant_type", "authorization_code", "client_id", string(client), "code", code.Reveal(), "code_verifier", verifier)
}

func refreshing(client core.ClientID, refresh core.Secret) token.Request {
	return asking("grant_type", "refresh_token", "client_id", string(client), "refresh_token", refresh.Reveal())
}

// got must be answered.
func (h *tokenHouse) got(req token.Request) token.Answer {
	h.Helper()
	answer, err := h.Token(h.Context(), req)
	if err != nil {
		h.Fatal(err)
	}
	return answer
}

// outcomes are the answers to one request made many times at once.
func (h *tokenHouse) outcomes(make func(i int) token.Request, wrong core.Code) []token.Answer {
	h.Helper()
	var mu sync.Mutex
	var answers []token.Answer
	together(tries, func(i int) {
		answer, err := h.Token(h.Context(), make(i))
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			answers = append(answers, answer)
		} else if core.CodeOf(err) != wrong {
			h.Errorf("%v, want %s", err, wrong)
		}
	})
	return answers
}

// RFC 6749 §4.1.2: 50 redemptions of one code at once give one answer, and as the code was used twice, that is void.
func TestParallelRedemptions(t *testing.T) {
	onEach(t, func(s *store) {
		h := openTokens(s)
		client := h.spa()
		code := h.newCode(client)
		answers := h.outcomes(func(int) token.Request { return redeeming(client, code) }, core.InvalidGrant)
		if len(answers) != 1 {
			t.Fatalf("%d answers", len(answers))
		}
		_, err := h.Verify(t.Context(), answers[0].AccessToken)
		checkCode(t, "its access token", err, core.InvalidToken)
		_, err = h.Token(t.Context(), refreshing(client, answers[0].RefreshToken))
		checkCode(t, "its refresh token", err, core.InvalidGrant)
	})
}

// RFC 9700 §4.14.2: 50 refreshes at once are one rotation; all get the same answer, whose refresh token works, also after a restart.
func TestParallelRefreshes(t *testing.T) {
	onEach(t, func(s *store) {
		h := openTokens(s)
		client := h.spa()
		first := h.got(redeeming(client, h.newCode(client)))
		answers := h.outcomes(func(int) token.Request { return refreshing(client, first.RefreshToken) }, "")
		for _, a := range answers {
			if a.RefreshToken != answers[0].RefreshToken || a.RefreshToken == first.RefreshToken {
				t.Fatal("two successors of one token")
			}
			if a.AccessToken != answers[0].AccessToken || a.IDToken != answers[0].IDToken {
				t.Fatal("two answers to one token")
			}
			if access, err := h.Verify(t.Context(), a.AccessToken); err != nil || access.Subject != h.user.Subject {
				t.Errorf("an access token does not count: %v", err)
			}
		}
		if len(answers) != tries {
			t.Errorf("%d answers", len(answers))
		}
		h.reopen()
		next := h.got(refreshing(client, answers[0].RefreshToken))
		h.clock.advance(time.Minute)
		_, err := h.Token(t.Context(), refreshing(client, first.RefreshToken))
		checkCode(t, "the first, long after", err, core.InvalidGrant)
		_, err = h.Token(t.Context(), refreshing(client, next.RefreshToken))
		checkCode(t, "the family after reuse", err, core.InvalidGrant)
	})
}

// Refreshing while the client is disabled and enabled revives nothing.
func TestRefreshAfterDisable(t *testing.T) {
	onEach(t, func(s *store) {
		h := openTokens(s)
		client := h.spa()
		first := h.got(redeeming(client, h.newCode(client)))
		h.do(h.byOperator(core.Disable, client, ""))
		_, err := h.Token(t.Context(), refreshing(client, first.RefreshToken))
		checkCode(t, "disabled", err, core.UnauthorizedClient)
		h.do(h.byOperator(core.Enable, client, ""))
		_, err = h.Token(t.Context(), refreshing(client, first.RefreshToken))
		checkCode(t, "enabled again", err, core.InvalidGrant)
		_, err = h.Verify(t.Context(), first.AccessToken)
		checkCode(t, "its access token", err, core.InvalidToken)
		h.do(h.byOperator(core.Delete, client, ""))
		_, err = h.Token(t.Context(), refreshing(client, first.RefreshToken))
		checkCode(t, "deleted", err, core.InvalidClient)
	})
}

// RFC 7523 §3: 50 uses of one assertion at once give one token; another process does not forget it.
func TestParallelAssertions(t *testing.T) {
	onEach(t, func(s *store) {
		h := openTokens(s)
		key, err := jose.Generate(jose.ES256)
		if err != nil {
			t.Fatal(err)
		}
		jwk, err := jose.PublicJWK(key)
		if err != nil {
			t.Fatal(err)
		}
		client := h.register(fmt.Sprintf(`{"client_name":"Job","grant_types":["client_credentials"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[%s]}}`, jwk))
		assertion, err := jose.Sign(key, "JWT", fmt.Appendf(nil, `{"iss":%q,"sub":%q,"aud":%q,"exp":%d,"jti":"one"}`, client, client, opURL, h.clock.now().Add(time.Minute).Unix()))
		if err != nil {
			t.Fatal(err)
		}
		req := asking("grant_type", "client_credentials", "client_assertion", assertion, "client_assertion_type", clientauth.AssertionType)
		if answers := h.outcomes(func(int) token.Request { return req }, core.InvalidClient); len(answers) != 1 {
			t.Errorf("%d answers", len(answers))
		}
		h.reopen()
		_, err = h.Token(t.Context(), req)
		checkCode(t, "after a restart", err, core.InvalidClient)
	})
}

// A revoked token stays so in every process.
func TestRevokedStaysRevoked(t *testing.T) {
	onEach(t, func(s *store) {
		h := openTokens(s)
		client := h.spa()
		answer := h.got(redeeming(client, h.newCode(client)))
		if err := h.Revoke(t.Context(), asking("client_id", string(client), "token", answer.AccessToken.Reveal())); err != nil {
			t.Fatal(err)
		}
		h.reopen()
		_, err := h.Verify(t.Context(), answer.AccessToken)
		checkCode(t, "revoked", err, core.InvalidToken)
		h.got(refreshing(client, answer.RefreshToken))
	})
}
