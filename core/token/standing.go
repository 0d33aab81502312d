package token

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
)

// A standing is whom a grant rests on, as they are now.
type standing struct {
	client core.Registered
	user   core.User
}

// stands tells whether a grant is still good: not expired, its client active, its person there, both of the generation that it
// was given under. Deleting, disabling and signing out everywhere each end in another generation.
func (s standing) stands(g core.Grant, now time.Time) bool {
	return g.ID != "" && now.Before(g.ExpiresAt) && s.clientStands(g) && s.userStands(g)
}

func (s standing) clientStands(g core.Grant) bool {
	return s.client.Client.ID != "" && s.client.Client.ID == g.Client && s.client.State == core.Active && s.client.Client.Generation == g.ClientGeneration
}

func (s standing) userStands(g core.Grant) bool {
	return s.user.Subject != "" && s.user.Subject == g.Subject && !s.user.Disabled && s.user.Generation == g.UserGeneration
}

// standingOf reads whom the caller's grant rests on.
func (c *call) standingOf(ctx context.Context, g core.Grant) (standing, error) {
	user, err := c.person(ctx, g.Subject)
	return standing{client: c.client, user: user}, err
}

// person gives a user, the zero User when there is none.
func (e *Endpoint) person(ctx context.Context, subject core.Subject) (core.User, error) {
	user, found, err := e.parts.People.User(ctx, subject)
	if err != nil || !found {
		return core.User{}, err
	}
	return user, nil
}
