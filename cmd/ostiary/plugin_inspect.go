package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/plugins"
)

func pluginInspectCommand() *cobra.Command {
	return (&kitFlags{}).about("inspect [FILE|DIR]", "Say what a plugin's module needs and serves, and why a server would refuse it",
		"inspect reads module and manifest and tries to load them, self-tests included, as a server that grants what is asked. It prints\n"+
			"what the module imports and serves, what its manifest asks for, how large it is, and how much larger the counting of its\n"+
			"work makes it. Exit codes: 0 a server would take it, 1 it would not, 2 called wrongly.",
		func(cmd *cobra.Command, b *bench) error { return b.inspectPlugin(cmd.Context()) })
}

func (b *bench) inspectPlugin(ctx context.Context) error {
	dir, name, err := plugins.PluginName(b.dir)
	if err != nil {
		return b.pluginUnusable(err)
	}
	doc, err := plugins.Inspect(ctx, dir, name)
	if err != nil {
		return b.pluginUnusable(err)
	}
	if b.json {
		err = b.printJSON(doc)
	} else {
		err = b.tellInspection(&doc)
	}
	if err == nil && len(doc.Refusals) > 0 {
		err = fmt.Errorf("a server would refuse %s: %s", doc.Module, counted(len(doc.Refusals), "reason"))
	}
	return err
}

func (b *bench) tellInspection(doc *plugins.Inspection) error {
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	metered := "not possible: see below"
	if doc.Metered > 0 {
		metered = fmt.Sprintf("%s, %.2f times as large", sized(int64(doc.Metered)), float64(doc.Metered)/float64(doc.Bytes))
	}
	var hooks, sections []string
	for _, p := range doc.Hooks {
		hooks = append(hooks, string(p))
	}
	for _, s := range doc.Sections {
		sections = append(sections, s.Name+" "+sized(int64(s.Bytes)))
	}
	row(w, "plugin", strings.TrimSpace(doc.Name+" "+doc.Version))
	row(w, "module", fmt.Sprintf("%s, %s, %s", doc.Module, sized(int64(doc.Bytes)), counted(doc.Functions, "function")))
	row(w, "sha256", doc.SHA256)
	row(w, "metered", metered)
	row(w, "memory", strings.Join(doc.Memory, ", "))
	row(w, "module serves", strings.Join(doc.Serves, ", "))
	row(w, "manifest asks for", strings.Join(hooks, ", "))
	row(w, "may use", doc.Asked.String())
	row(w, "exports", strings.Join(doc.Exports, ", "))
	row(w, "sections", strings.Join(sections, ", "))
	row(w, "signed by", doc.SignedBy)
	for i, need := range doc.Imports {
		label := "imports"
		if i > 0 {
			label = " "
		}
		row(w, label, strings.TrimSpace(need.Name+" "+need.Type+capabilityNote(need.Capability)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, reason := range doc.Refusals {
		for i, line := range strings.Split(reason, "\n") {
			lead := "refused: "
			if i > 0 {
				lead = "         "
			}
			fmt.Fprintln(b.out, lead+printable(line))
		}
	}
	return nil
}

func capabilityNote(name string) string {
	if name == "" {
		return ""
	}
	return ", which needs the capability " + name
}
