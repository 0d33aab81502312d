package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/strictjson"
)

// operatorFlags are those of every command that does what an operator does, and of what is below it.
type operatorFlags struct {
	remoteFlags
	output string
	yaml   bool // the answer may be printed as YAML, too
}

// group makes a command that only holds others, which speak to a server.
func (f *operatorFlags) group(use, short, long string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q; see %s --help", args[0], cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.connect(cmd)
	cmd.AddCommand(below...)
	return cmd
}

// connect gives a command and those below it the flags that say which server, and how its answer is printed.
func (f *operatorFlags) connect(cmd *cobra.Command) {
	f.addTo(cmd)
	cmd.PersistentFlags().StringVarP(&f.output, "output", "o", "table", f.formats()+": what the server answered")
}

func (f *operatorFlags) formats() string {
	if f.yaml {
		return "table, json or yaml"
	}
	return "table, or json"
}

// command makes a command that asks a server: do gets it, and where its answers go.
func (f *operatorFlags) command(use, short string, args cobra.PositionalArgs, do func(ctx context.Context, t *terminal, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.output != "table" && f.output != "json" && (f.output != "yaml" || !f.yaml) {
				return usagef("--output must be %s, not %q", strings.Replace(f.formats(), ", or", " or", 1), f.output)
			}
			r, err := f.open()
			if err != nil {
				return err
			}
			defer r.close()
			return do(cmd.Context(), &terminal{remote: r, out: cmd.OutOrStdout(), json: f.output == "json", yaml: f.output == "yaml"}, args)
		},
	}
}

// A terminal is a server and where its answers are printed.
type terminal struct {
	*remote
	out  io.Writer
	json bool
	yaml bool
}

// print writes a document as it is, or as a table.
func (t *terminal) print(doc any, table func(w io.Writer)) error {
	if v, is := doc.(strictjson.Value); is && t.yaml {
		text, err := config.WriteValue(v)
		if err == nil {
			_, err = t.out.Write(text)
		}
		return err
	}
	if t.json {
		encoder := json.NewEncoder(t.out)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(doc)
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	table(w)
	return w.Flush()
}

// say confirms what was done, to people.
func (t *terminal) say(format string, args ...any) error {
	if t.json {
		return nil
	}
	_, err := fmt.Fprintf(t.out, format+"\n", args...)
	return err
}

func yes(on bool) string {
	if on {
		return "yes"
	}
	return "no"
}

// moment gives a time as people of this machine read it.
func moment(doc strictjson.Value, name string) string {
	at, err := time.Parse(time.RFC3339, textOf(doc, name))
	if err != nil {
		return "-"
	}
	return at.Local().Format("2006-01-02 15:04 MST")
}

// row prints the cells of a table.
func row(w io.Writer, cells ...string) {
	for i, cell := range cells {
		if cells[i] = printable(cell); cells[i] == "" {
			cells[i] = "-"
		}
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// printable keeps what somebody typed from speaking to the terminal.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, text)
}

// printableLines does the same to a text of several lines, each after the first one set off by an indent.
func printableLines(text, indent string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = printable(strings.TrimSpace(lines[i]))
	}
	return strings.Join(lines, "\n"+indent)
}
