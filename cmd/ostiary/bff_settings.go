package main

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/web"
)

// backendSettings are what "ostiary bff" is started with: defaults, then a file, then the environment, then flags.
type backendSettings struct {
	Listen    string          `yaml:"listen"`
	OpsListen string          `yaml:"ops_listen"`
	Sites     []string        `yaml:"sites"` // hosts that are answered beside those of the origins
	TLS       tlsSettings     `yaml:"tls"`
	TrustCA   string          `yaml:"trust_ca"`
	Proxies   []netip.Prefix  `yaml:"trusted_proxies"`
	Forwarded string          `yaml:"forwarded_header"`
	DataDir   string          `yaml:"data_dir"`
	Storage   storageSettings `yaml:"storage"`
	Log       logSettings     `yaml:"log"`

	Provider     providerSettings     `yaml:"provider"`
	Client       clientSettings       `yaml:"client"`
	Registration registrationSettings `yaml:"registration"`
	Keys         clientKeySettings    `yaml:"keys"`
	Site         siteSettings         `yaml:"bff"`

	named map[string]string // the variable of the environment that a setting comes from
}

// providerSettings say where the identity provider is.
type providerSettings struct {
	Issuer           string `yaml:"issuer"`            // what it calls itself; empty: as base_url says
	BaseURL          string `yaml:"base_url"`          // where we reach it, with the issuer's path or without; empty: at the issuer
	AuthorizationURL string `yaml:"authorization_url"` // in place of what it publishes
	TokenURL         string `yaml:"token_url"`
	Push             string `yaml:"pushed_requests"` // offered, always or never
	Prompt           string `yaml:"prompt"`          // consent: asked for at each login; empty: as the provider wants it
}

// clientSettings say who we are to it.
type clientSettings struct {
	ID          core.ClientID    `yaml:"id"`     // empty: the provider chooses
	Method      oauth.AuthMethod `yaml:"method"` // private_key_jwt, client_secret_basic, client_secret_post
	Secret      core.Secret      `yaml:"secret"` // empty: the one that is registered
	Key         string           `yaml:"key"`    // PEM file; empty: one that is made
	KeyID       string           `yaml:"kid"`
	Alg         string           `yaml:"signing_alg"` // empty: as the key has it, PS256 for RSA
	JWKSURI     string           `yaml:"jwks_uri"`    // registered in place of the keys
	KeysDir     string           `yaml:"keys_dir"`    // where the key and the credentials are, when they are not named
	Credentials string           `yaml:"credentials"` // JSON file
}

// registrationSettings say how the client comes to be (RFC 7591, RFC 7592).
type registrationSettings struct {
	Enabled      bool        `yaml:"enabled"`
	Skip         bool        `yaml:"skip"`
	Ticket       core.Secret `yaml:"initial_access_token"`
	Profile      string      `yaml:"profile"`
	RedirectURIs []string    `yaml:"redirect_uris"`
	Redirects    string      `yaml:"redirect_update"` // auto, replace, merge or none
	RotationSafe bool        `yaml:"rotation_safe"`   // as redirect_update: merge
	Replace      bool        `yaml:"force_replace"`
	MayFail      bool        `yaml:"allow_failure"`
	Operator     core.Secret `yaml:"operator_token"`
	Pushgateway  string      `yaml:"pushgateway"`
}

// given tells whether the operator registered the client.
func (r registrationSettings) given() bool { return !r.Enabled || r.Skip }

// clientKeySettings say how long our keys live. Nothing said: keys that we made turn after 30 days, an operator's do not.
type clientKeySettings struct {
	Rotate *time.Duration `yaml:"rotate_after"` // 0s: at the start; negative: never
	Retire time.Duration  `yaml:"retire_after"` // 0s or negative: never
	Max    int            `yaml:"max"`          // 0 or negative: any number
}

// siteSettings are those of serve's bff, and a few more.
type siteSettings struct {
	Common       bffSettings `yaml:",inline"`
	CookieDomain string      `yaml:"cookie_domain"` // whose hosts share a session; empty: each has its own
	Dynamic      bool        `yaml:"dynamic_callback"`
	Callback     string      `yaml:"callback_url"` // the main one
	BaseURL      string      `yaml:"base_url"`     // the main origin, when nothing else says it

	defaultHost, defaultScheme string
	secure                     *bool // what was asked for
	sameSite                   string
}

// defaultBackend is what "ostiary bff" begins with.
func defaultBackend() backendSettings {
	common := defaults()
	return backendSettings{
		Listen: "127.0.0.1:8090", OpsListen: "127.0.0.1:8091", Forwarded: web.XForwardedFor, DataDir: "ostiary-bff",
		Storage: common.Storage, Log: common.Log,
		Provider:     providerSettings{Push: string(bff.PushOffered)},
		Client:       clientSettings{Method: oauth.AuthPrivateKeyJWT},
		Registration: registrationSettings{Enabled: true, Redirects: "auto"},
		Keys:         clientKeySettings{Retire: 60 * day, Max: 3},
		Site:         siteSettings{Common: common.BFF, Dynamic: true},
		named:        map[string]string{},
	}
}

const (
	day           = 24 * time.Hour
	ownKeyLife    = 30 * day
	callbackPath  = "/auth/callback"
	promptConsent = "consent"
	defaultIssuer = "http://localhost:8080/api/oidc"
)

// readBackend reads the file, if there is one, and the environment. Everything that is wrong with either is told at once. The notes
// are for the log.
func readBackend(file string, flags func(*backendSettings), environment []string) (s backendSettings, notes []string, err error) {
	s = defaultBackend()
	var wrong problemList
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return s, nil, fmt.Errorf("configuration: %w", err)
		}
		wrong.take(config.Read(data, file, &s, os.LookupEnv))
		s.under(filepath.Dir(file))
	}
	notes = s.readEnvironment(environment, &wrong)
	flags(&s)
	s.complete(&wrong)
	s.check(&wrong)
	return s, notes, wrong.err()
}

// under has relative paths of the file start from its folder.
func (s *backendSettings) under(base string) {
	for _, path := range []*string{&s.DataDir, &s.TLS.Cert, &s.TLS.Key, &s.TrustCA, &s.Client.Key, &s.Client.KeysDir, &s.Client.Credentials} {
		*path = under(base, *path)
	}
}

// complete works out what follows from what was said.
func (s *backendSettings) complete(wrong *problemList) {
	if s.Provider.Issuer == "" && s.Provider.BaseURL == "" {
		s.Provider.Issuer = defaultIssuer
	}
	s.Provider.Issuer, s.Provider.BaseURL = strings.TrimSuffix(s.Provider.Issuer, "/"), strings.TrimSuffix(s.Provider.BaseURL, "/")
	if s.Registration.RotationSafe {
		s.Registration.Redirects = string(bff.MergeRedirects)
	}
	dir := cmp.Or(s.Client.KeysDir, filepath.Join(s.DataDir, "keys"))
	s.Client.Credentials = cmp.Or(s.Client.Credentials, filepath.Join(dir, "bff_client.json"))
	s.keyFiles(dir)
	s.origins(wrong)
}

// keyFiles settles which key signs, and how long.
func (s *backendSettings) keyFiles(dir string) {
	own := s.Client.Key == ""
	if s.Client.Method != oauth.AuthPrivateKeyJWT {
		s.Client.Key = ""
		return
	}
	s.Client.Key = cmp.Or(s.Client.Key, filepath.Join(dir, "bff.pem"))
	if s.Keys.Rotate == nil {
		life := -time.Second // an operator's key is the operator's to turn
		if own && s.Client.KeyID == "" {
			life = ownKeyLife
		}
		s.Keys.Rotate = &life
	}
}

// origins works out where browsers reach us: by what was said of it, else by the redirect URIs, else by where we listen.
func (s *backendSettings) origins(wrong *problemList) {
	main := s.mainOrigin(wrong)
	var registered []string
	for _, uri := range s.Registration.RedirectURIs {
		origin, ok := strings.CutSuffix(uri, callbackPath)
		if !ok {
			wrong.add(s, "registration.redirect_uris", "%q must end in %s, without a slash after it: that is where the backend answers", core.Clip(uri), callbackPath)
		} else {
			s.checkOrigin("registration.redirect_uris", origin, wrong)
		}
		if len(registered) > 0 && strings.HasPrefix(origin, "https:") != strings.HasPrefix(registered[0], "https:") {
			wrong.add(s, "registration.redirect_uris", "must be all https or all http: the hosts share the names of their cookies")
		}
		registered = append(registered, origin)
	}
	if len(s.Site.Common.Origins) == 0 {
		s.Site.Common.Origins = registered
	}
	switch {
	case main == "" && len(s.Site.Common.Origins) == 0:
		s.Site.Common.Origins = []string{s.listenOrigin()}
	case main != "" && len(registered) > 0 && !slices.Contains(registered, main):
		wrong.add(s, "registration.redirect_uris", "%s is not among them, but browsers come back there: each host must be registered", main+callbackPath)
	case main != "":
		s.Site.Common.Origins = append([]string{main}, slices.DeleteFunc(slices.Clone(s.Site.Common.Origins), func(o string) bool { return o == main })...)
	}
	if len(registered) > 0 && len(s.Site.Common.Origins) > 0 {
		for _, origin := range s.Site.Common.Origins {
			if !slices.Contains(registered, origin) {
				wrong.add(s, "bff.origins", "%s has no redirect URI in registration.redirect_uris", origin)
			}
		}
	}
	if !s.Site.Dynamic && len(s.Site.Common.Origins) > 1 {
		s.keepAllRedirects()
		s.Site.Common.Origins = s.Site.Common.Origins[:1]
	}
}

// keepAllRedirects registers every host, though sign-in works at one of them only.
func (s *backendSettings) keepAllRedirects() {
	if len(s.Registration.RedirectURIs) > 0 {
		return
	}
	for _, origin := range s.Site.Common.Origins {
		s.Registration.RedirectURIs = append(s.Registration.RedirectURIs, origin+callbackPath)
	}
}

// mainOrigin is the one that a login ends at when the browser's own is not ours; empty: nothing was said of it.
func (s *backendSettings) mainOrigin(wrong *problemList) string {
	switch {
	case s.Site.Callback != "":
		origin, ok := strings.CutSuffix(s.Site.Callback, callbackPath)
		if !ok {
			wrong.add(s, "bff.callback_url", "%q must end in %s", core.Clip(s.Site.Callback), callbackPath)
			return origin
		}
		return s.checkOrigin("bff.callback_url", origin, wrong)
	case s.Site.defaultHost != "":
		return s.defaultOrigin(wrong)
	}
	origin := strings.TrimSuffix(s.Site.BaseURL, "/")
	if origin != "" {
		s.checkOrigin("bff.base_url", origin, wrong)
	}
	return origin
}

// defaultOrigin is the main one by its host and its scheme.
func (s *backendSettings) defaultOrigin(wrong *problemList) string {
	scheme, host := cmp.Or(s.Site.defaultScheme, "https"), s.Site.defaultHost
	origin := scheme + "://" + host
	switch {
	case bff.IsOrigin(origin):
	case scheme != "https" && !bff.IsOrigin("http://"+host):
		wrong.add(s, "bff.default_scheme", "must be https, or http for localhost, not %q", core.Clip(scheme))
	case scheme != "https" && scheme != "http":
		wrong.add(s, "bff.default_scheme", "must be https or http, not %q", core.Clip(scheme))
	default:
		wrong.add(s, "bff.origins", "%q is no host such as app.example.com: without scheme and path, in lower case", core.Clip(host))
	}
	return origin
}

// checkOrigin wants what a browser's address begins with.
func (s *backendSettings) checkOrigin(path, origin string, wrong *problemList) string {
	if !bff.IsOrigin(origin) {
		wrong.add(s, path, "%q is no origin such as https://app.example.com (http only for localhost, in lower case, without wildcards and path)", core.Clip(origin))
	}
	return origin
}

// bound takes over the port that was picked, and answers to the address it belongs to.
func (s *backendSettings) bound(at net.Addr) {
	s.Sites = append(s.Sites, reached(at))
	_, port, _ := net.SplitHostPort(at.String())
	for i, origin := range s.Site.Common.Origins {
		if host, picked := strings.CutSuffix(origin, ":0"); picked {
			s.Site.Common.Origins[i] = host + ":" + port
		}
	}
}

// listenOrigin is where browsers of this machine reach us.
func (s *backendSettings) listenOrigin() string {
	port := s.Listen[strings.LastIndexByte(s.Listen, ':')+1:]
	return s.TLS.scheme() + "://localhost:" + port
}
