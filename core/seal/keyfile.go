package seal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxKeyFile is far more than anybody's keys need.
const maxKeyFile = 64 << 10

// LoadOrCreate reads the key file at path, or makes one with a new key when there is none. Processes that race to make it
// agree on one. The file must be a regular file that only its owner may read.
func LoadOrCreate(path string) (*Ring, error) {
	keys, err := load(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(path, NewKey()); err != nil {
			return nil, fmt.Errorf("create key file %s: %w", path, err)
		}
		keys, err = load(path) // what is there now, ours or another's
	}
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	ring, err := New(keys[0], keys[1:]...)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return ring, nil
}

func load(path string) ([]Key, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("others than its owner may use it (mode %04o): run chmod 600 %s", info.Mode().Perm(), path)
	case info.Size() > maxKeyFile:
		return nil, fmt.Errorf("longer than %d bytes", maxKeyFile)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile))
	if err != nil {
		return nil, err
	}
	return ParseKeys(text)
}

// create writes the file under another name and links it to path when it is complete and on disk. A link, unlike a rename,
// fails when somebody was faster, so that no key that is in use is ever written over; that is no error here.
func create(path string, key Key) error {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = io.WriteString(temp, key.Encode()+"\n")
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Link(temp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir) // also after losing the race: what we seal next must find its key after a crash
}

// syncDir makes the new name itself durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
