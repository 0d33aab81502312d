package registration

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A binding is what holds a client to a software statement of a trusted issuer: the terms of the entry that it rests on, and all that
// the statement claims, seen by policy or not. Of a stored client whose entry is not known there are several, and all hold. The zero
// binding holds nobody to anything.
type binding struct {
	terms  []Terms
	claims strictjson.Value
}

// binds is what the entries hold a statement's client to.
func binds(entries []TrustedIssuer, claims strictjson.Value) binding {
	b := binding{claims: claims}
	for _, t := range entries {
		b.terms = append(b.terms, t.Terms)
	}
	return b
}

// visible leaves the claims that count.
func (b binding) visible() strictjson.Value {
	claims := b.claims
	for _, t := range b.terms {
		claims = t.visible(claims)
	}
	return claims
}

// may tells whether the issuer's clients may have a scope.
func (b binding) may(scope string) bool {
	return !slices.ContainsFunc(b.terms, func(t Terms) bool { return len(t.Scopes) > 0 && !slices.Contains(t.Scopes, scope) })
}

// asksCertificate tells whether the client comes with a certificate of its own.
func (b binding) asksCertificate() bool {
	return slices.ContainsFunc(b.terms, func(t Terms) bool { return t.Certificate.isSet() })
}

// misses says what keeps a certificate from being the statement's; empty: nothing.
func (b binding) misses(c *core.Certificate) string {
	for _, t := range b.terms {
		if text := t.Certificate.misses(c, b.claims); text != "" {
			return text
		}
	}
	return ""
}

// rebind holds an update that brings no trusted statement to the one that the client has, as long as its issuer is trusted.
func (j *judgement) rebind(ctx context.Context) error {
	before := &j.before.Client
	issuer := before.Provenance.StatementIssuer
	if j.statement.Trust == TrustIssuer || issuer == "" {
		return nil
	}
	if sent := j.draft.SoftwareStatement; sent != "" && sent != before.Metadata.SoftwareStatement {
		return core.Refuse(core.InvalidSoftwareStatement, "software_statement is not of an issuer that is trusted here, and cannot take the place of the one that the client has.")
	}
	if bound, still := j.bindingOf(before); still {
		j.bound = bound
		for _, t := range bound.terms {
			if err := j.notRevoked(ctx, t.Revocation, before.Metadata.SoftwareStatement, bound.claims); err != nil {
				return err
			}
		}
	}
	if j.draft.SoftwareStatement == "" {
		j.draft.SoftwareStatement = before.Metadata.SoftwareStatement
	}
	return nil
}

// bindingOf gives what a client's own statement holds it to, as long as the issuer of it is trusted.
func (j *judgement) bindingOf(c *core.Client) (binding, bool) {
	entries := j.site.vouching(c.Provenance.StatementIssuer, c.Provenance.StatementEntry)
	_, claims, err := jose.Peek(c.Metadata.SoftwareStatement, maxStatement)
	if c.Provenance.StatementIssuer == "" || len(entries) == 0 || err != nil {
		return binding{}, false
	}
	return binds(entries, claims), true
}

// presentsCertificate holds a client that manages itself to the certificate of the statement that it has: there its token alone is
// nobody's proof, and a statement and certificate of somebody else's make it none. The floor sees to the statement that comes along.
func (j *judgement) presentsCertificate() error {
	if j.req.Channel != core.ChannelManage {
		return nil
	}
	j.bound, _ = j.bindingOf(&j.before.Client)
	if text := j.bound.misses(j.caller.Certificate); text != "" {
		return core.Refuse(core.InvalidToken, "%s", text)
	}
	return nil
}

// stillVouched tells whether whoever signed the client's statement is still believed about statements.
func (j *judgement) stillVouched() bool {
	issuer := j.before.Client.Provenance.StatementIssuer
	return issuer == "" || len(j.site.issuers(ForStatements, issuer)) > 0
}

// grantByStatement cuts what nobody asked for to what the issuer's clients may have, and adds what they get.
func (j *judgement) grantByStatement() {
	if j.isLocked(scopeMember) || !slices.Contains(j.asked.Present, scopeMember) {
		within := slices.DeleteFunc(slices.Clone(j.draft.Scope), func(s string) bool { return !j.bound.may(s) })
		if dropped := without(j.draft.Scope, within...); len(dropped) > 0 && j.isLocked(scopeMember) {
			j.warnings = append(j.warnings, core.Reason{
				Rule: "statement.scopes", Fields: []string{scopeMember}, Public: true,
				Message: "The issuer of the software statement may not give " + strings.Join(dropped, ", ") + " here.",
			})
		}
		j.draft.Scope = within
	}
	if j.statement.Trust != TrustIssuer {
		return
	}
	for _, t := range j.bound.terms {
		j.draft.Scope = append(slices.Clip(j.draft.Scope), without(t.GrantScopes, j.draft.Scope...)...)
	}
}

// heldToStatement is the part of the floor that a software statement makes.
func (j *judgement) heldToStatement() (found []core.Reason) {
	for _, scope := range j.draft.Scope {
		if !j.bound.may(scope) {
			found = append(found, core.Reason{
				Rule: "statement.scopes", Code: core.InvalidScope, Fields: []string{scopeMember}, Public: true,
				Message: fmt.Sprintf("The scope %s is not for clients of this software statement's issuer.", scope),
			})
		}
	}
	for _, t := range j.bound.terms {
		if t.RedirectsClaim == "" {
			continue
		}
		listed, _ := j.bound.claims.Get(t.RedirectsClaim)
		uris, _ := listed.Strings() // what lists none allows none
		for _, uri := range j.draft.RedirectURIs {
			if !slices.Contains(uris, uri) {
				found = append(found, core.Reason{
					Rule: "statement.redirects", Code: core.InvalidRedirectURI, Fields: []string{"redirect_uris"}, Public: true,
					Message: fmt.Sprintf("%s is not in %s of the software statement.", core.Clip(metadata.WithoutUser(uri)), t.RedirectsClaim),
				})
			}
		}
	}
	if documented(j.req.Operation) && j.caller.Kind != KindOperator { // an operator is not the client, and has no certificate of it
		if text := j.bound.misses(j.caller.Certificate); text != "" {
			found = append(found, core.Reason{Rule: "statement.certificate", Code: core.InvalidClientMetadata, Fields: []string{}, Public: true, Message: text})
		}
	}
	return found
}

// misses says what keeps a certificate from being the statement's; empty: nothing.
func (b CertificateBinding) misses(c *core.Certificate, claims strictjson.Value) string {
	switch {
	case !b.isSet():
		return ""
	case c == nil:
		return "A client certificate is needed with this software statement; present it in the TLS handshake."
	case !c.Trusted:
		return "The client certificate was not issued by an authority that is trusted here."
	case len(b.Issuers) > 0 && !slices.ContainsFunc(b.Issuers, func(name string) bool { return sameName(name, c.Issuer) }):
		return "The client certificate is not of an issuer that goes with this software statement."
	}
	for _, bound := range []struct{ kind, claim string }{{"CN", b.CN}, {"OU", b.OU}, {"UID", b.UID}} {
		want, _ := field(claims, bound.claim)
		if bound.claim != "" && (want == "" || !slices.Contains(oauth.NamesOf(c.Subject, bound.kind), want)) {
			return fmt.Sprintf("The %s of the client certificate is not %s of the software statement.", bound.kind, bound.claim)
		}
	}
	return ""
}

// sameName compares distinguished names.
func sameName(a, b string) bool {
	one, errOne := oauth.ParseDistinguishedName(a)
	other, errOther := oauth.ParseDistinguishedName(b)
	return errOne == nil && errOther == nil && one.Equal(other)
}
