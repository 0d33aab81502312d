package watch

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Bounds of one folder, so that a link to the root of a disk does not hang the watch.
const (
	maxDepth   = 8
	maxEntries = 10_000
)

type sum [sha256.Size]byte

// fingerprint is the state of a file, or of a folder: names, modes, sizes and times of everything in it, links followed.
type fingerprint struct {
	sum     sum
	folders []string // the folder, while there is one, and those below it
}

// ofFolder makes the fingerprint of a folder. What cannot be read is part of it as unreadable.
func ofFolder(dir string) fingerprint {
	s := scan{hash: sha256.New()}
	about, err := os.Stat(dir)
	if err == nil && about.IsDir() {
		s.folder(dir, 0)
	}
	return fingerprint{sum: sum(s.hash.Sum(nil)), folders: s.folders}
}

// ofFile makes the fingerprint of one file.
func ofFile(path string) fingerprint {
	s := scan{hash: sha256.New()}
	if about, err := os.Stat(path); err == nil {
		s.file(path, about)
	}
	return fingerprint{sum: sum(s.hash.Sum(nil))}
}

type scan struct {
	hash    hash.Hash
	folders []string
	entries int
}

func (s *scan) folder(dir string, depth int) {
	entries, err := os.ReadDir(dir) // sorted
	if err != nil {
		s.write("unreadable", dir)
		return
	}
	s.folders = append(s.folders, dir)
	s.write("folder", dir)
	for _, entry := range entries {
		if s.entries++; s.entries > maxEntries {
			return
		}
		path := filepath.Join(dir, entry.Name())
		about, err := os.Stat(path) // through links: their targets are what is read
		if err != nil {
			s.write("unreadable", path)
			continue
		}
		s.file(path, about)
		if about.IsDir() && depth < maxDepth {
			s.folder(path, depth+1)
		}
	}
}

func (s *scan) file(path string, about fs.FileInfo) {
	s.write("entry", path)
	facts := make([]byte, 0, 24)
	facts = binary.BigEndian.AppendUint64(facts, uint64(about.Mode()))
	if !about.IsDir() { // a folder's size and time say nothing that its entries do not
		facts = binary.BigEndian.AppendUint64(facts, uint64(about.Size()))
		facts = binary.BigEndian.AppendUint64(facts, uint64(about.ModTime().UnixNano()))
	}
	s.hash.Write(facts)
}

// write separates by NUL, which no path contains.
func (s *scan) write(words ...string) {
	s.hash.Write([]byte(strings.Join(words, "\x00") + "\x00"))
}

func within(dir, path string) bool {
	return strings.HasPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}
