package operator_test

import (
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
)

func TestAuthenticate(t *testing.T) {
	ada, ben := core.NewSecret(), core.NewSecret()
	roster := operator.NewRoster(operator.Token{Subject: "ada", Hash: ada.Hash()}, operator.Token{Subject: "ben", Hash: ben.Hash()})
	for bearer, want := range map[core.Secret]core.Subject{ada: "ada", ben: "ben"} {
		if got, err := roster.Authenticate(bearer); err != nil || got.Subject != want {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
	for name, bearer := range map[string]core.Secret{
		"none": "", "unknown": core.NewSecret(), "truncated": ada[:42], "extended": ada + "A", "the hash itself": core.Secret(ada.Hash().String()),
	} {
		got, err := roster.Authenticate(bearer)
		if core.CodeOf(err) != core.InvalidToken || got != (operator.Operator{}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// A roster without tokens knows nobody, and no token is not a token.
func TestEmptyRosterKnowsNobody(t *testing.T) {
	for _, roster := range []*operator.Roster{operator.NewRoster(), operator.NewRoster(operator.Token{Subject: "ghost"})} {
		for _, bearer := range []core.Secret{"", core.NewSecret()} {
			if got, err := roster.Authenticate(bearer); core.CodeOf(err) != core.InvalidToken {
				t.Errorf("%d characters: %v, %v", len(bearer.Reveal()), got, err)
			}
		}
	}
}
