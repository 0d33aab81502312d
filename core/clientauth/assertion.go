package clientauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The bounds of a client assertion.
const (
	skew        = 10 * time.Second // how far two clocks may differ
	maxLifetime = time.Hour        // how far ahead exp may lie: so long a jti is remembered
	maxJTI      = 256              // bytes
)

// onceKind is the kind of row that remembers a used assertion.
const onceKind = "client_assertion"

// checkAssertion fulfils RFC 7523 §3 and OpenID Connect Core §9. The checks stand in order of trust: who signed it, for whom,
// when, and last whether it was used before, so that nobody but the client can spend one.
func (a *Authenticator) checkAssertion(ctx context.Context, p proof, c *core.Client, endpoint string) error {
	if err := a.verify(ctx, &p.assertion, c); err != nil {
		return err
	}
	claims := p.assertion.Claims
	if text(claims, "iss") != string(c.ID) || text(claims, "sub") != string(c.ID) {
		return refuseAssertion("must have the client_id as iss and as sub", nil)
	}
	if !names(claims, a.parts.Issuer, a.parts.TokenEndpoint, endpoint) {
		return refuseAssertion("must name this issuer, its token endpoint or the endpoint that was called as aud", nil)
	}
	expires, err := timely(claims, a.parts.Now())
	if err != nil {
		return err
	}
	jti := text(claims, "jti")
	if jti == "" || len(jti) > maxJTI {
		return refuseAssertion("needs a jti of at most "+strconv.Itoa(maxJTI)+" bytes, a new one each time", nil)
	}
	first, err := a.parts.Once.Once(ctx, onceKind, sha256.Sum256([]byte(string(c.ID)+"\x00"+jti)), expires.Add(skew))
	if err == nil && !first {
		return refuseAssertion("was used before; make a new one, with a new jti, for each request", nil)
	}
	return err
}

// verify wants one of the client's own keys to have signed, with an algorithm that the client registered.
func (a *Authenticator) verify(ctx context.Context, assertion *jose.Token, c *core.Client) error {
	if !usualType(assertion.Header.Typ) {
		return refuseAssertion("has a typ that says it is something else", nil)
	}
	set, err := a.keysOf(ctx, c, assertion.Header.Kid)
	if err != nil {
		return err
	}
	err = assertion.Verify(set, algorithmsFor(c))
	switch {
	case errors.Is(err, jose.ErrAlgorithm):
		return refuseAssertion("is signed with another algorithm than token_endpoint_auth_signing_alg or the client's keys allow", err)
	case err != nil:
		return refuseAssertion("is not signed by a key of this client", err)
	}
	return nil
}

// usualType keeps JWTs that a client signed for another purpose, such as DPoP proofs, from being used as assertions (RFC 8725
// §3.11).
func usualType(typ string) bool {
	return typ == "" || strings.EqualFold(typ, "JWT") || strings.EqualFold(typ, "client-authentication+jwt")
}

func algorithmsFor(c *core.Client) []string {
	switch alg := c.Metadata.TokenEndpointAuthSigningAlg; alg {
	case "":
		return jose.Asymmetric()
	case jose.EdDSA, jose.Ed25519: // two names of one algorithm
		return []string{jose.EdDSA, jose.Ed25519}
	default:
		return []string{alg}
	}
}

// keysOf gives the client's own keys: those it registered, or those it publishes.
func (a *Authenticator) keysOf(ctx context.Context, c *core.Client, kid string) (jose.KeySet, error) {
	switch {
	case c.Metadata.JWKS != "":
		set, err := a.sets.Set(c.Metadata.JWKS)
		if err != nil {
			return jose.KeySet{}, refuseKeys("The registered jwks of this client cannot be used; register new keys.", err)
		}
		return set, nil
	case c.Metadata.JWKSURI == "":
		return jose.KeySet{}, refuseKeys("There are no keys registered for this client; add jwks or jwks_uri to its registration.", nil)
	}
	set, err := a.parts.Keys.Set(ctx, c.Metadata.JWKSURI, kid)
	if errors.Is(err, keys.ErrUnreachable) {
		return jose.KeySet{}, refuseKeys("The keys of this client could not be fetched from its jwks_uri.", err)
	}
	return set, err
}

// timely checks exp, nbf and iat and gives exp (RFC 7519 §4.1).
func timely(claims strictjson.Value, now time.Time) (time.Time, error) {
	expires, present, ok := instant(claims, "exp")
	if !ok || !present {
		return time.Time{}, refuseAssertion("needs an exp in seconds", nil)
	}
	if !now.Before(expires.Add(skew)) {
		return time.Time{}, refuseAssertion("has expired", nil)
	}
	if expires.After(now.Add(maxLifetime + skew)) {
		return time.Time{}, refuseAssertion("is good for more than an hour; let it expire within minutes", nil)
	}
	for _, name := range [...]string{"nbf", "iat"} {
		from, present, ok := instant(claims, name)
		if !ok {
			return time.Time{}, refuseAssertion("needs "+name+" in seconds, or none", nil)
		}
		if present && from.After(now.Add(skew)) {
			return time.Time{}, refuseAssertion("has an "+name+" in the future; check the client's clock", nil)
		}
	}
	return expires, nil
}

// instant reads a NumericDate.
func instant(claims strictjson.Value, name string) (at time.Time, present, ok bool) {
	v, given := claims.Get(name)
	if !given {
		return time.Time{}, false, true
	}
	at, ok = v.Seconds()
	return at, true, ok
}

// names tells whether aud, a string or an array of strings, has one of the values.
func names(claims strictjson.Value, accepted ...string) bool {
	aud, _ := claims.Get("aud")
	listed, ok := aud.Strings()
	if single, isText := aud.Text(); isText {
		listed, ok = []string{single}, true
	}
	return ok && slices.ContainsFunc(listed, func(one string) bool { return one != "" && slices.Contains(accepted, one) })
}

func refuseAssertion(why string, cause error) error {
	return core.Fail(core.InvalidClient, "The client_assertion "+why+".", cause)
}

func refuseKeys(detail string, cause error) error {
	return core.Fail(core.InvalidClient, detail, cause)
}
