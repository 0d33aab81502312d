package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/policies"
)

func policyInitCommand(f *policyFlags) *cobra.Command {
	var override string
	cmd := f.about("init DIR", "Begin a policy folder, or copy a shipped module into one",
		"init writes an example rule with its tests, requests to try, and the contract for opa check and editors (see: contract).\n"+
			"It only ever adds: where one of its files is there already, it writes nothing. With --override it adds nothing but a copy of\n"+
			"a shipped module and its tests; the copy takes the module's place, and check says when the shipped one has moved on.",
		func(_ *cobra.Command, b *bench) error { return b.begin(override) })
	cmd.Flags().StringVar(&override, "override", "", "copy this shipped module, such as redirects or token.scopes")
	return cmd
}

// begin writes the first files of a folder, or the copy of a module.
func (b *bench) begin(override string) error {
	offered := policies.Skeleton
	if override != "" {
		offered = func() ([]policies.ScaffoldFile, error) { return policies.Override(override) }
	}
	files, err := offered()
	if err != nil {
		return usagef("%v", err)
	}
	if err := b.mayAdd(files); err != nil {
		return err
	}
	written := []string{}
	for _, file := range files {
		name := filepath.Join(b.dir, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := addFile(name, file.Text); err != nil {
			return err
		}
		written = append(written, name)
	}
	return b.tellWritten(written)
}

// mayAdd refuses to touch what is there.
func (b *bench) mayAdd(files []policies.ScaffoldFile) error {
	var there []string
	for _, file := range files {
		switch _, err := os.Lstat(filepath.Join(b.dir, filepath.FromSlash(file.Name))); {
		case err == nil:
			there = append(there, file.Name)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	if len(there) > 0 {
		return fmt.Errorf("%s has %s already, and nothing was written; move that away, or name another folder", b.dir, strings.Join(there, ", "))
	}
	existing, err := policies.ReadFolder(b.dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, file := range files {
		if other := file.Replaces(policies.Source{Files: existing}); strings.HasSuffix(file.Name, ".rego") && other != "" {
			return fmt.Errorf("%s declares the package of %s already, and nothing was written; move it away, or name another folder", other, file.Name)
		}
	}
	return nil
}

// addFile writes a file that is not there yet.
func addFile(name string, text []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}
