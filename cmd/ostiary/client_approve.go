package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

// clientApproveCommand lets a client be used that waits for it.
func clientApproveCommand(f *operatorFlags) *cobra.Command {
	var scope, file string
	var cmd *cobra.Command
	cmd = f.command("approve CLIENT_ID", "Let a client be used that waits for approval, as it is or with less", aClient, func(ctx context.Context, t *terminal, args []string) error {
		less, err := narrowing(ctx, cmd, file, scope)
		if err != nil {
			return err
		}
		var body any
		if !less.IsAbsent() {
			body = less
		}
		doc, err := t.judged(ctx, http.MethodPost, clientPath(args[0])+"/approve", body)
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) { printApproved(w, doc, less) })
	})
	cmd.Long = "approve makes a pending client active. It may be given less than it registered, and nothing else: fewer redirect_uris, grant_types,\n" +
		"response_types, request_uris, post_logout_redirect_uris, allowed_audiences, authorization_details_types or words of scope;\n" +
		"default_prompt_login, tls_client_certificate_bound_access_tokens, dpop_bound_access_tokens, require_signed_request_object,\n" +
		"require_pushed_authorization_requests, require_auth_time or require_pkce true; a shorter\n" +
		"default_max_age, access_token_lifetime, id_token_lifetime or refresh_token_lifetime. The rules are asked, and ostiary decision show explains what they said."
	cmd.Example = "  ostiary client list --status pending\n" +
		"  ostiary client approve c-06gz...\n" +
		"  ostiary client approve c-06gz... --scope \"openid email\"\n" +
		"  ostiary client approve c-06gz... --set less.json"
	cmd.Flags().StringVar(&scope, "scope", "", "the scopes that are left, in one word: \"openid email\"")
	cmd.Flags().StringVar(&file, "set", "", "file with the members that are narrowed, as JSON; - for standard input")
	return cmd
}

// narrowing is what an approval leaves of a client; absent: all of it.
func narrowing(ctx context.Context, cmd *cobra.Command, file, scope string) (less strictjson.Value, err error) {
	if file != "" {
		if less, err = readDocument(ctx, cmd.InOrStdin(), file); err != nil {
			return less, err
		}
		if less.Kind() != strictjson.KindObject {
			return less, fmt.Errorf("%s holds no JSON object; write the members that are narrowed: {\"scope\": \"openid\"}", file)
		}
	}
	if !cmd.Flags().Changed("scope") {
		return less, nil
	}
	if _, twice := less.Get("scope"); twice {
		return less, usagef("scope is given by --scope and in %s; give it once", file)
	}
	if less.IsAbsent() {
		less = strictjson.Object()
	}
	return less.With("scope", strictjson.String(strings.Join(strings.Fields(scope), " "))), nil
}

func printApproved(w io.Writer, doc, less strictjson.Value) {
	fmt.Fprintf(w, "%s is approved and active.\n", printable(textOf(doc, "client_id")))
	for name := range less.All() {
		if left, ok := doc.Get(name); ok {
			printMembers(w, "  ", strictjson.Object(strictjson.Member{Name: name, Value: left}))
		}
	}
	printWarnings(w, member(doc, "warnings"))
}

// clientRejectCommand removes a client that waits.
func clientRejectCommand(f *operatorFlags) *cobra.Command {
	var reason string
	cmd := f.command("reject CLIENT_ID", "Remove a client that waits for approval", aClient, func(ctx context.Context, t *terminal, args []string) error {
		var body any
		if reason != "" {
			body = map[string]string{"reason": reason}
		}
		if _, err := t.judged(ctx, http.MethodPost, clientPath(args[0])+"/reject", body); err != nil {
			return err
		}
		return t.say("Rejected and removed.")
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept with the decision")
	return cmd
}

// printObligations prints what a client is held to, and the rules that want it.
func printObligations(w io.Writer, list strictjson.Value) {
	if list.Len() == 0 {
		return
	}
	fmt.Fprintln(w, "\nobligations")
	for _, o := range list.Items() {
		params := ""
		if v, ok := o.Get("params"); ok {
			params = v.String()
		}
		row(w, "  "+textOf(o, "name"), "by "+textOf(o, "rule"), params)
	}
}

// queues gives those that a client waits in.
func queues(c strictjson.Value) string {
	var names []string
	for _, o := range member(c, "obligations").Items() {
		if queue := textOf(member(o, "params"), "queue"); queue != "" {
			names = append(names, queue)
		}
	}
	return strings.Join(names, " ")
}

func (t *terminal) printWaiting(l listing) error {
	return t.printListing(l, "CLIENT\tNAME\tQUEUE\tCHANNEL\tPROFILE\tREGISTERED\tGONE AT", func(c strictjson.Value) []string {
		return []string{
			textOf(c, "client_id"), clip(textOf(member(c, "metadata"), "client_name"), 40), queues(c), textOf(c, "channel"), textOf(c, "profile"),
			moment(c, "created_at"), moment(c, "expires_at"),
		}
	})
}
