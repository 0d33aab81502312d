package token

import (
	"context"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// UserInfo is the answer of the userinfo endpoint: JSON, or a JWT for a client that registered userinfo_signed_response_alg or
// userinfo_encrypted_response_alg.
type UserInfo struct {
	Body []byte
	JWT  bool
}

// UserInfo gives the claims that the token's scopes stand for (OpenID Connect Core §5.3, §5.4). presented is the
// certificate that came with it, nil: none. Errors are those of RFC 6750 §3.1.
func (e *Endpoint) UserInfo(ctx context.Context, bearer core.Secret, presented *core.Certificate) (UserInfo, error) {
	if bearer == "" {
		return UserInfo{}, core.Refuse(core.InvalidToken, "An access token is needed: send it as Authorization: Bearer.")
	}
	found, err := e.live(ctx, bearer, core.Registered{})
	switch {
	case err != nil:
		return UserInfo{}, err
	case isBoundElsewhere(found.Certificate, presented):
		return UserInfo{}, stolenToken()
	case !slices.Contains(found.Audience, e.options.Issuer):
		return UserInfo{}, core.Refuse(core.InvalidToken, "The access token is for another audience than userinfo.")
	case !oauth.ScopeContains(found.Scope, oauth.ScopeOpenID) || found.user.Subject == "":
		return UserInfo{}, core.Refuse(core.InsufficientScope, "The access token lacks the scope openid.")
	}
	return e.tell(ctx, &found)
}

// tell answers as the client registered: with JSON, or with a JWT that is signed, encrypted, or signed and then encrypted (§5.3.2).
func (e *Endpoint) tell(ctx context.Context, about *live) (UserInfo, error) {
	m := &about.client.Client.Metadata
	wish := userInfoWish(m)
	to, err := e.recipientOf(ctx, m, wish)
	if err != nil {
		return UserInfo{}, err
	}
	isJWT := m.UserinfoSignedResponseAlg != "" || wish.alg != ""
	claims, err := e.personClaims(about, isJWT)
	if err != nil || !isJWT {
		return UserInfo{Body: claims}, err
	}
	if m.UserinfoSignedResponseAlg == "" {
		compact, err := to.Encrypt(claims)
		return UserInfo{Body: []byte(compact), JWT: true}, err
	}
	signer, err := e.parts.Keys.Signer(m.UserinfoSignedResponseAlg)
	if err != nil {
		return UserInfo{}, err
	}
	compact, err := signer.Sign(typeID, claims)
	if err == nil && wish.alg != "" {
		compact, err = to.EncryptSigned(compact)
	}
	return UserInfo{Body: []byte(compact), JWT: true}, err
}

// personClaims says of whom the token is; a JWT also who says so, and to whom.
func (e *Endpoint) personClaims(about *live, isJWT bool) ([]byte, error) {
	r := strictjson.RecordTo(make([]byte, 0, usualClaims))
	r.Begin('{')
	r.Text("sub", string(about.Subject))
	if isJWT {
		r.Text("iss", e.options.Issuer)
		r.Text("aud", string(about.ClientID))
	}
	writeClaims(r, &about.user, about.Scope)
	r.End('}')
	return r.Bytes()
}

// writeClaims writes the claims of each scope (OpenID Connect Core §5.4). What is not known of the person is left out.
func writeClaims(r *strictjson.Record, u *core.User, scope []string) {
	p := &u.Profile
	if oauth.ScopeContains(scope, oauth.ScopeProfile) {
		writeProfile(r, u)
	}
	if oauth.ScopeContains(scope, oauth.ScopeEmail) && p.Email != "" {
		r.Text("email", p.Email)
		r.Bool("email_verified", p.EmailVerified)
	}
	if oauth.ScopeContains(scope, oauth.ScopePhone) && p.Phone != "" {
		r.Text("phone_number", p.Phone)
		r.Bool("phone_number_verified", p.PhoneVerified)
	}
	if oauth.ScopeContains(scope, oauth.ScopeAddress) && p.Address != "" {
		r.Key("address")
		r.Begin('{')
		r.Text("formatted", p.Address)
		r.End('}')
	}
}

func writeProfile(r *strictjson.Record, u *core.User) {
	p := &u.Profile
	r.TextIf("name", p.Name)
	r.TextIf("given_name", p.GivenName)
	r.TextIf("family_name", p.FamilyName)
	r.TextIf("nickname", p.Nickname)
	r.TextIf("preferred_username", u.Username)
	r.TextIf("picture", p.Picture)
	r.TextIf("website", p.Website)
	r.TextIf("birthdate", p.Birthdate)
	r.TextIf("zoneinfo", p.Zoneinfo)
	r.TextIf("locale", p.Locale)
	if !u.UpdatedAt.IsZero() {
		r.Int("updated_at", u.UpdatedAt.Unix())
	}
}
