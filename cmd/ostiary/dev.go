package main

import (
	"context"
	"crypto/tls"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// devSite is the dcr_config.yaml that dev begins with, and what holds where there is none.
//
//go:embed dcr_config.yaml
var devSite []byte

// devLimits ends the dcr_config.yaml of dev: whoever tries things out is one address that makes many mistakes.
const devLimits = `
limits:
  address: {every: 50ms, burst: 200}
`

// devFlags are the flags of dev.
type devFlags struct {
	data, listen, opsListen, issuer, adminToken, output, trustCA string

	policyDir, dcrConfig      string // empty: in the data folder
	policyShadow, decisionLog string
	tls                       tlsSettings
}

func devCommand() *cobra.Command {
	var f devFlags
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine, with nothing to set up",
		Long: "dev runs the whole server on the loopback interface. It makes what is missing in its data folder: keys, an\n" +
			"operator, a policy folder, dcr_config.yaml, the example plugin; and prints what to try.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return dev(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.data, "data", "ostiary-data", "folder of everything that is kept")
	flags.StringVar(&f.listen, "listen", "localhost:8080", "address of the server; port 0 picks a free one")
	flags.StringVar(&f.opsListen, "ops-listen", "localhost:8081", "address of health and metrics; port 0 picks a free one")
	flags.StringVar(&f.issuer, "issuer", "", "URL of the issuer (default: made from the address, with the path /api/oidc)")
	flags.StringVar(&f.tls.Cert, "tls-cert", "", "PEM file of a certificate: serve https")
	flags.StringVar(&f.tls.Key, "tls-key", "", "PEM file of its key")
	flags.StringVar(&f.trustCA, "trust-ca", "", "PEM file of authorities to trust beside the system's in calls that go out (jwks_uri)")
	flags.StringVar(&f.adminToken, "admin-token", "", "operator's token (default: one is made and kept)")
	flags.StringVar(&f.policyDir, "policy-dir", "", "folder of the rules (default: policies in the data folder)")
	flags.StringVar(&f.dcrConfig, "dcr-config", "", "the dcr_config.yaml (default: one is made in the data folder)")
	flags.StringVar(&f.policyShadow, "policy-shadow", "", "folder of rules that are asked beside those in force, and decide nothing")
	flags.StringVar(&f.decisionLog, "decision-log", "", "file that every decision of policy is written to, one JSON object a line; - for standard output")
	flags.StringVar(&f.output, "output", "text", "text, or json: one document on the first line of stdout, nothing after it")
	return cmd
}

func dev(ctx context.Context, f devFlags, stdout, stderr io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	log, buffer, err := newLog(logSettings{Level: "info", Format: map[string]string{"json": "json", "text": "text"}[f.output]}, stderr)
	if err != nil {
		return err
	}
	defer buffer.Close()
	public, err := listen(f.listen, f.tls, tls.NoClientCert)
	if err != nil {
		return err
	}
	defer public.Close()
	private, err := listen(f.opsListen, tlsSettings{}, tls.NoClientCert)
	if err != nil {
		return err
	}
	defer private.Close()
	s, token, err := f.settings(public.Addr(), log)
	if err != nil {
		return err
	}
	s.DecisionLog.stdout = stdout
	return serveOn(ctx, s, log, public, private, func(h *house) error {
		doc, err := h.introduce(ctx, token, public.Addr(), private.Addr())
		if err != nil {
			return err
		}
		return doc.print(stdout, f.output)
	})
}

// tokenCharacters are those of a bearer token.
const tokenCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

// check refuses what dev will not do.
func (f devFlags) check() error {
	if f.output != "text" && f.output != "json" {
		return usagef("--output must be text or json, not %q", f.output)
	}
	if f.output == "json" && f.decisionLog == "-" {
		return usagef("--decision-log - and --output json do not go together: nothing may follow the one document on standard output; name a file")
	}
	if (f.tls.Cert == "") != (f.tls.Key == "") {
		return usagef("--tls-cert and --tls-key go together")
	}
	for _, address := range []string{f.listen, f.opsListen} {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return usagef("%q is no address; write it like localhost:8080", address)
		}
		if !isLoopback(host) {
			return usagef("dev listens on this machine only, not on %q; for anything else use: ostiary serve -c ostiary.yaml", address)
		}
	}
	if f.adminToken != "" && len(f.adminToken) < minOperatorToken {
		return usagef("--admin-token is shorter than %d characters", minOperatorToken)
	}
	if strings.Trim(f.adminToken, tokenCharacters) != "" {
		return usagef("--admin-token may hold A-Z a-z 0-9 - . _ ~ + / = only (RFC 6750 section 2.1)")
	}
	if f.issuer != "" {
		if err := checkIssuer(f.issuer); err != nil {
			return usagef("--issuer %v", err)
		}
	}
	return nil
}

// settings makes the data folder complete and gives the settings for it.
func (f devFlags) settings(at net.Addr, log *slog.Logger) (settings, core.Secret, error) {
	s := defaults()
	data, err := filepath.Abs(f.data)
	if err != nil {
		return s, "", err
	}
	s.DataDir, s.PolicyDir, s.PluginDir = data, filepath.Join(data, "policies"), filepath.Join(data, "plugins")
	s.DCRConfig = filepath.Join(data, "config", "dcr_config.yaml")
	if err := f.named(&s); err != nil {
		return s, "", err
	}
	if s.DecisionLog.Stdout = f.decisionLog == "-"; !s.DecisionLog.Stdout {
		s.DecisionLog.File.Path = f.decisionLog
	}
	s.TLS, s.TrustCA = f.tls, f.trustCA
	s.Policy.Deadline = devDeadline
	s.Ledger.RefusedPerMinute = 1000
	s.Tokens.loopback, s.demo = true, true
	s.documents = true
	s.Plugins.Unsigned, s.Plugins.trusting = allowUnsigned, true
	s.BFF.Logins, s.BFF.LoginEvery = 200, 50*time.Millisecond
	s.Sessions.Failures, s.Sessions.FailureEvery = 1000, 50*time.Millisecond
	s.Issuer, s.Sites = f.address(at)
	s.BFF.client = "ostiary-demo" // bff-server is left to whoever tries a backend of their own
	s.BFF.Origins = origins(s.Issuer, f.tls.scheme(), s.Sites)
	if err := prepare(s, log); err != nil {
		return s, "", err
	}
	token, err := f.operatorToken(data)
	s.Operators = []operatorSetting{{Subject: "dev-operator", Token: token}}
	return s, token, err
}

// devDeadline is longer than a server's: a machine that people work at is busy, too, above all when the server has just begun.
const devDeadline = 250 * time.Millisecond

// named takes over the rules, the shadow and the dcr_config.yaml that the flags name. They must be there: made up, they would be without what
// somebody relies on.
func (f devFlags) named(s *settings) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	if f.policyDir != "" {
		if s.PolicyDir, err = folder(here, f.policyDir, "", "--policy-dir"); err != nil {
			return usagef("%v", err)
		}
	}
	if f.dcrConfig != "" {
		s.DCRConfig = under(here, f.dcrConfig)
		if _, err := os.Stat(s.DCRConfig); err != nil {
			return usagef("--dcr-config: %v", err)
		}
	}
	if f.policyShadow != "" {
		if s.Policy.Shadow, err = folder(here, f.policyShadow, "", "--policy-shadow"); err != nil {
			return usagef("%v", err)
		}
	}
	return nil
}

// address gives the issuer's URL, and the hosts that are answered: every loopback name with the bound port.
func (f devFlags) address(at net.Addr) (issuer string, sites []string) {
	_, port, _ := net.SplitHostPort(at.String())
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		sites = append(sites, net.JoinHostPort(host, port))
	}
	if f.issuer != "" {
		return f.issuer, sites
	}
	return f.tls.scheme() + "://localhost:" + port + "/api/oidc", sites
}

// origins are where browsers reach the site: the issuer's first, then every other name of this machine.
func origins(issuer, scheme string, sites []string) []string {
	var list []string
	if u, err := url.Parse(issuer); err == nil && u.Scheme == scheme {
		list = append(list, u.Scheme+"://"+u.Host)
	}
	for _, site := range sites {
		if origin := scheme + "://" + site; !slices.Contains(list, origin) {
			list = append(list, origin)
		}
	}
	return list
}

// prepare makes the folders and the files that dev begins with. What is there already is left alone.
func prepare(s settings, log *slog.Logger) error {
	for _, dir := range []string{s.DataDir, s.PolicyDir, s.PluginDir, filepath.Dir(s.DCRConfig), filepath.Join(s.DataDir, "run")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("data folder: %w", err)
		}
	}
	if err := writeNew(s.DCRConfig, append(slices.Clip(devSite), devLimits...)); err != nil {
		return err
	}
	return copyExample(s.PluginDir, log)
}

func writeNew(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// operatorToken is the flag's, else the one of the last run, else a new one.
func (f devFlags) operatorToken(data string) (core.Secret, error) {
	if f.adminToken != "" {
		return core.Secret(f.adminToken), nil
	}
	text, err := os.ReadFile(adminFile(data))
	if err == nil {
		var last adminAccess
		if err := strictjson.Decode(text, &last, strictjson.Default); err == nil && len(last.Token) >= minOperatorToken {
			return core.Secret(last.Token), nil
		}
	}
	return core.NewSecret(), nil
}

// adminAccess is DATA/run/admin.json: how commands on this machine reach the operators' API.
type adminAccess struct {
	URL    string `json:"url"`
	OpsURL string `json:"ops_url"`
	Token  string `json:"token"`
}

// leave writes the file.
func (a adminAccess) leave(data string) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(adminFile(data)), 0o700); err != nil {
		return err
	}
	return replaceFile(adminFile(data), append(text, '\n'))
}

func adminFile(data string) string { return filepath.Join(data, "run", "admin.json") }

// introduction is what dev prints when it is ready.
type introduction struct {
	Issuer    string `json:"issuer"`
	BaseURL   string `json:"base_url"`
	OpsURL    string `json:"ops_url"`
	Token     string `json:"admin_token"`
	IAT       string `json:"initial_access_token"`
	DataDir   string `json:"data_dir"`
	PolicyDir string `json:"policy_dir"`
	PluginDir string `json:"plugin_dir"`
	DCRConfig string `json:"dcr_config"`

	DemoUser demoUser `json:"demo_user"`

	plugins []pluginStatus
	path    string // of the issuer
}

// The initial access token that dev hands out.
const (
	devTokenUses     = int64(1000)
	devTokenLifetime = int64(24 * 60 * 60) // seconds
)

// introduce mints dev's token and leaves the access of commands on this machine.
func (h *house) introduce(ctx context.Context, token core.Secret, public, private net.Addr) (introduction, error) {
	uses, lifetime := devTokenUses, devTokenLifetime
	_, secret, err := h.tokens.Mint(ctx, "dev-operator", registration.TokenRequest{Label: "dev", MaxUses: &uses, ExpiresIn: &lifetime})
	if err != nil {
		return introduction{}, err
	}
	issuer, err := url.Parse(h.settings.Issuer)
	if err != nil {
		return introduction{}, err
	}
	_, port, _ := net.SplitHostPort(public.String())
	_, opsPort, _ := net.SplitHostPort(private.String())
	doc := introduction{
		Issuer: h.settings.Issuer, BaseURL: h.settings.TLS.scheme() + "://localhost:" + port, path: issuer.Path, OpsURL: "http://localhost:" + opsPort,
		Token: token.Reveal(), IAT: secret.Reveal(), DataDir: h.settings.DataDir, PolicyDir: h.settings.PolicyDir,
		PluginDir: h.settings.PluginDir, DCRConfig: h.settings.DCRConfig, plugins: plugged{host: h.plugins}.statuses(),
	}
	if doc.DemoUser, err = h.demoUser(ctx); err != nil {
		return doc, err
	}
	return doc, adminAccess{URL: doc.BaseURL, OpsURL: doc.OpsURL, Token: doc.Token}.leave(h.settings.DataDir)
}

// replaceFile writes a file that only its owner reads, at once or not at all.
func replaceFile(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), file)
}

// print writes the introduction for programs or for people.
func (i introduction) print(out io.Writer, output string) error {
	if output == "json" {
		return json.NewEncoder(out).Encode(i)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nOstiary is ready.\n\n")
	for _, row := range [][2]string{
		{"open", i.BaseURL + "/   (sign in as " + i.DemoUser.Username + ", password " + i.DemoUser.Password + ")"},
		{"console", i.BaseURL + "/console   (the same user)"}, {"issuer", i.Issuer}, {"discovery", i.BaseURL + i.path + "/.well-known/openid-configuration"}, {"health", i.OpsURL + "/health/ready"},
		{"policies", i.PolicyDir + "   (drop a .rego file here)"}, {"profiles, scopes", i.DCRConfig}, {"plugins", i.PluginDir},
	} {
		fmt.Fprintf(&b, "  %-18s%s\n", row[0], row[1])
	}
	for _, p := range i.plugins {
		fmt.Fprintf(&b, "  %-18s%s %s\n", "plugin "+string(p.State), p.Name, p.Version)
	}
	fmt.Fprintf(&b, `
Mint an initial access token:

  curl -sS -X POST '%[1]s/api/admin/dcr/initial-access-tokens' \
    -H 'Authorization: Bearer %[2]s' -H 'Content-Type: application/json' \
    -d '{"label":"ms-bff bootstrap","expires_in":3600,"max_uses":10}'

Register a client (this token is good for %[5]d of them, today):

  curl -sS -X POST '%[3]s/dcr/register' \
    -H 'Authorization: Bearer %[4]s' -H 'Content-Type: application/json' \
    -d '{ "client_name":"bff-server", "token_endpoint_auth_method":"private_key_jwt", "grant_types":["authorization_code"], "response_types":["code"], "scope":"openid profile email offline_access admin.api application.all dcr.register", "redirect_uris":["https://automate.example.com/auth/callback"] }'

Ask why (with the decision_id of any answer):

  curl -sS '%[1]s/api/admin/decisions/DECISION_ID' -H 'Authorization: Bearer %[2]s'

`, i.BaseURL, i.Token, i.BaseURL+i.path, i.IAT, devTokenUses)
	_, err := io.WriteString(out, b.String())
	return err
}
