package registration

import (
	"context"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// How far a software statement is believed.
const (
	TrustNone   = "none"   // nobody we know signed it
	TrustSelf   = "self"   // the client's own keys signed it
	TrustIssuer = "issuer" // a configured issuer signed it
)

const maxStatement = 16 << 10

// readStatement parses the document and, if it carries a software statement (RFC 7591 §2.3), finds what the statement
// proves: its claims, and how far they are to be believed.
func (j *judgement) readStatement(ctx context.Context) error {
	if err := j.unwrap(ctx); err != nil {
		return err
	}
	doc, err := j.parse()
	if err != nil {
		return err
	}
	compact := j.asked.Metadata.SoftwareStatement
	if compact == "" {
		return nil
	}
	v, err := j.vouchStatement(ctx, compact, j.asked.Metadata.JWKS, doc)
	if err != nil {
		return err
	}
	if v.trust, err = j.admits(v); err != nil {
		return err
	}
	claims := v.token.Claims
	j.statement = decision.Statement{
		Present: true, Issuer: v.issuer, Alg: v.token.Header.Alg, Kid: v.token.Header.Kid, Claims: v.by.Terms.visible(claims), Trust: v.trust,
	}
	if v.trust == TrustIssuer {
		j.bound, j.vouchedBy = binds([]TrustedIssuer{v.by}, claims), &v.by
	}
	isNew := compact != j.before.Client.Metadata.SoftwareStatement // one that is repeated was judged when it was new
	if err := v.by.Terms.accepts(claims, isNew, j.now); err != nil {
		return err
	}
	if v.trust != TrustIssuer {
		return nil
	}
	return j.relyOn(ctx, v, isNew)
}

// relyOn holds a statement of a trusted issuer to what makes it good here and now: that it is for us, was not taken back, and, where
// it is good for one time, was not used before.
func (j *judgement) relyOn(ctx context.Context, v vouching, isNew bool) error {
	terms, claims := v.by.Terms, v.token.Claims
	if isNew {
		if err := j.forUs(claims, terms.Audiences); err != nil {
			return err
		}
	}
	if err := j.notRevoked(ctx, terms.Revocation, v.compact, claims); err != nil || !isNew || !terms.OneTime {
		return err
	}
	if j.req.Channel == core.ChannelDocument { // for which nothing is written
		return core.Refuse(core.InvalidSoftwareStatement, "software_statement is good for one time here, and a metadata document is read again and again: register the client.")
	}
	once, err := terms.once(v.issuer, claims)
	if err == nil {
		j.onces = append(j.onces, once)
	}
	return err
}

// statementType is what issuers call statements that say what they are; none is registered.
const statementType = "software-statement+jwt"

// isGeneralType tells the types of JWTs that say nothing of what they are for; any other was made for something else (RFC 8725
// §3.11).
func isGeneralType(typ string) bool {
	switch strings.TrimPrefix(strings.ToLower(typ), "application/") { // which may be left out (RFC 7515 §4.1.9)
	case "", "jwt", "jose":
		return true
	}
	return false
}

// forUs holds a statement of a trusted issuer to its aud, if it has one (RFC 7519 §4.1.3): what else the issuer signs, such as an ID
// token for somebody's client, is no statement.
func (j *judgement) forUs(claims strictjson.Value, also []string) error {
	if _, named := claims.Get("aud"); named && !j.isAudience(claims, also) {
		return core.Refuse(core.InvalidSoftwareStatement, "software_statement names other servers in aud, and not this one.")
	}
	return nil
}

// A vouching is what the signature of a software statement is worth.
type vouching struct {
	compact string
	token   jose.Token
	issuer  string
	trust   string
	by      TrustedIssuer // of trust issuer: the entry that it rests on
}

// vouchStatement reads and verifies a statement. The one that a signed request brought its keys with is not verified twice.
func (j *judgement) vouchStatement(ctx context.Context, compact, own string, doc strictjson.Value) (vouching, error) {
	if v := j.inner; v != nil && v.compact == compact && v.trust == TrustIssuer {
		return *v, nil
	}
	token, err := jose.Read(compact, maxStatement)
	if err != nil {
		return vouching{}, core.Refuse(core.InvalidSoftwareStatement, "software_statement is no usable signed JWT: %v.", err)
	}
	if typ := token.Header.Typ; !isGeneralType(typ) && !strings.EqualFold(typ, statementType) {
		return vouching{}, core.Refuse(core.InvalidSoftwareStatement, "software_statement is a JWT of the type %q, which no software statement is.", core.Clip(typ))
	}
	v := vouching{compact: compact, token: token}
	v.issuer, _ = field(token.Claims, "iss")
	v.trust, v.by, err = j.vouched(ctx, hook.SoftwareStatementKeys, &token, v.issuer, own, doc)
	return v, err
}

// parse reads the document; a merge is applied to what is stored first, so that all later stages see a whole document. A key
// set that cannot be used goes no further, to no plugin and into no entry: it may hold private keys.
func (j *judgement) parse() (strictjson.Value, error) {
	var none strictjson.Value
	if kind := j.req.Body.Kind(); j.req.Merge && kind != strictjson.KindObject {
		return none, core.Refuse(core.InvalidClientMetadata, "The body must be a JSON object (RFC 7396), not %s.", kind)
	}
	doc, err := j.document()
	if err != nil {
		return none, err
	}
	asked, err := metadata.Parse(j.trimmed(doc), j.site.CustomAttributes)
	if err != nil {
		return none, err
	}
	if bad := j.readKeys(asked.Metadata.JWKS); bad != nil {
		return none, refusal([]core.Reason{*bad})
	}
	j.asked, j.draft = asked, asked.Metadata
	return doc, nil
}

// document is the whole document that was sent; a merge is applied to what is stored.
func (j *judgement) document() (strictjson.Value, error) {
	if j.req.Merge {
		return metadata.Patched(&j.before.Client.Metadata, j.req.Body)
	}
	return j.req.Body, nil
}

// skew is the clock difference that is forgiven.
const skew = 10 * time.Second

// inTime checks exp and nbf of what is signed when they are present.
func inTime(code core.Code, what string, claims strictjson.Value, now time.Time) error {
	for _, check := range []struct {
		claim string
		ok    func(at time.Time) bool
		text  string
	}{
		{"exp", func(at time.Time) bool { return now.Before(at.Add(skew)) }, "has expired; ask its issuer for a new one"},
		{"nbf", func(at time.Time) bool { return !now.Before(at.Add(-skew)) }, "is not valid yet"},
	} {
		v, present := claims.Get(check.claim)
		if !present {
			continue
		}
		at, ok := v.Seconds()
		if !ok {
			return core.Refuse(code, "%s has a claim %s that is no number of seconds.", what, check.claim)
		}
		if !check.ok(at) {
			return core.Refuse(code, "%s %s.", what, check.text)
		}
	}
	return nil
}

// field gives a string member.
func field(v strictjson.Value, name string) (string, bool) {
	m, ok := v.Get(name)
	if !ok {
		return "", false
	}
	return m.Text()
}
