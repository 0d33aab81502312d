package registration

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
)

// floor holds the draft to what nothing may loosen: neither plugin nor policy.
func (j *judgement) floor(context.Context) error {
	found := metadata.Floor(&j.draft)
	if reason := j.readKeys(j.draft.JWKS); reason != nil {
		found = append(found, *reason)
	}
	found = append(found, j.keysFit()...)
	found = append(found, j.membersAllowed()...)
	found = append(found, j.redirectsListed()...)
	if method := oauth.AuthMethod(j.draft.TokenEndpointAuthMethod); oauth.UsesCertificate(method) && !slices.Contains(j.desk.certified, method) {
		found = append(found, core.Reason{
			Rule: "floor.unsupported_value", Code: core.InvalidClientMetadata, Fields: []string{"token_endpoint_auth_method"}, Public: true,
			Message: "token_endpoint_auth_method " + string(method) + " is not offered: this server takes no client certificates for it.",
		})
	}
	if bound := j.draft.CertificateBoundTokens; bound != nil && *bound && len(j.desk.certified) == 0 {
		found = append(found, core.Reason{
			Rule: "floor.unsupported_value", Code: core.InvalidClientMetadata, Fields: []string{"tls_client_certificate_bound_access_tokens"}, Public: true,
			Message: "tls_client_certificate_bound_access_tokens cannot be true: no client certificates reach this server.",
		})
	}
	if j.req.Channel == core.ChannelDocument && oauth.UsesSecret(oauth.AuthMethod(j.draft.TokenEndpointAuthMethod)) {
		found = append(found, core.Reason{
			Rule: "floor.shared_secret", Code: core.InvalidClientMetadata, Fields: []string{"token_endpoint_auth_method"}, Public: true,
			Message: "token_endpoint_auth_method " + j.draft.TokenEndpointAuthMethod + " needs a shared secret, which a client metadata document cannot have.",
		})
	}
	return refusal(append(found, j.heldToStatement()...))
}

// readKeys judges a client's key set: public keys only, strong enough, distinct ids. One that was found good is read once.
func (j *judgement) readKeys(jwks string) *core.Reason {
	if jwks == j.keysIn {
		return nil
	}
	var facts []jose.KeyFact
	var other []string
	if jwks != "" {
		set, err := jose.ParseJWKS([]byte(jwks))
		if err != nil {
			return badKeys(err)
		}
		facts, other = set.Facts(), set.Other()
	}
	j.keys, j.other, j.keysIn = facts, other, jwks
	return nil
}

func badKeys(err error) *core.Reason {
	message := "jwks cannot be used; send a JWK Set of public keys (RFC 7517)."
	var bad *jose.KeyError
	if errors.As(err, &bad) {
		message = "jwks: " + bad.Error() + "."
	}
	return &core.Reason{Rule: "floor.jwks", Code: core.InvalidClientMetadata, Fields: []string{"jwks"}, Message: message, Public: true}
}

// severity is the fixed order in which one of many reasons becomes the answer's error.
var severity = []core.Code{
	core.InvalidToken, core.InsufficientScope, core.AccessDenied, core.StaleEvidence, core.InvalidSoftwareStatement, core.UnapprovedSoftwareStmt,
	core.InvalidRedirectURI, core.InvalidClientMetadata, core.InvalidScope,
}

// refusal makes one error of many reasons: the gravest names it, all public ones go along. No reasons, no error.
func refusal(reasons []core.Reason) error {
	if len(reasons) == 0 {
		return nil
	}
	sorted := slices.Clone(reasons)
	slices.SortStableFunc(sorted, func(a, b core.Reason) int {
		return slices.Index(severity, a.Code) - slices.Index(severity, b.Code)
	})
	detail := "The request was refused by policy."
	if sorted[0].Public {
		detail = sorted[0].Message
	}
	return &core.Error{Code: sorted[0].Code, Detail: detail, Reasons: public(sorted)}
}
