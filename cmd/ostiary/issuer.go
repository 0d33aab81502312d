package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

// issuerCommand shows whom the desk trusts, through the operators' API.
func issuerCommand() *cobra.Command {
	f := &operatorFlags{}
	return f.group("issuer", "List and show the issuers of software statements and signed requests that are trusted",
		"issuer shows the table of trusted issuers in force: the entries of dcr_config.yaml, Janssen's properties translated, and what\n"+
			"sets declare; and what came of the last look at the clients of revoked statements. It speaks to the running server.",
		issuerListCommand(f), issuerShowCommand(f),
	)
}

func issuerListCommand(f *operatorFlags) *cobra.Command {
	return f.command("list", "List the entries of the table", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		doc, err := t.get(ctx, "/dcr/issuers")
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) {
			fmt.Fprintln(w, "ISSUER\tFOR\tFROM\tKEYS\tLAST LOOK\tDISABLED\tERROR")
			for _, i := range member(doc, "items").Items() {
				trust, _ := member(i, "for").Strings()
				look, disabled := member(member(i, "revocation"), "last_look"), ""
				if n := member(look, "disabled"); !n.IsAbsent() {
					disabled = n.String()
				}
				row(w, textOf(i, "issuer"), strings.Join(trust, ", "), strings.TrimSpace(textOf(i, "from")+" "+textOf(i, "set")), textOf(member(i, "keys"), "kind"),
					moment(look, "time"), disabled, textOf(look, "error"))
			}
		})
	})
}

func issuerShowCommand(f *operatorFlags) *cobra.Command {
	one := func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef("%s needs one issuer, as its statements name it in iss", cmd.CommandPath())
		}
		return nil
	}
	return f.command("show ISSUER", "Show the entries of an issuer: where its keys are, and on which terms it is trusted", one, func(ctx context.Context, t *terminal, args []string) error {
		doc, err := t.get(ctx, "/dcr/issuers")
		if err != nil {
			return err
		}
		var found []strictjson.Value
		for _, i := range member(doc, "items").Items() {
			if textOf(i, "issuer") == args[0] {
				found = append(found, i)
			}
		}
		if len(found) == 0 {
			return fmt.Errorf("no entry is for %s; see: ostiary issuer list", args[0])
		}
		return t.print(strictjson.Object(strictjson.Member{Name: "items", Value: strictjson.Array(found...)}), func(w io.Writer) {
			for n, i := range found {
				if n > 0 {
					fmt.Fprintln(w)
				}
				printIssuer(w, i)
			}
		})
	})
}

// printIssuer prints an entry in parts, as client show prints a client.
func printIssuer(w io.Writer, entry strictjson.Value) {
	parts := []string{"keys", "terms", "revocation"}
	printMembers(w, "", strictjson.Object(slices.DeleteFunc(slices.Clone(entry.Members()), func(m strictjson.Member) bool {
		return slices.Contains(parts, m.Name)
	})...))
	for _, part := range parts {
		if doc := member(entry, part); doc.Len() > 0 {
			fmt.Fprintf(w, "\n%s\n", part)
			printMembers(w, "  ", doc)
		}
	}
}
