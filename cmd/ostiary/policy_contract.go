package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/policies"
)

func policyContractCommand(f *policyFlags) *cobra.Command {
	var only string
	cmd := f.aboutFolder("contract DIR", "Write what opa check and editors need to know of the contract",
		"contract writes into DIR/"+policies.PublishedFolder+": the built-ins there are (capabilities.json), the JSON Schemas of every input and of\n"+
			"data.ostiary.config (schemas), and which schema is whose (packages). The server passes over that folder. init writes it, too;\n"+
			"after another version of ostiary was installed, contract writes it anew. Then, in DIR:\n\n"+
			"  opa check --strict --capabilities "+policies.PublishedFolder+"/capabilities.json -s "+policies.PublishedFolder+"/schemas .\n\n"+
			"With --print it writes nothing, needs no folder and prints one of the files.",
		func(_ *cobra.Command, b *bench) error { return b.publish() })
	folder, write := cmd.Args, cmd.RunE
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := given(cmd, "print"); err != nil {
			return err
		}
		if only != "" {
			return noArguments(cmd, args)
		}
		return folder(cmd, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if only == "" {
			return write(cmd, args)
		}
		if f.output != "text" && f.output != "json" {
			return usagef("--output must be text or json, not %q", f.output)
		}
		return printContract(&bench{out: cmd.OutOrStdout(), json: f.output == "json"}, only)
	}
	cmd.Flags().StringVar(&only, "print", "", "print this: capabilities, config, "+strings.Join(policies.Decisions(), ", "))
	return cmd
}

// publish writes the contract into a folder that is there.
func (b *bench) publish() error {
	if err := b.there(); err != nil {
		return err
	}
	if _, err := policies.ReadFolder(b.dir); err != nil {
		return err
	}
	files, err := policies.Published()
	if err != nil {
		return err
	}
	written := []string{}
	for _, file := range files {
		name := filepath.Join(b.dir, policies.PublishedFolder, filepath.FromSlash(file.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, file.Text, 0o644); err != nil {
			return err
		}
		written = append(written, name)
	}
	return b.tellWritten(written, "")
}

// tellWritten names the files, those of the contract together, and says what there is to say about them.
func (b *bench) tellWritten(written []string, about string) error {
	if b.json {
		return b.printJSON(map[string]any{"written": written})
	}
	published := filepath.Join(b.dir, policies.PublishedFolder)
	told := false
	for _, name := range written {
		switch {
		case !strings.HasPrefix(name, published+string(filepath.Separator)):
			fmt.Fprintln(b.out, "wrote", name)
		case !told:
			fmt.Fprintf(b.out, "wrote %s, the contract for opa check and editors\n", published)
			told = true
		}
	}
	_, err := fmt.Fprintf(b.out, "%s\nNext: ostiary policy check %s\n", about, b.dir)
	return err
}

// printContract prints one file of the contract. All are JSON.
func printContract(b *bench, name string) error {
	files, err := policies.Published()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(files, func(f policies.ScaffoldFile) bool {
		return f.Name == name+".json" || f.Name == "schemas/"+name+".json"
	})
	if i < 0 {
		return usagef("--print must be one of capabilities, config, %s, not %q", strings.Join(policies.Decisions(), ", "), name)
	}
	if !b.json {
		_, err = b.out.Write(files[i].Text)
		return err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, files[i].Text); err != nil {
		return err
	}
	_, err = fmt.Fprintf(b.out, "%s\n", &compact)
	return err
}

// staleContract tells that the published contract in the folder is another version's. A folder without one is fine.
func (b *bench) staleContract() (policies.Problem, bool) {
	files, err := policies.Published()
	if err != nil {
		return policies.Problem{}, false
	}
	for _, file := range files {
		name := policies.PublishedFolder + "/" + file.Name
		text, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(name)))
		if err == nil && !bytes.Equal(text, file.Text) {
			return policies.Problem{File: name, Message: "it is of another version of ostiary. Write it anew: ostiary policy contract " + b.dir}, true
		}
	}
	return policies.Problem{}, false
}
