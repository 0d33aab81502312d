//go:build unix

package plugins

import (
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/strictjson"
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

// processor gives the time that this process has been computing.
func processor() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
