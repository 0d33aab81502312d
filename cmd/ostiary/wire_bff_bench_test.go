package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/web"
	webbff "github.com/ostiary/ostiary/core/web/bff"
	"github.com/ostiary/ostiary/storage"
	"github.com/ostiary/ostiary/storage/badger"
	"github.com/ostiary/ostiary/storage/memory"
)

// A registrar is as much of an issuer as a backend needs to be ready.
type registrar struct{}

// Do implements bff.Door.
func (registrar) Do(context.Context, fetch.Request) (fetch.Response, error) {
	return fetch.Response{Status: http.StatusCreated, Body: []byte(`{"client_id":"bff-server","registration_access_token":"RAT"}`)}, nil
}

// Set implements bff.IssuerKeys.
func (registrar) Set(context.Context, string, string) (jose.KeySet, error) { return jose.KeySet{}, nil }

func (registrar) Allow(netip.Addr, time.Time) (bool, time.Duration) { return true, 0 }

var lineEnd = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}

// A line is a listener with one connection, on which the same request comes n times and answers vanish.
type line struct {
	request []byte
	left    int
	rest    []byte
	taken   bool
	over    chan struct{}
}

func (l *line) Accept() (net.Conn, error) {
	if l.taken {
		<-l.over
		return nil, net.ErrClosed
	}
	l.taken = true
	return l, nil
}

func (l *line) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		if l.left == 0 {
			return 0, io.EOF
		}
		l.left--
		l.rest = l.request
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *line) Close() error {
	select {
	case <-l.over:
	default:
		close(l.over)
	}
	return nil
}

func (*line) Addr() net.Addr                   { return lineEnd }
func (*line) Write(p []byte) (int, error)      { return len(p), nil }
func (*line) LocalAddr() net.Addr              { return lineEnd }
func (*line) RemoteAddr() net.Addr             { return lineEnd }
func (*line) SetDeadline(time.Time) error      { return nil }
func (*line) SetReadDeadline(time.Time) error  { return nil }
func (*line) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkWhoIsSignedIn is GET /auth/session through the edge, the backend and the engine. core/web's BenchmarkBareFiber is
// what it is compared with.
func BenchmarkWhoIsSignedIn(b *testing.B) {
	for name, open := range map[string]func(*testing.B) storage.Engine{
		"memory": func(*testing.B) storage.Engine { return memory.New(time.Now) },
		"badger": func(b *testing.B) storage.Engine {
			engine, err := badger.Open(badger.Options{Dir: b.TempDir(), Now: time.Now})
			if err != nil {
				b.Fatal(err)
			}
			return engine
		},
	} {
		b.Run(name, func(b *testing.B) {
			engine := open(b)
			defer engine.Close()
			server := signedInServer(b, engine)
			request := "GET /auth/session HTTP/1.1\r\nHost: app.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n" +
				"Accept: application/json\r\nAccept-Encoding: gzip, deflate, br\r\nCookie: __Host-bff_session=cookie\r\n\r\n"
			b.ReportAllocs()
			b.ResetTimer()
			_ = server.Serve(&line{request: []byte(request), left: b.N, over: make(chan struct{})}) // ends with the line
		})
	}
}

// signedInServer has one session.
func signedInServer(b *testing.B, engine storage.Engine) *web.Server {
	const issuer core.IssuerID = "main"
	ring, err := seal.New(seal.NewKey())
	if err != nil {
		b.Fatal(err)
	}
	users := storage.NewUsers(engine, issuer, ring)
	user := core.User{Subject: core.NewSubject(), Username: "ann", Generation: 7, CreatedAt: time.Now()}
	if err := users.Add(b.Context(), user); err != nil {
		b.Fatal(err)
	}
	store := storage.NewBFF(engine, issuer, ring).Among(users, storage.NewSessions(engine, issuer), storage.NewClients(engine, issuer, storage.Ledger{}, ring, time.Now))
	backend, err := bff.New(bff.Parts{
		Store: store, Door: registrar{}, Keys: registrar{}, Now: time.Now,
		Mint: func(context.Context) (core.Secret, error) { return "IAT", nil },
	}, bff.Settings{Issuer: "https://id.example.com", Origins: []string{"https://app.example.com"}})
	if err != nil {
		b.Fatal(err)
	}
	if err := backend.Bootstrap(b.Context()); err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	session := bff.Session{
		Hash: core.Secret("cookie").Hash(), Subject: user.Subject, Issued: "s-1", Username: "ann", Name: "Ann A", Email: "ann@example.com",
		EmailVerified: true, CreatedAt: now, ExpiresAt: now.Add(time.Hour), Origin: bff.Origin{Known: true, Generation: user.Generation},
	}
	if err := store.AddSession(b.Context(), session, bff.Tokens{Access: "A", AccessFrom: now, AccessUntil: now.Add(time.Hour)}); err != nil {
		b.Fatal(err)
	}
	handlers := webbff.New(webbff.Parts{Backend: backend, Guard: backend.Guard(), Secure: true, Limiter: registrar{}, Proxy: http.NotFoundHandler()})
	server, err := web.New(web.Options{Sites: []string{"app.example.com"}, Routes: []web.Route{
		{Method: "GET", Path: "/auth/session", Handler: handlers.Session, Face: web.Operator},
	}})
	if err != nil {
		b.Fatal(err)
	}
	if got, err := backend.Session(b.Context(), "cookie"); err != nil || got.Name != "Ann A" {
		b.Fatalf("%+v, %v", got, err)
	}
	return server
}
