package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/storage"
)

// An operator's word about a person, and about one session with the issuer, counts at the site at once: nobody waits for a
// token to end.
func TestSignedOutOfTheSite(t *testing.T) {
	s := runDev(t)
	p, site := newPerson(t, s.DemoUser), s.BaseURL
	operator := func(method, path, body string, status int) strictjson.Value {
		t.Helper()
		header := http.Header{"Authorization": {"Bearer " + s.Token}, "Content-Type": {"application/json"}}
		return answered(t, p.ask(fetch.Request{Method: method, URL: site + "/api/admin/users/" + path, Header: header, Body: []byte(body)}), status)
	}
	for what, end := range map[string]func(sub string){
		"signed out everywhere": func(sub string) { operator(http.MethodDelete, sub+"/sessions", "", http.StatusNoContent) },
		"one session ended": func(sub string) {
			list, _ := operator(http.MethodGet, sub+"/sessions", "", http.StatusOK).Get("items")
			for _, session := range list.Items() {
				operator(http.MethodDelete, sub+"/sessions/"+textOf(session, "id"), "", http.StatusNoContent)
			}
		},
		"disabled": func(sub string) {
			operator(http.MethodPatch, sub, `{"disabled":true}`, http.StatusOK)
			operator(http.MethodPatch, sub, `{"disabled":false}`, http.StatusOK)
		},
	} {
		p.visit(site+"/auth/login?return_to=%2F%3Fwelcome", site+"/?welcome")
		wantSignedIn(p, s)
		sub := textOf(answered(t, p.get(site+"/auth/session"), http.StatusOK), "sub")
		end(sub)
		if session := answered(t, p.get(site+"/auth/session"), http.StatusOK); isOn(session, "authenticated") {
			t.Errorf("%s, and still there: %s", what, session)
		}
		answered(t, p.get(site+"/api/demo/me"), http.StatusUnauthorized)
	}
	if p.asked != 3 {
		t.Errorf("the password was asked for %d times", p.asked)
	}
}

// Where clients know people by names of their own unless they say otherwise, the site is none of those: it looks up whom it serves.
func TestSiteWhereNamesArePairwise(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "ostiary-data")
	site := bytes.Replace(devSite, []byte("members: {} "), []byte("members: {defaults: {subject_type: pairwise}} "), 1)
	if bytes.Equal(site, devSite) {
		t.Fatal("the shipped dcr_config.yaml has other members")
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(data, "config"), 0o700), os.WriteFile(filepath.Join(data, "config", "dcr_config.yaml"), site, 0o600)); err != nil {
		t.Fatal(err)
	}
	s := runDevIn(t, dir)
	p := newPerson(t, s.DemoUser)
	p.visit(s.BaseURL+"/auth/login?return_to=%2F%3Fwelcome", s.BaseURL+"/?welcome")
	wantSignedIn(p, s)
}

// When the BFF's signing key has served its time the real issuer takes both keys, and then what the new one signs.
func TestBackendTurnsItsKey(t *testing.T) {
	s := defaults()
	s.DataDir, s.Issuer, s.Sites = t.TempDir(), "http://localhost:8080/api/oidc", []string{"localhost:8080"}
	s.DCRConfig, s.Storage.MinFreeMiB, s.BFF.Origins = filepath.Join(s.DataDir, "dcr_config.yaml"), 0, []string{"http://localhost:8080"}
	if err := os.WriteFile(s.DCRConfig, devSite, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := build(t.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := errors.Join(h.plugins.Ready(t.Context()), h.backend.Bootstrap(t.Context())); err != nil {
		t.Fatal(err)
	}
	before := string(h.backend.JWKS())
	aged(t, h)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { h.backend.Run(ctx) })
	defer running.Wait()
	defer stop()
	for string(h.backend.JWKS()) == before && t.Context().Err() == nil {
		runtime.Gosched()
	}
	now := string(h.backend.JWKS())
	if !strings.HasPrefix(now, strings.TrimSuffix(before, "]}")+",") {
		t.Errorf("published %s\nbefore    %s", now, before)
	}
	if _, err := h.backend.Login(ctx, "localhost:8080", "/"); err != nil {
		t.Errorf("a request that the new key signed: %v", errors.Unwrap(err))
	}
}

// aged makes the stored signing key 90 days old.
func aged(t *testing.T, h *house) {
	t.Helper()
	ring, err := seal.LoadOrCreate(filepath.Join(h.settings.DataDir, "keys", "seal.key"))
	if err != nil {
		t.Fatal(err)
	}
	store := storage.NewBFF(h.engine, core.IssuerID(h.settings.IssuerID), ring)
	r, err := store.Registration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.KeyFrom = r.KeyFrom.Add(-90 * 24 * time.Hour)
	if err := errors.Join(store.Lease(t.Context(), "test", time.Now().Add(time.Minute)), store.SaveRegistration(t.Context(), "test", r)); err != nil {
		t.Fatal(err)
	}
}
