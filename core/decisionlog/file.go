package decisionlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// FileOptions say where lines are kept.
type FileOptions struct {
	Path    string
	MaxSize int64 // bytes, beyond which the file is put aside and a new one begun
	Keep    int   // files put aside that are kept, PATH.1 the youngest
}

// A File is a sink of lines in a file (NDJSON), which only its owner reads. It may be moved away at any time: the next lines go to
// a new one.
type File struct {
	opt  FileOptions
	file *os.File // nil: not open
	size int64
}

// OpenFile opens the file, or makes it.
func OpenFile(opt FileOptions) (*File, error) {
	f := &File{opt: opt}
	if err := f.open(); err != nil {
		return nil, err
	}
	return f, nil
}

// Name implements Sink.
func (*File) Name() string { return "file" }

// Batch implements Sink.
func (*File) Batch() (int, time.Duration) { return 256, 0 }

// Write implements Sink. A line is there as a whole or not at all.
func (f *File) Write(_ context.Context, lines [][]byte) (int, error) {
	if err := f.follow(); err != nil {
		return 0, err
	}
	done := 0
	for done < len(lines) {
		text, n := f.fitting(lines[done:])
		if n == 0 {
			if err := f.rotate(); err != nil {
				return done, err
			}
			continue
		}
		if err := f.append(text); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// fitting gives the text of as many lines as the file has room for. An empty file has room for one at least.
func (f *File) fitting(lines [][]byte) (text []byte, n int) {
	for _, l := range lines {
		if f.size+int64(len(text)+len(l)+1) > f.opt.MaxSize && f.size+int64(len(text)) > 0 {
			break
		}
		text = append(append(text, l...), '\n')
		n++
	}
	return text, n
}

// append writes at the end. What was written in part, as on a full disk, is taken back.
func (f *File) append(text []byte) error {
	n, err := f.file.Write(text)
	if err == nil {
		f.size += int64(n)
		return nil
	}
	if n > 0 && f.file.Truncate(f.size) != nil {
		f.close() // opening it again ends the torn line
	}
	return err
}

// follow opens the file again when it is not the one at the path any more.
func (f *File) follow() error {
	if f.file == nil {
		return f.open()
	}
	mine, err := f.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(f.opt.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !os.SameFile(mine, there):
		f.close()
		return f.open()
	case err == nil:
		f.size = there.Size() // somebody may have emptied it
	}
	return err
}

// open opens the file for appending. A line that was torn, by a crash for example, is ended.
func (f *File) open() error {
	about, err := os.Stat(f.opt.Path) // before opening: opening a pipe would wait for its other end
	if err == nil && !about.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", f.opt.Path)
	}
	file, err := os.OpenFile(f.opt.Path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	size, err := endLine(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size = file, size
	return nil
}

// endLine gives the size of a file whose last line has an end.
func endLine(file *os.File) (int64, error) {
	about, err := file.Stat()
	if err != nil || about.Size() == 0 {
		return 0, err
	}
	last := make([]byte, 1)
	if _, err := file.ReadAt(last, about.Size()-1); err != nil || bytes.Equal(last, []byte("\n")) {
		return about.Size(), err
	}
	_, err = file.WriteString("\n")
	return about.Size() + 1, err
}

// rotate puts the file aside and begins a new one.
func (f *File) rotate() error {
	f.close()
	aside := func(n int) string { return f.opt.Path + "." + strconv.Itoa(n) }
	for n := f.opt.Keep; n > 0; n-- {
		from := f.opt.Path
		if n > 1 {
			from = aside(n - 1)
		}
		if err := os.Rename(from, aside(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if f.opt.Keep == 0 {
		if err := os.Remove(f.opt.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return f.open()
}

func (f *File) close() {
	if f.file != nil {
		_ = f.file.Close() // what was written is in the hands of the system
		f.file = nil
	}
}

// Close implements Sink.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	err := errors.Join(f.file.Sync(), f.file.Close())
	f.file = nil
	return err
}

var _ Sink = (*File)(nil)
