package token

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Access is what an access token of ours says.
type Access struct {
	ID          string       // jti
	Subject     core.Subject // as the client knows whom it is about
	Person      core.Subject // who that is, known once the token is verified; empty: the client acts for itself
	ClientID    core.ClientID
	Scope       []string
	Audience    []string
	GrantID     core.GrantID // empty: the client acts for itself, and Subject is its id
	Generation  uint64       // then: of the client
	AuthTime    time.Time    // of the person; zero without one
	IssuedAt    time.Time
	ExpiresAt   time.Time
	Certificate string              // x5t#S256 of the certificate that it is bound to; empty: to none
	Added       []strictjson.Member // claims of plugins
}

// Verify gives what an access token says, if we signed it and all that it rests on still stands: it is not revoked, its client
// is active, its grant is there, its person too. Whom it is for (Audience, Scope) is the caller's to check. Any other token is
// refused with invalid_token, and so is one that is bound to a certificate: see VerifyWith.
func (e *Endpoint) Verify(ctx context.Context, bearer core.Secret) (Access, error) {
	return e.VerifyWith(ctx, bearer, nil)
}

func (e *Endpoint) verifyAny(ctx context.Context, bearer core.Secret) (Access, error) {
	live, err := e.live(ctx, bearer, core.Registered{})
	access := live.Access
	access.Scope, access.Audience, access.Added = slices.Clone(access.Scope), slices.Clone(access.Audience), slices.Clone(access.Added)
	return access, err
}

// A live access token, with whom it rests on.
type live struct {
	Access
	standing
}

// live is Verify for who needs the client or the person too. A client that was read for this request already is not read again.
func (e *Endpoint) live(ctx context.Context, bearer core.Secret, known core.Registered) (live, error) {
	access, ok, err := e.signed(ctx, bearer)
	if err != nil {
		return live{}, err
	}
	now := e.parts.Now()
	if !ok || !now.Before(access.ExpiresAt) {
		return live{}, voidToken()
	}
	revoked, err := e.parts.Once.Seen(ctx, revokedKind, core.Secret(access.ID).Hash())
	if err != nil {
		return live{}, err
	}
	found := live{Access: access, standing: standing{client: known}}
	if known.Client.ID != access.ClientID {
		if found.client, err = e.parts.Clients.Registered(ctx, access.ClientID); err != nil {
			return live{}, err
		}
	}
	stands, err := e.rests(ctx, &found, now)
	if err != nil {
		return live{}, err
	}
	if revoked || !stands {
		return live{}, voidToken()
	}
	return found, nil
}

// rests tells whether what the token rests on still stands, and reads the person.
func (e *Endpoint) rests(ctx context.Context, l *live, now time.Time) (bool, error) {
	if l.GrantID == "" {
		return l.clientStands(l.ClientID, l.Generation, now), nil
	}
	held, err := e.parts.Grants.Grant(ctx, l.GrantID)
	if err != nil || held.Grant.ID == "" {
		return false, err
	}
	if l.user, err = e.person(ctx, held.Grant.Subject); err != nil {
		return false, err
	}
	l.Person = l.user.Subject
	named := e.parts.Names.Name(&l.client.Client, held.Grant.Subject)
	return l.Subject == named && l.ClientID == held.Grant.Client && l.stands(held.Grant, now), nil
}

func voidToken() error {
	return core.Refuse(core.InvalidToken, "The access token is expired, revoked or not one of ours.")
}

// signed gives what a token says if we signed it as an access token; whether that still counts is not looked at. What a token
// said once it says always, as long as our keys are the same: repeats are answered from memory.
func (e *Endpoint) signed(ctx context.Context, bearer core.Secret) (Access, bool, error) {
	_, keys := e.parts.Keys.JWKS() // taken first: what is remembered was never verified by an older set
	hash := bearer.Hash()
	if access, ok := e.verified.get(hash, keys); ok {
		return access, true, nil
	}
	access, ok, err := e.verify(ctx, bearer.Reveal())
	if ok {
		e.verified.put(hash, keys, access)
	}
	return access, ok, err
}

// verify checks form, type, signature and issuer. The type keeps ID tokens and others that we sign out (RFC 9068 §4).
func (e *Endpoint) verify(ctx context.Context, compact string) (Access, bool, error) {
	read, err := jose.Read(compact, maxAccessToken)
	if err != nil || read.Header.Typ != typeAccess {
		return Access{}, false, nil
	}
	set, err := e.parts.Keys.Set(ctx, read.Header.Kid)
	if err != nil {
		return Access{}, false, err
	}
	if read.Verify(set, []string{accessAlg}) != nil || text(read.Claims, "iss") != e.options.Issuer {
		return Access{}, false, nil
	}
	access, ok := readAccess(read.Claims)
	return access, ok, nil
}

// maxAccessToken is longer than any access token we make.
const maxAccessToken = 16 << 10

// readAccess reads what accessClaims wrote.
func readAccess(claims strictjson.Value) (Access, bool) {
	aud, _ := claims.Get("aud")
	audience, many := aud.Strings()
	if single, ok := aud.Text(); ok {
		audience, many = []string{single}, true
	}
	scope, err := oauth.ParseScope(text(claims, "scope"))
	generation, _ := claims.Get("gen")
	digits, _ := generation.Literal()
	gen, _ := strconv.ParseUint(digits, 10, 64) // 0 is the generation of no client
	a := Access{
		ID: text(claims, "jti"), Subject: core.Subject(text(claims, "sub")), ClientID: core.ClientID(text(claims, "client_id")),
		Scope: scope, Audience: audience, GrantID: core.GrantID(text(claims, "gid")), Generation: gen,
		AuthTime: instant(claims, "auth_time"), IssuedAt: instant(claims, "iat"), ExpiresAt: instant(claims, "exp"),
		Certificate: readConfirmation(claims), Added: addedClaims(claims),
	}
	complete := a.ID != "" && a.Subject != "" && a.ClientID != "" && (a.GrantID != "") != (a.Generation != 0)
	return a, complete && many && err == nil
}

func text(claims strictjson.Value, name string) string {
	v, _ := claims.Get(name)
	s, _ := v.Text()
	return s
}

// instant gives a time in whole seconds, zero when it is absent.
func instant(claims strictjson.Value, name string) time.Time {
	v, _ := claims.Get(name)
	seconds, ok := v.Int64()
	if !ok {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
