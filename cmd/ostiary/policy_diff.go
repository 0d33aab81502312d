package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/policies"
)

func policyDiffCommand(f *policyFlags) *cobra.Command {
	var corpus string
	cmd := f.configured(f.about("diff OLD NEW", "Tell which requests end otherwise under the rules of another folder",
		"diff puts requests to the rules of two folders or bundles: those that come with Ostiary, those in the folders' requests, what\n"+
			"their tests ask, and --corpus. It lists those that do not end alike. Exit codes: 0 there is none, 1 there are some.", nil))
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := given(cmd, "corpus"); err != nil {
			return err
		}
		if len(args) != 2 || args[0] == "" || args[1] == "" {
			return usagef("%s needs two folders or bundles, such as: %s policies new", cmd.CommandPath(), cmd.CommandPath())
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		before, err := f.bench(cmd, args[0])
		if err != nil {
			return err
		}
		after, err := f.bench(cmd, args[1])
		if err != nil {
			return err
		}
		return before.diff(cmd, after, corpus)
	}
	cmd.Flags().StringVar(&corpus, "corpus", "", "further requests: a file as for eval, a decision log (.ndjson, .jsonl), or a folder of them")
	return cmd
}

// diffed is the document of diff.
type diffed struct {
	*policies.Changes
	Corpus *policies.Corpus `json:"corpus,omitempty"`
}

func (b *bench) diff(cmd *cobra.Command, after *bench, corpus string) error {
	older, err := b.source()
	if err != nil {
		return b.unusable(older, err)
	}
	newer, err := after.source()
	if err != nil {
		return after.unusable(newer, err)
	}
	var cases []policies.Case
	for _, dir := range []string{b.dir, after.dir} {
		more, err := policies.FolderCases(dir)
		if err != nil {
			return err
		}
		cases = append(cases, more...)
	}
	doc := diffed{}
	if corpus != "" {
		if doc.Corpus, err = policies.ReadCorpus(corpus); err != nil {
			return err
		}
		if len(doc.Corpus.Cases) == 0 {
			b.tellCorpus(b.errs, doc.Corpus)
			return fmt.Errorf("%s has no request to put to the rules: name a file as for eval, a decision log (.ndjson, .jsonl), or a folder of them", corpus)
		}
		cases = append(cases, doc.Corpus.Cases...)
	}
	if err := policies.Compile(older); err != nil {
		return b.unusable(older, err)
	}
	if doc.Changes, err = policies.Diff(cmd.Context(), older, newer, cases, b.progress()); err != nil {
		return after.unusable(newer, err)
	}
	if err := b.tellDiff(doc); err != nil {
		return err
	}
	if n := len(doc.Changes.Changes); n > 0 {
		return fmt.Errorf("%s of %d with another outcome", counted(n, "request"), doc.Requests)
	}
	return nil
}

// tellCorpus says what became of the lines of logs.
func (b *bench) tellCorpus(w io.Writer, c *policies.Corpus) {
	if c.Lines == 0 {
		return
	}
	fmt.Fprintf(w, "%s of decision logs: %d taken", counted(c.Lines, "line"), c.Taken)
	if c.Filled > 0 {
		fmt.Fprintf(w, ", %d of them with empty values in the place of what the log leaves out: %s", c.Filled, printable(strings.Join(c.LeftOut, ", ")))
	}
	fmt.Fprintln(w)
	for _, p := range c.Passed {
		fmt.Fprintf(w, "%d passed over, %s; the first is %s\n", p.Lines, p.Why, printable(p.First))
	}
}

func (b *bench) tellDiff(doc diffed) error {
	if b.json {
		return b.printJSON(doc)
	}
	for _, c := range doc.Changes.Changes {
		if c.Was == c.Is {
			fmt.Fprintf(b.out, "%s: %s: %s, with another result\n", c.Decision, c.Request, c.Is)
		} else {
			fmt.Fprintf(b.out, "%s: %s: %s -> %s\n", c.Decision, c.Request, c.Was, c.Is)
		}
		for _, text := range c.Gone {
			fmt.Fprintf(b.out, "\t- %s\n", printable(text))
		}
		for _, text := range c.New {
			fmt.Fprintf(b.out, "\t+ %s\n", printable(text))
		}
	}
	if doc.Corpus != nil {
		b.tellCorpus(b.out, doc.Corpus)
	}
	if len(doc.Changes.Changes) > 0 {
		return nil
	}
	_, err := fmt.Fprintf(b.out, "%s: all end alike\n", counted(doc.Requests, "request"))
	return err
}
