package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/web"
)

// Users keeps people (core/login).
type Users interface {
	Create(ctx context.Context, n login.NewUser) (login.Stored, error)
	List(ctx context.Context, cursor string, limit int) (page []login.Stored, next string, err error)
	Find(ctx context.Context, name string) (login.Stored, error) // by subject or username
	Update(ctx context.Context, id core.Subject, e login.Edit) (login.Stored, error)
	Delete(ctx context.Context, id core.Subject) error
	Invite(ctx context.Context, id core.Subject) (link core.Secret, expires time.Time, err error)
}

// user is a user as operators see it. No password, not even its hash.
type user struct {
	ID                  core.Subject `json:"id"`
	Username            string       `json:"username"`
	Name                string       `json:"name,omitempty"`
	GivenName           string       `json:"given_name,omitempty"`
	FamilyName          string       `json:"family_name,omitempty"`
	Nickname            string       `json:"nickname,omitempty"`
	Picture             string       `json:"picture,omitempty"`
	Website             string       `json:"website,omitempty"`
	Birthdate           string       `json:"birthdate,omitempty"`
	Zoneinfo            string       `json:"zoneinfo,omitempty"`
	Locale              string       `json:"locale,omitempty"`
	Email               string       `json:"email,omitempty"`
	EmailVerified       bool         `json:"email_verified"`
	PhoneNumber         string       `json:"phone_number,omitempty"`
	PhoneNumberVerified bool         `json:"phone_number_verified"`
	Address             string       `json:"address,omitempty"`
	Admin               bool         `json:"admin"`
	Disabled            bool         `json:"disabled"`
	PasswordSet         bool         `json:"password_set"`
	CreatedAt           time.Time    `json:"created_at"`
	UpdatedAt           time.Time    `json:"updated_at"`
	SetupURL            string       `json:"setup_url,omitempty"` // the one-time link, only where it was just made
	SetupExpiresAt      time.Time    `json:"setup_expires_at,omitzero"`
}

func showUser(u core.User) user {
	p := u.Profile
	return user{
		ID: u.Subject, Username: u.Username, Name: p.Name, GivenName: p.GivenName, FamilyName: p.FamilyName, Nickname: p.Nickname,
		Picture: p.Picture, Website: p.Website, Birthdate: p.Birthdate, Zoneinfo: p.Zoneinfo, Locale: p.Locale, Email: p.Email,
		EmailVerified: p.EmailVerified, PhoneNumber: p.Phone, PhoneNumberVerified: p.PhoneVerified, Address: p.Address,
		Admin: u.Admin, Disabled: u.Disabled, PasswordSet: u.Password != "", CreatedAt: u.CreatedAt.UTC(), UpdatedAt: u.UpdatedAt.UTC(),
	}
}

// showStored answers a user with its ETag.
func showStored(status int, s login.Stored) (web.Response, error) {
	res, err := reply(status, showUser(s.User))
	return res.With("ETag", s.Tag()), err
}

// CreateUser makes a user; without a password the answer has the one-time link that sets it.
func (h *Handlers) CreateUser(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	wanted, err := readNewUser(r.Body)
	if err != nil {
		return web.Response{}, err
	}
	made, err := h.Users.Create(ctx, wanted)
	if err != nil {
		return web.Response{}, err
	}
	shown := showUser(made.User)
	if wanted.Password == "" {
		if shown.SetupURL, shown.SetupExpiresAt, err = h.invite(ctx, made.User.Subject); err != nil {
			return web.Response{}, err
		}
	}
	res, err := reply(http.StatusCreated, shown)
	return res.With("ETag", made.Tag()), err
}

func (h *Handlers) invite(ctx context.Context, id core.Subject) (string, time.Time, error) {
	link, expires, err := h.Users.Invite(ctx, id)
	if err != nil {
		return "", time.Time{}, err
	}
	return h.SetupURL(link), expires.UTC(), nil
}

// ListUsers lists users by name: ?username= (that one, or none) cursor= limit=.
func (h *Handlers) ListUsers(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	query, err := searchOf(r, "username")
	if err != nil {
		return web.Response{}, err
	}
	var found []login.Stored
	var next string
	if name := query.Get("username"); name != "" {
		var one login.Stored
		if one, err = h.Users.Find(ctx, name); err == nil {
			found = append(found, one)
		} else if core.CodeOf(err) == core.NotFound {
			err = nil
		}
	} else {
		found, next, err = h.Users.List(ctx, query.Get("cursor"), query.limit)
	}
	if err != nil {
		return web.Response{}, err
	}
	page := list[user]{Items: []user{}, Next: next}
	for _, s := range found {
		page.Items = append(page.Items, showUser(s.User))
	}
	return reply(http.StatusOK, page)
}

// ShowUser answers one user with its ETag. Here and below, :id is the user's id or username.
func (h *Handlers) ShowUser(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	found, err := h.Users.Find(ctx, r.Param("id"))
	if err != nil {
		return web.Response{}, err
	}
	return showStored(http.StatusOK, found)
}

// EditUser is PATCH: a JSON Merge Patch (RFC 7396) of profile, admin and disabled. If-Match makes it conditional.
func (h *Handlers) EditUser(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	edit, err := readEdit(r.Body)
	if err != nil {
		return web.Response{}, err
	}
	found, err := h.Users.Find(ctx, r.Param("id"))
	if err != nil {
		return web.Response{}, err
	}
	edit.IfMatch = web.EntityTags(r, "If-Match")
	after, err := h.Users.Update(ctx, found.User.Subject, edit)
	if err != nil {
		return web.Response{}, err
	}
	return showStored(http.StatusOK, after)
}

// DeleteUser removes a user for good, with all that the user has.
func (h *Handlers) DeleteUser(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	found, err := h.Users.Find(ctx, r.Param("id"))
	if err == nil {
		err = h.Users.Delete(ctx, found.User.Subject)
	}
	if err != nil {
		return web.Response{}, err
	}
	return web.NoContent(), nil
}

// LinkUser makes a new one-time link; the one before it is void.
func (h *Handlers) LinkUser(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	found, err := h.Users.Find(ctx, r.Param("id"))
	if err != nil {
		return web.Response{}, err
	}
	shown := showUser(found.User)
	if shown.SetupURL, shown.SetupExpiresAt, err = h.invite(ctx, found.User.Subject); err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusCreated, shown)
}
