package oauth_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/oauth"
)

// The example of RFC 7636 appendix B.
const (
	exampleVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	exampleChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

func TestVerifyS256(t *testing.T) {
	if oauth.S256Challenge(exampleVerifier) != exampleChallenge {
		t.Error("the challenge of RFC 7636 appendix B is not ours")
	}
	if !oauth.VerifyS256(exampleVerifier, exampleChallenge) {
		t.Error("the verifier of RFC 7636 appendix B is refused")
	}
	for _, c := range []struct{ name, verifier, challenge string }{
		{"nothing", "", ""},
		{"no verifier", "", exampleChallenge},
		{"no challenge", exampleVerifier, ""},
		{"plain", exampleVerifier, exampleVerifier},
		{"the challenge itself", exampleChallenge, exampleChallenge},
		{"another letter", "e" + exampleVerifier[1:], exampleChallenge},
		{"padded", exampleVerifier, exampleChallenge + "="},
		{"one short", exampleVerifier, exampleChallenge[:42]},
		{"short verifier", "abc", oauth.S256Challenge("abc")},
		{"loose last bits", exampleVerifier, exampleChallenge[:42] + "N"},
	} {
		if oauth.VerifyS256(c.verifier, c.challenge) {
			t.Errorf("%s: verified", c.name)
		}
	}
}

func TestValidVerifier(t *testing.T) {
	for verifier, want := range map[string]bool{
		strings.Repeat("a", 42):        false,
		strings.Repeat("a", 43):        true,
		strings.Repeat("~", 128):       true,
		strings.Repeat("a", 129):       false,
		strings.Repeat("-._~Z9", 10):   true,
		strings.Repeat("a", 43) + "+":  false,
		strings.Repeat("a", 43) + "=":  false,
		strings.Repeat("a", 43) + " ":  false,
		strings.Repeat("a", 43) + "é":  false,
		strings.Repeat("a", 43) + "\n": false,
	} {
		if got := oauth.ValidVerifier(verifier); got != want {
			t.Errorf("%q: %v", verifier, got)
		}
	}
}

func TestValidChallenge(t *testing.T) {
	for challenge, want := range map[string]bool{
		exampleChallenge:             true,
		exampleChallenge[:42]:        false,
		exampleChallenge + "A":       false,
		exampleChallenge[:42] + "N":  false, // bits beyond the 32 bytes are set
		exampleChallenge[:42] + "\n": false,
		exampleChallenge[:42] + "+":  false,
		exampleChallenge[:42] + "=":  false,
		strings.Repeat("a", 128):     false,
	} {
		if got := oauth.ValidChallenge(challenge); got != want {
			t.Errorf("%q: %v", challenge, got)
		}
	}
}
