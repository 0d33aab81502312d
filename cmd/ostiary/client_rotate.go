package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
)

// clientRotateCommand gives a client a new secret.
func clientRotateCommand(f *operatorFlags) *cobra.Command {
	var overlap time.Duration
	cmd := f.command("rotate-secret CLIENT_ID", "Give a client a new secret; the old one stays good for a while", aClient, func(ctx context.Context, t *terminal, args []string) error {
		if overlap < 0 || overlap > registration.MaxOverlap || overlap%time.Second != 0 {
			return usagef("--overlap must be whole seconds from 0s to %s, not %s", registration.MaxOverlap, overlap)
		}
		doc, err := t.judged(ctx, http.MethodPost, clientPath(args[0])+"/secret", map[string]int64{"overlap": int64(overlap / time.Second)})
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) {
			fmt.Fprintf(w, "%s has a new secret. It is shown only now.\n\n", printable(textOf(doc, "client_id")))
			row(w, "  client_secret", textOf(doc, "client_secret"))
			row(w, "  client_secret_expires_at", untilText(member(doc, "client_secret_expires_at")))
			if overlap == 0 {
				fmt.Fprintln(w, "\nThe client_secret before this one is good no more.")
			}
			printWarnings(w, member(doc, "warnings"))
		})
	})
	cmd.Long = "rotate-secret makes a new client_secret, which is in the answer and nowhere else. The one before stays good for --overlap, so\n" +
		"that every part of the client can take over the new one. At most two are good at once: a second rotation ends the oldest.\n" +
		"When a secret has leaked, rotate with --overlap 0s. The rules are asked about the operation rotate."
	cmd.Example = "  ostiary client rotate-secret c-06gz...\n  ostiary client rotate-secret c-06gz... --overlap 0s"
	cmd.Flags().DurationVar(&overlap, "overlap", registration.DefaultOverlap, "how long the secret before stays good")
	return cmd
}

// clientTokenCommand gives a client a new registration access token.
func clientTokenCommand(f *operatorFlags) *cobra.Command {
	cmd := f.command("renew-token CLIENT_ID", "Give a client a new registration access token; earlier ones end at once", aClient, func(ctx context.Context, t *terminal, args []string) error {
		doc, err := t.judged(ctx, http.MethodPost, "/dcr/clients/"+url.PathEscape(args[0])+"/tokens", nil)
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) {
			fmt.Fprintf(w, "%s has a new registration access token. It is shown only now.\n\n", printable(textOf(doc, "client_id")))
			row(w, "  registration_access_token", textOf(doc, "registration_access_token"))
			row(w, "  registration_client_uri", textOf(doc, "registration_client_uri"))
			printWarnings(w, member(doc, "warnings"))
		})
	})
	cmd.Long = "renew-token is for a client that has lost its registration access token, and for one that an operator made and that shall\n" +
		"manage itself from now on (RFC 7592). Its secret and its tokens stay as they are."
	return cmd
}

// printSecrets prints which secrets of a client are good, the newest first. Nobody can show the secrets themselves.
func printSecrets(w io.Writer, list strictjson.Value) {
	if list.Len() == 0 {
		return
	}
	fmt.Fprintln(w, "\nsecrets")
	for _, s := range list.Items() {
		ends := "never ends"
		if at := moment(s, "expires_at"); at != "-" {
			ends = "ends " + at
		}
		row(w, "  "+textOf(s, "origin"), "of "+moment(s, "created_at"), ends)
	}
}

// untilText says when something ends that is told in seconds since 1970; 0 is never.
func untilText(v strictjson.Value) string {
	if seconds, _ := v.Int64(); seconds > 0 {
		return time.Unix(seconds, 0).Local().Format("2006-01-02 15:04 MST")
	}
	return "never"
}
