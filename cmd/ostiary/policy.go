package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/policies"
)

// policyFlags are those of all that is below policy.
type policyFlags struct {
	output string
	config string // dcr_config.yaml; empty: the defaults
}

// policyCommand is the kit of those who write rules. It needs no server.
func policyCommand() *cobra.Command {
	f := &policyFlags{}
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Write, check, format, test and try rules in a folder; status, shadow, replay and audit ask a running server",
		Long: "policy is the kit of those who write rules. Every command takes the folder first, works without a server and reads\n" +
			"nothing else but dcr_config.yaml, if one is named. Only status, shadow, replay and audit speak to a running server: they\n" +
			"say what is in force, and what a folder would change there. Start with: ostiary policy init DIR",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q; see %s --help", args[0], cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVarP(&f.output, "output", "o", "text", "text, or json")
	cmd.AddCommand(
		policyInitCommand(f), policyCheckCommand(f), policyFmtCommand(f), policyTestCommand(f), policyMutateCommand(f), policyEvalCommand(f),
		policyDiffCommand(f), policyBenchCommand(f), policyBuildCommand(f), policySignCommand(f), policyVerifyCommand(f),
		policyContractCommand(f), policyStatusCommand(), policyShadowCommand(f), policyReplayCommand(f), policyAuditCommand(f),
	)
	return cmd
}

// A bench is where one command of the kit works.
type bench struct {
	dir       string
	config    string
	out, errs io.Writer
	json      bool
}

// about makes a command of the kit, about one folder.
func (f *policyFlags) about(use, short, long string, do func(cmd *cobra.Command, b *bench) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			return oneArgument(cmd, args, "one folder or bundle")
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := f.bench(cmd, args[0])
			if err != nil {
				return err
			}
			return do(cmd, b)
		},
	}
}

// oneArgument wants one argument that is not empty, and says what it is.
func oneArgument(cmd *cobra.Command, args []string, what string) error {
	switch {
	case len(args) > 1:
		return usagef("%s needs %s, but got %d arguments: %s", cmd.CommandPath(), what, len(args), strings.Join(args, " "))
	case len(args) == 0 || args[0] == "":
		return usagef("%s needs %s, such as: %s policies", cmd.CommandPath(), what, cmd.CommandPath())
	}
	return nil
}

// aboutFolder makes a command of the kit that writes into one folder: a bundle will not do.
func (f *policyFlags) aboutFolder(use, short, long string, do func(cmd *cobra.Command, b *bench) error) *cobra.Command {
	cmd := f.about(use, short, long, func(cmd *cobra.Command, b *bench) error {
		if about, err := os.Stat(b.dir); err == nil && !about.IsDir() {
			return usagef("%s is a file, and %s writes into a folder: name the folder of the rules", b.dir, cmd.CommandPath())
		}
		return do(cmd, b)
	})
	cmd.Args = func(cmd *cobra.Command, args []string) error { return oneArgument(cmd, args, "one folder") }
	return cmd
}

// given refuses flags that are there and say nothing.
func given(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if flag := cmd.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
			return usagef("--%s is empty: name something, or leave it out", name)
		}
	}
	return nil
}

// bench gives the place to work at one folder or bundle.
func (f *policyFlags) bench(cmd *cobra.Command, dir string) (*bench, error) {
	if f.output != "text" && f.output != "json" {
		return nil, usagef("--output must be text or json, not %q", f.output)
	}
	return &bench{dir: dir, config: f.config, out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(), json: f.output == "json"}, nil
}

// configured adds the flag that names dcr_config.yaml.
func (f *policyFlags) configured(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&f.config, "config", "", "the dcr_config.yaml that the rules read as data.ostiary.config (default: what a server without one has)")
	return cmd
}

// source reads the folder, or the bundle, and dcr_config.yaml as the server does. Nobody looks at signatures.
func (b *bench) source() (policies.Source, error) {
	if err := b.there(); err != nil {
		return policies.Source{}, err
	}
	files, err := policies.ReadSite(b.dir)
	if err != nil {
		return policies.Source{}, err
	}
	text, err := (&rules{file: b.config}).readFile()
	if err != nil {
		return policies.Source{}, err
	}
	site := registration.DefaultSite()
	if text != nil {
		if err := config.Read(text, b.config, &site, os.LookupEnv); err != nil {
			return policies.Source{}, err
		}
	}
	ready, err := site.Prepared()
	if err != nil {
		return policies.Source{}, err
	}
	return policies.Source{Origin: policies.Folder, Files: files, Site: ready.Data()}, nil
}

// there tells that what a command is about is neither a folder nor what could be a bundle.
func (b *bench) there() error {
	about, err := os.Stat(b.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not there; name a policy folder or a bundle, or begin a folder with: ostiary policy init %s", b.dir, b.dir)
	case err == nil && about.Mode().IsRegular() && filepath.Ext(b.dir) == ".rego":
		return fmt.Errorf("%s is one file of rules; name the folder that it is in", b.dir)
	}
	return nil
}

// A finding is a problem with the line that it is about.
type finding struct {
	problem
	Source string `json:"source,omitempty"`
}

// unusable prints what is wrong with a source, each with its line, and gives the error to end with.
func (b *bench) unusable(src policies.Source, err error) error {
	findings := []finding{}
	for _, p := range problemsOf(err) {
		findings = append(findings, finding{p, src.Line(p.File, p.Line)})
	}
	if b.json {
		return b.failed(map[string]any{"ok": false, "problems": findings}, counted(len(findings), "problem"))
	}
	for _, f := range findings {
		b.printFinding(f)
	}
	return fmt.Errorf("%s not usable: %s", b.dir, counted(len(findings), "problem"))
}

// widest is how long a line of a file may be to be shown whole.
const widest = 240

// printFinding writes a problem as compilers do, with the line below.
func (b *bench) printFinding(f finding) {
	for line := range strings.SplitSeq(policies.Problem(f.problem).String(), "\n") {
		fmt.Fprintln(b.out, printable(strings.ReplaceAll(line, "\t", "    ")))
	}
	if line := strings.TrimSpace(f.Source); line != "" {
		if len(line) > widest {
			line = core.Clip(line)
		}
		fmt.Fprintf(b.out, "\t%s\n", printable(line))
	}
}

// failed prints a document, and gives the error to end with.
func (b *bench) failed(doc any, why string) error {
	if err := b.printJSON(doc); err != nil {
		return err
	}
	return fmt.Errorf("%s: %s", b.dir, why)
}

func (b *bench) printJSON(doc any) error {
	encoder := json.NewEncoder(b.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(doc)
}

// counted gives "1 problem", "2 problems".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
