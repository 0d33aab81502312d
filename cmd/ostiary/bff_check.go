package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/bff/files"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/routes"
)

// check holds the settings against each other. What core/bff checks itself is left to it.
func (s *backendSettings) check(wrong *problemList) {
	add := func(path, format string, args ...any) { wrong.add(s, path, format, args...) }
	for path, err := range map[string]error{
		"provider.issuer":              checkAddress(s.Provider.Issuer),
		"provider.base_url":            checkAddress(s.Provider.BaseURL),
		"provider.token_url":           checkAddress(s.Provider.TokenURL),
		"provider.authorization_url":   checkPublic(s.Provider.AuthorizationURL),
		"client.jwks_uri":              checkPublic(s.Client.JWKSURI),
		"registration.pushgateway":     checkAddress(s.Registration.Pushgateway),
		"client.method":                isOneOf(string(s.Client.Method), "private_key_jwt", "client_secret_basic", "client_secret_post"),
		"registration.redirect_update": isOneOf(s.Registration.Redirects, "auto", string(bff.ReplaceRedirects), string(bff.MergeRedirects), string(bff.KeepRedirects)),
		"provider.pushed_requests":     isOneOf(s.Provider.Push, "offered", "always", "never"),
		"provider.prompt":              checkPrompt(s.Provider.Prompt),
		"client.id":                    checkName(string(s.Client.ID)),
		"client.kid":                   checkName(s.Client.KeyID),
		"bff.scope":                    checkScope(s.Site.Common.Scope),
		"forwarded_header":             isOneOf(s.Forwarded, web.XForwardedFor, web.Forwarded),
		"log.format":                   isOneOf(s.Log.Format, "json", "text"),
		"client.signing_alg":           isOneOf(s.Client.Alg, append(jose.Asymmetric(), "")...),
	} {
		if err != nil {
			add(path, "%v", err)
		}
	}
	if _, err := logLevel(s.Log.Level); err != nil {
		add("log.level", "%v", err)
	}
	if (s.TLS.Cert == "") != (s.TLS.Key == "") {
		add("tls", "needs both cert and key")
	}
	s.checkClient(add)
	s.checkSite(add)
	if _, err := bff.New(bff.Parts{Discover: undiscovered}, s.backend()); err != nil && len(wrong.list) == 0 {
		add("bff", "%v", err)
	}
}

// undiscovered stands for an issuer while settings are checked.
func undiscovered(context.Context) (bff.Endpoints, error) { return bff.Endpoints{}, nil }

func (s *backendSettings) checkClient(add func(path, format string, args ...any)) {
	c, r := s.Client, s.Registration
	if r.given() && c.ID == "" {
		add("client.id", "is missing: without a registration of our own, the id of the client that an operator registered must be said (AUTH_CLIENT_ID)")
	}
	if r.given() && c.Method == oauth.AuthPrivateKeyJWT && c.Key != "" {
		if _, err := os.Stat(c.Key); err != nil {
			add("client.key", "%v; the client that an operator registered needs its key (BFF_JWT_SIGNING_KEY)", err)
		}
	}
	if r.given() && c.Method != oauth.AuthPrivateKeyJWT && c.Secret == "" {
		add("client.secret", "is missing: %s needs the secret of the client that an operator registered (AUTH_CLIENT_SECRET)", c.Method)
	}
	if rotate := s.Keys.Rotate; rotate != nil && *rotate > 0 && *rotate < 2*day {
		add("keys.rotate_after", "must be two days or more, 0 for once at the start, or less than 0 for never")
	}
	if rotate := s.Keys.Rotate; rotate != nil && *rotate >= 0 && c.KeyID != "" {
		add("client.kid", "names one key, so that no other one can take its place: leave it out, or set keys.rotate_after below 0")
	}
}

func (s *backendSettings) checkSite(add func(path, format string, args ...any)) {
	for i, r := range s.Site.Common.Routes {
		if own := overlapped(r.Prefix, routes.OperatorsArea, routes.SessionArea, routes.BFFArea, wellKnownArea); own != "" {
			add(fmt.Sprintf("bff.routes[%d].prefix", i), "%s overlaps %s, which is the backend's own", r.Prefix, own)
		}
	}
	secure := len(s.Site.Common.Origins) > 0 && strings.HasPrefix(s.Site.Common.Origins[0], "https://")
	if asked := s.Site.secure; asked != nil && *asked != secure {
		add("bff.cookie_secure", "is %t, but browsers come by %s: cookies are secure with https, and only with it", *asked, s.Site.Common.Origins[0])
	}
	if same := s.Site.sameSite; same != "" && !strings.EqualFold(same, "lax") {
		add("bff.cookie_samesite", "must be lax: a sign-in comes back from another site, and calls of other sites are refused by their Origin and for want of a header")
	}
	if err := checkDomain(s.Site.CookieDomain, s.Site.Common.Origins); err != nil {
		add("bff.cookie_domain", "%v", err)
	}
}

// checkDomain wants a domain that all origins lie in, and that somebody can own.
func checkDomain(domain string, origins []string) error {
	if domain == "" {
		return nil
	}
	if domain != strings.ToLower(domain) || oauth.RegistrableDomain(domain) == "" {
		return fmt.Errorf("%q is no domain whose hosts belong together; write it like example.com", domain)
	}
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" || u.Hostname() != domain && !strings.HasSuffix(u.Hostname(), "."+domain) {
			return fmt.Errorf("%s does not lie in %s, or is not https", origin, domain)
		}
	}
	return nil
}

// checkAddress takes what we call ourselves: inside a network it may be http.
func checkAddress(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err == nil && (u.RawQuery != "" || u.User != nil || strings.Contains(raw, "#")) {
		return errors.New("must have no query, no fragment and no user: write it like https://id.example.com/api/oidc")
	}
	return checkPeerURL(raw, "https://id.example.com", false)
}

// checkPublic takes what browsers and others come to.
func checkPublic(raw string) error {
	if raw == "" {
		return nil
	}
	return checkPeerURL(raw, "https://id.example.com/authorize", true)
}

// checkName takes what names a client or a key in a request (RFC 6749 appendix A.1); nothing is no name.
func checkName(name string) error {
	if len(name) > 255 || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c > '~' }) {
		return errors.New("must be at most 255 letters, digits and signs of ASCII, as the provider has it")
	}
	return nil
}

func checkPrompt(prompt string) error {
	if prompt == "" || prompt == promptConsent {
		return nil
	}
	return fmt.Errorf("must be %s, or be left out, not %q", promptConsent, core.Clip(prompt))
}

// checkScope wants what makes a sign-in one; nothing said is the usual scope.
func checkScope(scope []string) error {
	if len(scope) == 0 || oauth.ScopeContains(scope, oauth.ScopeOpenID) {
		return nil
	}
	return errors.New("lacks openid, without which nobody is signed in: add it")
}

// checkFiles reads the files of the client, before anybody is asked for anything.
func (s *backendSettings) checkFiles(ctx context.Context) error {
	var wrong problemList
	dir := s.Client.KeysDir
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		wrong.add(s, "client.keys_dir", "%s is no folder: name one, which is made when it is missing", dir)
		return wrong.err()
	}
	for path, kept := range map[string]*files.Files{
		"client.credentials": files.New(files.Options{Credentials: s.Client.Credentials, Now: time.Now}),
		"client.key":         files.New(files.Options{Key: s.Client.Key, KeyID: s.Client.KeyID, Alg: s.Client.Alg, Now: time.Now}),
	} {
		if _, err := kept.Registration(ctx); err != nil {
			wrong.add(s, path, "%v", err)
		}
	}
	return wrong.err()
}

func isOneOf(value string, known ...string) error {
	if slices.Contains(known, value) {
		return nil
	}
	return fmt.Errorf("must be one of %s, not %q", strings.Join(known, ", "), core.Clip(value))
}

// A problemList is everything that is wrong with file and environment.
type problemList struct{ list []config.Problem }

// add notes that a setting is wrong, under the name by which it was said.
func (p *problemList) add(s *backendSettings, path, format string, args ...any) {
	found := config.Problem{File: "configuration", Path: path, Text: fmt.Sprintf(format, args...)}
	if variable := s.named[path]; variable != "" {
		found.File, found.Path = "environment", variable
	}
	p.list = append(p.list, found)
}

// take takes over what is wrong with a file.
func (p *problemList) take(err error) {
	var found *config.Problems
	if errors.As(err, &found) {
		p.list = append(p.list, found.List...)
	} else if err != nil {
		p.list = append(p.list, config.Problem{File: "configuration", Text: err.Error()})
	}
}

func (p *problemList) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path))
	})
	return &config.Problems{List: p.list}
}
