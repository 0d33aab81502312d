package registration

import (
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
)

// keysFit holds what a client says it signs with against its jwks: with an algorithm that no key of it is for, nothing the client
// sends would ever verify. Of keys at an address nothing is known yet.
func (j *judgement) keysFit() []core.Reason {
	if len(j.keys) == 0 {
		return nil
	}
	var found []core.Reason
	m := &j.draft
	proves := oauth.AuthMethod(m.TokenEndpointAuthMethod) == oauth.AuthPrivateKeyJWT
	switch alg := m.TokenEndpointAuthSigningAlg; {
	case proves && alg != "" && !j.signs(alg):
		found = append(found, unfit("token_endpoint_auth_signing_alg", alg))
	case proves && !slices.ContainsFunc(jose.Asymmetric(), j.signs):
		found = append(found, core.Reason{
			Rule: "floor.keys_fit", Code: core.InvalidClientMetadata, Fields: []string{"jwks", "token_endpoint_auth_method"}, Public: true,
			Message: "jwks has no key that signs, and private_key_jwt needs one: add a key with use sig, or without use.",
		})
	}
	if alg := m.RequestObjectSigningAlg; alg != "" && !j.signs(alg) {
		found = append(found, unfit("request_object_signing_alg", alg))
	}
	return found
}

// signs tells whether a key of the jwks is for an algorithm.
func (j *judgement) signs(alg string) bool {
	return slices.ContainsFunc(j.keys, func(k jose.KeyFact) bool { return k.Signs(alg) })
}

func unfit(member, alg string) core.Reason {
	return core.Reason{
		Rule: "floor.keys_fit", Code: core.InvalidClientMetadata, Fields: []string{member, "jwks"}, Public: true,
		Message: member + " is " + core.Clip(alg) + ", and jwks has no key for it: register another algorithm or another key.",
	}
}
