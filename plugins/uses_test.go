package plugins

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

var buildCapable = sync.OnceValues(func() ([]byte, error) { return build("../sdk/go/internal/kit", "-tags=capabilities") })

// capableKit gives the kit with the steps that need capabilities.
func capableKit(t testing.TB) []byte {
	t.Helper()
	wasm, err := buildCapable()
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// allCapabilities is a manifest that asks for all there is.
var allCapabilities = allHooks + `capabilities:
  now: {}
  random: {}
  kv: {keys: 8, bytes: 40000, ttl: 1h}
  http: {hosts: [api.example.com, "localhost:8099"], methods: [GET, POST]}
  secret: {keys: [partner, signer]}
  policy_eval: {}
writes: [client_name]
`

// A world is what is around a call: services made of Go.
type world struct {
	mu       sync.Mutex
	kept     map[string]hook.Pair // by plugin and key
	keptErr  error
	exchange func(ctx context.Context, r fetch.Request) (fetch.Response, error)
	sent     []fetch.Request
	shared   map[string]string
	private  map[string]ed25519.PrivateKey
	rule     func(path string, input strictjson.Value) (strictjson.Value, bool, error)
}

func (w *world) offers() *Services {
	s := w.services()
	return &s
}

func (w *world) services() Services { return Services{KV: w, HTTP: w, Secrets: w, Rules: w} }

func (w *world) Pair(_ context.Context, plugin, key string) (hook.Pair, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pair := w.kept[plugin+" "+key]
	for at, p := range w.kept {
		if strings.HasPrefix(at, plugin+" ") {
			pair.Use.Keys, pair.Use.Bytes = pair.Use.Keys+1, pair.Use.Bytes+int64(p.Size)
		}
	}
	return pair, w.keptErr
}

func (w *world) Collect(context.Context, string) error { return nil }

// keep carries writes out.
func (w *world) keep(writes *hook.Writes) {
	for _, h := range writes.All() {
		at := h.Plugin + " " + h.Key
		if h.Deleted {
			delete(w.kept, at)
			continue
		}
		w.put(h.Plugin, h.Key, string(h.Value))
	}
}

func (w *world) put(plugin, key, value string) {
	stamp := sha256.Sum256([]byte(value))
	w.kept[plugin+" "+key] = hook.Pair{Value: []byte(value), Found: true, Stamp: [16]byte(stamp[:16]), Size: len(key) + len(value)}
}

func (w *world) Do(ctx context.Context, purpose string, r fetch.Request, limit int64) (fetch.Response, error) {
	w.mu.Lock()
	w.sent = append(w.sent, r)
	w.mu.Unlock()
	if purpose != "plugin" || limit != abi.MaxHTTPBody {
		return fetch.Response{}, fmt.Errorf("purpose %s, limit %d", purpose, limit)
	}
	return w.exchange(ctx, r)
}

func (w *world) Sign(name string, data []byte) (alg, kid string, signature []byte, err error) {
	key, ok := w.private[name]
	if !ok {
		return "", "", nil, errors.New("no such key")
	}
	x := base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`)) // RFC 7638
	return "EdDSA", base64.RawURLEncoding.EncodeToString(sum[:]), ed25519.Sign(key, data), nil
}

func (w *world) HMAC(name string, data []byte) (alg, kid string, signature []byte, err error) {
	key, ok := w.shared[name]
	if !ok {
		return "", "", nil, errors.New("no such key")
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(data)
	return "HS256", name, mac.Sum(nil), nil
}

func (w *world) PluginRule(_ context.Context, plugin string, path []string, input strictjson.Value) (strictjson.Value, bool, error) {
	return w.rule(plugin+"."+strings.Join(path, "."), input)
}

// A worldly vector is one file of sdk/testdata/capabilities: a vector with what is around the call.
type worldly struct {
	vector
	World struct {
		KV        map[string]string           `json:"kv"`
		HTTP      []httpExchange              `json:"http"`
		Secret    map[string]namedKey         `json:"secret"`
		Policy    map[string]strictjson.Value `json:"policy"`
		Simulated bool                        `json:"simulated"`
	} `json:"world"`
	Kept  map[string]string `json:"kept"`
	Calls []tracedCall      `json:"calls"`
}

type tracedCall struct {
	Kind   string `json:"kind"`
	Target string `json:"target"`
	Status string `json:"status"`
}

type httpExchange struct {
	Method     string `json:"method"`
	URL        string `json:"url"`
	BodyBase64 []byte `json:"body_base64"`
	Answer     struct {
		Status     int               `json:"status"`
		Headers    map[string]string `json:"headers"`
		Body       string            `json:"body"`
		BodyBase64 []byte            `json:"body_base64"`
	} `json:"answer"`
}

type namedKey struct {
	HMAC    string `json:"hmac"`
	Ed25519 []byte `json:"ed25519"`
}

func worldlyVectors(t testing.TB) []worldly {
	t.Helper()
	files, err := filepath.Glob("../sdk/testdata/capabilities/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("found %d vectors: %v", len(files), err)
	}
	all := make([]worldly, len(files))
	for i, file := range files {
		if err := strictjson.Decode([]byte(readFileText(t, file)), &all[i], strictjson.Stored); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[i].name = strings.TrimSuffix(filepath.Base(file), ".json")
	}
	return all
}

// around makes a vector's world.
func (v *worldly) around() *world {
	w := &world{kept: map[string]hook.Pair{}, shared: map[string]string{}, private: map[string]ed25519.PrivateKey{}}
	for key, value := range v.World.KV {
		w.put(v.name, key, value)
	}
	for name, k := range v.World.Secret {
		if k.HMAC != "" {
			w.shared[name] = k.HMAC
		} else {
			w.private[name] = ed25519.NewKeyFromSeed(k.Ed25519)
		}
	}
	w.exchange = func(_ context.Context, r fetch.Request) (fetch.Response, error) {
		for _, x := range v.World.HTTP {
			if r.Method == x.Method && r.URL == x.URL && string(r.Body) == string(x.BodyBase64) {
				header := http.Header{}
				for name, value := range x.Answer.Headers {
					header.Set(name, value)
				}
				return fetch.Response{Status: x.Answer.Status, Header: header, Body: append([]byte(x.Answer.Body), x.Answer.BodyBase64...)}, nil
			}
		}
		return fetch.Response{}, fetch.ErrRefused
	}
	w.rule = func(path string, _ strictjson.Value) (strictjson.Value, bool, error) {
		result, defined := v.World.Policy[strings.TrimPrefix(path, v.name+".")]
		return result, defined, nil
	}
	return w
}

// TestWorldlyVectors plays the calls that use capabilities through WASM. The SDK's tests play them natively.
func TestWorldlyVectors(t *testing.T) {
	unraced(t)
	playWorldly(t, capableKit(t))
}

// playWorldly plays the vectors that use capabilities through a kit, in whichever language.
func playWorldly(t *testing.T, kit []byte) {
	f := newFolder(t, nil)
	all := worldlyVectors(t)
	for _, v := range all {
		f.put(v.name, kit, allCapabilities+"configuration: "+v.Configuration.String()+"\n")
	}
	f.reload()
	for _, v := range all {
		t.Run(v.name, func(t *testing.T) {
			p := f.named(v.Hook, v.name)
			w := v.around()
			call, random := callOf(t, v.vector)
			call.Context.Simulated, call.Context.Writes = v.World.Simulated, &hook.Writes{}
			result, usage, _, err := p.call(context.Background(), &call, random, w.offers())
			if v.Output.IsAbsent() {
				wantCode(t, err, core.PluginFault)
				if held := call.Context.Writes.All(); len(held) != 0 {
					t.Errorf("a failed call keeps %+v", held)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if want, _ := v.Output.Get("patch"); !strictjson.Equal(result.Patch, want) {
				t.Errorf("%s\ngot  %s\nwant %s", v.About, result.Patch, want)
			}
			if calls := told(usage.Calls); !slices.Equal(calls, v.Calls) {
				t.Errorf("calls\ngot  %v\nwant %v", calls, v.Calls)
			}
			if v.Kept == nil {
				return
			}
			w.keep(call.Context.Writes)
			kept := map[string]string{}
			for at, pair := range w.kept {
				kept[strings.TrimPrefix(at, v.name+" ")] = string(pair.Value)
			}
			if !maps.Equal(kept, v.Kept) {
				t.Errorf("keeps %v, want %v", kept, v.Kept)
			}
		})
	}
}

func told(calls []hook.Outcall) []tracedCall {
	list := []tracedCall{}
	for _, c := range calls {
		list = append(list, tracedCall{c.Kind, c.Target, c.Status})
	}
	return list
}

// user loads the capable kit with steps and gives it a world.
func user(t *testing.T, w *world, steps string) *version {
	t.Helper()
	f := newFolder(t, nil)
	f.put("user", capableKit(t), allCapabilities+"configuration: {steps: "+steps+"}\n")
	f.reload()
	p := f.named(hook.PreRegister, "user")
	p.services = w.services()
	return p
}

// The trace says what was used, and never what went over the wire.
func TestTraceTellsNoSecrets(t *testing.T) {
	w := &world{kept: map[string]hook.Pair{}, shared: map[string]string{"partner": "TOPSECRET-KEY"}}
	w.exchange = func(context.Context, fetch.Request) (fetch.Response, error) {
		return fetch.Response{Status: 200, Body: []byte("TOPSECRET-ANSWER")}, nil
	}
	log := &logbook{}
	p := user(t, w, `[{"op":"http","request":{"method":"POST","url":"https://api.example.com/path?TOPSECRET-QUERY","body":"TOPSECRET-BODY","headers":{"Authorization":"TOPSECRET-HEADER"}},"member":"a"},
		{"op":"kv_put","key":"k","text":"TOPSECRET-VALUE"},{"op":"hmac","key":"partner","text":"TOPSECRET-DATA","member":"b"},
		{"op":"http","request":{"url":"https://TOPSECRET-USER@api.example.com/"}},{"op":"http","request":{"url":"TOPSECRET-JUNK"}}]`)
	p.log = slog.New(log)
	_, usage, err := p.Ask(t.Context(), hook.Call{Point: hook.PreRegister, Context: hook.Context{Writes: &hook.Writes{}}}, taken)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(usage.Calls) + log.String(); strings.Contains(text, "TOPSECRET") {
		t.Errorf("it tells: %s", text)
	}
	want := hook.Outcall{Kind: "http", Target: "POST https://api.example.com/path", Status: "200", Digest: digestOf(p, "TOPSECRET-ANSWER")}
	if usage.Calls[0] != want || len(usage.Calls) != 5 {
		t.Errorf("got %+v", usage.Calls)
	}
	if sent := w.sent[0]; sent.Header.Get("Authorization") != "TOPSECRET-HEADER" || string(sent.Body) != "TOPSECRET-BODY" {
		t.Errorf("sent %+v", sent)
	}
}

func digestOf(v *version, text string) string {
	mac := hmac.New(sha256.New, v.digests[:])
	mac.Write([]byte(v.Name() + "\x00" + text))
	return hex.EncodeToString(mac.Sum(nil))
}

// A digest of the trace says whether two values are the same, to those who see the trace of one server; no guess can be held against it.
func TestDigestsCannotBeGuessed(t *testing.T) {
	digest := func(key byte, plugin string) string {
		w := &world{kept: map[string]hook.Pair{}}
		v := user(t, w, `[{"op":"kv_put","key":"n","text":"7"}]`)
		v.digests, v.manifest.Name = [32]byte{key}, plugin
		_, usage, err := v.Ask(t.Context(), hook.Call{Point: hook.PreRegister, Context: hook.Context{Writes: &hook.Writes{}}}, taken)
		if err != nil || len(usage.Calls) != 1 {
			t.Fatal(usage.Calls, err)
		}
		return usage.Calls[0].Digest
	}
	seen, plain := map[string]bool{}, sha256.Sum256([]byte("7"))
	for _, d := range []string{hex.EncodeToString(plain[:]), digest(1, "a"), digest(2, "a"), digest(1, "b")} {
		if seen[d] {
			t.Errorf("%s is there twice", d)
		}
		seen[d] = true
	}
	if !seen[digest(1, "a")] {
		t.Error("the same value has another digest in the next call")
	}
	f := newFolder(t, nil)
	if f.host.digests == ([32]byte{}) {
		t.Error("without a key of its own a host has a known one")
	}
}

// Each use is counted against the call's budget, and the trace stays short.
func TestBudgets(t *testing.T) {
	w := &world{kept: map[string]hook.Pair{}, shared: map[string]string{"partner": "k"}}
	w.exchange = func(context.Context, fetch.Request) (fetch.Response, error) { return fetch.Response{Status: 204}, nil }
	w.rule = func(string, strictjson.Value) (strictjson.Value, bool, error) {
		return strictjson.Bool(true), true, nil
	}
	for kind, test := range map[string]struct {
		step   string
		budget int
	}{
		"http":        {`{"op":"http","request":{"url":"https://api.example.com/"},"member":"last"}`, 2},
		"secret":      {`{"op":"hmac","key":"partner","text":"x","member":"last"}`, secretCalls},
		"policy_eval": {`{"op":"policy","rule":"r","member":"last"}`, ruleCalls},
		"kv":          {`{"op":"kv_get","key":"k","member":"last"}`, kvCalls},
	} {
		t.Run(kind, func(t *testing.T) {
			p := user(t, w, "["+strings.Repeat(test.step+",", test.budget)+test.step+"]")
			result, usage, err := p.Ask(t.Context(), hook.Call{Point: hook.PreRegister}, taken)
			if err != nil {
				t.Fatal(err)
			}
			last, _ := result.Patch.Get("last")
			if text, _ := last.Text(); !strings.Contains(text, "the budget of this call is used up") {
				t.Errorf("the last answered %s", last)
			}
			refused := slices.IndexFunc(usage.Calls, func(c hook.Outcall) bool { return c.Status == "budget" })
			if refused != test.budget || len(usage.Calls) != test.budget+1 {
				t.Errorf("number %d was refused, of %d", refused, len(usage.Calls))
			}
		})
	}
	p := user(t, w, `[{"op":"kv_spin","key":"k"}]`)
	_, usage, err := p.Ask(t.Context(), hook.Call{Point: hook.PreRegister}, taken)
	if last := usage.Calls[len(usage.Calls)-1]; err != nil || len(usage.Calls) != tracedCalls+1 || last.Target != "952 further uses" {
		t.Errorf("%d calls noted, %+v, %v", len(usage.Calls), last, err)
	}
}

// Who wants to keep more than a request may carry has failed: otherwise something would be lost silently.
func TestTooManyWritesAreAFault(t *testing.T) {
	w := &world{kept: map[string]hook.Pair{}}
	p := user(t, w, `[{"op":"kv_flood","key":"k","member":"n"}]`)
	call := hook.Call{Point: hook.PreRegister, Context: hook.Context{Writes: &hook.Writes{}}}
	_, usage, err := p.Ask(t.Context(), call, taken)
	e := wantCode(t, err, core.PluginFault)
	if !strings.Contains(e.Err.Error(), "more than one request may carry") || len(call.Context.Writes.All()) != 0 || len(usage.Calls) != 7 {
		t.Errorf("%v, %d calls", e.Err, len(usage.Calls))
	}
	if calls := usage.Calls; calls[6].Status != "budget" || calls[5].Status != "ok" {
		t.Errorf("%+v", calls)
	}
}

// A quota that is full refuses, and says so to the plugin alone.
func TestQuotaRefuses(t *testing.T) {
	w := &world{kept: map[string]hook.Pair{}}
	for i := range 7 {
		w.put("user", fmt.Sprint("old", i), "v")
	}
	p := user(t, w, `[{"op":"kv_put","key":"a","text":"1","member":"eighth"},{"op":"kv_put","key":"b","text":"1","member":"ninth"},{"op":"kv_put","key":"old1","text":"other","member":"known"},
		{"op":"kv_delete","key":"old2"},{"op":"kv_put","key":"b","text":"1","member":"again"}]`)
	call := hook.Call{Point: hook.PreRegister, Context: hook.Context{Writes: &hook.Writes{}}}
	result, _, err := p.Ask(t.Context(), call, taken)
	const want = `{"eighth":true,"ninth":"kv_put: too large, or the quota is full","known":true,"again":true}`
	if err != nil || result.Patch.String() != want {
		t.Errorf("%s, %v", result.Patch, err)
	}
}

// What does not work is unavailable to the plugin; why stands in the log.
func TestUnavailable(t *testing.T) {
	w := &world{keptErr: errors.New("the disk burns"), shared: map[string]string{}}
	w.exchange = func(ctx context.Context, _ fetch.Request) (fetch.Response, error) {
		if _, limited := ctx.Deadline(); !limited {
			t.Error("a request without a deadline")
		}
		return fetch.Response{}, fmt.Errorf("%w: nobody home", fetch.ErrFailed)
	}
	w.rule = func(string, strictjson.Value) (strictjson.Value, bool, error) {
		return strictjson.Value{}, false, errors.New("the rules burn")
	}
	log := &logbook{}
	const steps = `[{"op":"kv_get","key":"k","member":"kv"},{"op":"http","request":{"url":"https://api.example.com/"},"member":"http"},{"op":"policy","rule":"r","member":"policy"},{"op":"hmac","key":"partner","text":"x","member":"hmac"}]`
	p := user(t, w, steps)
	p.log = slog.New(log)
	result, _, err := p.Ask(t.Context(), hook.Call{Point: hook.PreRegister}, taken)
	const want = `{"kv":"kv_get: unavailable","http":"http: unavailable","policy":"policy_eval: unavailable","hmac":"secret: denied: it was not granted, or the server refuses it"}`
	if err != nil || result.Patch.String() != want {
		t.Errorf("%s, %v", result.Patch, err)
	}
	if n := log.count("WARN a capability of the plugin failed"); n != 4 {
		t.Errorf("%d lines in\n%s", n, log)
	}
	p.services = Services{}
	result, _, err = p.Ask(t.Context(), hook.Call{Point: hook.PreRegister}, taken)
	if text := strings.ReplaceAll(want, "secret: denied: it was not granted, or the server refuses it", "secret: unavailable"); err != nil || result.Patch.String() != text {
		t.Errorf("without services: %s, %v", result.Patch, err)
	}
}

// Calls that wait for a server leave the processor to others: as many are under way as there may be.
func TestCallsWaitBesideEachOther(t *testing.T) {
	const most = 16 // which is the default, and more than compute at once on any machine
	arrived, all := make(chan struct{}, most), make(chan struct{})
	w := &world{exchange: func(ctx context.Context, _ fetch.Request) (fetch.Response, error) {
		arrived <- struct{}{}
		select {
		case <-all:
			return fetch.Response{Status: 204}, nil
		case <-ctx.Done():
			return fetch.Response{}, ctx.Err()
		}
	}}
	f := newFolder(t, nil)
	f.put("user", capableKit(t), allCapabilities+"configuration: {steps: [{op: http, request: {url: 'https://api.example.com/'}, member: a}]}\n")
	f.reload()
	p := f.named(hook.PreRegister, "user")
	p.services = w.services()
	p.services.RequestTime = time.Minute
	answers := make(chan string, most)
	for range most {
		go func() {
			result, _, err := p.Ask(t.Context(), hook.Call{Point: hook.PreRegister}, taken)
			answers <- fmt.Sprint(result.Patch, err)
		}()
		select {
		case <-arrived: // one after the other, so that none waits while others start
		case got := <-answers:
			t.Fatal(got)
		}
	}
	close(all)
	for range most {
		if got := <-answers; !strings.Contains(got, "204") {
			t.Error(got)
		}
	}
}

// Only what is granted goes out, however it is spelled.
func TestHTTPRefuses(t *testing.T) {
	w := &world{}
	u := &uses{granted: &Capabilities{HTTP: &HTTPAccess{Hosts: []string{"api.example.com", "localhost:8099", "[::1]:8099", "plain.example"}, Methods: []string{"GET", "POST"}}}, services: w.offers()}
	ask := func(change func(*abi.HTTPRequest)) int32 {
		r := abi.HTTPRequest{Method: "GET", URL: "https://api.example.com/a"}
		change(&r)
		_, _, refused := u.outgoing(r)
		return refused
	}
	for address, want := range map[string]int32{
		"https://api.example.com":                  0,
		"https://API.example.com:443/x":            0,
		"http://localhost:8099/":                   0,
		"http://[::1]:8099/":                       0,
		"http://plain.example/":                    abi.RefusedDenied,
		"http://api.example.com/":                  abi.RefusedDenied,
		"https://api.example.com:80/":              abi.RefusedDenied,
		"https://api.example.com:8443/":            abi.RefusedDenied,
		"https://api.example.com./":                abi.RefusedDenied,
		"https://evil.example/api.example.com":     abi.RefusedDenied,
		"https://api.example.com.evil.example/":    abi.RefusedDenied,
		"https://sub.api.example.com/":             abi.RefusedDenied,
		"https://api.example.com@evil.example/":    abi.RefusedBadArgument,
		"https://evil.example\\@api.example.com/":  abi.RefusedBadArgument,
		"https://evil.example#@api.example.com/":   abi.RefusedBadArgument,
		"https://evil.example%2f@api.example.com/": abi.RefusedBadArgument,
		"ftp://api.example.com/":                   abi.RefusedDenied,
		"//api.example.com/":                       abi.RefusedDenied,
		"file:///etc/passwd":                       abi.RefusedBadArgument,
		"https://127.0.0.1/":                       abi.RefusedDenied,
		"http://127.1:8099/":                       abi.RefusedDenied,
		"https:api.example.com":                    abi.RefusedBadArgument,
		"https://api.example.com/\r\nHost: evil":   abi.RefusedBadArgument,
		"https://аpi.example.com/":                 abi.RefusedDenied,
		"":                                         abi.RefusedBadArgument,
	} {
		if got := ask(func(r *abi.HTTPRequest) { r.URL = address }); got != want {
			t.Errorf("%q: %d, want %d", address, got, want)
		}
	}
	for method, want := range map[string]int32{"": 0, "POST": 0, "get": abi.RefusedDenied, "DELETE": abi.RefusedDenied, "GET /x HTTP/1.1\r\n": abi.RefusedDenied} {
		if got := ask(func(r *abi.HTTPRequest) { r.Method = method }); got != want {
			t.Errorf("%q: %d, want %d", method, got, want)
		}
	}
	for name, value := range map[string]string{
		"Host": "evil", "hOsT": "evil", "Cookie": "a=b", "Connection": "close", "Transfer-Encoding": "chunked", "Content-Length": "5", "Proxy-Authorization": "x",
		"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=x", "Upgrade": "h2c", "TE": "trailers", "Trailer": "x", "Expect": "100-continue", "": "x", "a b": "x", "a:b": "x",
		"X-A": "b\r\nHost: evil", "X-B": "ü", "X-C": strings.Repeat("x", 5000), strings.Repeat("x", 65): "x",
	} {
		if got := ask(func(r *abi.HTTPRequest) { r.Headers = map[string]string{name: value} }); got != abi.RefusedBadArgument {
			t.Errorf("%q: %d", name, got)
		}
	}
	for what, change := range map[string]func(*abi.HTTPRequest){
		"body of a GET":               func(r *abi.HTTPRequest) { r.Body = "x" },
		"two bodies":                  func(r *abi.HTTPRequest) { r.Method, r.Body, r.BodyBase64 = "POST", "x", "eA==" },
		"no base64":                   func(r *abi.HTTPRequest) { r.Method, r.BodyBase64 = "POST", "?" },
		"one header in two spellings": func(r *abi.HTTPRequest) { r.Headers = map[string]string{"X-A": "1", "x-a": "2"} },
	} {
		if got := ask(change); got != abi.RefusedBadArgument {
			t.Errorf("%s: %d", what, got)
		}
	}
	if got := ask(func(r *abi.HTTPRequest) { r.Method, r.Body = "POST", strings.Repeat("x", abi.MaxHTTPBody+1) }); got != abi.RefusedTooLarge {
		t.Errorf("a long body: %d", got)
	}
	if len(w.sent) > 0 {
		t.Error("something was sent")
	}
}

// Rules of others are not for a plugin to ask.
func TestRulesOfOthers(t *testing.T) {
	asked := ""
	w := &world{rule: func(path string, _ strictjson.Value) (strictjson.Value, bool, error) {
		asked = path
		return strictjson.Bool(true), true, nil
	}}
	for rule, want := range map[string]int32{
		"data.ostiary.plugin.mine.a":                         0,
		"data.ostiary.plugin.mine.a.b_2":                     0,
		"data.ostiary.plugin.mine":                           abi.RefusedDenied,
		"data.ostiary.plugin.mine.":                          abi.RefusedBadArgument,
		"data.ostiary.plugin.mine.a[_]":                      abi.RefusedBadArgument,
		"data.ostiary.plugin.mine.a := 1":                    abi.RefusedBadArgument,
		"data.ostiary.plugin.minent.a":                       abi.RefusedDenied,
		"data.ostiary.plugin.other.a":                        abi.RefusedDenied,
		"data.ostiary.registration.decision":                 abi.RefusedDenied,
		"input":                                              abi.RefusedDenied,
		"data.ostiary.plugin.mine" + strings.Repeat(".a", 9): abi.RefusedBadArgument,
	} {
		asked = ""
		u := &uses{plugin: "mine", services: w.offers(), running: true}
		_, got := u.ask(t.Context(), abi.RuleRequest[strictjson.Value]{Rule: rule})
		if got != want || (asked != "") != (want == 0) {
			t.Errorf("%s: %d, want %d; asked %q", rule, got, want, asked)
		}
	}
}

// A module has the imports that its manifest asks for, and no others: it does not even load.
func TestModulesImportWhatTheyUse(t *testing.T) {
	f := newFolder(t, nil)
	f.put("greedy", capableKit(t), allHooks+"capabilities: {kv: {}}\n")
	f.put("modest", kit(t), allHooks)
	f.reload()
	s := f.status("greedy")
	for _, missing := range []string{"now", "random", "http", "secret", "policy_eval"} {
		if !strings.Contains(s.Error, "needs the capability "+missing) {
			t.Errorf("%s is not named: %s", missing, s.Error)
		}
	}
	if s.State != Failed || strings.Contains(s.Error, "capability kv") || f.status("modest").State != Live {
		t.Errorf("%+v", s)
	}
	info, err := sandbox.Inspect(kit(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, need := range info.Imports {
		if need.Module == abi.Imports && need.Name != abi.Log {
			t.Errorf("a plugin that uses no capability imports %s", need.Name)
		}
	}
}

// The guest's arguments are addresses that it made up.
func TestImportsWithBadPointers(t *testing.T) {
	w := &world{kept: map[string]hook.Pair{"user k": {Value: []byte("value"), Found: true}}}
	w.rule = func(string, strictjson.Value) (strictjson.Value, bool, error) {
		return strictjson.Bool(true), true, nil
	}
	v := &version{manifest: Manifest{Name: "user"}, services: w.services(), now: time.Now, log: slog.New(slog.DiscardHandler), limits: Allowance{HTTPCalls: 1}, granted: Capabilities{
		Now: &Plain{}, Random: &Plain{}, KV: &KVCapability{Keys: 1, Bytes: 100, TTL: time.Hour}, HTTP: &HTTPAccess{}, Secret: &SecretKeys{}, PolicyEval: &Plain{},
	}}
	visit := v.visit(t.Context(), &hook.Call{Point: hook.PreRegister, Context: hook.Context{Writes: &hook.Writes{}}}, &entropy{}, &v.services)
	ctx, u := context.Context(visit), &visit.uses
	u.open()
	mem := flat(make([]byte, 1024))
	mem[0] = 'k'
	for _, i := range capabilityImports(v.granted) {
		for _, args := range [][2]uint64{{1 << 20, 8}, {1023, 2}, {0xffffffff, 1}, {0, 0xffffffff}, {0xffffffff, 0xffffffff}} {
			stack := []uint64{args[0], args[1], args[0], args[1], 0, 0}
			err := i.Call(ctx, mem, stack)
			code := int32(uint32(stack[0]))
			if i.Name == abi.Take || i.Name == abi.Now {
				continue
			}
			if err != nil || code != abi.RefusedBadArgument && code != abi.RefusedTooLarge {
				t.Errorf("%s%v: %d, %v", i.Name, args, code, err)
			}
		}
	}
	call := func(name string, args ...uint64) int32 {
		t.Helper()
		for _, i := range capabilityImports(v.granted) {
			if i.Name == name {
				stack := append(args, 0, 0, 0)
				if err := i.Call(ctx, mem, stack); err != nil {
					t.Fatal(err)
				}
				return int32(uint32(stack[0]))
			}
		}
		t.Fatal(name)
		return 0
	}
	if n := call(abi.KVGet, 0, 1); n != 5 {
		t.Fatalf("a value of %d bytes", n)
	}
	if n := call(abi.Take, 1020, 5); n != abi.RefusedBadArgument {
		t.Errorf("taken outside: %d", n)
	}
	if n := call(abi.Take, 100, 5); n != 0 {
		t.Errorf("taken twice: %d", n)
	}
	call(abi.KVGet, 0, 1)
	if n := call(abi.Take, 100, 3); n != 3 || string(mem[100:106]) != "val\x00\x00\x00" {
		t.Errorf("taken %d: %q", n, mem[100:106])
	}
	u.end()
	if n := call(abi.KVGet, 0, 1); n != abi.RefusedUnavailable {
		t.Errorf("after the end: %d", n)
	}
	ctx = t.Context()
	if n := call(abi.KVGet, 0, 1); n != abi.RefusedUnavailable {
		t.Errorf("outside of a call: %d", n)
	}
	stack := []uint64{0}
	for _, i := range capabilityImports(Capabilities{Now: &Plain{}}) {
		if i.Name == abi.Now && (i.Call(ctx, mem, stack) != nil || int64(stack[0]) != int64(abi.RefusedUnavailable)) {
			t.Errorf("the time outside of a call: %d", int64(stack[0]))
		}
	}
}

// flat is a module's memory.
type flat []byte

func (f flat) Read(ptr, n uint32) ([]byte, bool) {
	if uint64(ptr)+uint64(n) > uint64(len(f)) {
		return nil, false
	}
	return slices.Clone(f[ptr : ptr+n]), true
}

func (f flat) Write(ptr uint32, data []byte) bool {
	if uint64(ptr)+uint64(len(data)) > uint64(len(f)) {
		return false
	}
	copy(f[ptr:], data)
	return true
}

func (f flat) Size() uint32 { return uint32(len(f)) }
