//go:build !wasip1

package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/sdk/go"
)

// A worldly vector is one file of sdk/testdata/capabilities: a vector with what is around the call.
type worldly struct {
	vector
	World struct {
		KV        map[string]string          `json:"kv"`
		HTTP      []exchange                 `json:"http"`
		Secret    map[string]key             `json:"secret"`
		Policy    map[string]json.RawMessage `json:"policy"`
		Simulated bool                       `json:"simulated"`
	} `json:"world"`
	Kept  map[string]string `json:"kept"`
	Calls []json.RawMessage `json:"calls"` // of the trace, which is the host's
}

type exchange struct {
	Method     string `json:"method"`
	URL        string `json:"url"`
	BodyBase64 string `json:"body_base64"`
	Answer     struct {
		Status     int               `json:"status"`
		Headers    map[string]string `json:"headers"`
		Body       string            `json:"body"`
		BodyBase64 string            `json:"body_base64"`
	} `json:"answer"`
}

type key struct {
	HMAC    string `json:"hmac"`
	Ed25519 []byte `json:"ed25519"`
}

// fake makes a vector's world.
func (w *worldly) fake(t *testing.T) *ostiary.Fake {
	t.Helper()
	f := &ostiary.Fake{
		At: time.Unix(1767225600, 0), KV: maps.Clone(w.World.KV), Shared: map[string]string{}, Private: map[string]ed25519.PrivateKey{},
		Refuse: map[string]ostiary.Refusal{},
	}
	if w.World.Simulated {
		f.Refuse["http"], f.Refuse["secret"] = ostiary.ErrInSimulation, ostiary.ErrInSimulation
	}
	for name, k := range w.World.Secret {
		if f.Shared[name] = k.HMAC; len(k.Ed25519) > 0 {
			f.Private[name] = ed25519.NewKeyFromSeed(k.Ed25519)
		}
	}
	f.HTTP = func(r ostiary.Request) (ostiary.Response, error) {
		for _, x := range w.World.HTTP {
			body, _ := base64.StdEncoding.DecodeString(x.BodyBase64)
			if max(r.Method, "GET") == max(x.Method, "GET") && r.URL == x.URL && r.Body == string(body) {
				raw, _ := base64.StdEncoding.DecodeString(x.Answer.BodyBase64)
				return ostiary.Response{Status: x.Answer.Status, Headers: x.Answer.Headers, Body: x.Answer.Body + string(raw)}, nil
			}
		}
		return ostiary.Response{}, ostiary.ErrDenied
	}
	f.Policy = func(rule string, _ ostiary.Value) ostiary.Value {
		result, known := w.World.Policy[rule]
		if !known {
			return ostiary.Value{}
		}
		v, err := ostiary.Parse(string(compact(t, result)))
		if err != nil {
			t.Error(err)
		}
		return v
	}
	return f
}

// TestWorldlyVectors plays the calls that use capabilities, natively. The host's tests play them through WASM.
func TestWorldlyVectors(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/capabilities/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("found %d vectors: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			v := readWorldly(t, file)
			fake := v.fake(t)
			defer ostiary.Use(ostiary.Use(fake))
			if err := ostiary.SetUp(string(compact(t, v.Configuration))); err != nil {
				t.Fatal(err)
			}
			answer, err := ostiary.Run(v.Hook, compact(t, v.Input))
			if v.Output == nil {
				if err == nil {
					t.Fatalf("%s\nanswered %s, want a fault", v.About, answer)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s\n%v", v.About, err)
			}
			if want := compact(t, v.Output); !bytes.Equal(answer, want) {
				t.Errorf("%s\ngot  %s\nwant %s", v.About, answer, want)
			}
			if v.Kept != nil && !maps.Equal(fake.KV, v.Kept) {
				t.Errorf("keeps %v, want %v", fake.KV, v.Kept)
			}
		})
	}
}

func readWorldly(t *testing.T, file string) worldly {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var v worldly
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}
