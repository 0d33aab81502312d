package registration

import (
	"slices"

	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
)

// choose picks for the client what it left open (OpenID Connect RP Metadata Choices 1.0): what its profile wants, where the client
// can do that.
func (j *judgement) choose() error {
	_ = j.readKeys(j.draft.JWKS) // a statement may have brought others; what is wrong with them, the floor says
	_, err := metadata.Choose(&j.draft, j.asked.Choices, j.offers)
	return err
}

// offers tells whether a value may be chosen for this client.
func (j *judgement) offers(member, value string) bool {
	if !j.site.Members.isAllowed(member, value) {
		return false
	}
	switch {
	case member == "token_endpoint_auth_method":
		method := oauth.AuthMethod(value)
		if oauth.UsesAssertion(method) && j.draft.JWKS != "" && !slices.ContainsFunc(jose.Asymmetric(), j.signs) {
			return false // its keys are for something else
		}
		return wanted(j.profile.TokenEndpointAuthMethod, value) && (!oauth.UsesCertificate(method) || slices.Contains(j.desk.certified, method))
	case member == "id_token_signed_response_alg":
		return wanted(j.profile.IDTokenSignedAlg, value)
	case member == "token_endpoint_auth_signing_alg": // of keys at an address nothing is known: without a choice all will do
		return j.signs(value)
	case metadata.NeedsRecipient(member): // likewise: without a choice nothing is encrypted, which works
		return j.decrypts(value)
	}
	return true
}

// wanted tells whether a value is the one that a profile gives, if it gives any.
func wanted(profile, value string) bool { return profile == "" || profile == value }

// stateChoices lets what a trusted statement leaves open stand for what the request does, and says which members that is about.
func (j *judgement) stateChoices(stated []metadata.Choice) {
	for _, choice := range stated {
		j.asked.Choices = slices.DeleteFunc(slices.Clone(j.asked.Choices), func(c metadata.Choice) bool { return c.Name == choice.Name })
		j.asked.Choices = append(j.asked.Choices, choice)
		j.locked = append(without(j.locked, choice.Of), choice.Of)
	}
}
