package sandbox

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// buildGuest builds testdata/guest once per test binary, as a plugin author would.
var buildGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-o", out, "main.go")
	build.Dir = filepath.Join("testdata", "guest")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=", "GO111MODULE=off")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, errors.Join(err, errors.New(string(text)))
	}
	return os.ReadFile(out)
})

// compiledGuests is where what is compiled of the guest is kept for other runs, in the folder WASM_CACHE; empty: nowhere. With the race
// detector compiling it takes ten times as long.
func compiledGuests() string {
	shared := os.Getenv("WASM_CACHE")
	if shared == "" {
		return ""
	}
	return filepath.Join(shared, "sandbox")
}

// goGuest is the program all tests of this file share; what it logs goes to the returned list.
type goGuest struct {
	*Program
	mu   sync.Mutex
	said []string
}

func loadGoGuest(t *testing.T) *goGuest {
	t.Helper()
	binary, err := buildGuest()
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewMachine(Options{CacheDir: compiledGuests()})
	if err != nil {
		t.Fatal(err)
	}
	g := &goGuest{}
	now := time.Date(2030, 1, 2, 3, 4, 5, 6789, time.UTC)
	g.Program = loadInto(t, m, binary, WASI(WASIOptions{
		Now: func() time.Time { return now },
		Log: func(_ context.Context, stream int, line []byte) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.said = append(g.said, string(line))
		},
	}), Limits{Wall: time.Minute, InitWall: time.Minute, Wait: time.Minute, Instances: 2})
	return g
}

func (g *goGuest) exchange(export, in string, prepare func(*Instance)) (string, error) {
	var out []byte
	_, err := g.Do(context.Background(), func(i *Instance) (err error) {
		if prepare != nil {
			prepare(i)
		}
		out, err = i.Exchange(context.Background(), "ostiary_alloc", export, []byte(in))
		return err
	})
	return string(out), err
}

func TestGoReactor(t *testing.T) {
	g := loadGoGuest(t)
	seeded := func(i *Instance) { i.SetEntropy([32]byte{1, 2, 3}) }

	t.Run("works and forgets", func(t *testing.T) {
		for n := range 5 {
			if out, err := g.exchange("upper", "Hello", nil); err != nil || out != "HELLO" {
				t.Errorf("call %d: %q, %v", n, out, err)
			}
			if out, err := g.exchange("keep", "secret", nil); err != nil || out != "" {
				t.Errorf("call %d found %q, %v", n, out, err)
			}
		}
		if s := g.Stats(); s.Created != 1 {
			t.Errorf("%+v: one instance, reset, should have served all", s)
		}
	})
	t.Run("randomness is the host's", func(t *testing.T) {
		var got [4]string
		for n, prepare := range []func(*Instance){seeded, seeded, nil, nil} {
			out, err := g.exchange("random", "", prepare)
			if err != nil || len(out) != 16 {
				t.Fatalf("%q, %v", out, err)
			}
			got[n] = out
		}
		if got[0] != got[1] || got[2] == got[3] || got[0] == got[2] {
			t.Errorf("%x: want the first two equal, the others all different", got)
		}
	})
	t.Run("sleep takes no time", func(t *testing.T) {
		if out, err := g.exchange("sleep", "", nil); err != nil || out != "1" {
			t.Errorf("slept %q hours, %v", out, err)
		}
	})
	t.Run("has no power", func(t *testing.T) {
		if out, err := g.exchange("power", "", nil); err != nil || out != "" {
			t.Errorf("could reach %q, %v", out, err)
		}
	})
	t.Run("panic is told", func(t *testing.T) {
		_, err := g.exchange("panics", "oops", nil)
		if trap := trapOfKind(t, err, TrapUnreachable); !strings.Contains(trap.Message, "main.panics") {
			t.Errorf("%v: want the names of the guest's functions", trap)
		}
		if said := strings.Join(g.said, "\n"); !strings.Contains(said, "panic: it said: oops\n") {
			t.Errorf("the log has %q", said)
		}
	})
	t.Run("hoarding ends", func(t *testing.T) {
		usage, err := g.Do(context.Background(), func(i *Instance) error {
			_, err := i.Exchange(context.Background(), "ostiary_alloc", "hoard", nil)
			return err
		})
		trapOfKind(t, err, TrapUnreachable)
		if usage.MemoryPages > 512 {
			t.Errorf("%d pages, the limit is 512", usage.MemoryPages)
		}
	})
	t.Run("spinning ends", func(t *testing.T) {
		_, err := g.Do(context.Background(), func(i *Instance) error {
			_, err := i.Exchange(context.Background(), "ostiary_alloc", "spin", nil)
			return err
		})
		trapOfKind(t, err, TrapFuel)
	})
	t.Run("and works again", func(t *testing.T) {
		if out, err := g.exchange("upper", "again", nil); err != nil || out != "AGAIN" {
			t.Errorf("%q, %v", out, err)
		}
	})
}
