package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/plugins"
)

// trialFlags are those of plugin test.
type trialFlags struct {
	verbose bool
	run     string
	soak    int
}

func pluginTestCommand() *cobra.Command {
	t := &trialFlags{}
	cmd := (&kitFlags{}).about("test [DIR]", "Run the cases of a plugin through the sandbox, as a server does",
		"test loads the module that lies in a folder, as a server that grants what it asks for, and asks it the cases that its manifest\n"+
			"names (tests: [cases/NAME/*.yaml]). Keys, values and other servers are what the case says; nothing goes out. Each case is\n"+
			"asked three times, and must be answered the same; then all of them again and again (--soak), and memory must not grow.\n"+
			"It takes the module as it is, and says when a source is newer: build it first. Exit codes: 0 passed, 1 failed, 2 called wrongly.",
		func(cmd *cobra.Command, b *bench) error {
			if _, err := regexp.Compile(t.run); err != nil {
				return usagef("--run: %v", err)
			}
			if t.soak < 0 {
				return usagef("--soak must be 0 or more, not %d", t.soak)
			}
			return b.tryPlugin(cmd.Context(), t)
		})
	flags := cmd.Flags()
	flags.BoolVarP(&t.verbose, "verbose", "v", false, "show on the standard error what the plugin logs")
	flags.StringVarP(&t.run, "run", "r", "", "run the cases whose names match this regular expression only")
	flags.IntVar(&t.soak, "soak", 1000, "how many more calls there are in all, to see that nothing adds up; 0: none")
	return cmd
}

// trial is the document of plugin test.
type trial struct {
	Plugin  string      `json:"plugin"`
	Version string      `json:"version"`
	Newer   string      `json:"newer_source,omitempty"` // a source that was changed after the module was built
	Cases   []triedCase `json:"cases"`
	Soak    *soaked     `json:"soak,omitempty"` // absent: there was none
	Failed  int         `json:"failed"`
}

type triedCase struct {
	Name        string   `json:"name"`
	File        string   `json:"file"`
	Hook        string   `json:"hook"`
	OK          bool     `json:"ok"`
	Answer      string   `json:"answer"`
	Fuel        uint64   `json:"fuel"`
	FuelShare   float64  `json:"fuel_share"` // of what one call may use
	Memory      int64    `json:"memory_bytes"`
	PagesReset  int      `json:"pages_reset"` // of 4 KiB, after the call
	Differences []string `json:"differences,omitempty"`
}

type soaked struct {
	Calls       int      `json:"calls"`
	Differences []string `json:"differences,omitempty"`
}

// openPlugin loads the plugin that the command is about.
func (b *bench) openPlugin(ctx context.Context, verbose bool) (*plugins.Workbench, error) {
	dir, name, err := plugins.PluginName(b.dir)
	if err != nil {
		return nil, err
	}
	var log *slog.Logger
	if verbose {
		log = slog.New(slog.NewTextHandler(b.errs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return plugins.OpenWorkbench(ctx, dir, name, log)
}

// chosenCases gives the cases of a plugin whose names match.
func chosenCases(w *plugins.Workbench, pattern string) ([]plugins.Case, error) {
	all, err := w.Cases()
	if err != nil {
		return nil, err
	}
	var chosen []plugins.Case
	for _, c := range all {
		if ok, err := regexp.MatchString(pattern, c.Name); ok && err == nil {
			chosen = append(chosen, c)
		}
	}
	name := w.Manifest().Name
	switch {
	case len(all) == 0:
		return nil, fmt.Errorf("there is no case: put one into cases/%[1]s, and tests: [cases/%[1]s/*.yaml] into %[1]s.yaml", name)
	case len(chosen) == 0:
		return nil, fmt.Errorf("no case ran: none of %s has a name that matches %q", counted(len(all), "case"), pattern)
	}
	return chosen, nil
}

func (b *bench) tryPlugin(ctx context.Context, t *trialFlags) (err error) {
	w, err := b.openPlugin(ctx, t.verbose)
	if err != nil {
		return b.pluginUnusable(err)
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	cases, err := chosenCases(w, t.run)
	if err != nil {
		return b.pluginUnusable(err)
	}
	m := w.Manifest()
	doc := trial{Plugin: m.Name, Version: m.Version, Newer: b.tellIfOld(), Cases: make([]triedCase, 0, len(cases))}
	var good []plugins.Case // that may be soaked: a fault takes as long as it may, each time
	for _, c := range cases {
		one, err := w.Test(ctx, c)
		if err != nil {
			return b.pluginUnusable(err)
		}
		if len(one.Differences) > 0 {
			doc.Failed++
		} else if one.Fault == nil {
			good = append(good, c)
		}
		doc.Cases = append(doc.Cases, triedAs(&one, w.Allowance()))
	}
	if t.soak > 0 && len(good) > 0 {
		doc.Soak = &soaked{Calls: t.soak}
		if doc.Soak.Differences, err = w.Soak(ctx, good, t.soak); err != nil {
			return err
		}
		doc.Failed += len(doc.Soak.Differences)
	}
	if err := b.tellTrial(&doc, w.Allowance()); err != nil {
		return err
	}
	if doc.Failed > 0 {
		return fmt.Errorf("%s failed", counted(doc.Failed, "case"))
	}
	return nil
}

// tellIfOld says when the module may not be what its source says, and gives that source.
func (b *bench) tellIfOld() string {
	dir, name, err := plugins.PluginName(b.dir)
	if err != nil {
		return ""
	}
	source := newerSource(dir, filepath.Join(dir, name+".wasm"))
	if source != "" {
		fmt.Fprintf(b.errs, "%s was changed after %s.wasm was built; to try what it says now: ostiary plugin build %s\n", printable(source), name, dir)
	}
	return source
}

func triedAs(c *plugins.Checked, may plugins.Allowance) triedCase {
	return triedCase{
		Name: c.Case.Name, File: c.Case.File, Hook: string(c.Case.Call.Point), OK: len(c.Differences) == 0, Answer: c.Answer(),
		Fuel: c.Usage.Fuel, FuelShare: float64(c.Usage.Fuel) / float64(may.Fuel), Memory: c.Memory, PagesReset: c.PagesReset, Differences: c.Differences,
	}
}

func (b *bench) tellTrial(doc *trial, may plugins.Allowance) error {
	if b.json {
		return b.printJSON(doc)
	}
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	row(w, "RESULT", "CASE", "HOOK", "FUEL", "OF LIMIT", "MEMORY", "SET BACK")
	for _, c := range doc.Cases {
		verdict := "ok"
		if !c.OK {
			verdict = "FAIL"
		}
		row(w, verdict, printable(c.Name), c.Hook, strconv.FormatUint(c.Fuel, 10), share(float64(c.Fuel), float64(may.Fuel)),
			sized(c.Memory), sized(int64(c.PagesReset)*4096))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, c := range doc.Cases {
		if !c.OK {
			fmt.Fprintf(b.out, "\nFAIL %s (%s)\n", printable(c.Name), printable(c.File))
		}
		for _, text := range c.Differences {
			fmt.Fprintf(b.out, "    %s\n", printableLines(text, "        "))
		}
	}
	if doc.Soak == nil {
		return nil
	}
	if len(doc.Soak.Differences) == 0 {
		_, err := fmt.Fprintf(b.out, "soak: %d more calls, the same answers in the same memory\n", doc.Soak.Calls)
		return err
	}
	for _, text := range doc.Soak.Differences {
		fmt.Fprintf(b.out, "\nFAIL soak: %s\n", printableLines(text, "    "))
	}
	return nil
}
