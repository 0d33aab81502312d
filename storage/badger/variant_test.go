package badger_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ostiary/ostiary/storage/badger"
)

// An image is a file: its bytes up to the last that is not zero, and its size. Logs are sparse and mostly zeros.
type image struct {
	data []byte
	size int64
}

// readTemplate reads a store's folder, so that damaged variants of it can be written.
func readTemplate(t *testing.T, dir string) map[string]image {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	template := map[string]image{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		end := len(data)
		for end > 0 && data[end-1] == 0 {
			end--
		}
		template[entry.Name()] = image{data[:end:end], int64(len(data))}
	}
	return template
}

// openVariant writes the template into a new folder, one file replaced, and opens it.
func openVariant(t *testing.T, template map[string]image, replaced string, by image) (*badger.Engine, error) {
	t.Helper()
	dir := t.TempDir()
	for name, file := range template {
		if name == replaced {
			file = by
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, file.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, file.size); err != nil {
			t.Fatal(err)
		}
	}
	return badger.Open(badger.Options{Dir: dir})
}

// places spreads n places over size bytes; the first and the last few, where lengths and checksums stand, are all in.
func places(size, n, edge int) []int {
	var at []int
	for i := 0; i < size; i++ {
		if i < edge || i >= size-edge || i%(size/n+1) == 0 {
			at = append(at, i)
		}
	}
	return at
}

// trials is how many variants are tried: fewer when tests are to be short, or slow because they watch for races.
func trials(n int) int {
	if testing.Short() || racing {
		return n / 4
	}
	return n
}
