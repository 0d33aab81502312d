package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/keys/jose"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// issuerKeySet gives the key set published at an address (core/keys.Remote).
type issuerKeySet interface {
	Set(ctx context.Context, jwksURI, kid string) (jose.KeySet, error)
}

// A demoVerifier says whose access tokens the demo API takes.
type demoVerifier struct {
	Issuer   string
	JWKSURI  string
	Audience string
	Keys     issuerKeySet
	Now      func() time.Time
}

// demoAPI is the protected API of the demo, as somebody else would write it: it trusts no header but the access token, which
// it verifies itself (RFC 9068 §4).
func demoAPI(v demoVerifier) http.Handler {
	n := &demoNotes{of: map[string][]string{}}
	mux := http.NewServeMux()
	mux.Handle("GET /me", v.guard(oauth.ScopeOpenID, demoMe))
	mux.Handle("GET /notes", v.guard(oauth.ScopeProfile, n.list))
	mux.Handle("POST /notes", v.guard(oauth.ScopeProfile, n.add))
	return mux
}

// serveDemo serves the demo API on a free port of the loopback interface, where only this machine reaches it, until stop is
// called.
func serveDemo(api http.Handler) (upstream *url.URL, stop func() error, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	server := &http.Server{Handler: api, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	go func() { _ = server.Serve(ln) }() // it ends with stop; a call that finds nobody is answered with 502
	return &url.URL{Scheme: "http", Host: ln.Addr().String()}, server.Close, nil
}

// A demoCaller is what a verified access token says.
type demoCaller struct {
	Message  string   `json:"message"`
	Subject  string   `json:"sub"`
	Client   string   `json:"client_id"`
	Scope    []string `json:"scope"`
	Audience []string `json:"aud"`
	Expires  string   `json:"token_expires"`
}

// guard lets calls through whose token is good and has the scope; the others learn what is wrong by RFC 6750 §3.
func (v demoVerifier) guard(scope string, next func(http.ResponseWriter, *http.Request, demoCaller)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := v.verify(r)
		switch {
		case err != nil:
			w.Header().Set("WWW-Authenticate", `Bearer realm="demo", error="invalid_token"`)
			demoAnswer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token", "error_description": core.AsError(err).Detail})
		case !slices.Contains(caller.Scope, scope):
			w.Header().Set("WWW-Authenticate", `Bearer realm="demo", error="insufficient_scope", scope="`+scope+`"`)
			demoAnswer(w, http.StatusForbidden, map[string]string{"error": "insufficient_scope", "error_description": "This call needs the scope " + scope + "."})
		default:
			next(w, r, caller)
		}
	})
}

// verify reads the one bearer token of a call.
func (v demoVerifier) verify(r *http.Request) (demoCaller, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return demoCaller{}, core.Refuse(core.InvalidToken, "Send one access token as Authorization: Bearer.")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return demoCaller{}, core.Refuse(core.InvalidToken, "The Authorization scheme is not Bearer.")
	}
	header, _, err := jose.Peek(token, 0)
	if err != nil {
		return demoCaller{}, core.Refuse(core.InvalidToken, "The access token is no signed JWT.")
	}
	if typ := strings.ToLower(header.Typ); typ != "at+jwt" && typ != "application/at+jwt" {
		return demoCaller{}, core.Refuse(core.InvalidToken, "The token is not an access token (typ).")
	}
	set, err := v.Keys.Set(r.Context(), v.JWKSURI, header.Kid)
	if err != nil {
		return demoCaller{}, core.Refuse(core.InvalidToken, "The issuer's keys cannot be had; try again.")
	}
	claims, err := jose.Verify(token, set, jose.Asymmetric())
	if err != nil {
		return demoCaller{}, core.Refuse(core.InvalidToken, "The access token's signature does not verify.")
	}
	return v.read(claims)
}

// read holds the claims of a token that is signed rightly to RFC 9068 §2.2.
func (v demoVerifier) read(claims strictjson.Value) (demoCaller, error) {
	text := func(name string) string {
		member, _ := claims.Get(name)
		s, _ := member.Text()
		return s
	}
	aud, _ := claims.Get("aud")
	audience, _ := aud.Strings()
	if one, ok := aud.Text(); ok {
		audience = []string{one}
	}
	exp, _ := claims.Get("exp")
	until, ok := exp.Int64()
	expires := time.Unix(until, 0)
	switch {
	case text("iss") != v.Issuer:
		return demoCaller{}, core.Refuse(core.InvalidToken, "The access token is of another issuer.")
	case !slices.Contains(audience, v.Audience):
		return demoCaller{}, core.Refuse(core.InvalidToken, "The access token is for another API (aud).")
	case !ok || !v.Now().Before(expires):
		return demoCaller{}, core.Refuse(core.InvalidToken, "The access token has expired.")
	case text("sub") == "" || text("client_id") == "":
		return demoCaller{}, core.Refuse(core.InvalidToken, "The access token says neither who nor for whom (sub, client_id).")
	}
	scope, err := oauth.ParseScope(text("scope"))
	if err != nil {
		return demoCaller{}, core.Refuse(core.InvalidToken, "The access token's scope cannot be read.")
	}
	return demoCaller{
		Message: "The API has verified the access token.", Subject: text("sub"), Client: text("client_id"), Scope: scope,
		Audience: audience, Expires: expires.UTC().Format(time.RFC3339),
	}, nil
}

func demoMe(w http.ResponseWriter, _ *http.Request, caller demoCaller) {
	demoAnswer(w, http.StatusOK, caller)
}

// demoNotes are kept in memory, a few of each person and of a few persons.
type demoNotes struct {
	mu sync.Mutex
	of map[string][]string
}

const (
	demoMaxNote   = 200 // bytes
	demoMaxNotes  = 20
	demoMaxPeople = 1000
)

func (n *demoNotes) list(w http.ResponseWriter, _ *http.Request, caller demoCaller) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer(w, http.StatusOK, caller)
}

func (n *demoNotes) answer(w http.ResponseWriter, status int, caller demoCaller) {
	notes := n.of[caller.Subject]
	if notes == nil {
		notes = []string{}
	}
	demoAnswer(w, status, map[string][]string{"notes": notes})
}

// add puts a note first; the oldest goes when there are too many.
func (n *demoNotes) add(w http.ResponseWriter, r *http.Request, caller demoCaller) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<10))
	var note struct {
		Text string `json:"text"`
	}
	if err == nil {
		err = strictjson.Decode(body, &note, strictjson.Default)
	}
	if note.Text = strings.TrimSpace(note.Text); err != nil || note.Text == "" || len(note.Text) > demoMaxNote {
		demoAnswer(w, http.StatusBadRequest, map[string]string{"error": "invalid_request", "error_description": "Send {\"text\": \"a note of at most 200 bytes\"}."})
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of[caller.Subject] == nil && len(n.of) >= demoMaxPeople {
		clear(n.of)
	}
	notes := append([]string{note.Text}, n.of[caller.Subject]...)
	n.of[caller.Subject] = notes[:min(len(notes), demoMaxNotes)]
	n.answer(w, http.StatusCreated, caller)
}

func demoAnswer(w http.ResponseWriter, status int, doc any) {
	body, err := json.Marshal(doc)
	if err != nil { // strings always marshal
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
