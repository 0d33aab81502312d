package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/policies"
)

// shadowFlags are what policy shadow is to do.
type shadowFlags struct {
	operatorFlags
	show, stop            bool
	label, kind, decision string
	limit                 int
}

// shadowOrder sets a shadow.
type shadowOrder struct {
	Bundle *bundle `json:"bundle"`
	Label  string  `json:"label,omitempty"`
}

// policyShadowCommand has a running server ask a folder's rules beside those in force.
func policyShadowCommand(p *policyFlags) *cobra.Command {
	f := &shadowFlags{}
	cmd := f.command("shadow [DIR]", "Have a running server ask a folder's rules beside its own, and show where they differ", f.check, f.run)
	ask := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		b, err := p.bench(cmd, "")
		if err != nil {
			return err
		}
		f.output = "table" // as operators' commands call what is text here
		if b.json {
			f.output = "json"
		}
		return ask(cmd, args)
	}
	cmd.Long = "shadow sends a folder's rules to the running server. They are asked whatever the rules in force are asked, and decide\n" +
		"nothing: what they would have decided otherwise is counted, logged and listed, once for each request. The server's own\n" +
		"dcr_config.yaml holds for them. The shadow stays until --stop, another one, or the server's end."
	cmd.Example = "  ostiary policy shadow site --label 'stricter redirects'\n" +
		"  ostiary policy shadow --show --kind would_deny\n" +
		"  ostiary policy shadow --stop"
	f.addTo(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.show, "show", false, "show what was seen")
	flags.BoolVar(&f.stop, "stop", false, "end the shadow")
	flags.StringVar(&f.label, "label", "", "with a folder: name of the shadow, for people")
	flags.StringVar(&f.kind, "kind", "", "with --show: only differences of this kind: "+strings.Join(policies.Kinds(), ", "))
	flags.StringVar(&f.decision, "decision", "", "with --show: only differences of this decision: "+strings.Join(policies.Decisions(), ", "))
	flags.IntVar(&f.limit, "limit", 50, "with --show: how many differences, the latest first, up to 200")
	return cmd
}

// check wants one thing to do, and only the flags that say more about it.
func (f *shadowFlags) check(cmd *cobra.Command, args []string) error {
	if chosen := len(args) + len(set(f.show, f.stop)); chosen != 1 || len(args) == 1 && args[0] == "" {
		return usagef("%s needs one of: a folder or a bundle, --show, --stop", cmd.CommandPath())
	}
	if len(args) == 0 && cmd.Flags().Changed("label") {
		return usagef("--label names the shadow that a folder becomes: name the folder, too")
	}
	for _, name := range []string{"kind", "decision", "limit"} {
		if cmd.Flags().Changed(name) && !f.show {
			return usagef("--%s says what to show, and goes with --show only", name)
		}
	}
	switch {
	case f.kind != "" && !slices.Contains(policies.Kinds(), f.kind):
		return usagef("--kind must be one of %s, not %q", strings.Join(policies.Kinds(), ", "), f.kind)
	case f.decision != "" && !slices.Contains(policies.Decisions(), f.decision):
		return usagef("--decision must be one of %s, not %q", strings.Join(policies.Decisions(), ", "), f.decision)
	case f.limit < 1 || f.limit > 200:
		return usagef("--limit must be from 1 to 200, not %d", f.limit)
	}
	return given(cmd, "kind", "decision", "label")
}

// set lists the switches that are on.
func set(switches ...bool) []bool {
	var on []bool
	for _, s := range switches {
		if s {
			on = append(on, s)
		}
	}
	return on
}

func (f *shadowFlags) run(ctx context.Context, t *terminal, args []string) error {
	const path = "/policies/shadow"
	switch {
	case f.show:
		query := url.Values{"kind": {f.kind}, "decision": {f.decision}, "limit": {strconv.Itoa(f.limit)}}
		state, err := t.get(ctx, path+"?"+query.Encode())
		if err != nil {
			return err
		}
		return t.print(state, func(w io.Writer) { printShadow(w, state) })
	case f.stop:
		if _, err := t.do(ctx, http.MethodDelete, path, nil); err != nil {
			return err
		}
		return t.say("The shadow has ended.")
	}
	candidate, err := readBundle(args[0])
	if err != nil {
		return err
	}
	state, err := t.do(ctx, http.MethodPut, path, shadowOrder{candidate, f.label})
	if err != nil {
		return t.unusable(state, err)
	}
	if t.json {
		return t.print(state, nil)
	}
	return t.say("Revision %s is asked beside the policy in force now. See what it would do: ostiary policy shadow --show", textOf(state, "revision"))
}

// printShadow shows the state of the shadow, its counts and the latest differences.
func printShadow(w io.Writer, state strictjson.Value) {
	if !isOn(state, "active") {
		fmt.Fprintln(w, "There is no policy shadow. Set one: ostiary policy shadow DIR")
	} else {
		printMembers(w, "", strictjson.Object(
			strictjson.Member{Name: "revision", Value: strictjson.String(textOf(state, "revision"))},
			strictjson.Member{Name: "label", Value: strictjson.String(textOf(state, "label"))},
			strictjson.Member{Name: "since", Value: strictjson.String(moment(state, "since"))},
			strictjson.Member{Name: "in force too", Value: strictjson.String(yes(isOn(state, "equals_live")))},
			strictjson.Member{Name: "evaluated", Value: member(state, "evaluated")},
			strictjson.Member{Name: "dropped", Value: member(state, "dropped")},
		))
		printCounts(w, member(state, "counts"))
	}
	for _, p := range member(state, "problems").Items() {
		fmt.Fprintf(w, "\npolicy.shadow is not usable: %s\n", printable(joined(": ", placeOf(p), textOf(p, "message"))))
	}
	differences := member(state, "differences").Items()
	if len(differences) == 0 {
		return
	}
	fmt.Fprintln(w, "\nKIND\tDECISION\tOPERATION\tCLIENT\tID\tBECAUSE")
	for _, d := range differences {
		row(w, textOf(d, "kind"), textOf(d, "decision"), textOf(d, "operation"), textOf(d, "client_id"), textOf(d, "decision_id"), because(d))
	}
}

// printCounts shows how often the shadow was asked, and how often it did not agree.
func printCounts(w io.Writer, counts strictjson.Value) {
	if counts.Len() == 0 {
		return
	}
	kinds := append([]string{"same"}, policies.Kinds()...)
	fmt.Fprintf(w, "\nDECISION\t%s\n", strings.ToUpper(strings.Join(kinds, "\t")))
	for name, of := range counts.All() {
		cells := []string{name}
		for _, kind := range kinds {
			n, _ := member(of, kind).Int64()
			cells = append(cells, strconv.FormatInt(n, 10))
		}
		row(w, cells...)
	}
}

// because says in a line what a difference comes from: what would change, the error, or the rule with its place.
func because(d strictjson.Value) string {
	var aspects []string
	for _, c := range member(d, "changes").Items() {
		aspects = append(aspects, textOf(c, "aspect"))
	}
	side := member(d, "shadow")
	if textOf(d, "kind") == string(policies.WouldAllow) {
		side = member(d, "live")
	}
	if failed := textOf(side, "error"); failed != "" {
		return failed
	}
	rule := ""
	if reasons := member(side, "reasons").Items(); len(reasons) > 0 && len(aspects) == 0 {
		r := reasons[0]
		rule = textOf(r, "rule")
		if place := placeOf(r); place != "" {
			rule += " (" + place + ")"
		}
	}
	return joined(" ", strings.Join(aspects, ", "), rule)
}
