package bff

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// metadata is what we ask to be (RFC 7591 §2), with the keys that jwks publishes.
func (b *Backend) metadata(jwks []byte) (strictjson.Value, error) {
	published, err := strictjson.Parse(jwks, strictjson.Default)
	if err != nil {
		return strictjson.Value{}, err
	}
	var redirects, afterwards []string
	for _, origin := range b.settings.Origins {
		redirects = append(redirects, redirectURI(origin))
		afterwards = append(afterwards, origin+b.settings.AfterLogout)
	}
	return strictjson.Object(
		member("client_name", strictjson.String(string(b.settings.ClientID))),
		member("redirect_uris", strictjson.Strings(redirects)),
		member("post_logout_redirect_uris", strictjson.Strings(afterwards)),
		member("grant_types", strictjson.Strings([]string{string(oauth.GrantAuthorizationCode), string(oauth.GrantRefreshToken)})),
		member("response_types", strictjson.Strings([]string{string(oauth.ResponseCode)})),
		member("scope", strictjson.String(oauth.FormatScope(b.settings.Scope))),
		member("subject_type", strictjson.String(string(oauth.SubjectPublic))), // whatever the issuer gives others: by it we look people up there
		member("token_endpoint_auth_method", strictjson.String(string(oauth.AuthPrivateKeyJWT))),
		member("token_endpoint_auth_signing_alg", strictjson.String(jose.ES256)),
		member("id_token_signed_response_alg", strictjson.String(jose.ES256)),
		member("require_pushed_authorization_requests", strictjson.Bool(true)),
		member("jwks", published),
	), nil
}

func member(name string, v strictjson.Value) strictjson.Member {
	return strictjson.Member{Name: name, Value: v}
}

// redirectURI is where the issuer sends browsers of an origin back to.
func redirectURI(origin string) string { return origin + "/auth/callback" }

// digest tells one wish from another.
func (b *Backend) digest(jwks []byte) (string, error) {
	wish, err := b.metadata(jwks)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(strictjson.Canonical(nil, wish))
	return hex.EncodeToString(sum[:]), nil
}

// registerClient is RFC 7591 §3.1, with an initial access token. When the id that we would like is taken, any id will do.
func (b *Backend) registerClient(ctx context.Context) (Registration, error) {
	anew, err := b.newKey(Registration{})
	if err != nil {
		return Registration{}, err
	}
	token, err := b.mint(ctx)
	if err != nil {
		return Registration{}, err
	}
	wish, err := b.metadata(anew.jwks)
	if err != nil {
		return Registration{}, err
	}
	wish = wish.With("client_profile", strictjson.String(b.settings.Profile))
	named := wish.With("client_id", strictjson.String(string(b.settings.ClientID)))
	answer, err := b.askJSON(ctx, http.MethodPost, b.settings.Endpoints.Register, token, named)
	if refusedWith(err, core.InvalidClientMetadata) {
		answer, err = b.askJSON(ctx, http.MethodPost, b.settings.Endpoints.Register, token, wish)
	}
	if err != nil {
		return Registration{}, err
	}
	return b.asRegistered(answer, anew)
}

// updateClient is RFC 7592 §2.2: the whole metadata anew.
func (b *Backend) updateClient(ctx context.Context, me *self) (Registration, error) {
	wish, err := b.metadata(me.jwks)
	if err != nil {
		return Registration{}, err
	}
	wish = wish.With("client_id", strictjson.String(string(me.ClientID)))
	answer, err := b.askJSON(ctx, http.MethodPut, b.manage(me.Registration), me.Token, wish)
	if err != nil {
		return Registration{}, err
	}
	return b.asRegistered(answer, me)
}

// readClient asks whether the issuer still knows us (RFC 7592 §2.1).
func (b *Backend) readClient(ctx context.Context, r Registration) error {
	_, err := b.ask(ctx, fetch.Request{Method: http.MethodGet, URL: b.manage(r), Header: bearer(r.Token)})
	return err
}

// manage is the registration_client_uri. An issuer that has moved is asked where it is now.
func (b *Backend) manage(r Registration) string {
	if r.Issuer == b.settings.Issuer && r.URI != "" {
		return r.URI
	}
	return b.settings.Endpoints.Register + "/" + url.PathEscape(string(r.ClientID))
}

// asRegistered reads a client information response (RFC 7591 §3.2.1). What it leaves out is as it was.
func (b *Backend) asRegistered(answer strictjson.Value, asked *self) (Registration, error) {
	text := func(name, otherwise string) string {
		v, _ := answer.Get(name)
		if s, ok := v.Text(); ok && s != "" {
			return s
		}
		return otherwise
	}
	next := asked.Registration // its keys are those that were asked for
	next.Issuer = b.settings.Issuer
	next.ClientID = core.ClientID(text("client_id", string(next.ClientID)))
	next.Token = core.Secret(text("registration_access_token", next.Token.Reveal()))
	next.URI = text("registration_client_uri", next.URI)
	next.IDTokenAlg = text("id_token_signed_response_alg", jose.RS256) // OpenID Connect Registration §2
	if next.ClientID == "" || next.Token == "" {
		return Registration{}, errors.New("the registration answer lacks client_id or registration_access_token")
	}
	var err error
	next.Digest, err = b.digest(asked.jwks)
	return next, err
}

// hint says what an operator should look at, by what the registration failed with.
func hint(err error) string {
	var r *refusal
	var own *core.Error // of whoever mints
	switch {
	case errors.Is(err, ErrLeased):
		return "another replica is registering it; try again in a moment"
	case errors.As(err, &own) && own.Err == nil:
		return "no initial access token could be made: " + strings.TrimSuffix(own.Detail, ".")
	case !errors.As(err, &r):
		return "the identity provider or the store did not answer; see the log"
	}
	switch r.code {
	case core.InvalidClientMetadata:
		return "the registration was refused with invalid_client_metadata: check redirect_uris, grant_types and token_endpoint_auth_method against the policy and the profile"
	case core.InvalidRedirectURI:
		return "the registration was refused with invalid_redirect_uri: align the origins of the backend with the policy for redirect_uris"
	case core.InvalidScope:
		return "the registration was refused with invalid_scope: add the scope to policy.allowed_scopes in dcr_config.yaml"
	case core.InvalidToken:
		return "the initial access token is expired, revoked or used up: mint another one"
	}
	return "the registration was refused; look up its decision in the log and at the identity provider"
}

// gone tells that the issuer knows neither the client nor its token (RFC 7592 §2.1: 401 for both).
func gone(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == http.StatusUnauthorized
}
