package registration

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
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
	if err := j.parse(); err != nil {
		return err
	}
	compact := j.asked.Metadata.SoftwareStatement
	if compact == "" {
		return nil
	}
	header, claims, err := jose.Peek(compact, maxStatement)
	if err != nil {
		return core.Refuse(core.InvalidSoftwareStatement, "software_statement is no usable signed JWT: %v.", err)
	}
	issuer, _ := field(claims, "iss")
	j.statement = decision.Statement{Present: true, Issuer: issuer, Alg: header.Alg, Kid: header.Kid, Claims: claims, Trust: TrustNone}
	if err := j.verifyStatement(ctx, compact, header.Kid); err != nil {
		return err
	}
	if compact == j.before.Client.Metadata.SoftwareStatement {
		return nil // an update that repeats it byte for byte: its times were judged when it was new
	}
	return inTime(claims, j.now)
}

// parse reads the document; a merge is applied to what is stored first, so that all later stages see a whole document. A key
// set that cannot be used goes no further, to no plugin and into no entry: it may hold private keys.
func (j *judgement) parse() error {
	doc := j.req.Body
	if j.req.Merge {
		if doc.Kind() != strictjson.KindObject {
			return core.Refuse(core.InvalidClientMetadata, "The body must be a JSON object (RFC 7396), not %s.", doc.Kind())
		}
		doc = strictjson.MergePatch(metadata.Document(&j.before.Client.Metadata), doc)
	}
	asked, err := metadata.Parse(doc, j.site.CustomAttributes)
	if err != nil {
		return err
	}
	if bad := j.readKeys(asked.Metadata.JWKS); bad != nil {
		return refusal([]core.Reason{*bad})
	}
	j.asked, j.draft = asked, asked.Metadata
	return nil
}

// verifyStatement sets the trust. A statement that names a configured issuer must verify with that issuer's keys.
func (j *judgement) verifyStatement(ctx context.Context, compact, kid string) error {
	issuer := j.statement.Issuer
	if trusted, ok := j.site.issuer(issuer); ok {
		keys, err := j.keysOf(ctx, trusted, kid)
		if err != nil {
			return err
		}
		if _, err := jose.Verify(compact, keys, jose.Asymmetric()); err != nil {
			return core.Refuse(core.InvalidSoftwareStatement, "software_statement does not verify with the keys of its issuer %q.", issuer)
		}
		j.statement.Trust = TrustIssuer
		return nil
	}
	if own := j.asked.Metadata.JWKS; own != "" {
		if set, err := jose.ParseJWKS([]byte(own)); err == nil {
			if _, err := jose.Verify(compact, set, jose.Asymmetric()); err == nil {
				j.statement.Trust = TrustSelf
			}
		}
	}
	return nil
}

// keysOf gives the keys of a trusted issuer, from the configuration or from where it publishes them.
func (j *judgement) keysOf(ctx context.Context, t TrustedIssuer, kid string) (jose.KeySet, error) {
	if t.JWKSURI == "" {
		return t.keys, nil
	}
	set, err := j.desk.issuerKeys.Set(ctx, t.JWKSURI, kid)
	if err != nil {
		failure := core.Fail(core.TemporarilyUnavailable, "The keys of the software statement's issuer cannot be had now; try again later.", err)
		failure.RetryAfter = time.Minute
		return jose.KeySet{}, failure
	}
	return set, nil
}

// skew is the clock difference that is forgiven.
const skew = 10 * time.Second

// inTime checks exp and nbf when they are present.
func inTime(claims strictjson.Value, now time.Time) error {
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
		seconds, ok := v.Int64()
		if !ok {
			return core.Refuse(core.InvalidSoftwareStatement, "software_statement has a claim %s that is no whole number of seconds.", check.claim)
		}
		if !check.ok(time.Unix(seconds, 0)) {
			return core.Refuse(core.InvalidSoftwareStatement, "software_statement %s.", check.text)
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
