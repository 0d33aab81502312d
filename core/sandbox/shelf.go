package sandbox

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/sandbox/meter"
	"github.com/ostiary/ostiary/core/sandbox/wasm"
	"github.com/tetratelabs/wazero"
)

// What is kept of modules on disk, at most. What was not used for longest goes first.
const (
	mostKept      = 128       // modules
	mostKeptBytes = 512 << 20 // metered and compiled
)

// meteredFile is the metered module in the folder of a module; beside it the engine keeps the compiled code.
const meteredFile = "metered"

// maxMetered bounds what is read of it. The longest module that Limits allow by default is a good deal shorter once it is metered.
const maxMetered = 64 << 20

// A moduleKey says which module was metered by which meter for which bounds. What is kept under it never changes.
type moduleKey [sha256.Size]byte

// keyOf leaves out no option, so that none can be forgotten.
func keyOf(digest [32]byte, o meter.Options) moduleKey {
	return sha256.Sum256(fmt.Appendf(digest[:], " metered by %s %+v", meter.Version, o))
}

// A shelf has what is kept of one module in a Machine's folder: the metered module and its compiled code go together. All of it
// could be made anew at any time, so whatever is wrong with it is a reason to do so, and no more.
type shelf struct {
	machine *Machine
	key     moduleKey
	folder  string         // empty: nothing is kept
	read    *meter.Metered // nil: it was not there, or not as it was written
	code    []string       // the files of compiled code that were there with it
}

func (m *Machine) shelf(key moduleKey) *shelf {
	s := &shelf{machine: m, key: key}
	if m.dir != "" {
		s.folder = filepath.Join(m.dir, hex.EncodeToString(key[:]))
	}
	return s
}

// rewrite gives the metered module that is kept, or meters it.
func (s *shelf) rewrite(m *wasm.Module, o meter.Options) (*meter.Metered, error) {
	if s.folder == "" {
		return meter.RewriteModule(m, o)
	}
	metered, err := s.open()
	if err == nil {
		s.read = metered
		now := time.Now()
		_ = os.Chtimes(s.folder, now, now) // else it goes earlier than it has to
		return metered, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		s.machine.log.Warn("what was kept of a module is not used, and made anew", "folder", s.folder, "error", err)
		s.remove()
	}
	return meter.RewriteModule(m, o)
}

// open reads the metered module. Its checksum covers the key, so that the file of another module is none, and the compiled code
// beside it.
func (s *shelf) open() (*meter.Metered, error) {
	file := filepath.Join(s.folder, meteredFile)
	info, err := os.Lstat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 || info.Size() > maxMetered {
		return nil, fmt.Errorf("%s is %s with %d bytes, and not a file of ours", file, info.Mode(), info.Size())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if s.code, err = codeIn(s.folder); err != nil {
		return nil, err
	}
	code, err := sumOf(s.code)
	if err != nil {
		return nil, err
	}
	if len(data) < sha256.Size || !bytes.Equal(data[:sha256.Size], s.checksum(code, data[sha256.Size:])) {
		return nil, fmt.Errorf("%s, or the compiled code beside it, is not as it was written", file)
	}
	return meter.ReadMetered(data[sha256.Size:])
}

func (s *shelf) checksum(code uint32, data []byte) []byte {
	sum := sha256.New()
	sum.Write(s.key[:])
	sum.Write(binary.BigEndian.AppendUint32(nil, code))
	sum.Write(data)
	return sum.Sum(nil)
}

// codeIn lists the files of compiled code in the folder of a module: the engine has a folder of its own there.
func codeIn(folder string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // not there yet, or gone meanwhile
		}
		if err == nil && !entry.IsDir() && filepath.Dir(path) != folder && !strings.HasSuffix(path, ".tmp") {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// sumOf adds up files. The engine has a checksum in its files, but not of where the functions begin: one wrong bit there, or the code
// of another module, and the process jumps anywhere. It is of another kind than the engine's: with the same one, what the engine
// adds behind its code would make all files alike.
func sumOf(files []string) (uint32, error) {
	sum := crc32.NewIEEE()
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(sum, file)
		if err = errors.Join(err, file.Close()); err != nil {
			return 0, err
		}
	}
	return sum.Sum32(), nil
}

// keep writes a metered module that was compiled. That it cannot be kept is told, and hurts nobody.
func (s *shelf) keep(metered *meter.Metered) {
	if s.folder == "" {
		return
	}
	code, err := codeIn(s.folder)
	if err == nil && s.read != nil && slices.Equal(code, s.code) {
		return
	}
	if err := errors.Join(err, s.write(metered, code)); err != nil {
		s.machine.log.Warn("a metered module cannot be kept", "folder", s.folder, "error", err)
	}
}

// write keeps a metered module with its compiled code, and makes room for it.
func (s *shelf) write(metered *meter.Metered, code []string) error {
	data := metered.Append(make([]byte, sha256.Size, sha256.Size+len(metered.Wasm)+4096))
	if len(data) > maxMetered {
		return nil
	}
	sum, err := sumOf(code)
	if err != nil {
		return err
	}
	copy(data, s.checksum(sum, data[sha256.Size:]))
	return errors.Join(writeWhole(s.folder, meteredFile, data), bound(s.machine.dir, mostKept, mostKeptBytes))
}

// writeWhole writes a file that nobody finds half written.
func writeWhole(folder, name string, data []byte) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, name+".*.tmp") // with mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(folder, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// remove forgets what is kept of the module.
func (s *shelf) remove() {
	if s.folder == "" {
		return
	}
	if err := os.RemoveAll(s.folder); err != nil {
		s.machine.log.Warn("what is kept of a module cannot be removed", "folder", s.folder, "error", err)
	}
}

// cache makes the engine's cache of compiled code, in memory where the disk is not to be had.
func (s *shelf) cache() wazero.CompilationCache {
	if s.folder == "" {
		return wazero.NewCompilationCache()
	}
	cache, err := wazero.NewCompilationCacheWithDir(s.folder)
	if err != nil {
		s.machine.log.Warn("a compiled module cannot be kept", "folder", s.folder, "error", err)
		return wazero.NewCompilationCache()
	}
	return cache
}

// bound removes the folders that were not used for longest until there are no more than that many of that many bytes.
func bound(dir string, most int, mostBytes int64) error {
	type kept struct {
		path string
		used time.Time
		size int64
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var all []kept
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !entry.IsDir() || len(entry.Name()) != 2*len(moduleKey{}) {
			continue // gone meanwhile, or not ours
		}
		one := kept{path: filepath.Join(dir, entry.Name()), used: info.ModTime()}
		one.size = bytesBelow(one.path)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b kept) int { return cmp.Compare(b.used.UnixNano(), a.used.UnixNano()) })
	var sum int64
	for n, one := range all {
		if sum += one.size; n < most && (sum <= mostBytes || n == 0) {
			continue
		}
		if err := os.RemoveAll(one.path); err != nil {
			return err
		}
	}
	return nil
}

// bytesBelow adds up the files in a folder. What cannot be read is gone, or has no size that matters.
func bytesBelow(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}
