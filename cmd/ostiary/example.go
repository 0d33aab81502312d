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
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		log.Info("there is no example plugin beside the binary; make build makes it", "folder", from)
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			return err
		}
		if err := writeNew(filepath.Join(dir, e.Name()), text); err != nil {
			return err
		}
	}
	return writeNew(marker, nil)
}
