//go:build unix

package plugins

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// BenchmarkHook is one hook of a guest on a registration of about 1.5 KB: input, call, answer, reset. What the host does with the
// bytes before and after is not in it; see BenchmarkAsk. Beside the guests stand the same job in the server itself, and asked of a webhook
// on loopback over a connection that stays, with both ends in this process; `make bench` adds Extism's SDK (.ci/bench/extism). The
// processor's time says more than the clock's where others work, too.
func BenchmarkHook(b *testing.B) {
	v := vectorNamed(b, "shape")
	in := strictjson.Append(nil, v.Input)
	b.Run("native", func(b *testing.B) {
		benchmarkHook(b, v, func() ([]byte, error) { return shaped(in) })
	})
	b.Run("webhook", func(b *testing.B) {
		benchmarkHook(b, v, webhook(b, in))
	})
	kits := map[string]func(testing.TB) []byte{"go": kit, "rust": languages["rust"], "assemblyscript": languages["assemblyscript"]}
	for _, language := range []string{"rust", "assemblyscript", "go"} {
		b.Run(language, func(b *testing.B) {
			f := newFolder(b, nil)
			f.put("shape", kits[language](b), allHooks+"configuration: "+v.Configuration.String()+"\n")
			f.reload()
			p := f.named(hook.PreRegister, "shape")
			benchmarkHook(b, v, func() ([]byte, error) { return exchanged(p, string(v.Hook), in) })
		})
	}
}

func benchmarkHook(b *testing.B, v vector, ask func() ([]byte, error)) {
	answer, err := ask()
	got, wrong := strictjson.Parse(answer, strictjson.Limits{})
	if err != nil || wrong != nil || !strictjson.Equal(got, v.Output) {
		b.Fatalf("got %s, %v, want %s", answer, err, v.Output)
	}
	b.ReportAllocs()
	before := processor()
	for b.Loop() {
		if _, err := ask(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(processor()-before)/float64(b.N), "cpu-ns/op")
}

// shaped is the job of the guests, bytes to bytes.
func shaped(in []byte) ([]byte, error) {
	call, err := strictjson.Parse(in, strictjson.Limits{})
	if err != nil {
		return nil, err
	}
	text := func(of strictjson.Value, path ...string) string {
		for _, name := range path {
			of, _ = of.Get(name)
		}
		s, _ := of.Text()
		return s
	}
	client, _ := call.Get("client")
	uris, _ := client.Get("redirect_uris")
	for _, uri := range uris.Items() {
		if !strings.HasPrefix(text(uri), "https://") {
			return nil, errors.New(text(uri) + " is not https")
		}
	}
	profile := text(call, "context", "profile")
	var patch []strictjson.Member
	set := func(name string, v strictjson.Value) { patch = append(patch, strictjson.Member{Name: name, Value: v}) }
	if text(client, "token_endpoint_auth_method") != "private_key_jwt" {
		set("token_endpoint_auth_method", strictjson.String("private_key_jwt"))
	}
	scopes := slices.DeleteFunc(strings.Fields(text(client, "scope")), func(scope string) bool { return scope == "offline_access" })
	set("scope", strictjson.String(strings.Join(scopes, " ")))
	contacts, _ := client.Get("contacts")
	set("contacts", strictjson.Array(append(contacts.Items(), strictjson.String("ops@"+profile+".example"))...))
	if strings.Contains(profile, "fapi") {
		set("require_pushed_authorization_requests", strictjson.Bool(true))
	}
	return strictjson.Append(nil, strictjson.Object(
		strictjson.Member{Name: "v", Value: strictjson.Int(abi.Major)},
		strictjson.Member{Name: "action", Value: strictjson.String(abi.ActionPatch)},
		strictjson.Member{Name: "patch", Value: strictjson.Object(patch...)},
	)), nil
}

// webhook gives what asks somebody else on this machine for it.
func webhook(b *testing.B, in []byte) func() ([]byte, error) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if answer, err := shaped(body); err == nil {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(answer) // whoever asked notices what is missing
		}
	}))
	b.Cleanup(server.Close)
	peer := fetch.NewPeer(fetch.PeerOptions{})
	request := fetch.Request{Method: http.MethodPost, URL: server.URL, Header: http.Header{"Content-Type": {"application/json"}}, Body: in}
	return func() ([]byte, error) {
		answer, err := peer.Do(b.Context(), request)
		return answer.Body, err
	}
}

// TestHooksWriteToFewPages holds what makes a reset cheap: a call finds the memory that it needs as it was left by the configuration, and
// uses it again. Go's runtime, above all, would else get new memory in each call.
func TestHooksWriteToFewPages(t *testing.T) {
	unraced(t)
	kits := map[string]func(testing.TB) []byte{"go": kit, "rust": languages["rust"], "assemblyscript": languages["assemblyscript"]}
	for language, most := range map[string]int{"go": 26, "rust": 6, "assemblyscript": 5} {
		t.Run(language, func(t *testing.T) {
			v := vectorNamed(t, "shape")
			f := newFolder(t, nil)
			f.put("shape", kits[language](t), allHooks+"configuration: "+v.Configuration.String()+"\n")
			f.reload()
			in := strictjson.Append(nil, v.Input)
			usage, err := f.named(hook.PreRegister, "shape").program.Do(context.Background(), func(i *sandbox.Instance) error {
				_, err := i.Exchange(context.Background(), abi.Alloc, string(v.Hook), in)
				return err
			})
			if err != nil || usage.PagesReset == 0 || usage.PagesReset > most {
				t.Errorf("%d pages had changed, want at most %d; %v", usage.PagesReset, most, err)
			}
		})
	}
}

// TestMuchToReadKeepsTheInstance sends calls that need more memory than usual, which a guest has before it is called: memory that grew in a
// call cannot be set back, and a new instance is dear.
func TestMuchToReadKeepsTheInstance(t *testing.T) {
	unraced(t)
	kits := map[string]func(testing.TB) []byte{"go": kit, "rust": languages["rust"], "assemblyscript": languages["assemblyscript"]}
	for language, words := range map[string]int{"go": 500, "rust": 2000, "assemblyscript": 2000} {
		t.Run(language, func(t *testing.T) {
			v := vectorNamed(t, "shape")
			f := newFolder(t, nil)
			f.put("shape", kits[language](t), allHooks+"configuration: "+v.Configuration.String()+"\n")
			f.reload()
			p := f.named(hook.PreRegister, "shape")
			in := strings.Replace(string(strictjson.Append(nil, v.Input)), `"scope":"`, `"scope":"`+strings.Repeat("a:scope ", words), 1)
			for range 3 {
				if _, err := exchanged(p, string(v.Hook), []byte(in)); err != nil {
					t.Fatal(err)
				}
			}
			if made := p.program.Stats().Created; made != 1 {
				t.Errorf("%d instances were made for three calls", made)
			}
		})
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
