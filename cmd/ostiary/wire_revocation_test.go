package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
)

// A list is a file beside dcr_config.yaml, or an address; a statement is posted as a token. Only 200 is an answer.
func TestRevocationSource(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "revoked.json"), []byte(`{"jti":["1"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer x" || r.URL.Path == "/none" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(r.Method + " " + r.FormValue("token")))
	}))
	defer server.Close()
	source := revocationSource{peer: fetch.NewPeer(fetch.PeerOptions{}), dir: dir}
	for _, test := range []struct {
		address, want string
		authorization core.Secret
	}{
		{"revoked.json", `{"jti":["1"]}`, ""}, {filepath.Join(dir, "revoked.json"), `{"jti":["1"]}`, ""}, {"absent.json", "", ""}, {".", "", ""},
		{server.URL, "GET ", "Bearer x"}, {server.URL, "", ""}, {server.URL + "/none", "", "Bearer x"},
	} {
		body, err := source.List(t.Context(), test.address, test.authorization)
		if (err != nil) != (test.want == "") || err == nil && string(body) != test.want {
			t.Errorf("%s: %q, %v", test.address, body, err)
		}
	}
	if body, err := source.Introspect(t.Context(), server.URL, "Bearer x", "a.b.c"); err != nil || string(body) != "POST a.b.c" {
		t.Errorf("introspected: %q, %v", body, err)
	}
}
