package login

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/ostiary/ostiary/core"
)

// username is what people may be called: plain characters only, so that no two names look alike and none needs quoting.
var username = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$`)

func checkUsername(name string) error {
	switch {
	case !username.MatchString(name):
		return core.Refuse(core.InvalidRequest, "A username has 1 to 64 letters (a to z), digits or . _ - @ + and begins with a letter or digit.")
	case isSubject(strings.ToLower(name)):
		return core.Refuse(core.InvalidRequest, "This username looks like the id of a user; choose another one.")
	}
	return nil
}

// isSubject tells what NewSubject could have made.
func isSubject(text string) bool {
	const length = len("u-") + 26
	return len(text) == length && strings.HasPrefix(text, "u-") && strings.Trim(text[2:], "0123456789abcdefghjkmnpqrstvwxyz") == ""
}

// The longest members of a profile, in bytes.
const (
	maxText = 200
	maxLong = 2000 // addresses of people and of pages
)

// checkProfile holds what operators say of a person to what can be claimed in tokens and shown on pages.
func checkProfile(p core.Profile) error {
	for _, m := range []struct {
		name, value string
		longest     int
	}{
		{"name", p.Name, maxText}, {"given_name", p.GivenName, maxText}, {"family_name", p.FamilyName, maxText}, {"nickname", p.Nickname, maxText},
		{"picture", p.Picture, maxLong}, {"website", p.Website, maxLong}, {"birthdate", p.Birthdate, maxText}, {"zoneinfo", p.Zoneinfo, maxText},
		{"locale", p.Locale, maxText}, {"email", p.Email, maxText}, {"phone_number", p.Phone, maxText}, {"address", p.Address, maxLong},
	} {
		if len(m.value) > m.longest {
			return core.Refuse(core.InvalidRequest, "%s is longer than %d bytes.", m.name, m.longest)
		}
		if strings.ContainsFunc(m.value, func(c rune) bool { return c == 0x7f || c < ' ' && (c != '\n' || m.name != "address") }) {
			return core.Refuse(core.InvalidRequest, "%s has control characters.", m.name)
		}
	}
	return checkAddresses(p)
}

func checkAddresses(p core.Profile) error {
	if !isPage(p.Picture) || !isPage(p.Website) {
		return core.Refuse(core.InvalidRequest, "picture and website must be URLs that begin with https:// or http://.")
	}
	local, domain, _ := strings.Cut(p.Email, "@")
	switch {
	case p.Email != "" && (local == "" || domain == "" || strings.ContainsAny(p.Email, " ,;<>\"") || strings.Contains(domain, "@")):
		return core.Refuse(core.InvalidRequest, "email is no address such as ann@example.com.")
	case p.EmailVerified && p.Email == "":
		return core.Refuse(core.InvalidRequest, "email_verified needs an email.")
	case p.PhoneVerified && p.Phone == "":
		return core.Refuse(core.InvalidRequest, "phone_number_verified needs a phone_number.")
	}
	return nil
}

func isPage(text string) bool {
	if text == "" {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
