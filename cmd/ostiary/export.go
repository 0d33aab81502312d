package main

import (
	"context"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

// exportCommand writes what a set of declarations holds, as a file that plan and apply read.
func exportCommand() *cobra.Command {
	f := &operatorFlags{}
	var set, file string
	var hashes bool
	var cmd *cobra.Command
	cmd = f.command("export", "Write what a set declares, as a file that plan and apply read", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		query := url.Values{"set": {set}}
		if hashes {
			query.Set("secrets", "hashes")
		}
		told := newProgress(cmd.ErrOrStderr())
		items, err := t.exported(ctx, query, told)
		told.end()
		if err != nil {
			return err
		}
		doc, left := exportOf(items, hashes)
		beside, err := t.declaredBeside(ctx, set)
		if err != nil {
			return err
		}
		for name, of := range member(beside, "document").All() {
			if of.Len() > 0 {
				doc = doc.With(name, of)
			}
		}
		secrets, _ := member(beside, "left_out").Strings()
		for _, name := range secrets {
			left = append(left, printable(name)+" is a secret and not exported: add it, as ${NAME} or file://path")
		}
		for _, line := range left {
			fmt.Fprintln(cmd.ErrOrStderr(), line)
		}
		return t.writeExport(doc, file)
	})
	cmd.Long = "export writes what a set of declarations holds: its clients, the oldest first, and what it declares beside them. No secret is in it\n" +
		"in clear; with --with-secret-hashes there are the hashes of client secrets, from which the same secrets work elsewhere. What is left\n" +
		"out is told on standard error. The form is YAML, or JSON with -o json. For clients that nobody declared see: ostiary client export"
	cmd.Example = "  ostiary export --set default -f declared.yaml"
	f.connect(cmd)
	cmd.Flags().StringVar(&set, "set", "default", "name of the declarations")
	cmd.Flags().BoolVar(&hashes, "with-secret-hashes", false, "export the hashes of client secrets: keep the file as safe as the server's store")
	cmd.Flags().StringVarP(&file, "file", "f", "", "new file to write, instead of standard output; only its owner reads it")
	return cmd
}

// declaredBeside gives what a set declares beside clients; nothing, when it does not.
func (t *terminal) declaredBeside(ctx context.Context, set string) (strictjson.Value, error) {
	sets, err := t.get(ctx, "/declarations")
	if err != nil {
		return strictjson.Value{}, err
	}
	for _, item := range member(sets, "items").Items() {
		if textOf(item, "set") == set {
			return t.get(ctx, "/declarations/"+url.PathEscape(set))
		}
	}
	return strictjson.Object(), nil
}
