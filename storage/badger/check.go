package badger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	badgerdb "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"
)

// logHeader is the size of a log that holds nothing.
const logHeader = 20

// check looks at a folder before Badger does. Left to itself, Badger leaves out a table whose checksum is wrong and goes on
// without it (what was revoked in it is valid again), deletes all tables when the manifest is missing, and takes the empty
// log that a kill between two of its system calls leaves behind for damage.
func check(o Options) error {
	if err := removeEmptyLogs(o.Dir); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	manifest, err := readManifest(o)
	if err != nil {
		return fmt.Errorf("%w: folder %s: %w", ErrDamaged, o.Dir, err)
	}
	for id, of := range manifest.Tables {
		if err := verifyTable(table.NewFilename(id, o.Dir), of.Compression); err != nil {
			return fmt.Errorf("%w: folder %s: table %06d: %w", ErrDamaged, o.Dir, id, err)
		}
	}
	return nil
}

// removeEmptyLogs removes logs of no bytes: made and not yet filled, or emptied and not yet removed.
func removeEmptyLogs(dir string) error {
	logs, err := filesOf(dir, "*.mem", "*.vlog")
	if err != nil {
		return err
	}
	for _, path := range logs {
		found, err := os.Stat(path)
		if err != nil {
			return err
		}
		if found.Size() > 0 {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

func readManifest(o Options) (badgerdb.Manifest, error) {
	file, err := os.Open(filepath.Join(o.Dir, badgerdb.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return badgerdb.Manifest{}, mustBeNew(o.Dir)
	}
	if err != nil {
		return badgerdb.Manifest{}, err
	}
	defer file.Close()
	manifest, end, err := badgerdb.ReplayManifestFile(file, storeForm, o.settings())
	if err != nil {
		return badgerdb.Manifest{}, err
	}
	return manifest, mustBeWhole(o.Dir, file, manifest, end)
}

// mustBeWhole refuses a manifest that is cut short or older than the tables: Badger would drop the entry, or delete the tables
// it does not know. Only a process that died may leave such a folder, and then nothing is lost: what the tables hold is
// still in a log.
func mustBeWhole(dir string, manifest *os.File, replayed badgerdb.Manifest, end int64) error {
	found, err := manifest.Stat()
	if err != nil {
		return err
	}
	tables, err := filesOf(dir, "*.sst")
	if err != nil {
		return err
	}
	if found.Size() == end && len(tables) <= len(replayed.Tables) {
		return nil
	}
	died, err := leftByDeath(dir)
	if err == nil && !died {
		return errors.New("the manifest is not that of the tables")
	}
	return err
}

// leftByDeath tells whether the last process did not come to the end of Close, where the value log is cut to its header.
func leftByDeath(dir string) (bool, error) {
	logs, err := filesOf(dir, "*.mem", "*.vlog")
	if err != nil {
		return false, err
	}
	for _, path := range logs {
		found, err := os.Stat(path)
		if err != nil {
			return false, err
		}
		if found.Size() > logHeader {
			return true, nil
		}
	}
	return false, nil
}

// mustBeNew refuses a folder without a manifest that holds data all the same.
func mustBeNew(dir string) error {
	data, err := filesOf(dir, "*.sst", "*.mem", "*.vlog")
	if err == nil && len(data) > 0 {
		return errors.New("the manifest is missing")
	}
	return err
}

func filesOf(dir string, patterns ...string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, entry := range entries {
		matches := func(pattern string) bool { ok, _ := filepath.Match(pattern, entry.Name()); return ok }
		if slices.ContainsFunc(patterns, matches) {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	return paths, nil
}

// verifyTable checks every block of a table. Badger's reader panics on some damage, and on a footer that points outside the
// file it ends the process, so the footer is looked at first.
func verifyTable(path string, compression options.CompressionType) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("unreadable: %v", p)
		}
	}()
	file, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	if !footerFits(file.Data) {
		return errors.Join(errors.New("its footer points outside the file"), file.Close(-1))
	}
	t, err := table.OpenTable(file, table.Options{
		ReadOnly:    true,
		BlockSize:   4 << 10,
		Compression: compression,
		ChkMode:     options.OnTableRead,
	})
	if err != nil {
		return err
	}
	return t.Close(-1)
}

// footerFits follows the footer back from the end: index | index length | checksum | checksum length.
func footerFits(data []byte) bool {
	for range 2 {
		if len(data) < 4 {
			return false
		}
		size := int64(binary.BigEndian.Uint32(data[len(data)-4:]))
		data = data[:len(data)-4]
		if size > int64(len(data)) {
			return false
		}
		data = data[:int64(len(data))-size]
	}
	return true
}
