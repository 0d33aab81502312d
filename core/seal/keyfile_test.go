package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestParseKeys(t *testing.T) {
	a, b := NewKey(), NewKey()
	for name, text := range map[string]string{
		"two lines":          a.Encode() + "\n" + b.Encode() + "\n",
		"no newline at last": a.Encode() + "\n" + b.Encode(),
		"Windows line ends":  a.Encode() + "\r\n" + b.Encode() + "\r\n",
		"comments and space": "# since March\n " + a.Encode() + "\n\n# before\n" + b.Encode() + "\t\n",
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := ParseKeys([]byte(text))
			if err != nil || len(keys) != 2 || keys[0] != a || keys[1] != b {
				t.Errorf("got %d keys, %v", len(keys), err)
			}
		})
	}
}

func TestParseKeysNamesTheLineOnly(t *testing.T) {
	good := NewKey().Encode()
	for _, c := range []struct{ name, bad string }{
		{"too short", good[:42]},
		{"too long", good + "A"},
		{"padded", good + "="},
		{"standard base64", "+/" + good[2:]},
		{"stray bits in the last character", strings.Repeat("A", 42) + "B"},
		{"two on a line", good + " " + good},
		{"a carriage return inside", good[:20] + "\r" + good[21:]},
		{"hexadecimal", strings.Repeat("0f", 32)},
		{"NUL", good[:42] + "\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseKeys([]byte("# first\n" + good + "\n" + c.bad + "\n"))
			if err == nil || !strings.Contains(err.Error(), "line 3:") {
				t.Fatalf("got %v, want line 3 named", err)
			}
			if strings.Contains(err.Error(), c.bad[:20]) {
				t.Errorf("the error shows the line: %v", err)
			}
		})
	}
	for _, empty := range []string{"", "\n\n", "# nothing yet\n"} {
		if _, err := ParseKeys([]byte(empty)); err == nil {
			t.Errorf("%q holds keys", empty)
		}
	}
}

func TestLoadOrCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.keys")
	made, err := LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	loaded, err := LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := loaded.Open("r", made.Seal("r", []byte("kept"))); err != nil || string(plain) != "kept" {
		t.Errorf("after a restart: %q, %v", plain, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left beside the key file: %v, %v", entries, err)
	}
}

func TestLoadRotatedFile(t *testing.T) {
	older, newer := NewKey(), NewKey()
	path := filepath.Join(t.TempDir(), "seal.keys")
	if err := os.WriteFile(path, []byte(newer.Encode()+"\n"+older.Encode()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open("r", ring(t, older).Seal("r", nil)); err != nil {
		t.Errorf("the second line does not open: %v", err)
	}
	if _, err := ring(t, newer).Open("r", r.Seal("r", nil)); err != nil {
		t.Errorf("the first line does not seal: %v", err)
	}
}

func TestLoadOrCreateRefuses(t *testing.T) {
	good := NewKey().Encode()
	for _, c := range []struct {
		name, text string
		mode       fs.FileMode
		problem    string
	}{
		{"readable by the group", good, 0o640, "chmod 600 "},
		{"readable by others", good, 0o604, "chmod 600 "},
		{"writable by others", good, 0o602, "chmod 600 "},
		{"empty", "", 0o600, "no key"},
		{"malformed", good + "\nnonsense\n", 0o600, "line 2:"},
		{"repeated key", good + "\n" + good + "\n", 0o600, "in the ring already"},
		{"far too long", strings.Repeat("#\n", maxKeyFile), 0o600, "longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "seal.keys")
			if err := errors.Join(os.WriteFile(path, []byte(c.text), c.mode), os.Chmod(path, c.mode)); err != nil {
				t.Fatal(err)
			}
			_, err := LoadOrCreate(path)
			if err == nil || !strings.Contains(err.Error(), c.problem) || !strings.Contains(err.Error(), path) {
				t.Fatalf("got %v, want %s", err, c.problem)
			}
			if strings.Contains(err.Error(), good) || strings.Contains(err.Error(), "nonsense") {
				t.Errorf("the error shows the content: %v", err)
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != c.text {
				t.Error("a refused file was changed")
			}
		})
	}
	t.Run("a folder", func(t *testing.T) {
		if _, err := LoadOrCreate(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a missing folder", func(t *testing.T) {
		if _, err := LoadOrCreate(filepath.Join(t.TempDir(), "none", "seal.keys")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRacingCreatorsAgree(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "seal.keys")
		var start, done sync.WaitGroup
		start.Add(1)
		rings := make([]*Ring, 16)
		for i := range rings {
			done.Go(func() {
				start.Wait()
				r, err := LoadOrCreate(path)
				if err != nil {
					t.Error(err)
					return
				}
				rings[i] = r
			})
		}
		start.Done()
		done.Wait()
		for _, r := range rings {
			if r == nil || r.primary != rings[0].primary {
				t.Fatal("two creators came out with different keys")
			}
		}
	}
}

// A file that appears between looking and creating is kept: this is the loser of the race, step by step.
func TestCreateNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seal.keys")
	first := NewKey()
	if err := errors.Join(create(path, first), create(path, NewKey())); err != nil {
		t.Fatal(err)
	}
	keys, err := load(path)
	if err != nil || len(keys) != 1 || keys[0] != first {
		t.Errorf("the first key was written over: %v", err)
	}
}
