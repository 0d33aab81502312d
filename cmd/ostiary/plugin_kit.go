package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/plugins"
)

// kitFlags are those of all commands for authors of plugins. These need no server.
type kitFlags struct{ output string }

// about makes a command about a plugin that lies in a folder: the one named, or the one at hand.
func (f *kitFlags) about(use, short, long string, do func(cmd *cobra.Command, b *bench) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("%s is about one plugin, but got %d arguments: %s", cmd.CommandPath(), len(args), strings.Join(args, " "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.output != "text" && f.output != "json" {
				return usagef("--output must be text or json, not %q", f.output)
			}
			b := &bench{dir: ".", out: cmd.OutOrStdout(), errs: cmd.ErrOrStderr(), json: f.output == "json"}
			if len(args) == 1 && args[0] != "" {
				b.dir = args[0]
			}
			return do(cmd, b)
		},
	}
	cmd.Flags().StringVarP(&f.output, "output", "o", "text", "text, or json")
	return cmd
}

// pluginUnusable prints why a plugin cannot be used, and gives the error to end with.
func (b *bench) pluginUnusable(err error) error {
	reasons := plugins.Reasons(err)
	if b.json {
		return b.failed(map[string]any{"ok": false, "problems": reasons}, counted(len(reasons), "problem"))
	}
	for _, reason := range reasons {
		for line := range strings.SplitSeq(reason, "\n") {
			fmt.Fprintln(b.out, printable(line))
		}
	}
	return fmt.Errorf("%s not usable: %s", b.dir, counted(len(reasons), "problem"))
}

// share puts a part of a whole in percent.
func share(part, whole float64) string { return fmt.Sprintf("%.2f %%", 100*part/max(whole, 1)) }

// sized puts bytes in the unit that fits.
func sized(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
