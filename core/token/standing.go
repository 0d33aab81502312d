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

// stands tells whether a grant is still good: not expired, its client active and not at its end, its person there, both of the
// generation that it was given under. Deleting, disabling and signing out everywhere each end in another generation.
func (s standing) stands(g core.Grant, now time.Time) bool {
	return g.ID != "" && now.Before(g.ExpiresAt) && s.clientStands(g.Client, g.ClientGeneration, now) && s.userStands(g)
}

func (s standing) clientStands(id core.ClientID, generation uint64, now time.Time) bool {
	c := &s.client.Client
	return c.ID != "" && c.ID == id && s.client.State == core.Active && c.Generation == generation && !c.ExpiredAt(now)
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
