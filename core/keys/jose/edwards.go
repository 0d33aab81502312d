package jose

import (
	"crypto/ed25519"

	gojose "github.com/go-jose/go-jose/v4"
)

// go-jose knows Ed25519 only under the name EdDSA. These two carry both names.

// edwardsSigner is a gojose.OpaqueSigner.
type edwardsSigner struct {
	kid     string
	alg     gojose.SignatureAlgorithm
	private ed25519.PrivateKey
}

// Public gives the key whose id goes to the header.
func (e edwardsSigner) Public() *gojose.JSONWebKey {
	return &gojose.JSONWebKey{Key: e.private.Public(), KeyID: e.kid}
}

// Algs gives the one name this key signs under.
func (e edwardsSigner) Algs() []gojose.SignatureAlgorithm { return []gojose.SignatureAlgorithm{e.alg} }

// SignPayload signs.
func (e edwardsSigner) SignPayload(payload []byte, _ gojose.SignatureAlgorithm) ([]byte, error) {
	return ed25519.Sign(e.private, payload), nil
}

// edwardsVerifier is a gojose.OpaqueVerifier.
type edwardsVerifier struct{ public ed25519.PublicKey }

// VerifyPayload verifies, under either name: that the name belongs to the key was checked before.
func (e edwardsVerifier) VerifyPayload(payload, signature []byte, _ gojose.SignatureAlgorithm) error {
	if !ed25519.Verify(e.public, payload, signature) {
		return ErrSignature
	}
	return nil
}

// verifier gives what go-jose verifies with.
func (k key) verifier() any {
	if public, ok := k.verify.(ed25519.PublicKey); ok {
		return edwardsVerifier{public: public}
	}
	return k.verify
}
