package registration

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The bounds of an initial access token.
const (
	MaxTokenUses         = 10000
	DefaultTokenLifetime = time.Hour
	MaxTokenLifetime     = 30 * 24 * time.Hour
)

// TokenStore keeps initial access tokens.
type TokenStore interface {
	AddToken(ctx context.Context, t core.InitialAccessToken) error
	Token(ctx context.Context, id core.TokenID) (Held, error)                  // the zero Held: there is none
	Tokens(ctx context.Context, after core.TokenID, limit int) ([]Held, error) // newest first
	RevokeToken(ctx context.Context, id core.TokenID) (bool, error)            // false: there was none
}

// TokenRequest is what an operator asks for. Nil and zero members get their defaults.
type TokenRequest struct {
	Label     string
	Profile   string
	ExpiresIn *int64 // seconds
	MaxUses   *int64
	MaxUsages *int64 // the other spelling of max_uses

	Scopes         []string // these and the next are core.Terms
	RedirectHosts  []string
	SoftwareIDs    []string
	Origins        []string
	AllowedOrigins []string         // the other spelling of origins
	PolicyData     strictjson.Value // an object; absent: none
}

// Tokens mints, lists and revokes initial access tokens (RFC 7591 §3, Appendix A).
type Tokens struct {
	store TokenStore
	site  func() *Site
	now   func() time.Time
}

// NewTokens makes the operators' token desk.
func NewTokens(store TokenStore, site func() *Site, now func() time.Time) *Tokens {
	return &Tokens{store: store, site: site, now: now}
}

// Mint makes a token. The secret is in this answer only.
func (t *Tokens) Mint(ctx context.Context, by core.Subject, req TokenRequest) (core.InitialAccessToken, core.Secret, error) {
	uses, err := req.uses()
	if err != nil {
		return core.InitialAccessToken{}, "", err
	}
	lifetime, err := req.lifetime()
	if err != nil {
		return core.InitialAccessToken{}, "", err
	}
	if len(req.Label) > 200 {
		return core.InitialAccessToken{}, "", core.Refuse(core.InvalidRequest, "label is longer than 200 bytes.")
	}
	if req.Profile != "" && !t.site().HasProfile(req.Profile) {
		return core.InitialAccessToken{}, "", core.Refuse(core.InvalidRequest, "profile %q is not offered; see client_profiles in dcr_config.yaml.", core.Clip(req.Profile))
	}
	terms, err := req.terms()
	if err != nil {
		return core.InitialAccessToken{}, "", err
	}
	now, secret := t.now(), core.NewSecret()
	token := core.InitialAccessToken{
		ID: core.NewTokenID(now), Label: req.Label, Profile: req.Profile, MaxUses: uses,
		CreatedAt: now.Truncate(time.Second), ExpiresAt: now.Add(lifetime).Truncate(time.Second), CreatedBy: by, Hash: secret.Hash(),
		Terms: terms,
	}
	return token, secret, t.store.AddToken(ctx, token)
}

// uses reads both spellings: 1 to 10000, the same in both, 1 when neither is given.
func (r TokenRequest) uses() (int64, error) {
	if r.MaxUses != nil && r.MaxUsages != nil && *r.MaxUses != *r.MaxUsages {
		return 0, core.Refuse(core.InvalidRequest, "max_uses and max_usages mean the same and differ; send one of them.")
	}
	for _, n := range []*int64{r.MaxUses, r.MaxUsages} {
		switch {
		case n == nil:
		case *n < 1 || *n > MaxTokenUses:
			return 0, core.Refuse(core.InvalidRequest, "max_uses must be from 1 to %d.", MaxTokenUses)
		default:
			return *n, nil
		}
	}
	return 1, nil
}

// lifetime is an hour when not given, and never longer than MaxTokenLifetime.
func (r TokenRequest) lifetime() (time.Duration, error) {
	if r.ExpiresIn == nil {
		return DefaultTokenLifetime, nil
	}
	if *r.ExpiresIn < 1 {
		return 0, core.Refuse(core.InvalidRequest, "expires_in must be 1 second or more.")
	}
	if *r.ExpiresIn > int64(MaxTokenLifetime/time.Second) {
		return MaxTokenLifetime, nil
	}
	return time.Duration(*r.ExpiresIn) * time.Second, nil
}

// Show gives one token.
func (t *Tokens) Show(ctx context.Context, id core.TokenID) (Held, error) {
	held, err := t.store.Token(ctx, id)
	if err == nil && held.Token.ID == "" {
		err = core.Refuse(core.NotFound, "There is no initial access token with this id.")
	}
	return held, err
}

// List gives a page of tokens, newest first.
func (t *Tokens) List(ctx context.Context, after core.TokenID, limit int) ([]Held, error) {
	return t.store.Tokens(ctx, after, limit)
}

// Revoke ends a token at once.
func (t *Tokens) Revoke(ctx context.Context, id core.TokenID) error {
	found, err := t.store.RevokeToken(ctx, id)
	if err == nil && !found {
		return core.Refuse(core.NotFound, "There is no initial access token with this id.")
	}
	return err
}
