package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
)

// decisionCommand explains what was decided, through the operators' API.
func decisionCommand() *cobra.Command {
	f := &operatorFlags{}
	return f.group("decision", "List decisions, and explain one: what each stage changed, which rules fired",
		"decision reads what the server wrote down of every request for a client, accepted or not. The id of a decision is in\n"+
			"every such answer, as decision_id. It speaks to the running server.",
		decisionListCommand(f), decisionShowCommand(f),
	)
}

func decisionListCommand(f *operatorFlags) *cobra.Command {
	filters := map[string]*string{}
	var limit int
	cmd := f.command("list", "List the decisions, newest first", noArguments, func(ctx context.Context, t *terminal, _ []string) error {
		query := url.Values{}
		for name, value := range filters {
			query.Set(name, *value)
		}
		if _, err := ledger.ReadFilter(query.Get, time.Now()); err != nil {
			return usagef("%s", core.AsError(err).Detail)
		}
		found, err := t.newest(ctx, "/decisions", query, limit)
		if err != nil {
			return err
		}
		return t.printListing(found, "DECISION\tTIME\tOPERATION\tCHANNEL\tACTOR\tCLIENT\tVERDICT\tOUTCOME\tERROR", func(d strictjson.Value) []string {
			return []string{
				textOf(d, "decision_id"), moment(d, "time"), textOf(d, "operation"), textOf(d, "channel"), actorOf(d),
				clip(textOf(d, "client_id"), 40), textOf(d, "verdict"), textOf(d, "outcome"), textOf(member(d, "error"), "code"),
			}
		})
	})
	for _, filter := range [][3]string{
		{"client", "client_id", "those about the client of this id only"},
		{"verdict", "verdict", "allowed, denied or failed ones only"},
		{"outcome", "outcome", "by what became of it: " + listed(ledger.Outcomes())},
		{"operation", "operation", "one of " + listed(core.Operations())},
		{"channel", "channel", "one of " + listed(core.Channels())},
		{"code", "code", "by the error that the caller was told, such as invalid_scope"},
		{"rule", "rule", "those that a rule of this name had a part in"},
		{"revision", "revision", "those of this revision of the policy"},
		{"since", "since", "those made since then: 7d, 12h, 2026-03-01, or a time of RFC 3339"},
		{"until", "until", "those made before then"},
	} {
		filters[filter[1]] = cmd.Flags().String(filter[0], "", filter[2])
	}
	cmd.Example = "  ostiary decision list --verdict denied --since 12h\n  ostiary decision list --rule scopes.not_offered"
	addLimit(cmd, &limit)
	return cmd
}

// listed gives words as people read them.
func listed[T ~string](words []T) string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return strings.Join(list, ", ")
}

func decisionShowCommand(f *operatorFlags) *cobra.Command {
	cmd := f.command("show DECISION_ID", "Explain a decision", named("one decision_id"), func(ctx context.Context, t *terminal, args []string) error {
		doc, err := t.get(ctx, "/decisions/"+url.PathEscape(args[0]))
		if err != nil {
			return err
		}
		return t.print(doc, func(w io.Writer) { printDecision(w, doc) })
	})
	cmd.Long = "show prints a block for each stage of the road: what it changed in the client's metadata (+ added, - removed, ~ from what to\n" +
		"what), the rules that fired with file and line, what policy attached to the client, and how long it took. The line of a\n" +
		"rule is shown while the policy that decided is the one in force."
	return cmd
}

// actorOf says who asked, in a word or two.
func actorOf(d strictjson.Value) string {
	actor := member(d, "actor")
	return strings.TrimSpace(textOf(actor, "kind") + " " + textOf(actor, "subject"))
}

func printDecision(w io.Writer, d strictjson.Value) {
	actor := member(d, "actor")
	row(w, "decision", textOf(d, "decision_id"))
	row(w, "time", textOf(d, "time"))
	row(w, "operation", textOf(d, "operation")+" by "+textOf(d, "channel"))
	row(w, "actor", joined(" ", actorOf(d), textOf(actor, "initial_access_token"), prefixed("from ", textOf(actor, "ip"))))
	row(w, "client", textOf(d, "client_id"))
	row(w, "policy", textOf(d, "revision"))
	row(w, "verdict", textOf(d, "verdict"))
	row(w, "outcome", textOf(d, "outcome"))
	if problem := member(d, "error"); !problem.IsAbsent() {
		row(w, "error", textOf(problem, "code")+": "+textOf(problem, "detail"))
	}
	stages := member(d, "stages")
	row(w, "took", millis(totalOf(stages)))
	printStages(w, stages)
	if shaping := member(d, "shaping"); shaping.Len() > 0 {
		fmt.Fprintln(w, "\nAfter the decision:")
		printStages(w, shaping)
	}
}

// printStages prints a block for each stage.
func printStages(w io.Writer, stages strictjson.Value) {
	for _, s := range stages.Items() {
		by := member(s, "by")
		facts := []string{millis(number(s, "ns"))}
		if isOn(s, "cached") {
			facts = append(facts, "cached")
		}
		if fuel := number(s, "fuel"); fuel > 0 {
			facts = append(facts, "fuel "+strconv.FormatInt(fuel, 10))
		}
		fmt.Fprintf(w, "\n%s (%s)\n", printable(joined(" ", textOf(s, "stage"), textOf(by, "name"))), strings.Join(facts, ", "))
		if diff := member(s, "diff"); diff.Len() > 0 {
			printDiff(w, diff)
		} else {
			printPatch(w, member(s, "patch"))
		}
		printReasons(w, "  ", member(s, "reasons"), "")
		printAttached(w, member(s, "attached"))
		for _, c := range member(s, "calls").Items() {
			fmt.Fprintf(w, "  call %s\n", printable(joined(" ", textOf(c, "kind"), clip(textOf(c, "target"), maxShown), textOf(c, "status"))))
		}
		if audit := member(s, "audit"); !audit.IsAbsent() {
			fmt.Fprintf(w, "  note %s\n", printable(clip(audit.String(), maxShown)))
		}
		if fault := textOf(s, "fault"); fault != "" {
			fmt.Fprintf(w, "  fault %s\n", printable(fault))
		}
	}
}

// maxShown is how much of a value is printed; -o json has all of it.
const maxShown = 300

// printDiff draws what each member was and is, one a line.
func printDiff(w io.Writer, diff strictjson.Value) {
	for _, d := range diff.Items() {
		before, after := member(d, "before"), member(d, "after")
		sign, value := "~", printable(clip(before.String(), maxShown))+" -> "+printable(clip(after.String(), maxShown))
		switch unknown := isOn(d, "before_unknown"); {
		case after.IsAbsent() && before.IsAbsent():
			sign, value = "-", ""
		case after.IsAbsent():
			sign, value = "-", printable(clip(before.String(), maxShown))
		case before.IsAbsent() && !unknown:
			sign, value = "+", printable(clip(after.String(), maxShown))
		case unknown:
			value = printable(clip(after.String(), maxShown))
		}
		fmt.Fprintf(w, "  %s %s\t%s\n", sign, printable(clip(textOf(d, "member"), maxShown)), value)
	}
}

// printAttached prints what policy attached to the client beside its metadata.
func printAttached(w io.Writer, attached strictjson.Value) {
	for _, o := range member(attached, "require").Items() {
		fmt.Fprintf(w, "  requires %s\n", printable(joined(" ", textOf(o, "name"), textOf(o, "params"), prefixed("by rule ", textOf(o, "rule")))))
	}
	for name, seconds := range member(attached, "limits").All() {
		fmt.Fprintf(w, "  limits %s to %s s\n", printable(name), seconds)
	}
	if labels, _ := member(attached, "labels").Strings(); len(labels) > 0 {
		fmt.Fprintf(w, "  labels it %s\n", printable(strings.Join(labels, ", ")))
	}
	if trust := textOf(attached, "trust"); trust != "" {
		fmt.Fprintf(w, "  trusts its statement as %s\n", printable(trust))
	}
}

// signs are how the steps of a patch are drawn.
var signs = map[string]string{"add": "+", "remove": "-", "replace": "~"}

// printPatch draws a JSON Patch on the metadata as a diff.
func printPatch(w io.Writer, patch strictjson.Value) {
	for _, step := range patch.Items() {
		value := ""
		if v := member(step, "value"); !v.IsAbsent() {
			value = "\t" + printable(clip(v.String(), maxShown))
		}
		name := strings.TrimPrefix(textOf(step, "path"), "/")
		fmt.Fprintf(w, "  %s %s%s\n", signs[textOf(step, "op")], printable(clip(name, maxShown)), value)
	}
}

// printReasons prints why: the rule with its place, then what it says, but for what has been said already.
func printReasons(w io.Writer, indent string, reasons strictjson.Value, said string) {
	for _, r := range reasons.Items() {
		fields, _ := member(r, "fields").Strings()
		hidden := ""
		if public, known := member(r, "public").Bool(); known && !public {
			hidden = "(kept from the caller)"
		}
		fmt.Fprintf(w, "%srule %s\n", indent, printable(joined(" ", textOf(r, "rule"), prefixed("at ", placeOf(r)), prefixed("about ", strings.Join(fields, ", ")), hidden)))
		if message := joined(": ", textOf(r, "code"), textOf(r, "message")); message != "" && message != said {
			fmt.Fprintf(w, "%s  %s\n", indent, printable(message))
		}
		if line := strings.TrimSpace(textOf(r, "source")); line != "" {
			fmt.Fprintf(w, "%s  | %s\n", indent, printable(clip(line, maxShown)))
		}
	}
}

func printWarnings(w io.Writer, warnings strictjson.Value) {
	if warnings.Len() > 0 {
		fmt.Fprintln(w, "\nwarnings")
		printReasons(w, "  ", warnings, "")
	}
}

// placeOf is where a rule stands, as editors take it; "" for one that stands in no file.
func placeOf(reason strictjson.Value) string {
	file := textOf(reason, "file")
	if line := number(reason, "line"); file != "" && line > 0 {
		return file + ":" + strconv.FormatInt(line, 10)
	}
	return file
}

// joined puts the texts that are not empty together.
func joined(between string, texts ...string) string {
	kept := texts[:0]
	for _, text := range texts {
		if text != "" {
			kept = append(kept, text)
		}
	}
	return strings.Join(kept, between)
}

// prefixed puts a word before a text that is not empty.
func prefixed(word, text string) string {
	if text == "" {
		return ""
	}
	return word + text
}

func totalOf(stages strictjson.Value) (ns int64) {
	for _, s := range stages.Items() {
		ns += number(s, "ns")
	}
	return ns
}

func number(doc strictjson.Value, name string) int64 {
	n, _ := member(doc, name).Int64()
	return n
}

func millis(ns int64) string {
	return strconv.FormatFloat(float64(ns)/float64(time.Millisecond), 'f', 3, 64) + " ms"
}

// clip shortens a text to so many bytes.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "..."
}
