package plugins

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A case brings the world with it that its plugin finds.
func TestCaseBringsItsWorld(t *testing.T) {
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	p := user(t, &world{}, `[{"op":"kv_count","key":"n","member":"count"},{"op":"kv_count","key":"n","member":"again"},
		{"op":"http","request":{"url":"https://api.example.com/a"},"member":"http"},{"op":"http","request":{"url":"https://api.example.com/b"},"member":"other"},
		{"op":"hmac","key":"partner","text":"x","member":"hmac"},{"op":"sign","key":"signer","text":"x","member":"sign"},
		{"op":"policy","rule":"own","member":"own"},{"op":"policy","rule":"whole","member":"whole"},{"op":"policy","rule":"none","member":"none"},
		{"op":"random","size":4,"member":"random"}]`)
	c := Case{
		Name: "all", Call: hook.Call{Point: hook.PreRegister},
		World: World{
			KV:     map[string]string{"n": "6"},
			HTTP:   []Exchange{{URL: "https://api.example.com/a", Answer: HTTPAnswer{Headers: map[string]string{"Content-Type": "text/plain"}, Body: "hi"}}},
			Secret: map[string]TestKey{"partner": {HMAC: strings.Repeat("k", 32)}, "signer": {Ed25519: text}},
			Policy: map[string]strictjson.Value{"own": strictjson.Int(1), "data.ostiary.plugin.user.whole": strictjson.Int(2)},
		},
	}
	c.fill()
	first, second := p.check(t.Context(), c), p.check(t.Context(), c)
	if !strictjson.Equal(first.Result.Patch, second.Result.Patch) { // that the manifest allows none of it does not matter here
		t.Fatalf("%s and %s", first.Result.Patch, second.Result.Patch)
	}
	patch := first.Result.Patch
	for member, want := range map[string]string{
		"count": "7", "again": "8", "http": `{"status":200,"type":"text/plain","body":"aGk="}`, "other": `"http: unavailable"`,
		"own": "1", "whole": "2", "none": `"undefined"`,
	} {
		if got, _ := patch.Get(member); got.String() != want {
			t.Errorf("%s: %s, want %s", member, got, want)
		}
	}
	signed, _ := patch.Get("sign")
	if texts, _ := signed.Strings(); len(texts) != 3 || texts[0] != "EdDSA" || len(texts[2]) != 86 {
		t.Errorf("signed %s", signed)
	}
	c.World.Secret["signer"] = TestKey{Ed25519: "junk"}
	if bad := p.check(t.Context(), c); len(bad.Differences) != 1 || !strings.Contains(bad.Differences[0], "secret.signer.ed25519") {
		t.Errorf("%q", bad.Differences)
	}
}

// Requests go through the real door: no redirect, no address that nobody opened, no answer that is too long or too slow.
func TestRequestsThroughTheDoor(t *testing.T) {
	over := make(chan struct{})
	var mu sync.Mutex
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-Reason"))
		mu.Unlock()
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		case "/long":
			_, _ = w.Write(make([]byte, 64<<10+1))
		case "/slow":
			select {
			case <-over:
			case <-r.Context().Done():
			}
		default:
			w.Header().Set("Set-Cookie", "a=b")
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write([]byte("hi"))
		}
	}))
	defer server.Close()
	defer close(over)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(at.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	open, err := fetch.NewStranger(fetch.StrangerOptions{Allow: []fetch.Rule{{Host: "127.0.0.1", Port: uint16(port), Scheme: "http", Purpose: httpPurpose}}})
	if err != nil {
		t.Fatal(err)
	}
	shut, err := fetch.NewStranger(fetch.StrangerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	step := func(path string) string {
		return `{"op":"http","request":{"url":"` + server.URL + path + `","headers":{"X-Reason":"test"}},"member":"` + path[1:] + `"}`
	}
	asked := func(open *fetch.Stranger, patience time.Duration, steps string) (string, []string) {
		t.Helper()
		p := user(t, &world{}, "["+steps+"]")
		p.limits.HTTPCalls, p.granted.HTTP = 3, &HTTPAccess{Hosts: []string{at.Host}, Methods: []string{"GET"}}
		p.services.HTTP, p.services.RequestTime = open, patience
		result, usage, err := p.Ask(t.Context(), hook.Call{Point: hook.PreRegister}, taken)
		if err != nil {
			t.Fatal(err)
		}
		var statuses []string
		for _, c := range usage.Calls {
			statuses = append(statuses, c.Status)
		}
		return result.Patch.String(), statuses
	}
	const want = `{"good":{"status":200,"type":"text/plain","body":"aGk="},"away":{"status":302,"type":"text/html; charset=utf-8","body":"PGEgaHJlZj0iL2Vsc2V3aGVyZSI+Rm91bmQ8L2E+LgoK"},` +
		`"long":"http: too large, or the quota is full"}`
	got, statuses := asked(open, time.Minute, step("/good")+","+step("/away")+","+step("/long"))
	if got != want || !slices.Equal(statuses, []string{"200", "302", "too_large"}) {
		t.Errorf("%s, %q", got, statuses)
	}
	if got, statuses = asked(open, time.Millisecond, step("/slow")); got != `{"slow":"http: unavailable"}` || !slices.Equal(statuses, []string{"unavailable"}) {
		t.Errorf("too slow: %s, %q", got, statuses)
	}
	if got, statuses = asked(shut, time.Minute, step("/good")); got != `{"good":"http: denied: it was not granted, or the server refuses it"}` || !slices.Equal(statuses, []string{"denied"}) {
		t.Errorf("nobody opened it: %s, %q", got, statuses)
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(seen[:3], []string{"GET /good test", "GET /away test", "GET /long test"}) || slices.Contains(seen[3:], "GET /good test") {
		t.Errorf("the server saw %q", seen)
	}
}

// The time that a use takes is time of the call: it waits no longer than the call may last, and ends when the caller leaves.
func TestWaitingCounts(t *testing.T) {
	var p *version
	began := make(chan struct{})
	w := &world{exchange: func(ctx context.Context, _ fetch.Request) (fetch.Response, error) {
		if deadline, _ := ctx.Deadline(); time.Until(deadline) > p.limits.Wall {
			t.Errorf("it may wait until %v", deadline)
		}
		close(began)
		<-ctx.Done()
		return fetch.Response{}, ctx.Err()
	}}
	p = user(t, w, `[{"op":"http","request":{"url":"https://api.example.com/"},"member":"http"}]`)
	p.services.RequestTime = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-began
		cancel()
	}()
	_, usage, err := p.Ask(ctx, hook.Call{Point: hook.PreRegister}, taken) // whether it still answers is a matter of moments
	if err != nil {
		wantCode(t, err, core.TemporarilyUnavailable)
	}
	for _, c := range usage.Calls {
		if c.Status != "unavailable" {
			t.Errorf("%+v", c)
		}
	}
}
