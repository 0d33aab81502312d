package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A demoUser is who signs in on dev's site. It is an administrator, so that it may open the console.
type demoUser struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

const demoName = "demo"

// demoUser gives the user of the last run, or makes one with a new password. The password lies beside the operator's token.
func (h *house) demoUser(ctx context.Context) (demoUser, error) {
	file := filepath.Join(h.settings.DataDir, "run", "demo.json")
	known, there := readDemoUser(file)
	stored, err := h.people.login.Find(ctx, demoName)
	if err != nil && core.CodeOf(err) != core.NotFound {
		return demoUser{}, err
	}
	if there && err == nil {
		return known, nil
	}
	made := demoUser{Username: demoName, Password: core.NewSecret().Reveal()[:16]}
	if err == nil {
		err = h.resetPassword(ctx, stored.User.Subject, core.Secret(made.Password))
	} else {
		_, err = h.people.login.Create(ctx, login.NewUser{
			Username: demoName, Password: core.Secret(made.Password), Admin: true,
			Profile: core.Profile{Name: "Demo User", GivenName: "Demo", FamilyName: "User", Email: "demo@example.com", EmailVerified: true, Locale: "en"},
		})
	}
	if err != nil {
		return demoUser{}, err
	}
	text, err := json.Marshal(made)
	return made, errors.Join(err, replaceFile(file, append(text, '\n')))
}

func readDemoUser(file string) (demoUser, bool) {
	var known demoUser
	text, err := os.ReadFile(file)
	if err != nil || strictjson.Decode(text, &known, strictjson.Default) != nil {
		return demoUser{}, false
	}
	return known, known.Username == demoName && known.Password != ""
}

// resetPassword sets a password as the holder of a one-time link would.
func (h *house) resetPassword(ctx context.Context, id core.Subject, password core.Secret) error {
	link, _, err := h.people.login.Invite(ctx, id)
	if err != nil {
		return err
	}
	_, err = h.people.login.SetPassword(ctx, link, password)
	return err
}
