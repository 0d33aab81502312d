package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

const tokensPath = "/dcr/initial-access-tokens"

// iatCommand keeps initial access tokens, through the operators' API.
func iatCommand() *cobra.Command {
	f := &operatorFlags{}
	return f.group("iat", "Mint, list, show and revoke initial access tokens, which let clients register",
		"iat keeps the initial access tokens (RFC 7591). A registration that succeeds spends one use of its token, one that fails\n"+
			"none. It speaks to the running server.",
		iatMintCommand(f), iatListCommand(f), iatShowCommand(f), iatRevokeCommand(f),
	)
}

// mintage is the body of a mint.
type mintage struct {
	Template  string `json:"template,omitempty"`
	Label     string `json:"label,omitempty"`
	Profile   string `json:"profile,omitempty"`
	MaxUses   *int64 `json:"max_uses,omitempty"`
	ExpiresIn *int64 `json:"expires_in,omitempty"` // seconds

	Scopes        []string         `json:"scopes,omitempty"`
	RedirectHosts []string         `json:"redirect_hosts,omitempty"`
	SoftwareIDs   []string         `json:"software_ids,omitempty"`
	Origins       []string         `json:"origins,omitempty"`
	PolicyData    strictjson.Value `json:"policy_data,omitzero"`
}

func iatMintCommand(f *operatorFlags) *cobra.Command {
	var body mintage
	var uses int64
	var lifetime time.Duration
	var data string
	var cmd *cobra.Command
	cmd = f.command("mint", "Make a token, and print it: it is shown only then", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		if cmd.Flags().Changed("max-uses") {
			body.MaxUses = &uses
		}
		if cmd.Flags().Changed("expires-in") {
			seconds := int64(lifetime / time.Second)
			if lifetime%time.Second != 0 || seconds < 1 {
				return usagef("--expires-in must be whole seconds, such as 90s, 1h or 72h, not %s", lifetime)
			}
			body.ExpiresIn = &seconds
		}
		for flag, list := range map[string][]string{"scope": body.Scopes, "redirect-host": body.RedirectHosts, "software-id": body.SoftwareIDs, "origin": body.Origins} {
			if cmd.Flags().Changed(flag) && len(list) == 0 { // of a variable that is not set, say: it would allow any
				return usagef("--%s is empty; leave it out to allow any", flag)
			}
		}
		if cmd.Flags().Changed("policy-data") {
			read, err := strictjson.Parse([]byte(data), strictjson.Default)
			if err != nil {
				return usagef("--policy-data must be a JSON object: %v", err)
			}
			body.PolicyData = read
		}
		doc, err := t.do(ctx, http.MethodPost, tokensPath, body)
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) { printMinted(w, doc) })
	})
	cmd.Long = "mint makes an initial access token. What it lays down by --scope, --redirect-host, --software-id and --origin, no policy and\n" +
		"no plugin loosens: a registration that goes beyond is refused, and so is every later change that the client makes itself.\n" +
		"Operators' changes are not held to it."
	flags := cmd.Flags()
	flags.StringVar(&body.Template, "template", "", "declared template that the rest is taken from, unless it is given here; see ostiary plan")
	flags.StringVar(&body.Label, "label", "", "what it is for, as lists show it")
	flags.StringVar(&body.Profile, "profile", "", "profile of the clients that register with it; see client_profiles in dcr_config.yaml")
	flags.StringSliceVar(&body.Scopes, "scope", nil, "scopes that its clients may have, and no others; repeat it, or separate by commas")
	flags.StringSliceVar(&body.RedirectHosts, "redirect-host", nil, "hosts that their redirect URIs may have; *.example.com for one label more")
	flags.StringSliceVar(&body.SoftwareIDs, "software-id", nil, "values that their software_id may have")
	flags.StringSliceVar(&body.Origins, "origin", nil, "pages that may present it, such as https://app.example.com")
	flags.StringVar(&data, "policy-data", "", "a JSON object for policy, as input.iat.policy_data")
	flags.Int64Var(&uses, "max-uses", 1, "how many clients may register with it, 1 to 10000")
	flags.DurationVar(&lifetime, "expires-in", time.Hour, "how long it is good, such as 72h; at most 30 days")
	return cmd
}

// printMinted prints the token on a line of its own, to be copied.
func printMinted(w io.Writer, doc strictjson.Value) {
	uses := "1 registration"
	if n := number(doc, "max_uses"); n != 1 {
		uses = strconv.FormatInt(n, 10) + " registrations"
	}
	fmt.Fprintf(w, "Minted %s, good for %s until %s:\n\n  %s\n\n", printable(textOf(doc, "id")), uses, moment(doc, "expires_at"), printable(textOf(doc, "token")))
}

func iatListCommand(f *operatorFlags) *cobra.Command {
	return f.command("list", "List the tokens that have not expired, newest first", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		items, err := t.every(ctx, tokensPath)
		if err != nil {
			return err
		}
		return t.printListing(listing{Items: items}, "ID\tLABEL\tPROFILE\tUSES LEFT\tCLIENTS\tEXPIRES\tCREATED\tLAST USED", func(token strictjson.Value) []string {
			left := fmt.Sprintf("%d of %d", number(token, "uses_left"), number(token, "max_uses"))
			return []string{textOf(token, "id"), textOf(token, "label"), textOf(token, "profile"), left, strconv.FormatInt(number(token, "uses"), 10), moment(token, "expires_at"), moment(token, "created_at"), moment(token, "last_used")}
		})
	})
}

func iatShowCommand(f *operatorFlags) *cobra.Command {
	return f.command("show TOKEN_ID", "Show a token: what it lays down, and who registered with it", named("the id of one token; see ostiary iat list"), func(ctx context.Context, t *terminal, args []string) error {
		doc, err := t.get(ctx, tokensPath+"/"+url.PathEscape(args[0]))
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) { printMembers(w, "", doc) })
	})
}

func iatRevokeCommand(f *operatorFlags) *cobra.Command {
	return f.command("revoke TOKEN_ID", "End a token at once; clients that registered with it stay", named("the id of one token; see ostiary iat list"), func(ctx context.Context, t *terminal, args []string) error {
		if _, err := t.do(ctx, http.MethodDelete, tokensPath+"/"+url.PathEscape(args[0]), nil); err != nil {
			return err
		}
		return t.say("Revoked.")
	})
}
