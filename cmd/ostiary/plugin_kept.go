package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

func pluginKeptCommand() *cobra.Command {
	var key string
	cmd := pluginVerb("kept NAME", "List what a plugin keeps (kv), or show one value", aPlugin, func(ctx context.Context, t *terminal, args []string) error {
		if key != "" {
			doc, err := t.get(ctx, keptPath(args[0], key))
			if err != nil {
				return err
			}
			return t.print(doc, func(w io.Writer) {
				fmt.Fprintln(w, printable(cmp.Or(textOf(doc, "value"), textOf(doc, "value_base64"))))
			})
		}
		doc, err := t.allKept(ctx, args[0])
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) {
			fmt.Fprintln(w, "KEY\tBYTES\tUNTIL")
			for _, pair := range member(doc, "items").Items() {
				row(w, textOf(pair, "key"), countOf(pair, "bytes"), moment(pair, "expires_at"))
			}
		})
	})
	cmd.Long = "kept lists the keys under which a plugin keeps something, with how much that is and until when. The value stands there with --key."
	cmd.Flags().StringVar(&key, "key", "", "show the value under this key")
	return cmd
}

// allKept gives all pages, by key.
func (t *terminal) allKept(ctx context.Context, name string) (strictjson.Value, error) {
	items, err := t.every(ctx, keptPath(name, ""))
	if err != nil {
		return strictjson.Value{}, err
	}
	slices.SortFunc(items, func(a, b strictjson.Value) int { return cmp.Compare(textOf(a, "key"), textOf(b, "key")) })
	return strictjson.Object(strictjson.Member{Name: "items", Value: strictjson.Array(items...)}), nil
}

func keptPath(name, key string) string {
	path := pluginPath(name) + "/kept"
	if key != "" {
		path += "?key=" + url.QueryEscape(key)
	}
	return path
}

func pluginForgetCommand() *cobra.Command {
	var key string
	var sure bool
	cmd := pluginVerb("forget NAME", "Remove what a plugin keeps, for good", aPlugin, func(ctx context.Context, t *terminal, args []string) error {
		if !sure {
			return usagef("what a plugin keeps cannot be had back; see it with: ostiary plugin kept %s, and have it forgotten with --yes", args[0])
		}
		doc, err := t.do(ctx, http.MethodDelete, keptPath(args[0], key), nil)
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) {
			n, _ := member(doc, "forgotten").Int64()
			fmt.Fprintf(w, "%s forgot %s.\n", printable(args[0]), counted(int(n), "value"))
		})
	})
	cmd.Flags().StringVar(&key, "key", "", "only what it keeps under this key")
	cmd.Flags().BoolVar(&sure, "yes", false, "it is meant so")
	return cmd
}
