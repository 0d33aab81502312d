package bff

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// wish is what we ask to be (RFC 7591 §2).
func (b *Backend) wish(me *self) (strictjson.Value, error) {
	s := b.settings
	var afterwards []string
	for _, origin := range s.Origins {
		afterwards = append(afterwards, origin+s.AfterLogout)
	}
	members := []strictjson.Member{
		member("client_name", strictjson.String(string(cmp.Or(s.ClientID, DefaultClientID)))),
		member("redirect_uris", strictjson.Strings(s.RedirectURIs)),
		member("post_logout_redirect_uris", strictjson.Strings(afterwards)),
		member("grant_types", strictjson.Strings([]string{string(oauth.GrantAuthorizationCode), string(oauth.GrantRefreshToken)})),
		member("response_types", strictjson.Strings([]string{string(oauth.ResponseCode)})),
		member("scope", strictjson.String(oauth.FormatScope(s.Scope))),
	}
	if !s.Settled { // our own issuer's: by its own name we look people up there, whatever names it gives others
		members = append(members, member("subject_type", strictjson.String(string(oauth.SubjectPublic))))
	}
	members = append(members, member("token_endpoint_auth_method", strictjson.String(string(s.Method))))
	if s.Method == oauth.AuthPrivateKeyJWT {
		members = append(members, member("token_endpoint_auth_signing_alg", strictjson.String(me.key.Alg())))
	}
	if slices.Contains(me.at.IDTokenAlgs, jose.ES256) {
		members = append(members, member("id_token_signed_response_alg", strictjson.String(jose.ES256)))
	}
	if b.pushes(me.at) {
		members = append(members, member("require_pushed_authorization_requests", strictjson.Bool(true)))
	}
	return b.withKeys(strictjson.Object(members...), me)
}

// withKeys says by which keys we are known: the address where we publish them, or the keys themselves.
func (b *Backend) withKeys(wish strictjson.Value, me *self) (strictjson.Value, error) {
	switch {
	case b.settings.Method != oauth.AuthPrivateKeyJWT:
		return wish, nil
	case b.settings.JWKSURI != "":
		return wish.With("jwks_uri", strictjson.String(b.settings.JWKSURI)), nil
	}
	published, err := strictjson.Parse(me.jwks, strictjson.Default)
	return wish.With("jwks", published), err
}

func member(name string, v strictjson.Value) strictjson.Member {
	return strictjson.Member{Name: name, Value: v}
}

// redirectURI is where the issuer sends browsers of an origin back to.
func redirectURI(origin string) string { return origin + "/auth/callback" }

// digestOf tells one wish from another. Keys and redirect URIs are not part of it: they are compared with what the issuer has.
func digestOf(wish strictjson.Value) string {
	sum := sha256.Sum256(strictjson.Canonical(nil, wish.Without("jwks").Without("redirect_uris")))
	return hex.EncodeToString(sum[:])
}

// registerClient is RFC 7591 §3.1, with an initial access token.
func (b *Backend) registerClient(ctx context.Context, have Registration, at Endpoints) (next Registration, answer strictjson.Value, err error) {
	asked, err := b.candidate(have, at)
	if err != nil {
		return Registration{}, answer, err
	}
	wish, err := b.wish(asked)
	if err != nil {
		return Registration{}, answer, err
	}
	digest := digestOf(wish)
	token, err := b.parts.Mint(ctx)
	if err != nil {
		return Registration{}, answer, err
	}
	if b.settings.Profile != "" {
		wish = wish.With("client_profile", strictjson.String(b.settings.Profile))
	}
	b.publish(asked)
	if answer, err = b.askToBe(ctx, at, token, wish); err != nil {
		return Registration{}, answer, asTicket(err)
	}
	b.compare(answer, wish)
	next, err = b.asRegistered(answer, asked)
	next.Digest, next.Ticket = digest, b.settings.Ticket
	return next, answer, err
}

// askToBe asks for the id that we would like. When that is taken, any id will do, unless an operator is to see to it.
func (b *Backend) askToBe(ctx context.Context, at Endpoints, token core.Secret, wish strictjson.Value) (strictjson.Value, error) {
	named := wish
	if b.settings.ClientID != "" {
		named = wish.With("client_id", strictjson.String(string(b.settings.ClientID)))
	}
	answer, err := b.askJSON(ctx, http.MethodPost, at.Register, token, named)
	if b.settings.Settled || b.settings.ClientID == "" || !refusedWith(err, core.InvalidClientMetadata) {
		return answer, err
	}
	return b.askJSON(ctx, http.MethodPost, at.Register, token, wish)
}

// candidate is who we are to become: with the key that there is, or with a new one.
func (b *Backend) candidate(have Registration, at Endpoints) (*self, error) {
	start := Registration{}
	if b.settings.Settled {
		start = have.keysOnly()
	}
	keyed, err := b.keyed(start)
	if err != nil {
		return nil, err
	}
	return b.open(keyed, at)
}

// lacksKey tells that there is nothing to sign with, and that we are to.
func (b *Backend) lacksKey(r Registration) bool {
	return r.Key == "" && b.settings.Method == oauth.AuthPrivateKeyJWT
}

// keyed gives a registration a key, if it lacks one.
func (b *Backend) keyed(r Registration) (Registration, error) {
	if b.lacksKey(r) {
		return b.newKey(r)
	}
	return r, nil
}

func (r Registration) keysOnly() Registration {
	return Registration{Key: r.Key, KeyAlg: r.KeyAlg, KeyID: r.KeyID, KeyFrom: r.KeyFrom, Older: r.Older}
}

// readClient asks what the issuer knows of us (RFC 7592 §2.1).
func (b *Backend) readClient(ctx context.Context, r Registration, at Endpoints) (strictjson.Value, error) {
	return b.ask(ctx, fetch.Request{Method: http.MethodGet, URL: manage(r, at), Header: bearer(r.Token)})
}

// deleteClient is RFC 7592 §2.3.
func (b *Backend) deleteClient(ctx context.Context, r Registration, at Endpoints) error {
	_, err := b.ask(ctx, fetch.Request{Method: http.MethodDelete, URL: manage(r, at), Header: bearer(r.Token)})
	return err
}

// manage is the registration_client_uri. An issuer that has moved is asked where it is now; so is one that would have its token sent in
// clear, and takes registrations by https.
func manage(r Registration, at Endpoints) string {
	safe := strings.HasPrefix(r.URI, "https:") || !strings.HasPrefix(at.Register, "https:")
	if r.Issuer == at.Issuer && r.URI != "" && safe {
		return r.URI
	}
	return at.Register + "/" + url.PathEscape(string(r.ClientID))
}

// compare tells of an answer that is not what was asked for, where sign-in depends on it (RFC 7591 §3.2.1).
func (b *Backend) compare(answer, wish strictjson.Value) {
	for _, name := range []string{"token_endpoint_auth_method", "redirect_uris"} {
		asked, _ := wish.Get(name)
		if got, said := answer.Get(name); said && !strictjson.Equal(got, asked) {
			b.log.Warn("the identity provider registered something else than was asked for", "member", name, "asked", core.Clip(asked.String()), "registered", core.Clip(got.String()))
		}
	}
}

// asRegistered reads a client information response (RFC 7591 §3.2.1). What it leaves out is as it was. The registration access token and
// its URI may be left out for good: then the client cannot be managed.
func (b *Backend) asRegistered(answer strictjson.Value, asked *self) (Registration, error) {
	text := func(name, otherwise string) string { return cmp.Or(textOf(answer, name), otherwise) }
	next := asked.Registration // its keys are those that were asked for
	next.Issuer = asked.at.Issuer
	next.ClientID = core.ClientID(text("client_id", string(next.ClientID)))
	next.IDTokenAlg = text("id_token_signed_response_alg", jose.RS256) // OpenID Connect Registration §2
	if next.ClientID == "" {
		return Registration{}, useless{errors.New("the registration answer lacks client_id")}
	}
	return b.withCredentials(next, answer), nil
}
