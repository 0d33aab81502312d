package bff

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/strictjson"
)

// skew is how far the issuer's clock may be from ours.
const skew = 10 * time.Second

// idTokenCheck is OpenID Connect Core §3.1.3.7, the signature being verified already.
type idTokenCheck struct {
	issuer string
	client core.ClientID
	nonce  core.Secret
	access core.Secret // for at_hash
	typ    string
	alg    string
	now    time.Time
}

func (c idTokenCheck) holds(claims strictjson.Value) error {
	switch {
	case c.typ != "" && !strings.EqualFold(c.typ, "JWT"): // an access token (at+jwt) is no ID token (RFC 8725 §3.11)
		return fmt.Errorf("its typ is %.20q", c.typ)
	case textOf(claims, "iss") != c.issuer:
		return errors.New("iss is another issuer")
	case textOf(claims, "sub") == "":
		return errors.New("sub is missing")
	case subtle.ConstantTimeCompare([]byte(textOf(claims, "nonce")), []byte(c.nonce.Reveal())) != 1:
		return errors.New("nonce is not that of this login")
	}
	return errors.Join(c.audience(claims), c.times(claims), c.accessHash(claims))
}

// audience: we are the audience, and if there are others the token was issued to us (azp).
func (c idTokenCheck) audience(claims strictjson.Value) error {
	aud, _ := claims.Get("aud")
	list, ok := aud.Strings()
	if one, single := aud.Text(); single {
		list, ok = []string{one}, true
	}
	found := false
	for _, a := range list {
		found = found || a == string(c.client)
	}
	azp, given := claims.Get("azp")
	party, _ := azp.Text()
	switch {
	case !ok || !found:
		return errors.New("aud is another client")
	case given && party != string(c.client), !given && len(list) > 1:
		return errors.New("azp is another client")
	}
	return nil
}

func (c idTokenCheck) times(claims strictjson.Value) error {
	exp, okExp := timeOf(claims, "exp")
	iat, okIat := timeOf(claims, "iat")
	switch {
	case !okExp || !okIat:
		return errors.New("exp or iat is missing")
	case !c.now.Before(exp.Add(skew)):
		return errors.New("it has expired")
	case iat.After(c.now.Add(skew)):
		return errors.New("it was issued in the future")
	}
	return nil
}

// accessHash binds the access token to the ID token when the issuer says so (OpenID Connect Core §3.1.3.6).
func (c idTokenCheck) accessHash(claims strictjson.Value) error {
	v, given := claims.Get("at_hash")
	if !given {
		return nil
	}
	got, _ := v.Text()
	if subtle.ConstantTimeCompare([]byte(got), []byte(halfHash(c.alg, c.access.Reveal()))) != 1 {
		return errors.New("at_hash is not that of the access token")
	}
	return nil
}

// halfHash is the left half of the hash that belongs to an algorithm; Ed25519 goes with SHA-512.
func halfHash(alg, text string) string {
	var sum []byte
	switch {
	case strings.HasSuffix(alg, "256"):
		h := sha256.Sum256([]byte(text))
		sum = h[:]
	case strings.HasSuffix(alg, "384"):
		h := sha512.Sum384([]byte(text))
		sum = h[:]
	default:
		h := sha512.Sum512([]byte(text))
		sum = h[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// An identity is who signed in, as far as the claims say.
type identity struct {
	subject       core.Subject
	session       core.SessionID
	username      string
	name          string
	email         string
	emailVerified bool
	origin        Origin // of the issuer's own session
}

func identityOf(claims strictjson.Value) identity {
	verified, _ := claims.Get("email_verified")
	who := identity{
		subject: core.Subject(textOf(claims, "sub")), session: core.SessionID(textOf(claims, "sid")),
		username: textOf(claims, "preferred_username"), name: textOf(claims, "name"), email: textOf(claims, "email"),
	}
	who.emailVerified, _ = verified.Bool()
	return who
}

// named tells whether there is something to call the person by.
func (i identity) named() bool { return i.name != "" || i.username != "" || i.email != "" }

// askUserInfo asks for the claims that the ID token has not (OpenID Connect Core §5.3). Its sub must be the same (§5.3.2).
func (b *Backend) askUserInfo(ctx context.Context, me *self, who identity, access core.Secret) (identity, error) {
	claims, err := b.ask(ctx, fetch.Request{Method: http.MethodGet, URL: me.at.UserInfo, Header: bearer(access)})
	if err != nil {
		return identity{}, unavailable(err)
	}
	more := identityOf(claims)
	if more.subject != who.subject {
		return identity{}, untrusted(errors.New("userinfo is about somebody else"))
	}
	more.session = who.session
	return more, nil
}

func textOf(v strictjson.Value, name string) string {
	m, _ := v.Get(name)
	text, _ := m.Text()
	return text
}

// timeOf reads a NumericDate (RFC 7519 §2).
func timeOf(v strictjson.Value, name string) (time.Time, bool) {
	m, _ := v.Get(name)
	return m.Seconds()
}
