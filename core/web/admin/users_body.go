package admin

import (
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/login"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// What operators send about a user is read member by member: in a merge patch, null empties a member and absence leaves it.

// readNewUser reads the body that makes a user.
func readNewUser(body []byte) (login.NewUser, error) {
	var n login.NewUser
	var password string
	edit, err := readMembers(body, map[string]*string{"username": &n.Username, "password": &password})
	if err != nil {
		return login.NewUser{}, err
	}
	if edit.Disabled != nil {
		return login.NewUser{}, unknownMember("disabled")
	}
	edit.Profile(&n.Profile)
	n.Password = core.Secret(password)
	n.Profile.EmailVerified = edit.EmailVerified != nil && *edit.EmailVerified
	n.Profile.PhoneVerified = edit.PhoneVerified != nil && *edit.PhoneVerified
	n.Admin = edit.Admin != nil && *edit.Admin
	return n, nil
}

// readEdit reads the body that changes a user.
func readEdit(body []byte) (login.Edit, error) { return readMembers(body, nil) }

// readMembers reads a profile and the switches, and the texts that are named beside them.
func readMembers(body []byte, texts map[string]*string) (login.Edit, error) {
	doc, err := web.ParseBody(body)
	if err != nil {
		return login.Edit{}, err
	}
	if doc.Kind() != strictjson.KindObject {
		return login.Edit{}, core.Refuse(core.InvalidRequest, "The body cannot be used: want an object, not %s.", doc.Kind())
	}
	var e login.Edit
	var changed core.Profile // what the members named in the document become
	for name, v := range doc.All() {
		to := texts[name]
		if to == nil {
			to = text(&changed, name)
		}
		if to == nil {
			err = readSwitch(&e, name, v)
		} else {
			*to, err = readText(name, v)
		}
		if err != nil {
			return login.Edit{}, err
		}
	}
	e.Profile = func(p *core.Profile) {
		for name := range doc.All() {
			if to := text(p, name); to != nil {
				*to = *text(&changed, name)
			}
		}
	}
	return e, nil
}

// text gives the place of a claim in a profile (OpenID Connect Core §5.1), nil when there is none of that name.
func text(p *core.Profile, name string) *string {
	switch name {
	case "name":
		return &p.Name
	case "given_name":
		return &p.GivenName
	case "family_name":
		return &p.FamilyName
	case "nickname":
		return &p.Nickname
	case "picture":
		return &p.Picture
	case "website":
		return &p.Website
	case "birthdate":
		return &p.Birthdate
	case "zoneinfo":
		return &p.Zoneinfo
	case "locale":
		return &p.Locale
	case "email":
		return &p.Email
	case "phone_number":
		return &p.Phone
	case "address":
		return &p.Address
	}
	return nil
}

func readText(name string, v strictjson.Value) (string, error) {
	if v.IsNull() {
		return "", nil
	}
	t, ok := v.Text()
	if !ok {
		return "", core.Refuse(core.InvalidRequest, "The body cannot be used: %s: want a string, not %s.", name, v.Kind())
	}
	return t, nil
}

func readSwitch(e *login.Edit, name string, v strictjson.Value) error {
	var to **bool
	switch name {
	case "email_verified":
		to = &e.EmailVerified
	case "phone_number_verified":
		to = &e.PhoneVerified
	case "admin":
		to = &e.Admin
	case "disabled":
		to = &e.Disabled
	default:
		return unknownMember(name)
	}
	on, ok := v.Bool()
	if !ok && !v.IsNull() {
		return core.Refuse(core.InvalidRequest, "The body cannot be used: %s: want a boolean, not %s.", name, v.Kind())
	}
	*to = &on
	return nil
}

func unknownMember(name string) error {
	return core.Refuse(core.InvalidRequest, "The body cannot be used: %s: unknown member.", core.Clip(name))
}
