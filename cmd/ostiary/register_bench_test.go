//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// BenchmarkRegisterWithPlugin registers clients over and over, at two desks in turn: one without plugins, and one with the Rust
// example, which is asked twice in each registration. It says what one registration takes at each, and what it takes with the plugin
// divided by what it takes without: of time the median of all turns, since others work on most machines. HTTP is not in it.
func BenchmarkRegisterWithPlugin(b *testing.B) {
	desks := [2]*bareDesk{openDesk(b, nil), openDesk(b, contactsInRust(b))}
	const once = 250 // by each desk, in its turn
	spent := map[string][]float64{}
	for b.Loop() {
		for range 25 {
			bare := measured(func() { desks[0].register(b, once) })
			with := measured(func() { desks[1].register(b, once) })
			for name := range bare {
				spent["bare-"+name] = append(spent["bare-"+name], bare[name]/once)
				spent["plugin-"+name] = append(spent["plugin-"+name], with[name]/once)
				spent[name+"-ratio"] = append(spent[name+"-ratio"], with[name]/bare[name])
			}
		}
	}
	for name, turns := range spent {
		slices.Sort(turns)
		b.ReportMetric(turns[len(turns)/2], name)
	}
}

// measured says what work took, the sweeping of its garbage included.
func measured(work func()) map[string]float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, computed := time.Now(), processor()
	work()
	computed, wall := processor()-computed, time.Since(began)
	runtime.ReadMemStats(&after)
	return map[string]float64{
		"µs": wall.Seconds() * 1e6, "cpu-µs": computed.Seconds() * 1e6,
		"allocs": float64(after.Mallocs - before.Mallocs), "B": float64(after.TotalAlloc - before.TotalAlloc),
	}
}

// processor gives the time that this process has been computing.
func processor() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// A bareDesk is a whole server but for its listener.
type bareDesk struct {
	house *house
	body  strictjson.Value
	token core.Secret
	left  int // uses of the token
}

// benchClient is a request of the usual length.
const benchClient = `{"client_name":"Bench Client","client_uri":"https://client.example.org","logo_uri":"https://client.example.org/logo.png",
"policy_uri":"https://client.example.org/policy","tos_uri":"https://client.example.org/terms",
"redirect_uris":["https://client.example.org/callback","https://client.example.org/callback2"],
"contacts":["ops@client.example.org","security@client.example.org"],"software_id":"4NRB1-0XZABZI9E6-5SM3R","software_version":"2.1.0",
"token_endpoint_auth_method":"client_secret_basic","grant_types":["client_credentials","authorization_code"],"response_types":["code"]}`

// openDesk opens one whose plugin folder has these files.
func openDesk(b *testing.B, plugin map[string][]byte) *bareDesk {
	s := defaults()
	s.Issuer, s.DataDir, s.PolicyDir, s.PluginDir = "https://op.example", b.TempDir(), b.TempDir(), b.TempDir()
	s.Plugins.Unsigned = allowUnsigned
	for name, data := range plugin {
		if err := os.WriteFile(filepath.Join(s.PluginDir, name), data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	h, err := build(b.Context(), s, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = h.close() })
	if err := errors.Join(h.plugins.Reload(b.Context()), h.plugins.Ready(b.Context())); err != nil {
		b.Fatal(err)
	}
	for _, found := range h.plugins.Status() {
		if found.Error != "" {
			b.Fatal(found.Error)
		}
	}
	body, err := strictjson.Parse([]byte(benchClient), strictjson.Default)
	if err != nil {
		b.Fatal(err)
	}
	return &bareDesk{house: h, body: body}
}

// register makes n clients, many at a time.
func (d *bareDesk) register(b *testing.B, n int) {
	if d.left < n {
		uses := int64(registration.MaxTokenUses)
		_, secret, err := d.house.tokens.Mint(b.Context(), "bench", registration.TokenRequest{Label: "bench", MaxUses: &uses})
		if err != nil {
			b.Fatal(err)
		}
		d.token, d.left = secret, registration.MaxTokenUses
	}
	d.left -= n
	var desks sync.WaitGroup
	const atOnce = 25
	for range atOnce {
		desks.Go(func() {
			for range n / atOnce {
				if err := d.one(b.Context()); err != nil {
					b.Error(err)
				}
			}
		})
	}
	desks.Wait()
}

func (d *bareDesk) one(ctx context.Context) error {
	now := time.Now()
	answer, err := d.house.desk.Do(ctx, registration.Request{
		Operation: core.Register, Channel: core.ChannelDCR, RequestID: "req", Decision: core.NewDecisionID(now), Body: d.body,
		Caller: core.Caller{IP: "192.0.2.1", UserAgent: "curl/8.5.0"}, Credential: registration.Credential{Bearer: d.token},
	})
	if err == nil && len(answer.Body) == 0 {
		err = fmt.Errorf("%s was not described", answer.ClientID)
	}
	return err
}

// contactsInRust builds the example, with its manifest.
func contactsInRust(b *testing.B) map[string][]byte {
	example := filepath.Join(repository, "examples", "plugin-contacts-rust")
	guests, err := filepath.Abs(filepath.Join(repository, "bin", "rust"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(guests); err != nil {
		b.Skipf("%v; run: make guests", err)
	}
	cargo := exec.CommandContext(b.Context(), "cargo", "build", "--quiet", "--offline", "--locked", "--release", "--target", "wasm32-unknown-unknown")
	cargo.Dir, cargo.Env = example, append(os.Environ(), "RUSTC="+filepath.Join(guests, "rustc"), "CARGO_TARGET_DIR="+filepath.Join(guests, "target"))
	if out, err := cargo.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	module, err := os.ReadFile(filepath.Join(guests, "target", "wasm32-unknown-unknown", "release", "contacts.wasm"))
	if err != nil {
		b.Fatal(err)
	}
	manifest, err := os.ReadFile(filepath.Join(example, "contacts-rust.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	return map[string][]byte{"contacts-rust.wasm": module, "contacts-rust.yaml": manifest}
}
