package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

// keyCommand shows and rotates the signing keys, through the operators' API.
func keyCommand() *cobra.Command {
	f := &operatorFlags{}
	return f.group("key", "List and rotate the keys that tokens are signed with",
		"key keeps the signing keys. They rotate by themselves: the next key is published for a day before it signs, and the one\n"+
			"before it stays published until its last token has expired. It speaks to the running server.",
		keyListCommand(f), keyRotateCommand(f),
	)
}

func keyListCommand(f *operatorFlags) *cobra.Command {
	return f.command("list", "List the keys, with the times at which they sign", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		doc, err := t.get(ctx, "/keys")
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) { printKeys(w, doc, "items") })
	})
}

func keyRotateCommand(f *operatorFlags) *cobra.Command {
	var body struct {
		Alg    string `json:"alg"`
		Now    bool   `json:"now"`
		Revoke bool   `json:"revoke"`
	}
	cmd := f.command("rotate", "Let other keys sign, as soon as everybody can know them", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		if body.Revoke && !body.Now {
			return usagef("--revoke goes with --now: when the old keys are gone, the new one must sign")
		}
		doc, err := t.do(ctx, http.MethodPost, "/keys/rotate", body)
		if err != nil {
			return err
		}
		if changed, _ := doc.Get("changed"); changed.Len() == 0 && !t.json {
			return t.say("Nothing changed: the next keys are published already and sign when they have been for long enough. See: ostiary key list")
		}
		return t.print(doc, func(w io.Writer) { printKeys(w, doc, "changed") })
	})
	cmd.Long = "rotate publishes the next key, or lets it sign when it has been published for long enough. After a key has leaked, use\n" +
		"--now --revoke: a fresh key signs at once, and every token that was signed before is void."
	flags := cmd.Flags()
	flags.StringVar(&body.Alg, "alg", "", "the keys of this algorithm only, such as ES256")
	flags.BoolVar(&body.Now, "now", false, "at once, even if nobody knows the new key yet")
	flags.BoolVar(&body.Revoke, "revoke", false, "take the old keys out of the key set at once")
	return cmd
}

func printKeys(w io.Writer, doc strictjson.Value, list string) {
	fmt.Fprintln(w, "ALGORITHM\tSTATE\tKEY\tPUBLISHED\tSIGNS FROM\tSIGNS UNTIL\tPUBLISHED UNTIL")
	keys, _ := doc.Get(list)
	for _, k := range keys.Items() {
		row(w, textOf(k, "alg"), textOf(k, "state"), textOf(k, "kid"), moment(k, "published_at"), moment(k, "activates_at"), moment(k, "retires_at"), moment(k, "removes_at"))
	}
}
