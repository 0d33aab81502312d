package main

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

// exportFlags are those of both commands that export.
type exportFlags struct {
	set, file string
	hashes    bool
}

func (f *exportFlags) addTo(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.hashes, "with-secret-hashes", false, "export the hashes of client secrets: keep the file as safe as the server's store")
	cmd.Flags().StringVarP(&f.file, "file", "f", "", "new file to write, instead of standard output; only its owner reads it")
}

// fetch gives the clients, and tells how many there are so far.
func (f *exportFlags) fetch(ctx context.Context, t *terminal, errs io.Writer) ([]strictjson.Value, error) {
	query := url.Values{"set": {f.set}}
	if f.hashes {
		query.Set("secrets", "hashes")
	}
	told := newProgress(errs)
	defer told.end()
	return t.exported(ctx, query, told)
}

// write writes the document, and tells what is not in it.
func (f *exportFlags) write(t *terminal, doc strictjson.Value, left []string, errs io.Writer) error {
	for _, line := range left {
		fmt.Fprintln(errs, line)
	}
	return t.writeExport(doc, f.file)
}

// exportCommand writes what a set of declarations holds, as a file that plan and apply read.
func exportCommand() *cobra.Command {
	f, e := &operatorFlags{}, &exportFlags{}
	var cmd *cobra.Command
	cmd = f.command("export", "Write what a set declares, as a file that plan and apply read", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		items, err := e.fetch(ctx, t, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		doc, left := exportOf(items, e.hashes)
		beside, err := t.declaredBeside(ctx, e.set)
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
		return e.write(t, doc, left, cmd.ErrOrStderr())
	})
	cmd.Long = "export writes what a set of declarations holds: its clients, the oldest first, and what it declares beside them. No secret is in it\n" +
		"in clear; with --with-secret-hashes there are the hashes of client secrets, from which the same secrets work elsewhere. What is left\n" +
		"out is told on standard error. The form is YAML, or JSON with -o json. For clients that nobody declared see: ostiary client export"
	cmd.Example = "  ostiary export --set default -f declared.yaml"
	f.connect(cmd)
	cmd.Flags().StringVar(&e.set, "set", "default", "name of the declarations")
	e.addTo(cmd)
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
