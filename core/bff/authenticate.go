package bff

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// methods are those by which a backend proves itself, the strongest first.
var methods = []oauth.AuthMethod{oauth.AuthPrivateKeyJWT, oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// askForm posts a form as the client that we are. When the issuer does not accept that, our registration is in doubt.
func (b *Backend) askForm(ctx context.Context, me *self, to string, form url.Values) (strictjson.Value, error) {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if err := b.authenticate(me, form, header); err != nil {
		return strictjson.Value{}, err
	}
	doc, err := b.ask(ctx, fetch.Request{Method: http.MethodPost, URL: to, Header: header, Body: []byte(form.Encode())})
	if refusedWith(err, core.InvalidClient) {
		b.log.Warn("the identity provider does not accept who we are", "error", err, "hint", b.say(ClientRefused))
		b.doubt()
	}
	return doc, err
}

// authenticate proves who we are, in the way that is registered.
func (b *Backend) authenticate(me *self, form url.Values, header http.Header) error {
	switch b.settings.Method {
	case oauth.AuthClientSecretBasic: // RFC 6749 §2.3.1: both are encoded before they are joined
		pair := url.QueryEscape(string(me.ClientID)) + ":" + url.QueryEscape(me.Secret.Reveal())
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
		return nil
	case oauth.AuthClientSecretPost:
		form.Set("client_id", string(me.ClientID))
		form.Set("client_secret", me.Secret.Reveal())
		return nil
	}
	assertion, err := b.assertion(me) // RFC 7523 §2.2
	form.Set("client_id", string(me.ClientID))
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", assertion)
	return err
}

// assertionLife is how long an assertion may be on its way.
const assertionLife = time.Minute

// assertion proves who we are, once (RFC 7523 §3). Its audience is the issuer alone, so that it is of no use elsewhere.
func (b *Backend) assertion(me *self) (string, error) {
	now := b.now()
	var claims strictjson.Record
	claims.Begin('{')
	claims.Text("iss", string(me.ClientID))
	claims.Text("sub", string(me.ClientID))
	claims.Text("aud", me.at.Issuer)
	claims.Text("jti", core.NewSecret().Reveal())
	claims.Int("iat", now.Unix())
	claims.Int("exp", now.Add(assertionLife).Unix())
	claims.End('}')
	body, err := claims.Bytes()
	if err != nil {
		return "", err
	}
	return jose.Sign(me.key, "JWT", body)
}
