//go:build unix

package plugins

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// BenchmarkHook is one hook of a guest on a registration of about 1.5 KB: input, call, answer, reset. What the host does with the
// bytes before and after is not in it; see BenchmarkAsk. The processor's time says more than the clock's where others work, too.
func BenchmarkHook(b *testing.B) {
	kits := map[string]func(testing.TB) []byte{"go": kit, "rust": languages["rust"], "assemblyscript": languages["assemblyscript"]}
	for _, language := range []string{"go", "rust", "assemblyscript"} {
		b.Run(language, func(b *testing.B) {
			v := vectorNamed(b, "shape")
			f := newFolder(b, nil)
			f.put("shape", kits[language](b), allHooks+"configuration: "+v.Configuration.String()+"\n")
			f.reload()
			p := f.named(hook.PreRegister, "shape")
			in := strictjson.Append(nil, v.Input)
			b.ReportAllocs()
			before := processor()
			for b.Loop() {
				if _, err := exchanged(p, string(v.Hook), in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processor()-before)/float64(b.N), "cpu-ns/op")
		})
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
