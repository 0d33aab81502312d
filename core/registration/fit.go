package registration

import (
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
)

// keysFit holds what a client says it signs with, and wants to have encrypted to it, against its jwks: with an algorithm that no key
// of it is for, nothing the client sends would ever verify, and nothing that it gets be read. Of keys at an address nothing is known yet.
func (j *judgement) keysFit() []core.Reason { return append(j.signaturesFit(), j.encryptionsFit()...) }

// signaturesFit leaves a client alone that has no keys yet.
func (j *judgement) signaturesFit() []core.Reason {
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
	for _, of := range []struct{ member, alg string }{
		{"request_object_signing_alg", m.RequestObjectSigningAlg},
		{"backchannel_authentication_request_signing_alg", m.BackchannelRequestSigningAlg},
	} {
		if of.alg != "" && !j.signs(of.alg) {
			found = append(found, unfit(of.member, of.alg))
		}
	}
	return found
}

// encryptionsFit refuses a jwks without keys, too: what would be encrypted to one of them could not be sent at all.
func (j *judgement) encryptionsFit() []core.Reason {
	if j.draft.JWKS == "" || j.draft.JWKS != j.keysIn { // none, or one that cannot be read, which is told already
		return nil
	}
	var found []core.Reason
	for _, of := range metadata.EncryptedTo(&j.draft) {
		if row, _ := metadata.Lookup(of.Member); row.Supports(of.Alg) && !j.decrypts(of.Alg) {
			found = append(found, unfit(of.Member, of.Alg))
		}
	}
	return found
}

// signs tells whether a key of the jwks is for an algorithm.
func (j *judgement) signs(alg string) bool {
	return slices.ContainsFunc(j.keys, func(k jose.KeyFact) bool { return k.Signs(alg) })
}

// decrypts tells whether a key of the jwks is one to encrypt to with an algorithm.
func (j *judgement) decrypts(alg string) bool {
	return slices.ContainsFunc(j.keys, func(k jose.KeyFact) bool { return k.Decrypts(alg) })
}

func unfit(member, alg string) core.Reason {
	return core.Reason{
		Rule: "floor.keys_fit", Code: core.InvalidClientMetadata, Fields: []string{member, "jwks"}, Public: true,
		Message: member + " is " + core.Clip(alg) + ", and jwks has no key for it: register another algorithm or another key.",
	}
}
