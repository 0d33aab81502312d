package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/plugins"
	"github.com/ostiary/ostiary/sdk"
	gosdk "github.com/ostiary/ostiary/sdk/go"
)

// sdkVariable names a checkout of the SDKs (the folder sdk of Ostiary's sources), for those who change one.
const sdkVariable = "OSTIARY_SDK"

func pluginNewCommand() *cobra.Command {
	var language, name string
	languages := strings.Join(sdk.Languages(), ", ")
	cmd := (&kitFlags{}).about("new DIR --lang LANGUAGE", "Begin a plugin: a folder that builds and passes its tests at once",
		"new writes the source of a small plugin with its manifest, a test in its own language and cases for: ostiary plugin test. The\n"+
			"SDK comes along in ostiary-sdk, so nothing of ours is fetched from anywhere. With "+sdkVariable+"=DIR it is copied from the folder\n"+
			"sdk of a checkout instead. The folder must be empty, or not be there yet.",
		func(cmd *cobra.Command, b *bench) error {
			switch {
			case cmd.Flags().NArg() == 0:
				return usagef("%s needs the folder to make, such as: %[1]s --lang go my-plugin", cmd.CommandPath())
			case language == "":
				return usagef("name the language with --lang: %s", languages)
			case !slices.Contains(sdk.Languages(), language):
				return usagef("--lang must be one of %s, not %q", languages, language)
			}
			if name == "" {
				var err error
				if name, err = folderName(b.dir); err != nil {
					return err
				}
			}
			if !plugins.ValidName(name) {
				return usagef("a plugin cannot be called %q: use 1 to 64 of a-z, 0-9, dot, dash and underscore, and name it with --name", name)
			}
			return b.newPlugin(language, name)
		})
	cmd.Flags().StringVar(&language, "lang", "", languages)
	cmd.Flags().StringVar(&name, "name", "", "what the plugin is called (default: as its folder)")
	return cmd
}

// folderName is how a folder is called, however it was written.
func folderName(dir string) (string, error) {
	full, err := filepath.Abs(dir)
	return filepath.Base(full), err
}

func (b *bench) newPlugin(language, name string) error {
	if err := b.isEmpty(); err != nil {
		return err
	}
	files, err := sdk.New(language, name)
	if err != nil {
		return err
	}
	source, err := sdkSource(language)
	if err != nil {
		return err
	}
	written := slices.Sorted(maps.Keys(files))
	for _, file := range written {
		to := filepath.Join(b.dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := addFile(to, files[file]); err != nil {
			return err
		}
	}
	if err := copySources(filepath.Join(b.dir, sdk.Copied), source); err != nil {
		return err
	}
	if b.json {
		return b.printJSON(map[string]any{"plugin": name, "language": language, "dir": b.dir, "files": written, "sdk": sdk.Copied})
	}
	for _, file := range written {
		fmt.Fprintf(b.out, "wrote %s\n", filepath.Join(b.dir, filepath.FromSlash(file)))
	}
	_, err = fmt.Fprintf(b.out, "wrote %s\n\nRead %s. Next: ostiary plugin build %[3]s && ostiary plugin test %[3]s\n",
		filepath.Join(b.dir, sdk.Copied), filepath.Join(b.dir, "README.md"), b.dir)
	return err
}

// isEmpty refuses to write where something is.
func (b *bench) isEmpty() error {
	about, err := os.Stat(b.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !about.IsDir():
		return fmt.Errorf("%s is a file, and nothing was written; name a folder", b.dir)
	}
	entries, err := os.ReadDir(b.dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s has something in it (%s), and nothing was written; name another folder", b.dir, printable(entries[0].Name()))
	}
	return err
}

// sdkSource gives the SDK of a language: the one that this program carries, or that of a checkout.
func sdkSource(language string) (fs.FS, error) {
	checkout := os.Getenv(sdkVariable)
	switch {
	case checkout == "" && language == sdk.Go:
		return gosdk.Source(), nil
	case checkout == "":
		return sdk.Source(language), nil
	}
	dir := filepath.Join(checkout, language)
	if !isFolder(dir) {
		return nil, fmt.Errorf("%s=%s has no folder %s: name the folder sdk of a checkout of Ostiary", sdkVariable, checkout, language)
	}
	return os.DirFS(dir), nil
}

// notSource are folders of a checkout that building leaves there, and those that no plugin needs.
var notSource = []string{"node_modules", "target", "build", "internal", "kit"}

// copySources copies an SDK without its tests.
func copySources(to string, source fs.FS) error {
	return fs.WalkDir(source, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(notSource, entry.Name()):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, filepath.FromSlash(file)), 0o755)
		case !entry.Type().IsRegular(), strings.HasSuffix(file, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(source, file)
		if err != nil {
			return err
		}
		return addFile(filepath.Join(to, filepath.FromSlash(file)), text)
	})
}
