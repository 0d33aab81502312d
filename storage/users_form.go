package storage

import (
	"time"

	"github.com/ostiary/ostiary/core"
)

type userForm struct {
	Subject    core.Subject `json:"subject"`
	Username   string       `json:"username"`
	Profile    profileForm  `json:"profile"`
	Admin      bool         `json:"admin,omitempty"`
	Disabled   bool         `json:"disabled,omitempty"`
	Password   string       `json:"password,omitempty"` // a PHC string; the record is sealed
	Generation uint64       `json:"generation"`
	CreatedAt  time.Time    `json:"created_at"`
	UpdatedAt  time.Time    `json:"updated_at"`
}

type profileForm struct {
	Name          string `json:"name,omitempty"`
	GivenName     string `json:"given_name,omitempty"`
	FamilyName    string `json:"family_name,omitempty"`
	Nickname      string `json:"nickname,omitempty"`
	Picture       string `json:"picture,omitempty"`
	Website       string `json:"website,omitempty"`
	Birthdate     string `json:"birthdate,omitempty"`
	Zoneinfo      string `json:"zoneinfo,omitempty"`
	Locale        string `json:"locale,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified bool   `json:"email_verified,omitempty"`
	Phone         string `json:"phone_number,omitempty"`
	PhoneVerified bool   `json:"phone_number_verified,omitempty"`
	Address       string `json:"address,omitempty"`
}

func formOfUser(u core.User) userForm {
	return userForm{
		Subject: u.Subject, Username: u.Username, Profile: profileForm(u.Profile), Admin: u.Admin, Disabled: u.Disabled,
		Password: u.Password.Reveal(), Generation: u.Generation, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
}

func (f userForm) noun() core.User {
	return core.User{
		Subject: f.Subject, Username: f.Username, Profile: core.Profile(f.Profile), Admin: f.Admin, Disabled: f.Disabled,
		Password: core.PasswordHash(f.Password), Generation: f.Generation, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt,
	}
}

type userNameForm struct {
	Subject core.Subject `json:"subject"`
}

type linkForm struct {
	Hash       string    `json:"hash"`
	Generation uint64    `json:"generation"`
	ExpiresAt  time.Time `json:"expires_at"`
}

type triesForm struct {
	Count int       `json:"count"`
	Opens time.Time `json:"opens"`
}

type sessionForm struct {
	ID             core.SessionID   `json:"id"`
	Kind           core.SessionKind `json:"kind,omitempty"`
	Subject        core.Subject     `json:"subject"`
	UserGeneration uint64           `json:"user_generation"`
	AuthTime       time.Time        `json:"auth_time"`
	Methods        []string         `json:"methods"`
	CreatedAt      time.Time        `json:"created_at"`
	ExpiresAt      time.Time        `json:"expires_at"`
	IP             string           `json:"ip,omitempty"`
	UserAgent      string           `json:"user_agent,omitempty"`
}

type sessionIDForm struct {
	Cookie string `json:"cookie"` // its SHA-256: the key of the session
}
