package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// question is a hypothetical request, as the operators' API takes it.
type question struct {
	Request   strictjson.Value `json:"request,omitzero"`
	Operation string           `json:"operation,omitempty"`
	Channel   string           `json:"channel,omitempty"`
	Profile   string           `json:"profile,omitempty"`
	ClientID  string           `json:"client_id,omitempty"`
	Caller    *supposed        `json:"caller,omitempty"`
	Merge     bool             `json:"merge,omitempty"`
	Bundle    *bundle          `json:"bundle,omitempty"` // a candidate policy
}

// supposed is who a hypothetical request comes from.
type supposed struct {
	Kind string `json:"kind"`
}

// simulateFlags are the question and how its answer is taken.
type simulateFlags struct {
	operatorFlags
	question
	file, caller   string
	folder         string // of the candidate
	explain, check bool
}

// simulateCommand asks what would become of a request for a client. Nothing is stored, counted or spent.
func simulateCommand() *cobra.Command {
	f := &simulateFlags{}
	var cmd *cobra.Command
	cmd = f.command("simulate", "Try a request for a client on the whole road; nothing is stored", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		return f.run(ctx, t, cmd.InOrStdin())
	})
	cmd.Long = "simulate sends what a client would send, and tells whether it would be allowed, and why not. Nothing is stored, counted or\n" +
		"spent. With --bundle the rules of a folder take the place of those in force, for this one question. A refusal is an answer\n" +
		"like any other and ends with 0; with --check it ends with 1. It speaks to the running server."
	cmd.Example = "  ostiary simulate -f request.json\n" +
		"  ostiary simulate -f request.json --caller open --explain\n" +
		"  ostiary simulate -f request.json --iat-profile code-flow-pkjwt --bundle site\n" +
		"  ostiary simulate -f changes.json --operation update --merge --client c-06gz... --check\n" +
		"  ostiary simulate --channel cimd --client https://app.example.com/oauth/client.json --explain"
	f.connect(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&f.file, "file", "f", "", "file with the request's body, the client metadata, as JSON; - for standard input")
	flags.StringVar(&f.Operation, "operation", string(core.Register), "register, update, delete, read, disable, enable, approve, reject, rotate or renew")
	flags.StringVar(&f.ClientID, "client", "", "client_id that the operation is about, unless it is register; with --channel cimd the address of the document")
	flags.StringVar(&f.Channel, "channel", "", "dcr, manage, operator, cimd, import or system (default: that by which such a request comes)")
	flags.StringVar(&f.Profile, "iat-profile", "", "profile of the initial access token that the request is taken to have")
	flags.StringVar(&f.Profile, "profile", "", "the same as --iat-profile")
	flags.StringVar(&f.folder, "bundle", "", "folder of rules to try instead of those in force")
	flags.StringVar(&f.caller, "caller", "", "who asks: initial_access_token, registration_access_token, client_credentials, mtls, operator, open, client_metadata_document or system (default: as the channel has it)")
	flags.BoolVar(&f.Merge, "merge", false, "the body is a JSON Merge Patch; for update")
	flags.BoolVar(&f.explain, "explain", false, "show what each stage did: members before and after, rules with file, line and source, times, calls of plugins")
	flags.BoolVar(&f.check, "check", false, "end with 1 when the request would be refused")
	return cmd
}

func (f *simulateFlags) run(ctx context.Context, t *terminal, stdin io.Reader) error {
	if err := f.complete(ctx, stdin); err != nil {
		return err
	}
	answer, err := t.do(ctx, http.MethodPost, "/simulate", f.question)
	if err != nil {
		return t.unusable(answer, err)
	}
	if err := t.print(answer, func(w io.Writer) { f.printAnswer(w, answer) }); err != nil {
		return err
	}
	if f.check && !isOn(answer, "allowed") {
		return fmt.Errorf("the request would be refused with %s", printable(textOf(member(answer, "error"), "error")))
	}
	return nil
}

// complete reads what the question is about.
func (f *simulateFlags) complete(ctx context.Context, stdin io.Reader) (err error) {
	op := core.Operation(f.Operation)
	if core.Channel(f.Channel) == core.ChannelDocument {
		if f.ClientID == "" {
			return usagef("--channel cimd needs --client: the address of the client's metadata document; with -f that is tried instead of what is there")
		}
	} else if f.file == "" && (op == core.Register || op == core.Update) {
		return usagef("simulate needs -f: the file with the client metadata that would be sent, - for standard input")
	}
	chosen := core.Channel(f.Channel) == core.ChannelDocument || core.Channel(f.Channel) == core.ChannelImport
	if (op == core.Register && !chosen) != (f.ClientID == "") {
		return usagef("--client goes with every --operation but register: it names the client that the operation is about")
	}
	if f.Bundle, err = readBundle(f.folder); err != nil {
		return err
	}
	if f.caller != "" {
		f.Caller = &supposed{f.caller}
	}
	if f.file != "" {
		f.Request, err = readDocument(ctx, stdin, f.file)
	}
	return err
}

func (f *simulateFlags) printAnswer(w io.Writer, answer strictjson.Value) {
	if isOn(answer, "allowed") {
		fmt.Fprintln(w, "allowed")
		if status := textOf(answer, "registration_status"); status != "" {
			row(w, "  registration_status", status)
		}
	} else {
		problem := member(answer, "error")
		why := joined(": ", textOf(problem, "error"), textOf(problem, "error_description"))
		fmt.Fprintf(w, "refused\n  %s\n", printable(why))
		if reasons := member(answer, "errors"); reasons.Len() > 0 {
			fmt.Fprintln(w, "\nreasons")
			printReasons(w, "  ", reasons, why)
		}
	}
	printWarnings(w, member(answer, "warnings"))
	if client := member(answer, "client"); client.Len() > 0 {
		fmt.Fprintln(w, "\nclient")
		printMembers(w, "  ", client)
	}
	if f.explain {
		fmt.Fprintf(w, "\nrevision %s\n", printable(textOf(answer, "revision")))
		printStages(w, member(answer, "stages"))
	}
}
