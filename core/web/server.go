package web

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/ostiary/ostiary/core"
	"github.com/valyala/fasthttp"
)

// Bounds of a connection. A head that does not fit the read buffer gets 431.
const (
	headLimit      = 16 << 10
	maxConnections = 16 << 10
	writeTimeout   = 30 * time.Second
)

// Options say what a Server serves and to whom.
type Options struct {
	Routes            []Route
	IssuerPath        string                // "/api/oidc"; everything below it speaks OAuth
	Areas             []Area                // the faces of other parts; the longest prefix wins
	Face              Face                  // of what lies in no area
	Sites             []string              // accepted hosts, "id.example.com" or "localhost:8080"; or AnySite
	TrustedProxies    []netip.Prefix        // peers whose ForwardedHeader is believed
	ForwardedHeader   string                // Forwarded, or else XForwardedFor
	CertificateHeader string                // the header in which trusted proxies pass the client's certificate on; empty: the handshake's counts
	Authorities       func() *x509.CertPool // who may issue the clients' certificates; nil: of none it is said that it was issued by whom we trust
	ReadTimeout       time.Duration         // for one request, head and body; 0 means 15 s
	IdleTimeout       time.Duration         // between requests of a connection; 0 means 75 s
	Now               func() time.Time
	Log               *slog.Logger
	ErrorPage         func(e *core.Error, status int) Response // of the face Page; nil: a plain one
	OnRefused         func(context.Context, Refused)           // a judged route's request that never reached its handler
	OnDone            func(Done)                               // every request, for metrics
}

// A Refused is a request to a judged route that the edge turned away: the ledger's one-stage entry is made of it.
type Refused struct {
	Route     string // the pattern
	Method    string
	Decision  core.DecisionID
	Code      core.Code
	Detail    string
	RemoteIP  netip.Addr
	Origin    string
	UserAgent string
	RequestID string
	At        time.Time
}

// Done is one finished request. Route is the pattern or "unmatched" and Method one of the known ones or "OTHER": both are safe
// as labels.
type Done struct {
	Route    string
	Method   string
	Status   int
	Bytes    int
	Duration time.Duration
}

// A Server is one route table behind one edge. The operations listener is a second, smaller one.
type Server struct {
	opt   Options
	areas []Area
	sites sites
	app   *fiber.App
	fixed map[string]*resource    // by path; those with parameters are Fiber's to find
	route fasthttp.RequestHandler // Fiber's router
	log   slog.Handler
	lines io.Writer // takes request lines ready made; nil: they go through log

	base     context.Context // what handlers get; ends with the server
	stop     context.CancelFunc
	idPrefix string
	idCount  atomic.Uint64

	foreignAt atomic.Int64 // the minute in which the log last told of a certificate from no trusted proxy
}

// New checks the whole table and reports all problems at once.
func New(opt Options) (*Server, error) {
	resources, errRoutes := newResources(opt.IssuerPath, opt.Routes)
	hosts, errSites := newSites(opt.Sites)
	if err := errors.Join(errRoutes, errSites); err != nil {
		return nil, err
	}
	opt = withDefaults(opt)
	s := &Server{opt: opt, sites: hosts, areas: areasOf(opt), log: opt.Log.Handler(), lines: linesOf(opt.Log.Handler()), idPrefix: strings.ToLower(rand.Text()[:10]) + "-"}
	s.base, s.stop = context.WithCancel(context.Background())
	s.app, s.fixed = newFiber(opt), make(map[string]*resource)
	for _, res := range resources {
		for _, r := range res.routes {
			r.log, r.line = logFor(s.log, r.Method, res.path), lineOf(r.Method, res.path)
		}
		if res.isFixed() {
			s.fixed[res.path] = res
			continue
		}
		s.app.All(res.path, func(c *fiber.Ctx) error {
			exchangeOf(c).dispatch(res, paramsOf(c))
			return nil
		})
	}
	s.app.Use(func(c *fiber.Ctx) error {
		exchangeOf(c).unmatched()
		return nil
	})
	s.route = s.app.Handler()
	s.app.Server().Handler = s.serve
	s.app.Server().ErrorHandler = s.protocolError
	s.app.Server().CloseOnShutdown = true
	return s, nil
}

func withDefaults(opt Options) Options {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.ErrorPage == nil {
		opt.ErrorPage = errorPage
	}
	if opt.ReadTimeout == 0 {
		opt.ReadTimeout = 15 * time.Second
	}
	if opt.IdleTimeout == 0 {
		opt.IdleTimeout = 75 * time.Second
	}
	return opt
}

// newFiber sets Fiber up as a router that changes nothing: exact paths, no decoding, no bodies of its own.
func newFiber(opt Options) *fiber.App {
	return fiber.New(fiber.Config{
		Immutable:                    true,
		CaseSensitive:                true,
		StrictRouting:                true,
		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		DisableDefaultContentType:    true,
		DisableStartupMessage:        true,
		ReadBufferSize:               headLimit,
		Concurrency:                  maxConnections,
		ReadTimeout:                  opt.ReadTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  opt.IdleTimeout,
	})
}

func areasOf(opt Options) []Area {
	areas := append([]Area{}, opt.Areas...)
	if path := strings.TrimSuffix(opt.IssuerPath, "/"); path != "" {
		areas = append(areas, Area{path, OAuth})
	}
	return areas
}

// faceOf is the face of a path that no route matches.
func (s *Server) faceOf(path string) Face {
	face, longest := s.opt.Face, -1
	for _, a := range s.areas {
		if a.holds(path) && len(a.Prefix) > longest {
			face, longest = a.Face, len(a.Prefix)
		}
	}
	return face
}

// Serve answers on a listener, plain or TLS, until Shutdown. After Shutdown it returns at once.
func (s *Server) Serve(ln net.Listener) error {
	defer context.AfterFunc(s.base, func() { _ = ln.Close() })() // Fiber's own Shutdown forgets a listener that comes later
	return s.app.Listener(listener{ln})
}

// Shutdown stops accepting, lets requests under way finish until ctx ends, then cancels what handlers still do.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.stop()
	return s.app.ShutdownWithContext(ctx)
}
