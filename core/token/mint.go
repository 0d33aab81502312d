package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The typ headers by which our tokens are told apart (RFC 9068 §2.1, RFC 8725 §3.11).
const (
	typeAccess = "at+jwt"
	typeID     = "JWT"
)

// accessAlg signs access tokens. ID tokens are signed with what their client registered.
const accessAlg = jose.ES256

// usualClaims is room for the claims of a usual token.
const usualClaims = 640

// mint makes the tokens of the answer.
func (c *call) mint() (Answer, error) {
	expires := c.now.Add(c.lifetimes.AccessToken)
	if c.grant.ID != "" && c.grant.ExpiresAt.Before(expires) {
		expires = c.grant.ExpiresAt
	}
	claims, err := c.accessClaims(expires)
	if err != nil {
		return Answer{}, err
	}
	access, err := c.sign(accessAlg, typeAccess, claims)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{
		AccessToken: access, ExpiresIn: time.Duration(expires.Unix()-c.now.Unix()) * time.Second,
		Scope: c.scope, RefreshToken: c.refresh,
	}
	if c.hasIDToken() {
		answer.IDToken, err = c.idToken(access)
	}
	return answer, err
}

func (c *call) sign(alg, typ string, claims []byte) (core.Secret, error) {
	signer, err := c.parts.Keys.Signer(alg)
	if err != nil {
		return "", err
	}
	token, err := signer.Sign(typ, claims)
	return core.Secret(token), err
}

// accessClaims writes RFC 9068 §2.2. Of our own are gid, the grant that the token hangs on, and for a client acting for itself
// gen, the client's generation.
func (c *call) accessClaims(expires time.Time) ([]byte, error) {
	r := c.beginClaims(c.named(), expires)
	audience(r, c.audience())
	r.Text("jti", c.jti())
	r.Text("client_id", string(c.client.Client.ID))
	r.TextIf("scope", oauth.FormatScope(c.scope))
	writeConfirmation(r, c.certificate)
	if c.grant.ID == "" {
		r.Uint("gen", c.client.Client.Generation)
	} else {
		c.writeAuthTime(r)
		r.Text("gid", string(c.grant.ID))
	}
	for name, v := range c.added.All() {
		r.Value(name, v)
	}
	r.End('}')
	return r.Bytes()
}

// idToken writes OpenID Connect Core §2, on refreshing §12.2 (no nonce). What else is to say of the person, userinfo says (§5.4); for
// clients of which policy wants it, the ID token says it, too. It is signed, and then encrypted for who wants that (§10.2).
func (c *call) idToken(access core.Secret) (core.Secret, error) {
	signed, err := c.signedIDToken(access)
	if err != nil || idTokenWish(&c.client.Client.Metadata).alg == "" {
		return signed, err
	}
	encrypted, err := c.recipient.EncryptSigned(signed.Reveal())
	return core.Secret(encrypted), err
}

func (c *call) signedIDToken(access core.Secret) (core.Secret, error) {
	alg := c.client.Client.Metadata.IDTokenSignedResponseAlg
	if alg == "" {
		alg = jose.RS256 // OpenID Connect Registration §2
	}
	r := c.beginClaims(c.named(), c.now.Add(c.lifetimes.IDToken))
	r.Text("aud", string(c.client.Client.ID))
	c.writeAuthTime(r)
	r.TextIf("nonce", c.nonce)
	r.Text("at_hash", halfHash(alg, access.Reveal()))
	r.TextsIf("amr", c.grant.Methods)
	r.TextIf("sid", string(c.parts.Names.Session(&c.client.Client, c.grant.Session)))
	if c.client.Client.Governance.Obliges(decision.ObligeIDTokenClaims) {
		writeClaims(r, &c.user, c.scope)
	}
	r.End('}')
	claims, err := r.Bytes()
	if err != nil {
		return "", err
	}
	return c.sign(alg, typeID, claims)
}

func (c *call) writeAuthTime(r *strictjson.Record) {
	if !c.grant.AuthTime.IsZero() {
		r.Int("auth_time", c.grant.AuthTime.Unix())
	}
}

func (c *call) subject() core.Subject {
	if c.grant.ID == "" {
		return core.Subject(c.client.Client.ID)
	}
	return c.grant.Subject
}

// named is the subject as the client, and whom it shows its tokens to, know it.
func (c *call) named() core.Subject {
	if c.grant.ID == "" {
		return c.subject()
	}
	return c.parts.Names.Name(&c.client.Client, c.subject())
}

func (c *call) beginClaims(subject core.Subject, expires time.Time) *strictjson.Record {
	r := strictjson.RecordTo(make([]byte, 0, usualClaims))
	r.Begin('{')
	r.Text("iss", c.options.Issuer)
	r.Text("sub", string(subject))
	r.Int("exp", expires.Unix())
	r.Int("iat", c.now.Unix())
	return r
}

// audience writes one as a string and several as an array (RFC 7519 §4.1.3).
func audience(r *strictjson.Record, aud []string) {
	if len(aud) == 1 {
		r.Text("aud", aud[0])
		return
	}
	r.TextsIf("aud", aud)
}

const jtiSize = 16 // bytes

// newJTI gives 128 random bits.
func newJTI() string {
	var b [jtiSize]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// halfHash is at_hash (OpenID Connect Core §3.1.3.6): the left half of the hash that the algorithm of the ID token uses, which
// for Ed25519 is SHA-512.
func halfHash(alg, token string) string {
	if alg == jose.EdDSA || alg == jose.Ed25519 {
		sum := sha512.Sum512([]byte(token))
		return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// AppendJSON writes the answer as it goes to the client.
func (a Answer) AppendJSON(dst []byte) ([]byte, error) {
	r := strictjson.RecordTo(dst)
	r.Begin('{')
	r.Text("access_token", a.AccessToken.Reveal())
	r.Text("token_type", "Bearer")
	r.Int("expires_in", int64(a.ExpiresIn/time.Second))
	r.TextIf("scope", oauth.FormatScope(a.Scope))
	r.TextIf("refresh_token", a.RefreshToken.Reveal())
	r.TextIf("id_token", a.IDToken.Reveal())
	r.End('}')
	return r.Bytes()
}
