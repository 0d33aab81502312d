package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// MethodS256 is the only code_challenge_method that is accepted; "plain" protects nobody (RFC 9700 §2.1.1).
const MethodS256 = "S256"

// ValidVerifier says whether a text is a code_verifier: 43 to 128 unreserved characters (RFC 7636 §4.1).
func ValidVerifier(verifier string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	for i := range len(verifier) {
		if !isUnreserved(verifier[i]) {
			return false
		}
	}
	return true
}

// ValidChallenge says whether a text can be an S256 code_challenge (RFC 7636 §4.2): 32 bytes in unpadded base64url. This is
// narrower than the RFC's grammar, which also has room for "plain"; nothing refused here could ever be answered.
func ValidChallenge(challenge string) bool {
	if len(challenge) != 43 {
		return false
	}
	var hash [sha256.Size]byte
	n, err := base64.RawURLEncoding.Strict().Decode(hash[:], []byte(challenge))
	return err == nil && n == sha256.Size
}

// S256Challenge gives the challenge of a verifier (RFC 7636 §4.2).
func S256Challenge(verifier string) string {
	hash := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

// VerifyS256 says whether a verifier answers a challenge (RFC 7636 §4.6). Both must be well formed; the comparison takes the
// same time wherever they differ.
func VerifyS256(verifier, challenge string) bool {
	if !ValidVerifier(verifier) || !ValidChallenge(challenge) {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(S256Challenge(verifier)), []byte(challenge)) == 1
}
