package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
)

// copyExample copies the example plugins that stand beside the binary (bin/plugins) into the plugin folder, unless the folder
// has been given its plugins before: what a user removed stays removed.
func copyExample(dir string, log *slog.Logger) error {
	marker := filepath.Join(dir, ".examples-copied")
	if _, err := os.Stat(marker); err == nil {
		return nil
	}
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	from := filepath.Join(filepath.Dir(binary), "plugins")
	files := os.DirFS(from)
	entries, err := fs.ReadDir(files, ".")
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		log.Info("there is no example plugin beside the binary; make build makes it", "folder", from)
		return nil
	}
	if err != nil {
		return err
	}
	if err := copyPlugins(dir, files); err != nil {
		return err
	}
	return writeNew(marker, nil)
}

// copyPlugins copies modules and manifests, and the cases below them.
func copyPlugins(dir string, files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err != nil || name == "." {
			return err
		}
		if e.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return writeNew(to, text)
	})
}
