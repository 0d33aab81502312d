package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
)

// A shop is a folder and what was logged about it.
type shop struct {
	dir string
	log bytes.Buffer
}

func newShop(t *testing.T) *shop { return &shop{dir: filepath.Join(t.TempDir(), "cache")} }

// open starts anew, as a process does.
func (s *shop) open(t *testing.T) *Machine {
	t.Helper()
	m, err := NewMachine(Options{CacheDir: s.dir, Log: slog.New(slog.NewTextHandler(&s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// answer loads a module in a new machine, calls it and gives what came of it.
func (s *shop) answer(t *testing.T, binary []byte) string {
	t.Helper()
	p := loadInto(t, s.open(t), binary, nil, Limits{})
	defer p.Close()
	result, usage, err := callOnce(p, "answer")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(result, usage.Fuel)
}

// folders lists the modules that are kept.
func (s *shop) folders(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(s.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// answering makes a module that answers a number.
func answering(n int32) []byte {
	w := (&wat{}).pages(1)
	w.fn("answer", "", "i", i32(n))
	return w.bytes()
}

// What a host learns of a module must not depend on whether it was metered now or earlier.
func TestKeptModulesAreTheSame(t *testing.T) {
	guest, err := buildGuest()
	if err != nil {
		t.Fatal(err)
	}
	limits, err := Limits{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	for name, binary := range map[string][]byte{"go": guest, "keeper": keeper(), "hostile": hostile(), "neighbour": neighbour()} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			imports := WASI(WASIOptions{})
			loadInto(t, s.open(t), binary, imports, Limits{}).Close()
			shelf := s.open(t).shelf(keyOf(sha256.Sum256(binary), meterOptions(limits)))
			parsed, fresh, chosen, err := check(binary, imports, limits, meter.RewriteModule)
			if err != nil {
				t.Fatal(err)
			}
			parsedAgain, kept, chosenAgain, err := check(binary, imports, limits, shelf.rewrite)
			if err != nil {
				t.Fatal(err)
			}
			if shelf.read == nil || kept != shelf.read {
				t.Fatal("it was metered again")
			}
			if !reflect.DeepEqual(fresh, kept) || !reflect.DeepEqual(parsed, parsedAgain) || len(chosen) != len(chosenAgain) {
				t.Error("what is kept is not what is made")
			}
			strict := limits
			strict.TableElements = 1
			for why, refused := range map[string]struct {
				imports Imports
				limits  Limits
			}{"no imports": {nil, limits}, "a small table": {imports, strict}, "a short module": {imports, Limits{ModuleBytes: 10}}} {
				_, _, _, now := check(binary, refused.imports, refused.limits, meter.RewriteModule)
				_, _, _, earlier := check(binary, refused.imports, refused.limits, shelf.rewrite)
				if fmt.Sprint(now) != fmt.Sprint(earlier) {
					t.Errorf("%s: refused now with %v, with what is kept %v", why, now, earlier)
				}
			}
		})
	}
}

// Instructions that must be refused are refused from what is kept, too: the host's rules are not kept with a module.
func TestRulesHoldForKeptModules(t *testing.T) {
	w := (&wat{}).pages(1)
	w.fn("answer", "", "i", i32(1), ops(0xfc, 9, 0)) // data.drop
	binary := w.bytes()
	metered, err := meter.Rewrite(binary, meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	limits, err := Limits{}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	shelf := newShop(t).open(t).shelf(keyOf(sha256.Sum256(binary), meterOptions(limits)))
	shelf.keep(metered)
	if _, _, _, err := check(binary, nil, limits, shelf.rewrite); shelf.read == nil || err == nil || !strings.Contains(err.Error(), "data.drop") {
		t.Errorf("read %t, refused with %v", shelf.read != nil, err)
	}
}

// A second start reads what the first has written, and answers the same for the same fuel.
func TestModulesAreKept(t *testing.T) {
	s := newShop(t)
	first := s.answer(t, answering(42))
	folders := s.folders(t)
	if len(folders) != 1 {
		t.Fatalf("%d folders", len(folders))
	}
	err := filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 || strings.HasSuffix(path, ".tmp") {
			t.Errorf("%s is left with mode %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folders[0], meteredFile)
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if second := s.answer(t, answering(42)); second != first {
		t.Errorf("first %s, then %s", first, second)
	}
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) {
		t.Errorf("it was written again: %v", err)
	}
	if s.log.Len() > 0 {
		t.Errorf("logged: %s", &s.log)
	}
}

// What is not as it was written is never run: it is told, made anew, and then used again.
func TestDamagedModulesAreNotUsed(t *testing.T) {
	s := newShop(t)
	want := s.answer(t, answering(42))
	file := filepath.Join(s.folders(t)[0], meteredFile)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := newShop(t)
	other.answer(t, answering(666))
	foreign, err := os.ReadFile(filepath.Join(other.folders(t)[0], meteredFile))
	if err != nil {
		t.Fatal(err)
	}
	damaged := map[string][]byte{"empty": {}, "of another module": foreign, "longer": append(bytes.Clone(whole), 0)}
	for at := 0; at < len(whole); at += 7 {
		edited := bytes.Clone(whole)
		edited[at] ^= 1
		damaged[fmt.Sprint("edited at ", at)] = edited
		damaged[fmt.Sprint("cut at ", at)] = whole[:at]
	}
	for name, data := range damaged {
		s.log.Reset()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := s.answer(t, answering(42)); got != want {
			t.Errorf("%s: answered %s, want %s", name, got, want)
		}
		if !strings.Contains(s.log.String(), "not as it was written") {
			t.Errorf("%s: logged %q", name, &s.log)
		}
		if mended, err := os.ReadFile(file); err != nil || !bytes.Equal(mended, whole) {
			t.Errorf("%s: it was not written anew: %v", name, err)
		}
	}
}

// Whatever the folder is called, its compiled code is found; what is not there has none.
func TestCodeInAnyFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data[1]*", "key")
	want := filepath.Join(folder, "engine", "code")
	if files, err := codeIn(folder); err != nil || len(files) > 0 {
		t.Errorf("before it is there: %q, %v", files, err)
	}
	if err := os.MkdirAll(filepath.Dir(want), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{want, want + ".tmp", filepath.Join(folder, meteredFile)} {
		if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if files, err := codeIn(folder); err != nil || !slices.Equal(files, []string{want}) {
		t.Errorf("found %q, %v", files, err)
	}
}

// The engine's checksum leaves out where functions begin, and which module they are of: one wrong bit there ended the process.
func TestDamagedCodeIsNotRun(t *testing.T) {
	s, other := newShop(t), newShop(t)
	want := s.answer(t, answering(42))
	other.answer(t, answering(666))
	code := func(s *shop) string {
		files, err := codeIn(s.folders(t)[0])
		if err != nil || len(files) != 1 {
			t.Fatalf("compiled code in %q, %v", files, err)
		}
		return files[0]
	}
	whole, err := os.ReadFile(code(s))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(code(other))
	if err != nil {
		t.Fatal(err)
	}
	damaged := map[string][]byte{"empty": {}, "of another module": foreign, "longer": append(bytes.Clone(whole), 0)}
	for at := range whole {
		edited := bytes.Clone(whole)
		edited[at] ^= 8
		damaged[fmt.Sprint("edited at ", at)] = edited
	}
	for name, data := range damaged {
		s.log.Reset()
		if err := os.WriteFile(code(s), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := s.answer(t, answering(42)); got != want {
			t.Errorf("%s: answered %s, want %s", name, got, want)
		}
		if !strings.Contains(s.log.String(), "not as it was written") {
			t.Errorf("%s: logged %q", name, &s.log)
		}
	}
	if err := os.Remove(code(s)); err != nil {
		t.Fatal(err)
	}
	s.answer(t, answering(42))
	s.log.Reset()
	if got := s.answer(t, answering(42)); got != want || s.log.Len() > 0 {
		t.Errorf("after it was gone: answered %s, logged %q", got, &s.log)
	}
}

// Code that another engine made is kept beside what was there, and both are then as they were written.
func TestCodeThatCameLaterIsKept(t *testing.T) {
	s := newShop(t)
	s.answer(t, answering(42))
	files, err := codeIn(s.folders(t)[0])
	if err != nil || len(files) != 1 {
		t.Fatalf("compiled code in %q, %v", files, err)
	}
	shelf := s.open(t).shelf(moduleKey{1})
	metered, err := meter.Rewrite(answering(42), meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	shelf.keep(metered)
	if shelf.read, err = shelf.open(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(shelf.folder, "engine"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(files[0], filepath.Join(shelf.folder, "engine", "code")); err != nil {
		t.Fatal(err)
	}
	shelf.keep(metered)
	if _, err := shelf.open(); err != nil || s.log.Len() > 0 {
		t.Errorf("%v, logged %q", err, &s.log)
	}
}

// Only a file that nobody else can write to, and that stands where it should, is one of ours.
func TestFilesOfOthersAreNotUsed(t *testing.T) {
	s := newShop(t)
	want := s.answer(t, answering(42))
	file := filepath.Join(s.folders(t)[0], meteredFile)
	for name, change := range map[string]func() error{
		"mode":      func() error { return os.Chmod(file, 0o666) },
		"link":      func() error { return os.Rename(file, file+".old") },
		"directory": func() error { return os.Remove(file) },
		"too long":  func() error { return os.Truncate(file, maxMetered+1) },
	} {
		err := change()
		switch {
		case name == "link" && err == nil:
			err = os.Symlink(file+".old", file)
		case name == "directory" && err == nil:
			err = os.Mkdir(file, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.log.Reset()
		if got := s.answer(t, answering(42)); got != want {
			t.Errorf("%s: answered %s, want %s", name, got, want)
		}
		if !strings.Contains(s.log.String(), "not a file of ours") {
			t.Errorf("%s: logged %q", name, &s.log)
		}
	}
}

// The disk may refuse: plugins then run from memory.
func TestModulesThatCannotBeKept(t *testing.T) {
	s := newShop(t)
	m := s.open(t)
	if err := os.Remove(s.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	loadInto(t, m, answering(42), nil, Limits{}).Close()
	if !strings.Contains(s.log.String(), "cannot be kept") {
		t.Errorf("logged %q", &s.log)
	}
}

// Modules that are refused leave nothing on disk.
func TestRefusedModulesAreNotKept(t *testing.T) {
	s := newShop(t)
	m := s.open(t)
	invalid := (&wat{}).pages(1)
	invalid.fn("answer", "", "i") // without a result on the stack
	grown := append(answering(1), 0xff)
	for _, binary := range [][]byte{invalid.bytes(), grown, nil} {
		if _, err := m.Load(context.Background(), binary, nil, Limits{}); err == nil {
			t.Error("it was loaded")
		}
	}
	if left := s.folders(t); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// The folder is bounded: what was not used for longest goes, metered and compiled together, and what is not ours stays.
func TestKeptModulesAreBounded(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	name := func(n int) string { return filepath.Join(dir, fmt.Sprintf("%064d", n)) }
	for n := range 6 {
		for _, file := range []string{"metered", "wazero/code"} {
			file = filepath.Join(name(n), file)
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, make([]byte, 500), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(name(n), now, now.Add(time.Duration(n)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	others := filepath.Join(dir, "others")
	if err := os.Mkdir(others, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		most      int
		mostBytes int64
		left      int
	}{{10, 6000, 6}, {5, 6000, 5}, {10, 3999, 3}, {10, 1, 1}} {
		if err := bound(dir, c.most, c.mostBytes); err != nil {
			t.Fatal(err)
		}
		for n := range 6 {
			if _, err := os.Stat(name(n)); (err == nil) != (n >= 6-c.left) {
				t.Errorf("%d modules of %d bytes: module %d: %v", c.most, c.mostBytes, n, err)
			}
		}
	}
	if _, err := os.Stat(others); err != nil {
		t.Error(err)
	}
}

// What is used stays: a start says that it was.
func TestUseIsNoted(t *testing.T) {
	s := newShop(t)
	s.answer(t, answering(42))
	folder := s.folders(t)[0]
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(folder, long, long); err != nil {
		t.Fatal(err)
	}
	s.answer(t, answering(42))
	if info, err := os.Stat(folder); err != nil || time.Since(info.ModTime()) > time.Minute {
		t.Errorf("last used %v, %v", info.ModTime(), err)
	}
}

// Another module, another meter or another bound is another key.
func TestKeysOfModules(t *testing.T) {
	seen := map[moduleKey]string{}
	o := meter.Options{Stack: 1, MemoryPages: 1, Function: 1, Fuel: 1}
	options := reflect.ValueOf(&o).Elem()
	for n := range options.NumField() {
		field := options.Field(n)
		for _, value := range []int64{1, 2, 12} {
			switch {
			case field.CanInt():
				field.SetInt(value)
			default:
				field.SetUint(uint64(value))
			}
			for digest := range byte(3) {
				what := fmt.Sprintf("%d %+v", digest, o)
				key := keyOf([32]byte{digest}, o)
				if seen[key] != "" && seen[key] != what {
					t.Errorf("%s and %s are the same", what, seen[key])
				}
				seen[key] = what
			}
		}
	}
	if len(seen) != 3*(options.NumField()*2+1) || len(meter.Version) != 64 {
		t.Errorf("%d keys, version %q", len(seen), meter.Version)
	}
	if !bytes.HasPrefix(answering(1), []byte(wasm.Header)) {
		t.Error("the modules of these tests are none")
	}
}
