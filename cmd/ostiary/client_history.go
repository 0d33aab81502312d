package main

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"
)

// clientHistoryCommand tells what was written of a client.
func clientHistoryCommand(f *operatorFlags) *cobra.Command {
	var limit int
	cmd := f.command("history CLIENT_ID", "Show every change of a client, the newest first, each with its diff", aClient, func(ctx context.Context, t *terminal, args []string) error {
		found, err := t.newest(ctx, clientPath(args[0])+"/history", url.Values{}, limit)
		if err != nil {
			return err
		}
		return t.print(found, func(w io.Writer) {
			for i, c := range found.Items {
				if i > 0 {
					fmt.Fprintln(w)
				}
				fmt.Fprintf(w, "%s %s by %s %s\n", moment(c, "time"), printable(textOf(c, "operation")), printable(actorOf(c)), printable(textOf(c, "decision_id")))
				for _, why := range member(c, "reasons").Items() {
					fmt.Fprintf(w, "  %s\n", printable(textOf(why, "message")))
				}
				printDiff(w, member(c, "diff"))
			}
			if found.Next != "" {
				fmt.Fprintf(w, "There may be more than these %d; see --limit.\n", len(found.Items))
			}
		})
	})
	cmd.Long = "history tells who changed a client when, and what of its metadata. It goes on after the client is gone. What a member was before is\n" +
		"known as long as the ledger keeps the inputs of policy (ledger.keep_input). ostiary decision show tells all about one change."
	addLimit(cmd, &limit)
	return cmd
}
