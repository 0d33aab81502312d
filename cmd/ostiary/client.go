package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// clientCommand keeps clients, through the operators' API.
func clientCommand() *cobra.Command {
	f := &operatorFlags{}
	return f.group("client", "Register, list, show, approve, disable, enable, delete and export clients",
		"client keeps the clients. What it writes goes down the same road as a registration: the rules judge it, and\n"+
			"ostiary decision show explains it. It speaks to the running server.",
		clientListCommand(f), clientShowCommand(f), clientCreateCommand(f),
		clientApproveCommand(f), clientRejectCommand(f),
		clientSwitchCommand(f, "disable", "Make a client unusable at once, until it is enabled again"),
		clientSwitchCommand(f, "enable", "Let a disabled client be used again"),
		clientHistoryCommand(f), clientRotateCommand(f), clientTokenCommand(f), clientReapCommand(f),
		clientDeleteCommand(f), clientExportCommand(f), clientSchemaCommand(),
	)
}

// named wants one argument: what the command is about.
func named(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 || args[0] == "" {
			return usagef("%s needs %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

func aClient(cmd *cobra.Command, args []string) error { return named("one client_id")(cmd, args) }

func clientPath(id string) string { return "/clients/" + url.PathEscape(id) }

func clientListCommand(f *operatorFlags) *cobra.Command {
	var state, channel, queue, token, software, unused string
	var limit int
	cmd := f.command("list", "List the clients, newest first", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		if err := cmp.Or(
			oneOf("--state", state, string(core.Active), string(core.Pending), string(core.Disabled)),
			oneOf("--channel", channel, string(core.ChannelDCR), string(core.ChannelOperator), string(core.ChannelImport)),
			areMoments(map[string]string{"last-used-before": unused}),
		); err != nil {
			return err
		}
		found, err := t.newest(ctx, "/clients", url.Values{
			"state": {state}, "channel": {channel}, "queue": {queue}, "iat": {token}, "software_id": {software}, "last_used_before": {unused},
		}, limit)
		if err != nil {
			return err
		}
		if queue != "" || state == string(core.Pending) {
			return t.printWaiting(found)
		}
		return t.printListing(found, "CLIENT\tNAME\tSTATE\tCHANNEL\tPROFILE\tAUTHENTICATION\tCREATED\tLAST USED", func(c strictjson.Value) []string {
			meta := member(c, "metadata")
			return []string{
				textOf(c, "client_id"), clip(textOf(meta, "client_name"), 40), textOf(c, "state"), textOf(c, "channel"), textOf(c, "profile"),
				textOf(meta, "token_endpoint_auth_method"), moment(c, "created_at"), moment(c, "last_used"),
			}
		})
	})
	cmd.Flags().StringVar(&state, "state", "", "active, pending or disabled ones only")
	cmd.Flags().StringVar(&state, "status", "", "the same as --state")
	cmd.Flags().StringVar(&queue, "queue", "", "only those that wait for approval in this queue")
	cmd.Flags().StringVar(&channel, "channel", "", "only those that were registered by dcr, by an operator, or by import: declared ones")
	cmd.Flags().StringVar(&token, "iat", "", "only those that were registered with this initial access token, by its id")
	cmd.Flags().StringVar(&software, "software-id", "", "only those of this software_id")
	cmd.Flags().StringVar(&unused, "last-used-before", "", "only those not used since: 2026-03-01, or how long ago, such as 90d")
	addLimit(cmd, &limit)
	return cmd
}

// oneOf refuses a filter that can match nothing.
func oneOf(flag, value string, known ...string) error {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	return usagef("%s must be one of %s, not %q", flag, strings.Join(known, ", "), value)
}

func clientShowCommand(f *operatorFlags) *cobra.Command {
	return f.command("show CLIENT_ID", "Show a client: how it came, what governs it, its metadata", aClient, func(ctx context.Context, t *terminal, args []string) error {
		doc, err := t.get(ctx, clientPath(args[0]))
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) {
			obligations := member(doc, "obligations")
			printMembers(w, "", doc.Without("metadata").Without("obligations").Without("secrets"))
			printSecrets(w, member(doc, "secrets"))
			printObligations(w, obligations)
			fmt.Fprintln(w, "\nmetadata")
			printMembers(w, "  ", member(doc, "metadata"))
		})
	})
}

func clientCreateCommand(f *operatorFlags) *cobra.Command {
	var file string
	var cmd *cobra.Command
	cmd = f.command("create", "Register a client in the operator's name", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		if file == "" {
			return usagef("client create needs -f: the file with the client's metadata, - for standard input")
		}
		body, err := readDocument(ctx, cmd.InOrStdin(), file)
		if err != nil {
			return err
		}
		doc, err := t.judged(ctx, http.MethodPost, "/clients", body)
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) { printCreated(w, doc) })
	})
	cmd.Long = "create sends client metadata (RFC 7591) to the server. The client's secret, when it has one, is in the answer and nowhere else."
	cmd.Flags().StringVarP(&file, "file", "f", "", "file with the metadata as JSON; - for standard input")
	return cmd
}

func printCreated(w io.Writer, doc strictjson.Value) {
	fmt.Fprintf(w, "Created %s.\n\n", printable(textOf(doc, "client_id")))
	printMembers(w, "  ", doc.Without("warnings"))
	if textOf(doc, "client_secret") != "" {
		fmt.Fprintln(w, "\nThe client_secret is shown only now.")
	}
	printWarnings(w, member(doc, "warnings"))
}

func clientSwitchCommand(f *operatorFlags, word, short string) *cobra.Command {
	return f.command(word+" CLIENT_ID", short, aClient, func(ctx context.Context, t *terminal, args []string) error {
		doc, err := t.judged(ctx, http.MethodPost, clientPath(args[0])+"/"+word, nil)
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) {
			fmt.Fprintf(w, "%s is %s.\n", printable(textOf(doc, "client_id")), cmp.Or(printable(textOf(doc, "registration_status")), string(core.Active)))
			printWarnings(w, member(doc, "warnings"))
		})
	})
}

func clientDeleteCommand(f *operatorFlags) *cobra.Command {
	return f.command("delete CLIENT_ID", "Remove a client for good; its tokens are void at once", aClient, func(ctx context.Context, t *terminal, args []string) error {
		if _, err := t.judged(ctx, http.MethodDelete, clientPath(args[0]), nil); err != nil {
			return err
		}
		return t.say("Deleted.")
	})
}

// judged sends what the rules judge. A refusal names the decision that explains it.
func (t *terminal) judged(ctx context.Context, method, path string, body any) (strictjson.Value, error) {
	doc, err := t.do(ctx, method, path, body)
	if id := textOf(doc, "decision_id"); err != nil && id != "" {
		err = fmt.Errorf("%w See: ostiary decision show %s", err, printable(id))
	}
	return doc, err
}

// A listing is the beginning of a list in the form of the API.
type listing struct {
	Items []strictjson.Value `json:"items"`
	Next  string             `json:"next_cursor,omitempty"` // where it may go on
}

// pageSize is what is asked for at once. Entries and clients can be large, and an answer is read as a whole.
const pageSize = 10

// newest gives the first limit items of a list.
func (t *terminal) newest(ctx context.Context, path string, query url.Values, limit int) (listing, error) {
	if limit < 1 {
		return listing{}, usagef("--limit must be 1 or more, not %d", limit)
	}
	found := listing{Items: []strictjson.Value{}}
	for {
		query.Set("limit", strconv.Itoa(min(pageSize, limit-len(found.Items))))
		query.Set("cursor", found.Next)
		page, err := t.get(ctx, path+"?"+query.Encode())
		if err != nil {
			return listing{}, err
		}
		found.Items = append(found.Items, member(page, "items").Items()...)
		found.Next = textOf(page, "next_cursor")
		if found.Next == "" || len(found.Items) >= limit {
			return found, nil
		}
	}
}

func addLimit(cmd *cobra.Command, limit *int) {
	cmd.Flags().IntVar(limit, "limit", 50, "how many, from the newest on")
}

func (t *terminal) printListing(l listing, header string, cells func(item strictjson.Value) []string) error {
	return t.print(l, func(w io.Writer) {
		fmt.Fprintln(w, header)
		for _, item := range l.Items {
			row(w, cells(item)...)
		}
		if l.Next != "" {
			fmt.Fprintf(w, "There may be more than these %d; see --limit.\n", len(l.Items))
		}
	})
}

// member gives a member, or what is absent.
func member(doc strictjson.Value, name string) strictjson.Value {
	v, _ := doc.Get(name)
	return v
}

// printMembers prints an object, a line for each member.
func printMembers(w io.Writer, indent string, doc strictjson.Value) {
	for name, v := range doc.All() {
		text, isText := v.Text()
		if !isText {
			text = v.String()
		}
		row(w, indent+name, text)
	}
}

// readDocument reads the JSON in a file; "-" is standard input.
func readDocument(ctx context.Context, stdin io.Reader, file string) (strictjson.Value, error) {
	text, err := readBounded(ctx, stdin, file)
	var failed *fs.PathError // it names the file again
	if errors.As(err, &failed) {
		err = failed.Err
	}
	if err != nil {
		return strictjson.Value{}, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	doc, err := strictjson.Parse(text, strictjson.Stored)
	if err != nil {
		return strictjson.Value{}, fmt.Errorf("%s cannot be used: %w", file, err)
	}
	return doc, nil
}

// readBounded reads no more than could be used. An interrupt ends it, even while a terminal stays silent.
func readBounded(ctx context.Context, stdin io.Reader, file string) ([]byte, error) {
	from := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := io.ReadAll(io.LimitReader(from, int64(strictjson.Stored.MaxBytes)+1))
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
