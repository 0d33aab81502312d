package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

// policyStatusCommand tells which rules a running server has in force.
func policyStatusCommand() *cobra.Command {
	f := &operatorFlags{}
	cmd := f.command("status", "Tell which rules a running server has in force, and what is wrong with the rest", noArguments, runPolicyStatus)
	cmd.Long = "status shows where the rules in force come from, since when, what is wrong with the folder or the bundle that they should come from,\n" +
		"with file and line, which ones are stored for a start without it, and whether a shadow is asked beside them."
	f.connect(cmd)
	return cmd
}

func runPolicyStatus(ctx context.Context, t *terminal, _ []string) error {
	state, err := t.get(ctx, "/policies")
	if err != nil {
		return err
	}
	shadow, err := t.get(ctx, "/policies/shadow?limit=1")
	if err != nil {
		return err
	}
	state = state.With("shadow", shadow.Without("differences"))
	return t.print(state, func(w io.Writer) { printPolicyStatus(w, state) })
}

func printPolicyStatus(w io.Writer, s strictjson.Value) {
	health := "in order"
	if isOn(s, "degraded") {
		health = "degraded: what should be in force is not"
	}
	row(w, "state", health)
	row(w, "source", sourceOf(s))
	row(w, "revision", textOf(s, "revision")+", since "+moment(s, "loaded_at"))
	if good := member(s, "last_good"); good.Len() > 0 {
		row(w, "last good", textOf(good, "revision")+", stored "+moment(good, "saved_at"))
	} else {
		row(w, "last good", "none is stored")
	}
	row(w, "verdicts", joined(": ", map[bool]string{true: "remembered", false: "not remembered"}[isOn(s, "cacheable")], textOf(s, "why_not_cacheable")))
	if b := member(s, "bundle"); b.Len() > 0 {
		printBundle(w, b)
	}
	row(w, "shadow", shadowOf(member(s, "shadow")))
	for _, sink := range member(s, "decision_log").Items() {
		row(w, "log to "+textOf(sink, "sink"), fmt.Sprintf("%d written, %d lost, %d waiting", number(sink, "written"), number(sink, "dropped"), number(sink, "waiting"))+
			prefixed(", failing: ", textOf(sink, "error")))
	}
	printPlaces(w, "problems", member(s, "problems"))
	printPlaces(w, "problems of policy.shadow", member(member(s, "shadow"), "problems"))
}

// sourceOf is where the rules in force come from.
func sourceOf(s strictjson.Value) string {
	b := member(s, "bundle")
	from := joined("", textOf(s, "dir"), textOf(b, "file"), textOf(b, "url"))
	switch origin := textOf(s, "origin"); origin {
	case "folder", "bundle":
		return origin + " " + from
	case "embedded":
		return "the shipped rules alone" + prefixed("; none is in force of ", from)
	default:
		return origin + prefixed(", in the place of ", from)
	}
}

// printBundle tells of a bundle, and of how reading it goes.
func printBundle(w io.Writer, b strictjson.Value) {
	facts := []string{"none is in force"}
	if revision := textOf(b, "revision"); revision != "" {
		facts = []string{"revision " + revision}
	}
	if sequence := number(b, "sequence"); sequence > 0 {
		facts = append(facts, fmt.Sprintf("sequence %d", sequence))
	}
	if key := textOf(b, "key_id"); key != "" {
		facts = append(facts, "signed by "+key)
	}
	if at := moment(b, "read_at"); at != "-" {
		facts = append(facts, "read "+at)
	}
	row(w, "bundle", strings.Join(facts, ", "))
	if n := number(b, "failures"); n > 0 {
		row(w, "reading it", fmt.Sprintf("failed %s in a row: %s", counted(int(n), "time"), textOf(b, "failure")))
	}
}

// shadowOf tells of the shadow in a line.
func shadowOf(s strictjson.Value) string {
	if !isOn(s, "active") {
		return "none"
	}
	by := textOf(s, "set_by")
	if by == "" {
		by = "policy.shadow"
	}
	differing := int64(0)
	for _, of := range member(s, "counts").All() {
		for kind, n := range of.All() {
			if count, _ := n.Int64(); kind != "same" {
				differing += count
			}
		}
	}
	return fmt.Sprintf("revision %s%s by %s, asked %d times, %d differences, %d dropped",
		textOf(s, "revision"), prefixed(" ", textOf(s, "label")), by, number(s, "evaluated"), differing, number(s, "dropped"))
}

// printPlaces lists problems with their places, as compilers do.
func printPlaces(w io.Writer, title string, problems strictjson.Value) {
	if problems.Len() == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for _, p := range problems.Items() {
		fmt.Fprintf(w, "  %s\n", printable(joined(": ", placeOf(p), textOf(p, "message"))))
	}
}
