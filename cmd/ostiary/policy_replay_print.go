package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/ostiary/ostiary/core/strictjson"
)

// countWords say what a report counts, in the order that they are printed.
var countWords = [][2]string{
	{"same", "end as they did"}, {"accepted", "would be taken as they are"}, {"would_deny", "would be refused"}, {"would_allow", "would be allowed"},
	{"changed", "would have other reasons or another result"}, {"would_change", "would be taken, and changed"},
	{"not_kept", "cannot be asked again: what was asked is kept no longer"}, {"not_judged", "cannot be compared: no policy had decided them"},
}

func (f *jobFlags) printReport(w io.Writer, report strictjson.Value) {
	policy := "the policy in force"
	if f.folder != "" {
		policy = f.folder
	}
	fmt.Fprintf(w, "%s by %s (revision %s; in force is %s)\n", printable(f.progress(report)), printable(policy), textOf(report, "revision"), textOf(report, "live_revision"))
	counts := member(report, "counts")
	for _, c := range countWords {
		if n := number(counts, c[0]); n > 0 {
			fmt.Fprintf(w, "  %d\t%s\n", n, c[1])
		}
	}
	if n := number(report, "other_revisions"); n > 0 {
		fmt.Fprintf(w, "%d were decided by another revision than the one in force; each is compared with how it ended then.\n", n)
	}
	if isOn(report, "limited") {
		fmt.Fprintf(w, "There are older decisions; --limit was reached.\n")
	}
	for _, d := range member(report, "items").Items() {
		printDifference(w, d)
	}
	if n := number(report, "dropped"); n > 0 {
		fmt.Fprintf(w, "\n%d more were counted and are not listed.\n", n)
	}
}

// printDifference prints one decision or client: what it is, and how it would end.
func printDifference(w io.Writer, d strictjson.Value) {
	fmt.Fprintf(w, "\n%s", strings.ReplaceAll(textOf(d, "kind"), "_", " "))
	if id := textOf(d, "decision_id"); id != "" {
		fmt.Fprintf(w, "  %s", printable(joined(" ", id, textOf(d, "operation"), "by", textOf(d, "channel"), prefixed("of ", textOf(d, "client_id")), moment(d, "time"))))
	} else {
		fmt.Fprintf(w, "  %s", printable(joined(" ", textOf(d, "client_id"), clip(textOf(d, "client_name"), 60), textOf(d, "state"), "by", textOf(d, "channel"), moment(d, "time"))))
	}
	fmt.Fprintln(w)
	before, after := member(d, "before"), member(d, "after")
	if before.Len() > 0 {
		fmt.Fprintf(w, "  was  %s\n", printable(endOf(before)))
		printReasons(w, "    ", member(before, "reasons"), "")
		printPatch(w, member(before, "changes"))
	}
	fmt.Fprintf(w, "  now  %s\n", printable(endOf(after)))
	printReasons(w, "    ", member(after, "reasons"), "")
	printPatch(w, member(after, "changes"))
	if n := number(after, "more_reasons"); n > 0 {
		fmt.Fprintf(w, "    and %s more\n", counted(int(n), "reason"))
	}
	if what, _ := member(d, "what").Strings(); textOf(d, "kind") == "changed" {
		fmt.Fprintf(w, "  other %s\n", strings.Join(what, ", "))
	}
	if unknown, _ := member(d, "unknown").Strings(); len(unknown) > 0 {
		fmt.Fprintf(w, "  not known any more: %s\n", strings.Join(unknown, ", "))
	}
}

// endOf says how a ruling ends.
func endOf(ruling strictjson.Value) string {
	return joined(" ", textOf(ruling, "verdict"), textOf(ruling, "error"))
}
