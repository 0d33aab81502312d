package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

// pluginCommand is about plugins. Those below it that ask a running server say so.
func pluginCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugin",
		Short: "Begin, build, test, inspect and sign plugins; the others ask a running server",
		Long: "plugin is the kit of those who write WASM plugins, and tells operators how those of a running server are. A plugin that asks\n" +
			"for more than it was granted waits until an operator approves it. Start with: ostiary plugin new --lang go DIR",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q; see %s --help", args[0], cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		pluginNewCommand(), pluginBuildCommand(), pluginTestCommand(), pluginInspectCommand(), pluginBenchCommand(),
		pluginSignCommand(), pluginVerifyCommand(),
		pluginListCommand(), pluginStatusCommand(), pluginApproveCommand(), pluginRevokeCommand(),
		pluginKeptCommand(), pluginForgetCommand(),
	)
	return cmd
}

// pluginVerb makes a command that asks a running server about plugins.
func pluginVerb(use, short string, args cobra.PositionalArgs, do func(ctx context.Context, t *terminal, args []string) error) *cobra.Command {
	f := &operatorFlags{yaml: true}
	cmd := f.command(use, short, args, do)
	f.connect(cmd)
	return cmd
}

func aPlugin(cmd *cobra.Command, args []string) error {
	return named("the name of a plugin")(cmd, args)
}

func pluginPath(name string) string { return "/plugins/" + url.PathEscape(name) }

func pluginListCommand() *cobra.Command {
	return pluginVerb("list", "List the plugins of the server, and how they are", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		doc, err := t.get(ctx, "/plugins")
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) { printPlugins(w, doc) })
	})
}

func printPlugins(w io.Writer, doc strictjson.Value) {
	fmt.Fprintln(w, "PLUGIN\tVERSION\tSTATE\tSIGNED BY\tHOOKS\tCALLS\tFAULTS\tNOTE")
	for _, p := range member(doc, "items").Items() {
		hooks, _ := member(p, "hooks").Strings()
		row(w, textOf(p, "name"), textOf(p, "version"), textOf(p, "state"), textOf(member(p, "signature"), "publisher"), strings.Join(hooks, " "),
			countOf(p, "calls"), countOf(member(p, "outcomes"), "fault"), noteOn(p))
	}
}

// noteOn says in a few words what is the matter with a plugin.
func noteOn(p strictjson.Value) string {
	note := troubleIn(p)
	if note != "" && isOn(p, "required") && textOf(p, "state") != "live" {
		note += refusedWithout
	}
	return note
}

func troubleIn(p strictjson.Value) string {
	missing, _ := member(p, "missing").Strings()
	first, more, _ := strings.Cut(textOf(p, "error"), "\n")
	switch {
	case first != "":
		if more != "" {
			first += " (and more)"
		}
		if textOf(p, "state") == "live" {
			return "its new files are not taken: " + first
		}
		return first
	case textOf(member(p, "waiting"), "version") != "":
		return "version " + textOf(member(p, "waiting"), "version") + " waits for approval of: " + strings.Join(missing, ", ")
	case len(missing) > 0:
		return "waits for approval of: " + strings.Join(missing, ", ")
	case textOf(p, "state") == "open":
		fault, _, _ := strings.Cut(textOf(member(p, "last_fault"), "text"), "\n")
		return fault
	}
	return ""
}

func countOf(doc strictjson.Value, name string) string {
	n, _ := member(doc, name).Int64()
	return strconv.FormatInt(n, 10)
}

func pluginStatusCommand() *cobra.Command {
	return pluginVerb("status NAME", "Say all there is to know of one plugin", aPlugin, func(ctx context.Context, t *terminal, args []string) error {
		doc, err := t.get(ctx, pluginPath(args[0]))
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) { printPlugin(w, doc) })
	})
}

func printPlugin(w io.Writer, p strictjson.Value) {
	breaker := textOf(member(p, "breaker"), "state")
	if until := moment(member(p, "breaker"), "until"); until != "-" {
		breaker += " until " + until
	}
	if _, some := member(p, "breaker").Get("callers"); some {
		breaker += ", for " + countOf(member(p, "breaker"), "callers") + " of the callers"
	}
	fail := textOf(p, "fail")
	if isOn(p, "required") {
		fail += ", required"
	}
	text := func(name, value string) strictjson.Member {
		return strictjson.Member{Name: name, Value: strictjson.String(value)}
	}
	var order []string
	hooks, _ := member(p, "hooks").Strings()
	for _, name := range hooks {
		order = append(order, name+" at "+countOf(member(p, "priority"), name))
	}
	printMembers(w, "", strictjson.Object(
		text("plugin", textOf(p, "name")), text("version", textOf(p, "version")), text("state", textOf(p, "state")), text("since", moment(p, "since")),
		text("digest", textOf(p, "digest")), text("signed by", textOf(member(p, "signature"), "publisher")), text("hooks", strings.Join(order, ", ")),
		text("fail", fail), text("declared", textOf(p, "declared")), text("asks for", member(p, "asked").String()), text("granted", member(p, "granted").String()),
	))
	if limits := member(p, "limits"); limits.Len() > 0 { // it is live
		f := member(p, "fuel")
		fmt.Fprintln(w)
		printMembers(w, "", strictjson.Object(
			text("breaker", breaker), text("calls", countOf(p, "calls")+shortCounts(member(p, "outcomes"))),
			text("faults", countOf(member(p, "outcomes"), "fault")+shortCounts(member(p, "faults"))),
			text("fuel of a call", countOf(f, "p50")+" in the middle, "+countOf(f, "max")+" at most, "+countOf(limits, "fuel")+" allowed"),
			text("limits", limits.String()), text("instances", countOf(p, "instances")),
		))
	}
	if last := member(p, "last_fault"); last.Len() > 0 {
		fmt.Fprintf(w, "\nlast fault, %s: %s\n", moment(last, "at"), printableLines(textOf(last, "text"), "    "))
	}
	if failed := textOf(p, "error"); failed != "" {
		fmt.Fprintf(w, "\nnot loaded: %s\n", printableLines(failed, "    "))
	}
	if note := noteOn(p); strings.Contains(note, "waits for approval") {
		fmt.Fprintf(w, "\nIt %s\n", strings.TrimPrefix(printable(note), "It "))
		printChange(w, member(p, "change"))
		fmt.Fprintf(w, "Approve it: ostiary plugin approve %s\n", printable(textOf(p, "name")))
	}
}

// shortCounts puts counts on one line, in brackets.
func shortCounts(counts strictjson.Value) string {
	var parts []string
	for name, n := range counts.All() {
		parts = append(parts, name+" "+n.String())
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func pluginApproveCommand() *cobra.Command {
	cmd := pluginVerb("approve NAME", "Grant a plugin that waits what it asks for", aPlugin, func(ctx context.Context, t *terminal, args []string) error {
		before, err := t.get(ctx, pluginPath(args[0]))
		if err != nil {
			return err
		}
		asked := member(before, "asked")
		if next := member(before, "waiting"); next.Len() > 0 {
			asked = member(next, "asked")
		}
		doc, err := t.do(ctx, http.MethodPost, pluginPath(args[0])+"/approve", strictjson.Object(strictjson.Member{Name: "asked", Value: asked}))
		if err != nil {
			return err
		}
		change := member(before, "change")
		return t.print(doc.With("change", change), func(w io.Writer) {
			fmt.Fprintf(w, "%s may use: %s\n", printable(args[0]), printable(asked.String()))
			printChange(w, change)
		})
	})
	cmd.Long = "approve grants a plugin exactly what it asks for now, and says what of that is new. A later version that asks for more waits\n" +
		"again, and the one before it stays live meanwhile. See what it asks for first: ostiary plugin status NAME"
	return cmd
}

// printChange says how what a plugin asks for differs from what it had before.
func printChange(w io.Writer, change strictjson.Value) {
	for _, part := range []struct{ name, title string }{{"new", "new"}, {"dropped", "no longer asked for"}} {
		if list, _ := member(change, part.name).Strings(); len(list) > 0 {
			fmt.Fprintf(w, "%s: %s\n", part.title, printable(strings.Join(list, ", ")))
		}
	}
}

func pluginRevokeCommand() *cobra.Command {
	return pluginVerb("revoke NAME", "Take back what was approved of a plugin, and stop it", aPlugin, func(ctx context.Context, t *terminal, args []string) error {
		doc, err := t.do(ctx, http.MethodPost, pluginPath(args[0])+"/revoke", nil)
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) {
			fmt.Fprintf(w, "%s is %s now.\n", printable(args[0]), printable(textOf(doc, "state")))
		})
	})
}
