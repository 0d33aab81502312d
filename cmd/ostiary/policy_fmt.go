package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/policies"
)

func policyFmtCommand(f *policyFlags) *cobra.Command {
	var only bool
	cmd := f.about("fmt DIR", "Format the rules of a folder, as opa fmt does",
		"fmt formats the .rego files of a folder in their places and names those that changed.",
		func(_ *cobra.Command, b *bench) error { return b.format(only) })
	cmd.Flags().BoolVar(&only, "check", false, "write nothing, and fail when a file is not formatted")
	return cmd
}

func (b *bench) format(only bool) error {
	if err := b.there(); err != nil {
		return b.unusable(policies.Source{}, err)
	}
	files, err := policies.ReadSite(b.dir)
	if err != nil {
		return b.unusable(policies.Source{}, err)
	}
	if !only && !isFolder(b.dir) {
		return usagef("%s is a bundle: format the folder that it was built from, or look with --check", b.dir)
	}
	formatted := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if filepath.Ext(name) != ".rego" {
			continue
		}
		text, err := policies.Format(name, files[name])
		if err != nil {
			return b.unusable(policies.Source{Files: files}, err)
		}
		if !bytes.Equal(text, files[name]) {
			formatted[name] = text
		}
	}
	names := slices.AppendSeq([]string{}, maps.Keys(formatted))
	slices.Sort(names)
	if !only {
		if err := rewrite(b.dir, formatted); err != nil {
			return err
		}
	}
	return b.tellFormatted(names, only)
}

func (b *bench) tellFormatted(names []string, only bool) error {
	if b.json {
		if err := b.printJSON(map[string]any{"changed": names, "written": !only}); err != nil {
			return err
		}
	} else {
		for _, name := range names {
			fmt.Fprintln(b.out, name)
		}
	}
	if only && len(names) > 0 {
		return fmt.Errorf("%s to format; run: ostiary policy fmt %s", counted(len(names), "file"), b.dir)
	}
	return nil
}

// rewrite replaces files of a folder, each in one step: a server that watches it never reads the half of one.
func rewrite(dir string, files map[string][]byte) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for name, text := range files {
		if err := replace(root, name, text); err != nil {
			return err
		}
	}
	return nil
}

func replace(root *os.Root, name string, text []byte) error {
	about, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if !about.Mode().IsRegular() { // a link: what it leads to is written, and it stays
		return root.WriteFile(name, text, about.Mode().Perm())
	}
	const temporary = ".ostiary-fmt" // the server passes over names that begin with a dot
	err = errors.Join(root.WriteFile(temporary, text, 0o600), root.Chmod(temporary, about.Mode().Perm()))
	if err != nil {
		return errors.Join(err, root.Remove(temporary))
	}
	return root.Rename(temporary, name)
}
