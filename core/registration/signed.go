package registration

import (
	"context"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A registration or an update may come as a signed JWT whose claims are the document. It is believed when an issuer of the
// operator's list has signed it, one whose keys plugins know, or the very keys that it brings.

const (
	maxRequestLife = time.Hour // how far ahead exp may be: so long its jti is remembered
	maxJTI         = 256
)

// ownClaims are those of the JWT, and not of the document.
var ownClaims = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}

// A Once is something that a commit may do only if nobody has done it before.
type Once struct {
	Kind  string
	Hash  core.SecretHash
	Until time.Time // until then it is remembered; zero: for ever
}

// The kinds of what is done once.
const (
	onceRequest   = "signed_request"
	onceStatement = "software_statement"
)

// Replayed is what a commit answers when it was done before: ErrReplayed or ErrStatementUsed.
func (o Once) Replayed() error {
	if o.Kind == onceStatement {
		return ErrStatementUsed
	}
	return ErrReplayed
}

// unwrap takes the document out of a signed request.
func (j *judgement) unwrap(ctx context.Context) error {
	if j.req.Signed == "" {
		return nil
	}
	token, err := jose.Read(j.req.Signed, jose.MaxToken)
	if err != nil {
		return core.Refuse(core.InvalidRequest, "The body is no usable signed JWT: %v.", err)
	}
	if !isGeneralType(token.Header.Typ) {
		return core.Refuse(core.InvalidRequest, "The body is a JWT of the type %q, which no registration is.", core.Clip(token.Header.Typ))
	}
	issuer, _ := field(token.Claims, "iss")
	j.signed = decision.Signature{Present: true, Issuer: issuer, Alg: token.Header.Alg, Kid: token.Header.Kid, Trust: TrustNone}
	own, _ := token.Claims.Get("jwks")
	trust, by, err := j.signedBy(ctx, &token, issuer, string(strictjson.Append(nil, own)))
	if err != nil {
		return err
	}
	if trust == TrustNone {
		return core.Refuse(core.InvalidRequest, "The signed request does not verify: neither with the keys of an issuer that is trusted here, nor with those that its software statement names, nor with the jwks in it.")
	}
	j.signed.Trust = trust
	if err := j.meant(token.Claims, j.signer(token.Claims, trust, by)); err != nil {
		return err
	}
	token.Claims = by.ofRequest(token.Claims)
	j.req.Body = strictjson.Object(slices.DeleteFunc(token.Claims.Members(), func(m strictjson.Member) bool {
		return slices.Contains(ownClaims, m.Name)
	})...)
	if _, second := j.req.Body.Get("access_token"); second {
		return core.Refuse(core.InvalidRequest, "A signed request carries no credential; send the access token as Authorization: Bearer.")
	}
	return nil
}

// signer tells whose jti a request's is: what anybody may write as the issuer tells nobody apart.
func (j *judgement) signer(claims strictjson.Value, trust string, by TrustedIssuer) string {
	name := j.signed.Issuer
	switch {
	case trust == TrustSelf:
		own, _ := claims.Get("jwks")
		name = string(strictjson.Append(nil, own))
	case by.Issuer == "": // software, by a key that its statement names
		name += "\x00" + j.inner.compact
	}
	return trust + "\x00" + name
}

// meant verifies that a signed request is for us, for now and, of its signer, for once.
func (j *judgement) meant(claims strictjson.Value, signer string) error {
	if !j.isAudience(claims, nil) {
		return core.Refuse(core.InvalidRequest, "The signed request has no aud that is this issuer or its registration endpoint.")
	}
	if err := inTime(core.InvalidRequest, "The signed request", claims, j.now); err != nil {
		return err
	}
	exp, hasExp := second(claims, "exp")
	iat, hasIAT := second(claims, "iat")
	switch {
	case !hasExp || !hasIAT:
		return core.Refuse(core.InvalidRequest, "The signed request needs exp and iat, in seconds.")
	case exp.After(j.now.Add(maxRequestLife)):
		return core.Refuse(core.InvalidRequest, "The signed request is valid for too long: exp may be an hour ahead.")
	case iat.After(j.now.Add(skew)):
		return core.Refuse(core.InvalidRequest, "The signed request was issued in the future: look at your clock.")
	}
	jti, _ := field(claims, "jti")
	if jti == "" || len(jti) > maxJTI {
		return core.Refuse(core.InvalidRequest, "The signed request needs a jti of 1 to %d characters, a new one for each request.", maxJTI)
	}
	j.onces = append(j.onces, Once{Kind: onceRequest, Hash: core.Secret(signer + "\x00" + jti).Hash(), Until: exp.Add(skew)})
	return nil
}

// isAudience tells whether aud names us, or one of some other names.
func (j *judgement) isAudience(claims strictjson.Value, also []string) bool {
	aud, _ := claims.Get("aud")
	named, _ := aud.Strings()
	if one, ok := aud.Text(); ok {
		named = []string{one}
	}
	ours := slices.Concat(j.desk.audiences, also)
	if j.req.ClientID != "" {
		ours = append(ours, j.desk.clientURI(j.req.ClientID))
	}
	return slices.ContainsFunc(named, func(name string) bool { return slices.Contains(ours, name) })
}

// second gives a time; false when there is none.
func second(claims strictjson.Value, name string) (time.Time, bool) {
	v, _ := claims.Get(name)
	return v.Seconds()
}

// vouched verifies the signature of a software statement or a request, and tells whose it is, and on which entry of the table
// that rests. What names a trusted issuer must verify with that issuer's keys; anything else may verify with the client's own.
func (j *judgement) vouched(ctx context.Context, point hook.Point, token *jose.Token, issuer, own string, doc strictjson.Value) (trust string, by TrustedIssuer, err error) {
	if issuer != "" || point == hook.RequestKeys { // a statement needs one (RFC 7591 §2.3)
		if trust, by, err = j.ofIssuers(ctx, point, token, issuer, doc); err != nil || trust == TrustIssuer {
			return trust, by, err
		}
	}
	if own != "" {
		if set, err := jose.ParseJWKS([]byte(own)); err == nil && token.Verify(set, jose.Asymmetric()) == nil {
			return TrustSelf, TrustedIssuer{}, nil
		}
	}
	return TrustNone, TrustedIssuer{}, nil
}

// ofIssuers tries the entries that name the issuer, in order: the first whose keys verify counts. Where one of them has keys and
// none verifies, somebody lies about who they are.
func (j *judgement) ofIssuers(ctx context.Context, point hook.Point, token *jose.Token, issuer string, doc strictjson.Value) (string, TrustedIssuer, error) {
	var failed error
	for _, t := range j.site.issuers(useOf(point), issuer) {
		keys, known, err := j.keysFor(ctx, point, t, token, doc)
		switch {
		case err != nil:
			failed = err // another entry may verify
		case known && token.Verify(keys, slices.Concat(jose.Asymmetric(), jose.Symmetric())) == nil:
			return TrustIssuer, t, nil
		case known && failed == nil:
			failed = forged(point, issuer)
		case !known && !t.isPattern() && failed == nil:
			failed = unknownIssuer(point, issuer)
		}
	}
	return TrustNone, TrustedIssuer{}, failed
}

func useOf(point hook.Point) string {
	if point == hook.RequestKeys {
		return ForRequests
	}
	return ForStatements
}

// signedBy finds out who signed a request: who is named in it, or the software whose statement it brings.
func (j *judgement) signedBy(ctx context.Context, token *jose.Token, issuer, own string) (string, TrustedIssuer, error) {
	proven, err := j.ofSoftware(ctx, token)
	if err != nil {
		return TrustNone, TrustedIssuer{}, err
	}
	if proven {
		return TrustIssuer, TrustedIssuer{}, nil
	}
	return j.vouched(ctx, hook.RequestKeys, token, issuer, own, token.Claims)
}

// ofSoftware tells whether a request is signed with keys that its software statement names. Only the statement of a trusted issuer
// may, in the claims that the operator said.
func (j *judgement) ofSoftware(ctx context.Context, token *jose.Token) (bool, error) {
	compact, ok := field(token.Claims, "software_statement")
	if !ok || !j.site.namesRequestKeys() || j.site.isNamed(ForRequests, j.signed.Issuer) || j.site.isNamed(ForStatements, j.signed.Issuer) { // who names an issuer of the list must be it
		return false, nil
	}
	v, err := j.vouchStatement(ctx, compact, "", token.Claims)
	if err != nil || v.trust != TrustIssuer {
		return false, err
	}
	j.inner = &v
	named, claims := v.by.Terms.RequestKeys, v.token.Claims
	if set, ok := claims.Get(named.JWKS); ok && named.JWKS != "" {
		given, err := jose.ParsePublished(strictjson.Append(nil, set))
		if err == nil && token.Verify(given, jose.Asymmetric()) == nil {
			return true, nil
		}
	}
	address, _ := field(claims, named.JWKSURI)
	if named.JWKSURI == "" || address == "" || j.desk.clientKeys == nil {
		return false, nil
	}
	set, err := j.desk.clientKeys.Set(ctx, address, token.Header.Kid)
	if err != nil {
		return false, unreachable("The keys that the software statement names cannot be had now; try again later.", err)
	}
	return token.Verify(set, jose.Asymmetric()) == nil, nil
}

// unreachable is the answer while keys of others cannot be had.
func unreachable(detail string, why error) error {
	failure := core.Fail(core.TemporarilyUnavailable, detail, why)
	failure.RetryAfter = time.Minute
	return failure
}

// forged refuses what is not signed by whom it names.
func forged(point hook.Point, issuer string) error {
	if point == hook.RequestKeys {
		return core.Refuse(core.InvalidRequest, "The signed request does not verify with the keys of its issuer %q.", core.Clip(issuer))
	}
	return core.Refuse(core.InvalidSoftwareStatement, "software_statement does not verify with the keys of its issuer %q.", core.Clip(issuer))
}

// unknownIssuer refuses an issuer that the operator lists and no plugin knows.
func unknownIssuer(point hook.Point, issuer string) error {
	if point == hook.RequestKeys {
		return core.Refuse(core.InvalidRequest, "The keys of the signed request's issuer %q are not known.", core.Clip(issuer))
	}
	return core.Refuse(core.UnapprovedSoftwareStmt, "The keys of the software statement's issuer %q are not known.", core.Clip(issuer))
}

// keysFor gives the keys of a trusted issuer: from the configuration, from where it publishes them, or from plugins, which may
// not know it.
func (j *judgement) keysFor(ctx context.Context, point hook.Point, t TrustedIssuer, token *jose.Token, doc strictjson.Value) (keys jose.KeySet, known bool, err error) {
	var set jose.KeySet
	switch {
	case t.delegated():
		return j.keysOfPlugins(ctx, point, token, doc)
	case t.JWKSURI != "":
		set, err = j.desk.issuerKeys.Set(ctx, t.JWKSURI, token.Header.Kid)
	case t.Configuration.Endpoint != "":
		set, err = j.desk.issuerKeys.Configured(ctx, t.Configuration.Endpoint, t.Configuration.Claim, token.Header.Kid)
	}
	if err != nil {
		return jose.KeySet{}, false, unreachable("The keys of the issuer that signed this cannot be had now; try again later.", err)
	}
	return jose.Join(set, t.keys), true, nil
}

// keysOfPlugins asks plugins for the keys of who signed a token. Of what they give only whether it verifies is ever told.
func (j *judgement) keysOfPlugins(ctx context.Context, point hook.Point, token *jose.Token, doc strictjson.Value) (keys jose.KeySet, known bool, err error) {
	if !j.desk.plugins.Serves(point) {
		return jose.KeySet{}, false, nil
	}
	stage := "statement"
	call := hook.Call{Point: point, Signed: &hook.Signed{Kind: hook.SignedStatement, Alg: token.Header.Alg, Kid: token.Header.Kid, Claims: token.Claims}}
	if point == hook.RequestKeys {
		stage, call.Signed.Kind = "request", hook.SignedRequest
	} else {
		call.Client = withoutCredentials(doc)
	}
	err = j.consult(ctx, stage, call, func(p hook.Plugin, r hook.Result) error {
		if r.Action != hook.Give {
			return nil
		}
		if keys, err = readGiven(r.Keys); err != nil {
			return badPatch(p, point, "the keys that it gave cannot be used")
		}
		known = true
		return nil
	})
	return keys, known, err
}

// readGiven reads what a plugin gave. Its error says nothing of it.
func readGiven(k hook.Keys) (jose.KeySet, error) {
	if k.Secret != "" {
		return jose.SharedSecret(k.Secret)
	}
	return jose.ParsePublished([]byte(k.JWKS))
}

// withoutCredentials is a request's document as a plugin may see it.
func withoutCredentials(doc strictjson.Value) strictjson.Value {
	return doc.Without("client_secret").Without("registration_access_token").Without("access_token")
}
