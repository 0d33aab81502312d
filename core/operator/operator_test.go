package operator_test

import (
	"context"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
)

func TestAuthenticate(t *testing.T) {
	ada, ben := core.NewSecret(), core.NewSecret()
	roster := operator.NewRoster(operator.Token{Subject: "ada", Hash: ada.Hash()}, operator.Token{Subject: "ben", Hash: ben.Hash()})
	for bearer, want := range map[core.Secret]core.Subject{ada: "ada", ben: "ben"} {
		if got, err := roster.Authenticate(t.Context(), bearer, nil); err != nil || got.Subject != want {
			t.Errorf("%s: %v, %v", want, got, err)
		}
	}
	for name, bearer := range map[string]core.Secret{
		"none": "", "unknown": core.NewSecret(), "truncated": ada[:42], "extended": ada + "A", "the hash itself": core.Secret(ada.Hash().String()),
	} {
		got, err := roster.Authenticate(t.Context(), bearer, nil)
		if core.CodeOf(err) != core.InvalidToken || got != (operator.Operator{}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// A roster without tokens knows nobody, and no token is not a token.
func TestEmptyRosterKnowsNobody(t *testing.T) {
	for _, roster := range []*operator.Roster{operator.NewRoster(), operator.NewRoster(operator.Token{Subject: "ghost"})} {
		for _, bearer := range []core.Secret{"", core.NewSecret()} {
			if got, err := roster.Authenticate(t.Context(), bearer, nil); core.CodeOf(err) != core.InvalidToken {
				t.Errorf("%d characters: %v, %v", len(bearer.Reveal()), got, err)
			}
		}
	}
}

// An access token counts when it was made for this API, holds its scope and is of somebody trusted; what looks like none is not
// even verified.
func TestAccessTokens(t *testing.T) {
	const api = "https://id.example/api/admin"
	good := operator.Bearer{Subject: "u-ann", Scope: []string{"openid", "admin.api"}, Audience: []string{api, "https://id.example"}, Trusted: true}
	var says operator.Bearer
	var fails error
	own := core.NewSecret()
	asked, presented := 0, &core.Certificate{SHA256: "00"}
	roster := operator.NewRoster(operator.Token{Subject: "ada", Hash: own.Hash()}).Accept(api, func(_ context.Context, _ core.Secret, c *core.Certificate) (operator.Bearer, error) {
		asked++
		if c != presented {
			t.Errorf("verified with the certificate %v", c)
		}
		return says, fails
	})
	for name, test := range map[string]struct {
		change func(*operator.Bearer)
		fails  error
		want   core.Code
	}{
		"good":             {func(*operator.Bearer) {}, nil, ""},
		"another audience": {func(b *operator.Bearer) { b.Audience = []string{"https://id.example"} }, nil, core.InvalidToken},
		"no audience":      {func(b *operator.Bearer) { b.Audience = nil }, nil, core.InvalidToken},
		"another scope":    {func(b *operator.Bearer) { b.Scope = []string{"openid", "admin"} }, nil, core.InsufficientScope},
		"no administrator": {func(b *operator.Bearer) { b.Trusted = false }, nil, core.AccessDenied},
		"void":             {func(*operator.Bearer) {}, core.Refuse(core.InvalidToken, "expired"), core.InvalidToken},
	} {
		says, fails = good, test.fails
		test.change(&says)
		got, err := roster.Authenticate(t.Context(), "header.claims.signature", presented)
		if test.want == "" && (err != nil || got.Subject != "u-ann") || test.want != "" && (core.CodeOf(err) != test.want || got != (operator.Operator{})) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	asked = 0
	if got, err := roster.Authenticate(t.Context(), own, nil); err != nil || got.Subject != "ada" {
		t.Errorf("an operator's own token: %v, %v", got, err)
	}
	if _, err := roster.Authenticate(t.Context(), core.NewSecret(), nil); core.CodeOf(err) != core.InvalidToken || asked != 0 {
		t.Errorf("no access token: %v, verified %d times", err, asked)
	}
}
