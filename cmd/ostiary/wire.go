package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/decisionlog"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/replay"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/web"
	"github.com/ostiary/ostiary/core/web/admin"
	"github.com/ostiary/ostiary/core/web/console"
	"github.com/ostiary/ostiary/core/web/oidc"
	"github.com/ostiary/ostiary/core/web/routes"
	"github.com/ostiary/ostiary/plugins"
	"github.com/ostiary/ostiary/policies"
	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/badger"
)

// A house is every part of a running server, put together.
type house struct {
	settings settings
	log      *slog.Logger
	now      func() time.Time

	engine  storage.Engine
	book    *ledger.Book
	clients *storage.Clients
	tokens  *registration.Tokens
	policy  *policies.Engine
	rules   *rules
	shadow  *shadow

	decisionLog *decisionlog.Log // nil: there is none

	plugins *plugins.Host
	desk    *registration.Desk
	known   *registration.Documents // the clients that there are, stored or described by a document

	documents registration.DocumentSource
	sectors   registration.Sectors
	uses      *registration.Uses
	reaper    *registration.Reaper
	recall    *registration.Recall
	tries     *candidates
	jobs      *replay.Jobs
	signing   *keys.Ring
	remotes   *keys.Remote // what clients publish
	people    *people
	names     core.Pairwise // of people, to clients that know them by names of their own
	backend   *backend      // nil: there is no BFF
	site      []web.Route   // the pages of the site itself; only dev has some
	server    *web.Server
	meters    *meters
	started   atomic.Bool    // the plugins that were there at the start are live or have failed
	beside    sync.WaitGroup // what runs beside the requests; the store outlives it
	closers   []func() error // in the order of opening
}

// startGC lets the heap grow tenfold before it is swept: compiling the rules leaves a few MB of garbage behind, and a start that
// sweeps them again and again takes a fifth longer.
const startGC = 1000

// build opens the store and puts the parts together. On an error everything opened is closed again.
func build(ctx context.Context, s settings, log *slog.Logger) (h *house, err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(startGC))
	opening := &house{settings: s, log: log, now: time.Now}
	defer func() {
		if err != nil {
			h, err = nil, errors.Join(err, opening.close())
		}
	}()
	h = opening
	ring, err := h.openStore()
	if err != nil {
		return nil, err
	}
	issuer := core.IssuerID(s.IssuerID)
	if h.signing, err = signingPlan(s).Open(ctx, storage.NewKeys(h.engine, issuer, ring), h.now); err != nil {
		return nil, fmt.Errorf("signing keys: %w (is %s the key that this store was made with?)", err, filepath.Join(s.DataDir, "keys", "seal.key"))
	}
	h.openLedger(issuer, ring)
	if err := h.openDecisionLog(); err != nil {
		return nil, err
	}
	if err := h.openRules(ctx, storage.NewPolicies(h.engine, issuer, ring), storage.NewDeclarations(h.engine, issuer, ring)); err != nil {
		return nil, err
	}
	if err := h.openPlugins(ctx, issuer, ring); err != nil {
		return nil, err
	}
	trust, err := h.trustedCAs()
	if err != nil {
		return nil, err
	}
	if h.remotes, err = h.clientKeys(trust); err != nil {
		return nil, err
	}
	if h.documents, err = h.clientDocuments(trust); err != nil {
		return nil, err
	}
	if h.sectors, err = h.sectorLists(trust); err != nil {
		return nil, err
	}
	h.openDesk(trust)
	h.openJobs()
	if err := h.openProvider(ring); err != nil {
		return nil, err
	}
	if err := h.openBackend(ring, trust); err != nil {
		return nil, err
	}
	h.server, err = h.openServer()
	return h, err
}

// openStore opens the store, and the seal's key file beside it.
func (h *house) openStore() (ring *seal.Ring, err error) {
	h.engine, ring, err = openFolder(h.settings.DataDir, h.settings.Storage, h.now, h.log)
	if h.engine != nil {
		h.closers = append(h.closers, h.engine.Close)
	}
	return ring, err
}

// openFolder opens what a data folder keeps: the embedded store, and the key that seals it. It makes what is missing. A store that was
// opened is given also where the key cannot be read.
func openFolder(dir string, s storageSettings, now func() time.Time, log *slog.Logger) (storage.Engine, *seal.Ring, error) {
	keys := filepath.Join(dir, "keys")
	for _, dir := range []string{dir, keys} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, nil, fmt.Errorf("data folder: %w", err)
		}
	}
	engine, err := badger.Open(badger.Options{Dir: filepath.Join(dir, "store"), Now: now, Log: log, MinFree: uint64(s.MinFreeMiB) << 20})
	if err != nil {
		return nil, nil, err
	}
	ring, err := seal.LoadOrCreate(filepath.Join(keys, "seal.key"))
	return engine, ring, err
}

func (h *house) openLedger(issuer core.IssuerID, ring *seal.Ring) {
	s := h.settings.Ledger
	store := storage.NewLedger(h.engine, issuer, ring, storage.Retention{Accepted: s.KeepAccepted, Refused: s.KeepRefused, Input: s.KeepInput}, h.now)
	h.book = ledger.NewBook(store, int(s.RefusedPerMinute), h.now, h.log)
	h.closers = append(h.closers, func() error { h.book.Close(); return nil })
	h.clients = storage.NewClients(h.engine, issuer, store, ring, h.now)
}

func (h *house) openRules(ctx context.Context, kept storage.Policies, sets storage.Declarations) error {
	h.policy = policies.NewEngine(policies.Options{
		Log: h.log, Now: h.now, Deadline: h.settings.Policy.Deadline, Shadow: h.sighted, Taken: h.recorder(),
	})
	h.rules = &rules{
		engine: h.policy, kept: kept, sets: sets, log: h.log, now: h.now, dir: h.settings.PolicyDir, file: h.settings.DCRConfig,
		documents: h.settings.documents,
	}
	if h.settings.Policy.Bundle.named() {
		bundle, err := newBundleSource(h.settings, h.now)
		if err != nil {
			return err
		}
		h.rules.bundle = bundle
		h.closers = append(h.closers, bundle.close)
	}
	h.shadow = &shadow{engine: h.policy, rules: h.rules, log: h.log, dir: h.settings.Policy.Shadow}
	h.closers = append(h.closers, func() error { h.policy.ClearShadow(); return nil })
	if err := h.rules.start(ctx); err != nil {
		return err
	}
	h.shadow.load()
	return nil
}

func (h *house) openPlugins(ctx context.Context, issuer core.IssuerID, ring *seal.Ring) error {
	if h.settings.Plugins.trusting {
		h.log.Warn("plugins need no signature here and are granted what they ask for; serve asks for both")
	}
	services, err := h.pluginServices()
	if err != nil {
		return err
	}
	host, err := plugins.New(plugins.Options{
		Dir: h.settings.PluginDir, CacheDir: filepath.Join(h.settings.DataDir, "cache", "plugins"),
		Services: services, Operator: h.settings.Plugins.operator(), Memory: storage.NewPlugins(h.engine, issuer, ring),
		Seen: h.watchPlugin, Digests: ring.Derive("plugins/trace"), Log: h.log, Now: h.now,
	})
	if err != nil {
		return fmt.Errorf("plugins: %w", err)
	}
	h.plugins = host
	h.closers = append(h.closers, host.Close)
	h.rules.host = host
	return h.rules.bind(ctx)
}

// trustedCAs are the authorities that calls which go out trust; nil: the system's.
func (h *house) trustedCAs() (*x509.CertPool, error) {
	return trusted(h.settings.TrustCA)
}

// issuerKeys makes the reader of the key sets that trusted issuers publish. Their addresses are the operator's.
func (h *house) issuerKeys(trust *x509.CertPool) *keys.Remote {
	peer := fetch.NewPeer(fetch.PeerOptions{Timeout: issuerKeysTimeout, TrustCA: trust})
	h.closers = append(h.closers, func() error { peer.Close(); return nil })
	return keys.NewRemote(documentFrom(peer), h.now)
}

// documentFrom reads documents from a peer.
func documentFrom(peer bff.Door) func(ctx context.Context, uri string) ([]byte, error) {
	return func(ctx context.Context, uri string) ([]byte, error) {
		response, err := peer.Do(ctx, fetch.Request{URL: uri})
		if err == nil && response.Status != 200 {
			err = fmt.Errorf("status %d", response.Status)
		}
		return response.Body, err
	}
}

const issuerKeysTimeout = 5 * time.Second

func (h *house) openDesk(trust *x509.CertPool) {
	issuer := h.settings.Issuer
	h.desk = registration.NewDesk(registration.Parts{
		Store: h.clients, Policy: h.policy, Plugins: h.plugins, Book: h.book, Site: h.rules.site.Load(), Now: h.now,
		IssuerKeys: h.issuerKeys(trust), ClientKeys: h.remotes, Revoked: h.revocations(trust), Documents: h.documents, Sectors: h.sectors,
		Decided: h.policy.Note, Limited: h.limited, Certified: h.settings.Certificates.methods(),
		ClientURI:    func(id core.ClientID) string { return issuer + "/dcr/register/" + url.PathEscape(string(id)) },
		AccessTokens: h.ownToken,
		Audiences:    []string{issuer, issuer + "/dcr/register", issuer + "/register"},
	})
	h.rules.changed = func(s *registration.Site) {
		h.desk.SetSite(s)
		h.shadow.follows()
	}
	h.openLives()
	h.tokens = registration.NewTokens(h.clients, h.desk.Site, h.now)
	h.known = registration.NewDocuments(h.desk, h.clients, h.lookedAtDocument)
}

func (h *house) openServer() (*web.Server, error) {
	s := h.settings
	issuer, err := url.Parse(s.Issuer)
	if err != nil {
		return nil, err
	}
	table := h.table(issuer.Path)
	if h.meters, err = h.newMeters(table, issuer.Path); err != nil {
		return nil, err
	}
	return web.New(web.Options{
		Routes: table, IssuerPath: issuer.Path, Face: web.Plain, ErrorPage: h.people.pages.ErrorPage,
		Areas: []web.Area{
			{Prefix: routes.OperatorsArea, Face: web.Operator}, {Prefix: routes.ConsoleArea, Face: web.Page}, {Prefix: routes.BFFArea, Face: web.OAuth},
			{Prefix: routes.SessionArea, Face: web.OAuth},
		},
		Sites: append([]string{issuer.Host}, s.Sites...), TrustedProxies: s.Proxies, ForwardedHeader: s.Forwarded, CertificateHeader: s.Certificates.header(),
		Authorities: h.people.authorities.current, Now: h.now, Log: h.log, OnRefused: h.refusedAtTheDoor, OnDone: h.meters.done,
	})
}

// table is every path of this server.
func (h *house) table(issuerPath string) []web.Route {
	s := h.settings
	parts := routes.Parts{
		OIDC:   oidc.New(h.desk, h.signing, h.desk, oidc.Document(s.Issuer, s.Certificates.methods()...)).Offering(h.waysIn),
		Tokens: oidc.NewTokenHandlers(h.people.tokens, s.Issuer),
		People: h.people.pages,
		Console: console.New(h.people.login.For(core.ConsoleSession, consoleLifetime), h.book, explainer{h.policy}, strings.HasPrefix(s.Issuer, "https:")).
			Counted(h.people.failed).Approving(h.clients, h.desk),
		Admin: admin.New(admin.Parts{
			Roster: h.roster(), Tokens: h.tokens, Desk: h.desk, Declared: h.desk, Sets: h.rules, Clients: h.clients, Reaper: h.reaper, Issuers: h.recall, Decisions: h.book,
			Keys:  h.signing,
			Users: h.people.login, Sessions: h.people.login, SetupURL: h.setupURL,
			Policies: func() any { return h.policyStatus() }, Plugins: plugged{h.plugins, h.clients.Kept(), h.log},
			Shadow: h.shadow, Jobs: h.jobs, Tries: h.tries, Explainer: explainer{h.policy},
		}),
		Site: h.site,
	}
	if h.backend != nil {
		parts.BFF, parts.Proxied = h.backend.handlers, h.backend.prefixes
	}
	return routes.Table(issuerPath, parts)
}

// limitedAddresses is how many addresses a limiter remembers.
const limitedAddresses = 100_000

func (h *house) roster() *operator.Roster {
	var tokens []operator.Token
	for _, o := range h.settings.Operators {
		tokens = append(tokens, operator.Token{Subject: core.Subject(o.Subject), Hash: o.Token.Hash()})
	}
	return operator.NewRoster(tokens...).Accept(h.settings.adminAPI(), h.accessOf)
}

// refusedAtTheDoor writes the one-stage entry of a request that the edge turned away from the desk.
func (h *house) refusedAtTheDoor(_ context.Context, r web.Refused) {
	h.book.Record(ledger.Entry{
		V: ledger.FormatVersion, DecisionID: r.Decision, Time: r.At, Operation: admin.OperationOf(r.Method, r.Route), Channel: channelOf(r),
		Actor: ledger.Actor{Kind: registration.KindOpen, IP: r.RemoteIP.String()},
		Stages: []ledger.Stage{{Stage: "web", By: ledger.By{Kind: "core"}, Reasons: []core.Reason{
			{Rule: "web", Code: r.Code, Message: r.Detail, Public: true},
		}}},
		Verdict: ledger.Denied, Outcome: ledger.Nothing, Error: &ledger.Problem{Code: r.Code, Detail: r.Detail},
	})
}

func channelOf(r web.Refused) core.Channel {
	switch {
	case strings.HasPrefix(r.Route, routes.OperatorsArea+"/"):
		return core.ChannelOperator
	case r.Method == "POST":
		return core.ChannelDCR
	}
	return core.ChannelManage
}

// close closes what was opened, the last first.
func (h *house) close() error {
	var errs []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		errs = append(errs, h.closers[i]())
	}
	h.closers = nil
	return errors.Join(errs...)
}
