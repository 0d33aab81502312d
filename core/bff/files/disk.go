package files

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// largest is more than any key or credentials.
const largest = 1 << 20

// readFile reads a file, and since when it is as it is. One that is not there, or is empty, is nil: a single file can be mounted into a
// container only when there is one. Who else may read it is told once, as ssh does.
func (f *Files) readFile(name string) ([]byte, time.Time, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, time.Time{}, nil
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	defer file.Close()
	about, err := file.Stat() // of what is read
	if err != nil {
		return nil, time.Time{}, err
	}
	if about.IsDir() {
		return nil, time.Time{}, fmt.Errorf("%s is a folder: a container that is given a file which is not there makes one; remove it, and make an empty file in its place", name)
	}
	text, err := io.ReadAll(io.LimitReader(file, largest+1))
	if err != nil {
		return nil, time.Time{}, err
	}
	if len(text) > largest {
		return nil, time.Time{}, fmt.Errorf("%s is larger than %d bytes", name, largest)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, time.Time{}, nil
	}
	f.warnOf(name, about.Mode().Perm())
	return text, about.ModTime(), nil
}

// warnOf tells of a file that others than its owner may use. It is not refused: what a container is given has modes that nobody there
// can change.
func (f *Files) warnOf(name string, mode fs.FileMode) {
	if before, _ := f.warned.Swap(name, mode); before != mode && mode&0o077 != 0 {
		f.opt.Log.Warn("others than its owner may use a file that has a secret: run chmod 600, or mount it with mode 0400", "file", name, "mode", fmt.Sprintf("%04o", mode))
	}
}

// mostLinks is how many links may lead to one another, as the system has it.
const mostLinks = 40

// behind gives the file that a link stands for, be it there or not. It is written, and not the link: whoever made it goes on finding the
// file.
func behind(name string) string {
	for range mostLinks {
		dir, base := filepath.Split(name)
		if real, err := filepath.EvalSymlinks(cmp.Or(dir, ".")); err == nil { // from where a link is read
			name = filepath.Join(real, base)
		}
		target, err := os.Readlink(name)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Dir(name) + string(filepath.Separator) + target
		}
		name = target
	}
	return name
}

// tryWriting tries whether a file could be written: its folder, for a moment, or the file itself.
func tryWriting(name string) error {
	name = behind(name)
	own := tryOpen(name)
	if errors.Is(own, syscall.EROFS) { // also when the folder can be written to: it is mounted by itself
		return own
	}
	probe, err := temporary(name)
	if err == nil {
		return errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if own == nil && tryByte(name) == nil {
		return nil
	}
	return err
}

// tryOpen tries whether a file can be opened to be written in place.
func tryOpen(name string) error {
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return file.Close()
}

// tryByte writes the first byte of a file over itself: some can be opened, and not written.
func tryByte(name string) error {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	first := make([]byte, 1)
	if n, _ := file.ReadAt(first, 0); n == 1 {
		_, err = file.WriteAt(first, 0)
	}
	return errors.Join(err, file.Close())
}

// temporary opens a file beside another one, that only its owner reads.
func temporary(name string) (*os.File, error) {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return os.CreateTemp(dir, ".new-*") // mode 0600
}

// replace writes a file that only its owner reads, at once or not at all. Where no other file can take its place, because it is mounted by
// itself or its folder is closed, it is written in place; never for want of room.
func replace(name string, text []byte) error {
	name = behind(name)
	err := swap(name, text)
	if err == nil || !isClosed(err) || tryOpen(name) != nil {
		return err
	}
	if again := overwrite(name, text); again != nil {
		return errors.Join(err, again)
	}
	return nil
}

// isClosed tells that nothing can be put where a file is: in its folder, or in its place.
func isClosed(err error) bool {
	for _, closed := range []error{fs.ErrPermission, syscall.EROFS, syscall.EBUSY, syscall.EXDEV} {
		if errors.Is(err, closed) {
			return true
		}
	}
	return false
}

// swap puts another file in the place of one.
func swap(name string, text []byte) error {
	f, err := temporary(name)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// overwrite writes over what a file has, and cuts it afterwards: what was longer is blank lines until then, which JSON and PEM allow, so
// that a process that is killed leaves a whole file. Where there is no room for it, the file is as it was.
func overwrite(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	before, err := io.ReadAll(io.LimitReader(f, largest))
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if err = writeOver(f, text, len(before)); err != nil {
		err = errors.Join(err, writeOver(f, before, len(before)))
	}
	return errors.Join(err, f.Close())
}

// writeOver writes a text over one that has so many bytes.
func writeOver(f *os.File, text []byte, had int) error {
	blank := bytes.Repeat([]byte("\n"), max(0, had-len(text)))
	_, err := f.WriteAt(append(bytes.Clone(text), blank...), 0)
	if err = errors.Join(err, f.Sync()); err != nil {
		return err
	}
	return errors.Join(f.Truncate(int64(len(text))), f.Sync())
}

// remove removes a file, or empties one that cannot be removed.
func remove(name string) error {
	name = behind(name)
	err := os.Remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if os.Truncate(name, 0) == nil {
		return nil
	}
	return err
}
