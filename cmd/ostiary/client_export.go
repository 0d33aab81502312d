package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/declared"
	"github.com/ostiary/ostiary/core/strictjson"
)

func clientExportCommand(f *operatorFlags) *cobra.Command {
	e := &exportFlags{}
	var ids []string
	var cmd *cobra.Command
	cmd = f.command("export", "Write clients as a clients.yaml, which plan and apply read", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		items, err := e.fetch(ctx, t, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		if items, err = chosen(items, ids); err != nil {
			return err
		}
		doc, left := exportOf(items, e.hashes)
		return e.write(t, doc, left, cmd.ErrOrStderr())
	})
	cmd.Long = "export writes clients in the form that ostiary plan and apply read, the oldest first. Secrets are not kept in clear, so they\n" +
		"cannot be exported; with --with-secret-hashes their hashes are, from which the same secrets work elsewhere. What is left out\n" +
		"is told on standard error. The form is YAML, or JSON with -o json."
	cmd.Flags().StringSliceVar(&ids, "id", nil, "only the client of this id; may be repeated")
	cmd.Flags().StringVar(&e.set, "set", "", "only clients that this set of declarations made")
	e.addTo(cmd)
	return cmd
}

// chosen are the items of some ids, or all.
func chosen(items []strictjson.Value, ids []string) ([]strictjson.Value, error) {
	if len(ids) == 0 {
		return items, nil
	}
	var kept []strictjson.Value
	for _, item := range items {
		id := textOf(item, "client_id")
		if at := slices.Index(ids, id); at >= 0 {
			kept, ids = append(kept, item), slices.Delete(slices.Clone(ids), at, at+1)
		}
	}
	if len(ids) > 0 {
		return nil, fmt.Errorf("there is no client with the id %s", printable(strings.Join(ids, ", ")))
	}
	return kept, nil
}

// exportOf makes the document, oldest first, and says what is not in it.
func exportOf(items []strictjson.Value, hashes bool) (doc strictjson.Value, left []string) {
	entries := []strictjson.Value{}
	for _, item := range slices.Backward(items) {
		id := printable(textOf(item, "client_id"))
		if state := textOf(item, "state"); state != string(core.Active) {
			left = append(left, fmt.Sprintf("%s is %s: not exported, since a declared client is active", id, printable(state)))
			continue
		}
		entry := member(item, "entry")
		if textOf(entry, "software_statement") != "" {
			left = append(left, id+" was registered with a software statement, which must be valid when it is applied")
		}
		if n := number(item, "secrets"); n > 0 && !hashes {
			left = append(left, id+" has a client secret that is not exported; see --with-secret-hashes")
		}
		entries = append(entries, entry)
	}
	return strictjson.Object(strictjson.Member{Name: "clients", Value: strictjson.Array(entries...)}), left
}

// writeExport writes the document to a new file, or to standard output.
func (t *terminal) writeExport(doc strictjson.Value, name string) error {
	to := t.out
	if name != "" {
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer file.Close()
		to = file
	}
	return writeDocument(to, doc, t.json)
}

func writeDocument(to io.Writer, doc strictjson.Value, asJSON bool) error {
	text := append(strictjson.Append(nil, doc), '\n')
	if !asJSON {
		var err error
		if text, err = config.WriteValue(doc); err != nil {
			return err
		}
	}
	_, err := to.Write(text)
	return err
}

// clientSchemaCommand prints what a client may say of itself. It asks no server.
func clientSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of client metadata", Args: noArguments,
		Long: "schema prints the members that a registration may have in this version: types, supported values, caps and where each is defined.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printSchema(cmd.OutOrStdout(), declared.MetadataSchema())
		},
	}
}

// printSchema prints a JSON Schema, indented.
func printSchema(to io.Writer, schema strictjson.Value) error {
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(schema)
}

// declarationsSchema is the JSON Schema of the files that plan and apply read.
func declarationsSchema() strictjson.Value {
	m := func(name string, v strictjson.Value) strictjson.Member {
		return strictjson.Member{Name: name, Value: v}
	}
	client := strictjson.Object(m("$ref", strictjson.String("#/$defs/client")))
	clients := strictjson.Object(m("description", strictjson.String("a list, or an object by client_id")), m("oneOf", strictjson.Array(
		strictjson.Object(m("type", strictjson.String("array")), m("items", client)),
		strictjson.Object(m("type", strictjson.String("object")), m("additionalProperties", strictjson.Object(
			m("$ref", strictjson.String("#/$defs/named")),
		))),
	)))
	return strictjson.Object(
		m("$schema", strictjson.String("https://json-schema.org/draft/2020-12/schema")),
		m("title", strictjson.String("Declarations")),
		m("type", strictjson.String("object")),
		m("properties", strictjson.Object(m(declared.KindClients, clients), m(declared.KindIssuers, declared.IssuersSchema()),
			m(declared.KindTokens, declared.TokensSchema()), m(declared.KindData, declared.DataSchema()), m(declared.KindBindings, declared.BindingsSchema()))),
		m("additionalProperties", strictjson.Bool(false)),
		m("$defs", strictjson.Object(m("client", declared.ClientSchema()), m("named", declared.ClientSchema().Without("required")))),
	)
}
