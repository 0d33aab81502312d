package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/routes"
	"github.com/ostiary/ostiary/policies"
)

// settings are what a server is started with: ostiary.yaml under serve, made up by dev.
type settings struct {
	Issuer    string            `yaml:"issuer"`    // its URL: https, or http on a loopback host
	IssuerID  string            `yaml:"issuer_id"` // its name in the store; never changes
	Listen    string            `yaml:"listen"`
	OpsListen string            `yaml:"ops_listen"` // health, metrics, version
	Sites     []string          `yaml:"sites"`      // hosts that are answered beside the issuer's
	TLS       tlsSettings       `yaml:"tls"`
	TrustCA   string            `yaml:"trust_ca"` // PEM file: authorities beside the system's, for calls that go out
	DataDir   string            `yaml:"data_dir"`
	PolicyDir string            `yaml:"policy_dir"`
	PluginDir string            `yaml:"plugin_dir"`
	DCRConfig string            `yaml:"dcr_config"`
	Policy    policySettings    `yaml:"policy"`
	Operators []operatorSetting `yaml:"operators"`
	Proxies   []netip.Prefix    `yaml:"trusted_proxies"`
	Forwarded string            `yaml:"forwarded_header"` // in which they say whom they speak for: X-Forwarded-For or Forwarded

	Certificates certificateSettings `yaml:"client_certificates"`

	Storage  storageSettings `yaml:"storage"`
	Ledger   ledgerSettings  `yaml:"ledger"`
	Sessions sessionSettings `yaml:"sessions"`
	Tokens   tokenSettings   `yaml:"tokens"`
	Keys     keySettings     `yaml:"keys"`
	Fetch    fetchSettings   `yaml:"fetch"`
	BFF      bffSettings     `yaml:"bff"`

	Plugins     pluginSettings      `yaml:"plugins"`
	DecisionLog decisionLogSettings `yaml:"decision_log"`

	documents bool // client ID metadata documents are on where dcr_config.yaml does not say; dev's

	demo bool        // the demo site and its API are served; dev's
	Log  logSettings `yaml:"log"`
}

type tlsSettings struct {
	Cert string `yaml:"cert"` // PEM files
	Key  string `yaml:"key"`

	pair *tlsPair // what the files say; nil: they are read once
}

// scheme is that of the server's own addresses.
func (t tlsSettings) scheme() string {
	if t.Cert != "" {
		return "https"
	}
	return "http"
}

type policySettings struct {
	Deadline time.Duration  `yaml:"deadline" range:"10ms..5s"` // of one evaluation, once it runs
	Shadow   string         `yaml:"shadow"`                    // a folder of rules that are asked beside those in force, and decide nothing; empty: none
	Bundle   bundleSettings `yaml:"bundle"`                    // takes the place of policy_dir
}

type operatorSetting struct {
	Subject string      `yaml:"subject"`
	Token   core.Secret `yaml:"token"`
}

type storageSettings struct {
	MinFreeMiB int64 `yaml:"min_free_mib" range:"1..1048576"` // below it, writes are refused
}

type ledgerSettings struct {
	KeepAccepted     time.Duration `yaml:"keep_accepted"` // 0: for ever
	KeepRefused      time.Duration `yaml:"keep_refused"`
	KeepInput        time.Duration `yaml:"keep_input"`                            // the sealed policy inputs that replay needs
	RefusedPerMinute int64         `yaml:"refused_per_minute" range:"1..1000000"` // of one source, kept in full
}

type sessionSettings struct {
	Lifetime     time.Duration `yaml:"lifetime" range:"1m..8760h"`    // of a browser session with the issuer
	Failures     int64         `yaml:"failures" range:"1..1000000"`   // sign-ins that may fail at once from one address: each costs a slow hash
	FailureEvery time.Duration `yaml:"failure_every" range:"1ms..1h"` // and then one more so often
}

type tokenSettings struct {
	Access    time.Duration `yaml:"access_token" range:"10s..24h"`
	ID        time.Duration `yaml:"id_token" range:"10s..24h"`
	Refresh   time.Duration `yaml:"refresh_token" range:"1m..17520h"` // of the whole family, from the sign-in on
	Resources []string      `yaml:"resources"`                        // APIs that tokens may be asked for (RFC 8707), beside the issuer

	// ScopeAudiences says whom tokens with a scope are for when the request names no resource.
	ScopeAudiences map[string][]string `yaml:"scope_audiences"`

	loopback bool // and every API on this machine; dev's
}

// check holds audiences of scopes to what tokens can be asked for.
func (t *tokenSettings) check(s *settings, add func(path, format string, args ...any)) {
	for _, scope := range slices.Sorted(maps.Keys(t.ScopeAudiences)) {
		path := "tokens.scope_audiences." + scope
		if !oauth.ValidScope(scope) {
			add(path, "is no scope (RFC 6749 section 3.3)")
		}
		if len(t.ScopeAudiences[scope]) == 0 {
			add(path, "is empty; leave it out")
		}
		for i, audience := range t.ScopeAudiences[scope] {
			if audience != s.Issuer && !s.serves(audience) {
				add(fmt.Sprintf("%s[%d]", path, i), "is not in tokens.resources")
			}
		}
	}
}

// serves tells whether tokens may be asked for a resource: the operators' API is always one.
func (s *settings) serves(resource string) bool {
	return resource == s.adminAPI() || slices.Contains(s.Tokens.Resources, resource) || s.Tokens.loopback && isLoopbackURL(resource)
}

// adminAPI is the resource identifier of the operators' API.
func (s *settings) adminAPI() string {
	u, err := url.Parse(s.Issuer)
	if err != nil { // it was checked
		return s.Issuer
	}
	return u.Scheme + "://" + u.Host + routes.OperatorsArea
}

func isLoopbackURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && isLoopback(u.Hostname())
}

type keySettings struct {
	Rotate  time.Duration `yaml:"rotate"`                           // a new signing key so often; 0s: only by command
	Publish time.Duration `yaml:"publish_before" range:"1h..2160h"` // a key is in the key set so long before it signs
}

type fetchSettings struct {
	Allow []fetch.Rule `yaml:"allow"` // addresses beyond public https ones that a client's jwks_uri may have, and that plugins may reach
}

// bffSettings are those of the backend-for-frontend. Without origins there is none.
type bffSettings struct {
	Origins     []string      `yaml:"origins"`   // where browsers reach it; the first is the main one
	ReturnTo    []string      `yaml:"return_to"` // further origins that a login may end at
	Scope       []string      `yaml:"scope"`     // of logins; empty: openid profile email offline_access
	Session     time.Duration `yaml:"session" range:"1m..8760h"`
	AfterLogout string        `yaml:"after_logout"`                // a path
	Logins      int64         `yaml:"logins" range:"1..100000"`    // that one address may begin at once
	LoginEvery  time.Duration `yaml:"login_every" range:"1ms..1h"` // and then one more so often
	Routes      []bffRoute    `yaml:"routes"`

	client core.ClientID // what it is called and asks to be called; empty: the usual one
}

// A bffRoute is an API that the site's pages call with their cookie.
type bffRoute struct {
	Prefix      string   `yaml:"prefix"`
	Upstream    string   `yaml:"upstream"`
	Methods     []string `yaml:"methods"` // empty: all
	StripPrefix bool     `yaml:"strip_prefix"`
}

type logSettings struct {
	Level  string `yaml:"level"`  // debug, info, warn, error
	Format string `yaml:"format"` // json or text
}

// defaults are the settings that serve begins with.
func defaults() settings {
	return settings{
		Certificates: certificateSettings{Header: "Client-Cert"},

		Forwarded: web.XForwardedFor,

		IssuerID: "main", Listen: "127.0.0.1:8080", OpsListen: "127.0.0.1:8081",
		Storage: storageSettings{MinFreeMiB: 512},
		Ledger:  ledgerSettings{KeepRefused: 90 * 24 * time.Hour, KeepInput: 30 * 24 * time.Hour, RefusedPerMinute: 100},

		Sessions: sessionSettings{Lifetime: 12 * time.Hour, Failures: 100, FailureEvery: time.Second},
		Tokens:   tokenSettings{Access: 10 * time.Minute, ID: 10 * time.Minute, Refresh: 30 * 24 * time.Hour},
		Keys:     keySettings{Rotate: 90 * 24 * time.Hour, Publish: 24 * time.Hour},
		BFF:      bffSettings{Session: 8 * time.Hour, AfterLogout: "/", Logins: 30, LoginEvery: 2 * time.Second},
		Log:      logSettings{Level: "info", Format: "json"},
		Policy:   policySettings{Deadline: policies.DefaultDeadline, Bundle: bundleSettings{Interval: bundleInterval}},

		Plugins:     pluginSettings{Unsigned: refuseUnsigned},
		DecisionLog: defaultDecisionLog(),
	}
}

// Validate lists what is wrong (config.Checker).
func (s *settings) Validate() []config.Problem {
	var problems []config.Problem
	add := func(path, format string, args ...any) {
		problems = append(problems, config.Problem{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	if err := checkIssuer(s.Issuer); err != nil {
		add("issuer", "%v", err)
	}
	for path, value := range map[string]string{"issuer_id": s.IssuerID, "listen": s.Listen, "data_dir": s.DataDir} {
		if value == "" {
			add(path, "is missing")
		}
	}
	if (s.TLS.Cert == "") != (s.TLS.Key == "") {
		add("tls", "needs both cert and key")
	}
	s.Certificates.check(s, add)
	for i, o := range s.Operators {
		if o.Subject == "" {
			add(fmt.Sprintf("operators[%d].subject", i), "is missing")
		}
		if len(o.Token) < minOperatorToken {
			add(fmt.Sprintf("operators[%d].token", i), "is shorter than %d characters; make one with: openssl rand -base64 32", minOperatorToken)
		}
		if strings.Trim(o.Token.Reveal(), tokenCharacters) != "" {
			add(fmt.Sprintf("operators[%d].token", i), "has characters that no bearer token has (RFC 6750 section 2.1)")
		}
	}
	if s.Keys.Rotate != 0 && s.Keys.Rotate <= s.Keys.Publish {
		add("keys.rotate", "must be longer than publish_before, or 0s: a key signs for longer than it is published before")
	}
	for i, r := range s.BFF.Routes {
		if other := s.overlaps(r.Prefix); other != "" {
			add(fmt.Sprintf("bff.routes[%d].prefix", i), "%s overlaps %s, which is this server's own", r.Prefix, other)
		}
	}
	if len(s.BFF.Routes) > 0 && len(s.BFF.Origins) == 0 {
		add("bff.origins", "is missing: bff.routes need a backend-for-frontend")
	}
	if s.Forwarded != web.XForwardedFor && s.Forwarded != web.Forwarded {
		add("forwarded_header", "must be %s or %s", web.XForwardedFor, web.Forwarded)
	}
	s.Tokens.check(s, add)
	s.Policy.Bundle.check(s.PolicyDir, add)
	s.Plugins.check(add)
	if _, err := logLevel(s.Log.Level); err != nil {
		add("log.level", "%v", err)
	}
	if s.Log.Format != "json" && s.Log.Format != "text" {
		add("log.format", "must be json or text")
	}
	return problems
}

const minOperatorToken = 16

const wellKnownArea = "/.well-known"

// overlaps gives the path of our own that a prefix would take calls from, or that would take calls from it.
func (s *settings) overlaps(prefix string) string {
	reserved := []string{routes.OperatorsArea, routes.SessionArea, routes.BFFArea, routes.ConsoleArea, wellKnownArea}
	if u, err := url.Parse(s.Issuer); err == nil && u.Path != "" {
		reserved = append(reserved, u.Path)
	}
	return overlapped(prefix, reserved...)
}

// overlapped gives the first of our own paths that a prefix lies in, or that lies in it; empty: none.
func overlapped(prefix string, own ...string) string {
	for _, path := range own {
		if strings.HasPrefix(prefix+"/", path+"/") || strings.HasPrefix(path+"/", prefix+"/") {
			return path
		}
	}
	return ""
}

// checkIssuer holds the issuer to OpenID Connect Discovery §3 and RFC 8414 §2: no query, no fragment, https.
func checkIssuer(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return errors.New("is missing; it is the URL that clients know, such as https://id.example.com")
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("is not a URL such as https://id.example.com")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#") || u.User != nil:
		return errors.New("must have no query, fragment or user")
	case strings.HasSuffix(raw, "/"):
		return errors.New("must not end in a slash")
	case u.Path != "" && (u.Path != u.EscapedPath() || filepath.Clean(u.Path) != u.Path || strings.Contains(u.Path, ":") || strings.Contains(u.Path, "*")):
		return errors.New("has a path that is not plain")
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("must be https; http is only for localhost")
}

// checkPeerURL holds the address of a service that is called to what may be in one. What is guarded must not go over the wire in
// clear.
func checkPeerURL(raw, example string, guarded bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("is not a URL such as %s", example)
	case u.User != nil || strings.Contains(raw, "#"):
		return errors.New("must have no user and no fragment; a token goes into bearer")
	case u.Scheme == "http" && guarded && !isLoopback(u.Hostname()):
		return errors.New("must be https; http is only for localhost")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// readSettings reads the one strict file. Relative paths in it start from its folder.
func readSettings(file string) (settings, error) {
	s := defaults()
	data, err := os.ReadFile(file)
	if err != nil {
		return s, fmt.Errorf("configuration: %w", err)
	}
	if err := config.Read(data, file, &s, os.LookupEnv); err != nil {
		return s, err
	}
	base := filepath.Dir(file)
	s.DataDir = under(base, s.DataDir)
	if s.Policy.Bundle = s.Policy.Bundle.under(base); !s.Policy.Bundle.named() {
		if s.PolicyDir, err = folder(base, s.PolicyDir, filepath.Join(s.DataDir, "policies"), "policy_dir"); err != nil {
			return s, err
		}
	}
	if s.PluginDir, err = folder(base, s.PluginDir, filepath.Join(s.DataDir, "plugins"), "plugin_dir"); err != nil {
		return s, err
	}
	if s.Policy.Shadow != "" {
		if s.Policy.Shadow, err = folder(base, s.Policy.Shadow, "", "policy.shadow"); err != nil {
			return s, err
		}
	}
	s.DCRConfig, s.DecisionLog.File.Path = under(base, s.DCRConfig), under(base, s.DecisionLog.File.Path)
	s.TLS.Cert, s.TLS.Key, s.TrustCA = under(base, s.TLS.Cert), under(base, s.TLS.Key), under(base, s.TrustCA)
	s.Certificates.Authorities = under(base, s.Certificates.Authorities)
	return s, nil
}

// folder gives a folder that is there. The one below the data folder is made; one that was named must exist, for an empty
// folder in its place would be without the rules that somebody relies on.
func folder(base, named, otherwise, key string) (string, error) {
	if named == "" {
		return otherwise, os.MkdirAll(otherwise, 0o700)
	}
	named = under(base, named)
	if info, err := os.Stat(named); err != nil || !info.IsDir() {
		return named, fmt.Errorf("%s: %s is no folder; make it, or correct the setting", key, named)
	}
	return named, nil
}

func under(base, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(base, path)
}
