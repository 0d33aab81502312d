package storage

import (
	"encoding/base64"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/keys/jose"
)

// The stored forms of the backend's records. What expires, and what names a record, stands in the record and its key.

type bffRegistrationForm struct {
	Issuer     string         `json:"issuer"`
	ClientID   core.ClientID  `json:"client_id"`
	Token      string         `json:"token"`
	URI        string         `json:"uri,omitempty"`
	Secret     string         `json:"secret,omitempty"`
	Since      time.Time      `json:"secret_since,omitzero"`
	Until      time.Time      `json:"secret_until,omitzero"`
	IDTokenAlg string         `json:"id_token_alg"`
	Key        string         `json:"key"`
	KeyAlg     string         `json:"key_alg,omitempty"`
	KeyID      string         `json:"key_id,omitempty"`
	KeyFrom    time.Time      `json:"key_from,omitzero"`
	Older      []bffOlderForm `json:"older,omitempty"`
	Digest     string         `json:"digest"`
	Ticket     string         `json:"ticket,omitempty"`

	OldKey string `json:"old_key,omitempty"` // PKCS #8 in base64, of an earlier version; read, and never written
}

// bffOlderForm is a public key that is still published.
type bffOlderForm struct {
	JWK  string    `json:"jwk"`
	From time.Time `json:"from"`
}

func formOfBFFRegistration(r bff.Registration) bffRegistrationForm {
	form := bffRegistrationForm{
		Issuer: r.Issuer, ClientID: r.ClientID, Token: r.Token.Reveal(), URI: r.URI, Secret: r.Secret.Reveal(), Since: r.Since, Until: r.Until,
		IDTokenAlg: r.IDTokenAlg, Key: r.Key.Reveal(), KeyAlg: r.KeyAlg, KeyID: r.KeyID, KeyFrom: r.KeyFrom, Digest: r.Digest, Ticket: r.Ticket,
	}
	for _, key := range r.Older {
		form.Older = append(form.Older, bffOlderForm(key))
	}
	return form
}

func (f bffRegistrationForm) noun() bff.Registration {
	r := bff.Registration{
		Issuer: f.Issuer, ClientID: f.ClientID, Token: core.Secret(f.Token), URI: f.URI, Secret: core.Secret(f.Secret), Since: f.Since, Until: f.Until,
		IDTokenAlg: f.IDTokenAlg, Key: core.Secret(f.Key), KeyAlg: f.KeyAlg, KeyID: f.KeyID, KeyFrom: f.KeyFrom, Digest: f.Digest, Ticket: f.Ticket,
	}
	for _, key := range append(f.before(), f.Older...) {
		r.Older = append(r.Older, bff.OlderKey(key))
	}
	return r
}

// before gives the key that an earlier version kept with its private half. It is published until its time is over; nothing is known of
// since when it signed. One that cannot be read signs nothing and is left out.
func (f bffRegistrationForm) before() []bffOlderForm {
	der, err := base64.StdEncoding.DecodeString(f.OldKey)
	if err != nil || len(der) == 0 {
		return nil
	}
	key, err := jose.ParsePrivate(jose.ES256, der)
	if err != nil {
		return nil
	}
	public, err := jose.PublicJWK(key)
	if err != nil {
		return nil
	}
	return []bffOlderForm{{JWK: string(public)}}
}

type bffLeaseForm struct {
	Holder string `json:"holder"`
}

type bffLoginForm struct {
	Browser     string `json:"browser"`
	Verifier    string `json:"verifier"`
	Nonce       string `json:"nonce"`
	RedirectURI string `json:"redirect_uri"`
	ReturnTo    string `json:"return_to"`
}

func formOfBFFLogin(p bff.Pending) bffLoginForm {
	return bffLoginForm{
		Browser: p.Browser.String(), Verifier: p.Verifier.Reveal(), Nonce: p.Nonce.Reveal(),
		RedirectURI: p.RedirectURI, ReturnTo: p.ReturnTo,
	}
}

func (f bffLoginForm) noun(state core.SecretHash, r Record) (bff.Pending, error) {
	browser, err := parseHash(f.Browser)
	return bff.Pending{
		State: state, Browser: browser, Verifier: core.Secret(f.Verifier), Nonce: core.Secret(f.Nonce),
		RedirectURI: f.RedirectURI, ReturnTo: f.ReturnTo, ExpiresAt: r.Expires, Stamp: bff.Stamp(r.Version),
	}, err
}

type bffSessionForm struct {
	Subject       core.Subject   `json:"sub"`
	Issued        core.SessionID `json:"sid,omitempty"`
	Username      string         `json:"username,omitempty"`
	Name          string         `json:"name,omitempty"`
	Email         string         `json:"email,omitempty"`
	EmailVerified bool           `json:"email_verified,omitempty"`
	CreatedAt     time.Time      `json:"created_at"`
	Generation    uint64         `json:"generation,omitempty"` // 0: the issuer keeps its people elsewhere
	IssuedUntil   time.Time      `json:"issued_until,omitzero"`
	Client        core.ClientID  `json:"client,omitempty"`
	ClientGen     uint64         `json:"client_generation,omitempty"` // 0: the issuer keeps its clients elsewhere
}

func formOfBFFSession(s bff.Session) bffSessionForm {
	return bffSessionForm{
		Subject: s.Subject, Issued: s.Issued, Username: s.Username, Name: s.Name, Email: s.Email,
		EmailVerified: s.EmailVerified, CreatedAt: s.CreatedAt,
		Generation: s.Origin.Generation, IssuedUntil: s.Origin.Until, Client: s.Client, ClientGen: s.Origin.ClientGeneration,
	}
}

func (f bffSessionForm) noun(hash core.SecretHash, r Record) bff.Session {
	return bff.Session{
		Hash: hash, Subject: f.Subject, Issued: f.Issued, Username: f.Username, Name: f.Name, Email: f.Email,
		EmailVerified: f.EmailVerified, CreatedAt: f.CreatedAt, ExpiresAt: r.Expires,
		Origin: bff.Origin{Known: f.Generation != 0, Generation: f.Generation, Until: f.IssuedUntil, ClientGeneration: f.ClientGen},
		Client: f.Client,
	}
}

type bffTokensForm struct {
	Access      string    `json:"access"`
	AccessFrom  time.Time `json:"access_from"`
	AccessUntil time.Time `json:"access_until"`
	Refresh     string    `json:"refresh,omitempty"`
}

func formOfBFFTokens(t bff.Tokens) bffTokensForm {
	return bffTokensForm{Access: t.Access.Reveal(), AccessFrom: t.AccessFrom, AccessUntil: t.AccessUntil, Refresh: t.Refresh.Reveal()}
}

func (f bffTokensForm) noun(r Record) bff.Tokens {
	return bff.Tokens{
		Access: core.Secret(f.Access), AccessFrom: f.AccessFrom, AccessUntil: f.AccessUntil,
		Refresh: core.Secret(f.Refresh), Stamp: bff.Stamp(r.Version),
	}
}
