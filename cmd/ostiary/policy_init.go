package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/policies"
)

func policyInitCommand(f *policyFlags) *cobra.Command {
	var o initOptions
	cmd := f.aboutFolder("init DIR", "Begin a policy folder, or copy a shipped module or a preset into one",
		"init writes an example rule with its tests, requests to try, and the contract for opa check and editors (see: contract).\n"+
			"It only ever adds: where one of its files is there already, it writes nothing. With --override it adds nothing but a copy of\n"+
			"a shipped module and its tests; the copy takes the module's place, and check says when the shipped one has moved on. With\n"+
			"--preset it adds a folder of rules for one kind of client, with tests, requests to try, a dcr_config.yaml that fits and a\n"+
			"README.md. The presets are:\n\n"+presetLines(),
		func(_ *cobra.Command, b *bench) error { return b.begin(o) })
	cmd.Flags().StringVar(&o.override, "override", "", "copy this shipped module, such as redirects or token.scopes")
	cmd.Flags().StringVar(&o.preset, "preset", "", "copy this preset; --preset list names them")
	oneFolder, begin := cmd.Args, cmd.RunE
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := given(cmd, "override", "preset"); err != nil {
			return err
		}
		switch {
		case o.override != "" && o.preset != "":
			return usagef("name --override or --preset, not both; the second one may follow with another call")
		case o.preset == "list":
			return noArguments(cmd, args)
		}
		return oneFolder(cmd, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.preset == "list" {
			return f.listPresets(cmd.OutOrStdout())
		}
		return begin(cmd, args)
	}
	return cmd
}

// initOptions say what init begins with, if not with the skeleton.
type initOptions struct{ override, preset string }

// files gives what is to be written.
func (o initOptions) files() ([]policies.ScaffoldFile, error) {
	switch {
	case o.override != "":
		return policies.Override(o.override)
	case o.preset != "":
		return policies.PresetFiles(o.preset)
	}
	return policies.Skeleton()
}

// presetLines gives one line for each preset.
func presetLines() string {
	list, err := policies.Presets()
	if err != nil { // they are embedded
		return err.Error()
	}
	var b strings.Builder
	for _, p := range list {
		fmt.Fprintf(&b, "  %-20s%s\n", p.Name, p.About)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// listPresets prints the presets.
func (f *policyFlags) listPresets(out io.Writer) error {
	list, err := policies.Presets()
	switch {
	case err != nil:
		return err
	case f.output == "json":
		return (&bench{out: out}).printJSON(map[string]any{"presets": list})
	case f.output != "text":
		return usagef("--output must be text or json, not %q", f.output)
	}
	_, err = fmt.Fprintln(out, presetLines())
	return err
}

// begin writes the first files of a folder, or the copy of a module or preset.
func (b *bench) begin(o initOptions) error {
	files, err := o.files()
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
		write := addFile
		if isPublished(file) {
			write = func(name string, text []byte) error { return os.WriteFile(name, text, 0o644) }
		}
		if err := write(name, file.Text); err != nil {
			return err
		}
		written = append(written, name)
	}
	if o.preset == "" {
		return b.tellWritten(written, "")
	}
	folder := filepath.Join(b.dir, o.preset)
	return b.tellWritten(written, fmt.Sprintf("\nRead %s, change %s, and give the server %s.\n",
		filepath.Join(folder, "README.md"), filepath.Join(folder, "settings.rego"), filepath.Join(folder, "dcr_config.yaml")))
}

// mayAdd refuses to touch what is there.
func (b *bench) mayAdd(files []policies.ScaffoldFile) error {
	var there []string
	for _, file := range files {
		if isPublished(file) {
			continue
		}
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

// isPublished tells the files of the contract from those that are the site's own: they are always written anew.
func isPublished(f policies.ScaffoldFile) bool {
	return strings.HasPrefix(f.Name, policies.PublishedFolder+"/")
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
