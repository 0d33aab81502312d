package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

// unusedClients is what came of a look at all clients.
type unusedClients struct {
	Items   []strictjson.Value `json:"items"`
	Looked  int64              `json:"looked"`
	Removed int                `json:"removed"`
	enabled bool
}

// clientReapCommand lists or removes the clients that nobody uses.
func clientReapCommand(f *operatorFlags) *cobra.Command {
	var dry, yes bool
	var cmd *cobra.Command
	cmd = f.command("reap", "List the clients that nobody uses, or remove them", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		if dry && yes {
			return usagef("--dry-run and --yes contradict each other; give one of them")
		}
		found, err := t.unused(ctx, yes, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		return t.print(found, func(w io.Writer) { printUnused(w, found, yes) })
	})
	cmd.Long = "reap looks at the clients that registered themselves, and finds those that nobody uses by lifetime.never_used and lifetime.idle in\n" +
		"dcr_config.yaml. It removes none without --yes. The server does the same by itself every lifetime.reap_every. Each removal is\n" +
		"judged as any other: rules and plugins can keep a client, and ostiary decision show explains it."
	cmd.Example = "  ostiary client reap --dry-run\n  ostiary client reap --yes"
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only list them, as without any flag")
	cmd.Flags().BoolVar(&yes, "yes", false, "remove them")
	return cmd
}

// unused goes through all clients, some at a time.
func (t *terminal) unused(ctx context.Context, remove bool, errs io.Writer) (unusedClients, error) {
	found, cursor := unusedClients{Items: []strictjson.Value{}}, ""
	told := newProgress(errs)
	defer told.end()
	for {
		method, path, body := http.MethodGet, "/dcr/unused?"+url.Values{"cursor": {cursor}}.Encode(), any(nil)
		if remove {
			method, path, body = http.MethodPost, "/dcr/unused/reap", map[string]string{"cursor": cursor}
		}
		page, err := t.do(ctx, method, path, body)
		if err != nil {
			return found, err
		}
		for _, c := range member(page, "items").Items() {
			if found.Items = append(found.Items, c); isOn(c, "removed") {
				found.Removed++
			}
		}
		found.Looked, found.enabled = found.Looked+number(page, "looked"), isOn(page, "enabled")
		if cursor = textOf(page, "next_cursor"); cursor == "" {
			return found, nil
		}
		told.say(fmt.Sprintf("looked at %d clients, found %d", found.Looked, len(found.Items)))
	}
}

func printUnused(w io.Writer, found unusedClients, removed bool) {
	switch {
	case !found.enabled:
		fmt.Fprintln(w, "No client goes for being unused: set lifetime.never_used or lifetime.idle in dcr_config.yaml.")
		return
	case len(found.Items) == 0:
		fmt.Fprintf(w, "Looked at %d clients; all are in use.\n", found.Looked)
		return
	}
	fmt.Fprintln(w, "CLIENT\tNAME\tREASON\tUNUSED SINCE\tLAST USED\tOUTCOME")
	for _, c := range found.Items {
		outcome := "would go"
		if removed {
			outcome = "removed"
		}
		if kept := textOf(c, "kept"); kept != "" {
			outcome = "stays: " + kept
		}
		row(w, textOf(c, "client_id"), clip(textOf(c, "client_name"), 40), textOf(c, "reason"), moment(c, "unused_since"), moment(c, "last_used"), outcome)
	}
	if removed {
		fmt.Fprintf(w, "Looked at %d clients and removed %d.\n", found.Looked, found.Removed)
		return
	}
	fmt.Fprintln(w, "Nothing was removed; --yes removes them.")
}
