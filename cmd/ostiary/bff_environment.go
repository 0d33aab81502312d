package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A variable of the environment stands for a setting. What it says counts more than the file.
type variable struct {
	name string
	path string // of the setting
	set  func(s *backendSettings, value string) error
}

// variables are all that "ostiary bff" reads. core/bff/README.md has a row for each.
var variables = []variable{
	{"OIDC_ISSUER", "provider.issuer", text(func(s *backendSettings) *string { return &s.Provider.Issuer })},
	{"IDP_BASE_URL", "provider.base_url", text(func(s *backendSettings) *string { return &s.Provider.BaseURL })},
	{"OIDC_AUTHORIZATION_URL", "provider.authorization_url", text(func(s *backendSettings) *string { return &s.Provider.AuthorizationURL })},
	{"OIDC_TOKEN_URL", "provider.token_url", text(func(s *backendSettings) *string { return &s.Provider.TokenURL })},
	{"MS_BFF_PAR_ENABLED", "provider.pushed_requests", choice(func(s *backendSettings) *string { return &s.Provider.Push }, "always", "never")},
	{"OIDC_PROMPT", "provider.prompt", text(func(s *backendSettings) *string { return &s.Provider.Prompt })},

	{"AUTH_CLIENT_ID", "client.id", clientID},
	{"DCR_CLIENT_ID", "client.id", clientID},
	{"MS_BFF_TOKEN_AUTH_METHOD", "client.method", func(s *backendSettings, v string) error { s.Client.Method = oauth.AuthMethod(v); return nil }},
	{"AUTH_CLIENT_SECRET", "client.secret", secret(func(s *backendSettings) *core.Secret { return &s.Client.Secret })},
	{"BFF_JWT_SIGNING_KEY", "client.key", text(func(s *backendSettings) *string { return &s.Client.Key })},
	{"DCR_SIGNING_KEY", "client.key", text(func(s *backendSettings) *string { return &s.Client.Key })},
	{"BFF_KID", "client.kid", text(func(s *backendSettings) *string { return &s.Client.KeyID })},
	{"BFF_KEYS_DIR", "client.keys_dir", text(func(s *backendSettings) *string { return &s.Client.KeysDir })},
	{"KEYS_DIR", "client.keys_dir", text(func(s *backendSettings) *string { return &s.Client.KeysDir })},
	{"BFF_CLIENT_CRED_PATH", "client.credentials", text(func(s *backendSettings) *string { return &s.Client.Credentials })},

	{"DCR_ENABLED", "registration.enabled", truth(func(s *backendSettings) *bool { return &s.Registration.Enabled })},
	{"SKIP_DCR_BOOTSTRAP", "registration.skip", truth(func(s *backendSettings) *bool { return &s.Registration.Skip })},
	{"DCR_IAT", "registration.initial_access_token", bearerToken(func(s *backendSettings) *core.Secret { return &s.Registration.Ticket })},
	{"DCR_CLIENT_PROFILE", "registration.profile", text(func(s *backendSettings) *string { return &s.Registration.Profile })},
	{"DCR_REDIRECT_URIS", "registration.redirect_uris", words(func(s *backendSettings) *[]string { return &s.Registration.RedirectURIs })},
	{"DCR_REDIRECT_UPDATE_MODE", "registration.redirect_update", text(func(s *backendSettings) *string { return &s.Registration.Redirects })},
	{"DCR_ROTATION_SAFE", "registration.rotation_safe", truth(func(s *backendSettings) *bool { return &s.Registration.RotationSafe })},
	{"DCR_FORCE_REPLACE", "registration.force_replace", truth(func(s *backendSettings) *bool { return &s.Registration.Replace })},
	{"ALLOW_BOOTSTRAP_FAILURE", "registration.allow_failure", truth(func(s *backendSettings) *bool { return &s.Registration.MayFail })},
	{"BOOTSTRAP_ADMIN_TOKEN", "registration.operator_token", bearerToken(func(s *backendSettings) *core.Secret { return &s.Registration.Operator })},
	{"PROM_PUSHGATEWAY_URL", "registration.pushgateway", text(func(s *backendSettings) *string { return &s.Registration.Pushgateway })},

	{"BFF_JWK_ROTATE_AFTER_DAYS", "keys.rotate_after", days(func(s *backendSettings, d time.Duration) { s.Keys.Rotate = &d })},
	{"BFF_JWK_RETIRE_AFTER_DAYS", "keys.retire_after", days(func(s *backendSettings, d time.Duration) { s.Keys.Retire = d })},
	{"BFF_JWK_MAX_KEYS", "keys.max", count(func(s *backendSettings, n int) { s.Keys.Max = n })},

	{"OIDC_SCOPES", "bff.scope", scopes},
	{"BFF_BASE_URL", "bff.base_url", text(func(s *backendSettings) *string { return &s.Site.BaseURL })},
	{"BFF_DYNAMIC_CALLBACK", "bff.dynamic_callback", truth(func(s *backendSettings) *bool { return &s.Site.Dynamic })},
	{"BFF_CALLBACK_URL", "bff.callback_url", text(func(s *backendSettings) *string { return &s.Site.Callback })},
	{"BFF_DEFAULT_HOST", "bff.origins", text(func(s *backendSettings) *string { return &s.Site.defaultHost })},
	{"BFF_DEFAULT_SCHEME", "bff.default_scheme", text(func(s *backendSettings) *string { return &s.Site.defaultScheme })},
	{"BFF_ALLOWED_REDIRECT_HOSTS", "bff.return_to", returnTo},
	{"ALLOWED_REDIRECT_ORIGINS", "bff.return_to", returnTo},
	{"ALLOWED_FRONTEND_ORIGINS", "bff.return_to", returnTo},
	{"SESSION_LIFETIME", "bff.session", lifetime},
	{"BFF_COOKIE_DOMAIN", "bff.cookie_domain", func(s *backendSettings, v string) error {
		s.Site.CookieDomain = strings.TrimPrefix(v, ".")
		return nil
	}},
	{"BFF_COOKIE_SECURE", "bff.cookie_secure", func(s *backendSettings, v string) error {
		asked, err := truthOf(v)
		if err == nil {
			s.Site.secure = &asked
		}
		return err
	}},
	{"BFF_COOKIE_SAMESITE", "bff.cookie_samesite", text(func(s *backendSettings) *string { return &s.Site.sameSite })},
}

// readEnvironment takes over what the environment says, and gives what it says in vain.
func (s *backendSettings) readEnvironment(environment []string, wrong *problemList) (notes []string) {
	said := make(map[string]string)
	for _, pair := range environment {
		if name, value, _ := strings.Cut(pair, "="); strings.TrimSpace(value) != "" { // a variable that is empty says nothing
			said[name] = strings.TrimSpace(value)
		}
	}
	values := make(map[string]string) // by the path of the setting
	for _, v := range variables {
		value, ok := said[v.name]
		if !ok {
			continue
		}
		if other, twice := values[v.path]; twice && other != value && v.path != "bff.return_to" {
			wrong.list = append(wrong.list, config.Problem{File: "environment", Path: v.name, Text: fmt.Sprintf("must say the same as %s, or be left out", s.named[v.path])})
			continue
		}
		err := filledIn(value)
		if err == nil {
			err = v.set(s, value)
		}
		if err != nil {
			wrong.list = append(wrong.list, config.Problem{File: "environment", Path: v.name, Text: err.Error()})
		}
		s.named[v.path], values[v.path] = v.name, value
	}
	return s.inVain(said, wrong)
}

func text(to func(*backendSettings) *string) func(*backendSettings, string) error {
	return func(s *backendSettings, v string) error {
		*to(s) = v
		return nil
	}
}

// filledIn wants a value, and not what stands in its place in a guide or a template.
func filledIn(v string) error {
	if strings.HasPrefix(v, "<") {
		return errors.New("still has the words that stand in its place in a guide; put the value there")
	}
	if strings.HasPrefix(v, "${") {
		return errors.New("still has the name of another variable, which whoever sets the environment has not filled in; put the value there")
	}
	return nil
}

func secret(to func(*backendSettings) *core.Secret) func(*backendSettings, string) error {
	return func(s *backendSettings, v string) error {
		*to(s) = core.Secret(v)
		return nil
	}
}

// bearerToken takes a bearer token (RFC 6750 §2.1), and nothing around it.
func bearerToken(to func(*backendSettings) *core.Secret) func(*backendSettings, string) error {
	return func(s *backendSettings, v string) error {
		if strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '\'' }) {
			return errors.New("must be the token alone: without the word Bearer, quotes and spaces")
		}
		*to(s) = core.Secret(v)
		return nil
	}
}

func truthOf(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("must be true or false, not %q", core.Clip(v))
}

// truth takes true and false. Anything else leaves the setting as it is, so that nothing seems to follow from it.
func truth(to func(*backendSettings) *bool) func(*backendSettings, string) error {
	return func(s *backendSettings, v string) error {
		on, err := truthOf(v)
		if err == nil {
			*to(s) = on
		}
		return err
	}
}

// choice takes true and false for two words.
func choice(to func(*backendSettings) *string, yes, no string) func(*backendSettings, string) error {
	return func(s *backendSettings, v string) error {
		on, err := truthOf(v)
		if *to(s) = no; on {
			*to(s) = yes
		}
		return err
	}
}

// split takes a JSON array, or words with commas or spaces between them.
func split(v string) ([]string, error) {
	if !strings.HasPrefix(v, "[") {
		return strings.FieldsFunc(v, func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == '\t' }), nil
	}
	doc, err := strictjson.Parse([]byte(v), strictjson.Default)
	list, ok := doc.Strings()
	if err != nil || !ok {
		return nil, fmt.Errorf("must be a list with commas, or a JSON array of strings")
	}
	return list, nil
}

func words(to func(*backendSettings) *[]string) func(*backendSettings, string) error {
	return func(s *backendSettings, v string) (err error) {
		*to(s), err = split(v)
		return err
	}
}

func whole(v string) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n > 1_000_000 || n < -1_000_000 {
		return 0, fmt.Errorf("must be a whole number, at most 1000000, not %q", core.Clip(v))
	}
	return n, nil
}

func count(set func(*backendSettings, int)) func(*backendSettings, string) error {
	return func(s *backendSettings, v string) error {
		n, err := whole(v)
		set(s, n)
		return err
	}
}

func days(set func(*backendSettings, time.Duration)) func(*backendSettings, string) error {
	return func(s *backendSettings, v string) error {
		n, err := whole(v)
		if err != nil || n > 36500 {
			return fmt.Errorf("must be a whole number of days, at most 36500, not %q", core.Clip(v))
		}
		set(s, time.Duration(max(n, -1))*day)
		return nil
	}
}

func lifetime(s *backendSettings, v string) error {
	seconds, err := whole(v)
	if err != nil || seconds < 60 || seconds > 31_536_000 {
		return fmt.Errorf("must be a number of seconds from 60 to 31536000, not %q", core.Clip(v))
	}
	s.Site.Common.Session = time.Duration(seconds) * time.Second
	return nil
}

func clientID(s *backendSettings, v string) error {
	s.Client.ID = core.ClientID(v)
	return nil
}

func scopes(s *backendSettings, v string) error {
	if strings.Contains(v, ",") {
		return errors.New("must be separated by spaces, not by commas")
	}
	s.Site.Common.Scope = strings.Fields(v)
	for _, scope := range s.Site.Common.Scope {
		if !oauth.ValidScope(scope) {
			return fmt.Errorf("%q is no scope (RFC 6749 section 3.3)", core.Clip(scope))
		}
	}
	return nil
}

// returnTo takes origins, or hosts that are meant with https. The environment's lists count together, in place of the file's.
func returnTo(s *backendSettings, v string) error {
	list, err := split(v)
	if err != nil {
		return err
	}
	if s.named["bff.return_to"] == "" {
		s.Site.Common.ReturnTo = nil
	}
	for _, origin := range list {
		if !strings.Contains(origin, "://") {
			origin = "https://" + origin
		}
		origin = strings.TrimSuffix(origin, "/")
		if !bff.IsOrigin(origin) {
			return fmt.Errorf("%q is no origin, such as https://app.example.com (http only for localhost); name each one, without wildcards", core.Clip(origin))
		}
		if !slices.Contains(s.Site.Common.ReturnTo, origin) {
			s.Site.Common.ReturnTo = append(s.Site.Common.ReturnTo, origin)
		}
	}
	return nil
}
