package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/policies"
)

func policyEvalCommand(f *policyFlags) *cobra.Command {
	var file, name string
	var explain bool
	cmd := f.configured(f.about("eval DIR [-f request.json]", "Ask the rules of a folder about one request, and print the verdict",
		"eval asks the rules once. The request is a whole input of the contract, or some members of one: the others are those of\n"+
			"data.ostiary.examples. For a registration, \"request\" is the metadata as a client sends it. -f - reads it from standard input.\n"+
			"Without -f it is the example itself. A refusal is a verdict, too, and no failure of the command.",
		func(cmd *cobra.Command, b *bench) error {
			if err := given(cmd, "file"); err != nil {
				return err
			}
			if !slices.Contains(policies.Decisions(), name) {
				return usagef("--decision must be one of %s, not %q", strings.Join(policies.Decisions(), ", "), name)
			}
			return b.eval(cmd, file, name, explain)
		}))
	flags := cmd.Flags()
	flags.StringVarP(&file, "file", "f", "", "the request, as JSON (default: the example of the decision; - is standard input)")
	flags.StringVar(&name, "decision", policies.Decisions()[0], strings.Join(policies.Decisions(), ", "))
	flags.BoolVar(&explain, "explain", false, "list the rules that fired, with file and line")
	return cmd
}

// evalTime is more than any server gives a decision.
const evalTime = 10 * time.Second

func (b *bench) eval(cmd *cobra.Command, file, name string, explain bool) error {
	doc := strictjson.Object()
	if file != "" {
		var err error
		if doc, err = readRequest(cmd.InOrStdin(), file); err != nil {
			return err
		}
	}
	src, err := b.source()
	if err != nil {
		return b.unusable(src, err)
	}
	ctx, stop := context.WithTimeout(cmd.Context(), evalTime)
	defer stop()
	e, err := policies.Evaluate(ctx, src, name, doc)
	var load *policies.LoadError
	switch {
	case errors.As(err, &load):
		return b.unusable(src, err)
	case err != nil:
		return err
	case b.json:
		return b.printJSON(evaluated(name, e, explain))
	}
	w := tabwriter.NewWriter(b.out, 0, 0, 2, ' ', 0)
	printVerdict(w, e.Verdict)
	if explain {
		fmt.Fprintln(w, "\nRules that fired:")
		for _, f := range e.Fired {
			row(w, "  "+f.Rule, f.Finding, fmt.Sprintf("%s:%d", f.File, f.Line))
		}
	}
	return w.Flush()
}

// readRequest reads a request that somebody wrote.
func readRequest(stdin io.Reader, file string) (doc strictjson.Value, err error) {
	var text []byte
	if file == "-" {
		file = "standard input"
		text, err = io.ReadAll(io.LimitReader(stdin, 1<<20))
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return doc, fmt.Errorf("the request cannot be read: %w", err)
	}
	if doc, err = strictjson.Parse(text, strictjson.Stored); err != nil {
		return doc, fmt.Errorf("%s: %w; a request is one JSON object, such as those that ostiary policy init writes into requests", file, err)
	}
	return doc, nil
}

// printVerdict writes a verdict, one finding a line.
func printVerdict(w io.Writer, v decision.Verdict) {
	word := "REFUSED"
	if v.Allow {
		word = "ALLOWED"
	}
	fmt.Fprintf(w, "%s by revision %s\n", word, v.Revision)
	for _, f := range findingsOf(v) {
		row(w, "  "+f.Set, f.What, f.Message, f.Rule, place(f.File, f.Line))
	}
}

func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// verdictFinding is one thing that a verdict says.
type verdictFinding struct {
	Set     string `json:"set"`            // as rules name it: deny, warn, strip, ...
	What    string `json:"what,omitempty"` // code, scope, member or name
	Message string `json:"message,omitempty"`
	Rule    string `json:"rule,omitempty"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

// findingsOf lists all that a verdict says.
func findingsOf(v decision.Verdict) []verdictFinding {
	list := []verdictFinding{}
	add := func(set, what, message string, by core.Reason) {
		list = append(list, verdictFinding{set, what, message, by.Rule, by.File, by.Line})
	}
	for _, r := range v.Deny {
		add("deny", string(r.Code), r.Message, r)
	}
	for _, r := range v.Warn {
		add("warn", strings.Join(r.Fields, " "), r.Message, r)
	}
	for _, s := range v.Grant {
		add("grant", s.Scope, s.By.Message, s.By)
	}
	for _, s := range v.Strip {
		add("strip", s.Scope, s.By.Message, s.By)
	}
	for _, s := range v.Set {
		add("set", s.Field, s.Value.String(), s.By)
	}
	for _, s := range v.Default {
		add("default_value", s.Field, s.Value.String(), s.By)
	}
	for _, o := range v.Require {
		add("require", o.Name, o.Params, core.Reason{Rule: o.Rule})
	}
	for _, name := range slices.Sorted(maps.Keys(v.Limits)) {
		add("limit", name, fmt.Sprintf("%d s", v.Limits[name]), core.Reason{})
	}
	if v.Trust != "" {
		add("trust", v.Trust, "", core.Reason{})
	}
	for _, label := range v.Labels {
		add("label", label, "", core.Reason{})
	}
	return list
}

// evaluation is the document of eval.
type evaluation struct {
	Decision string            `json:"decision"`
	Allow    bool              `json:"allow"`
	Revision string            `json:"revision"`
	Findings []verdictFinding  `json:"findings"`
	Fired    []policies.Firing `json:"fired,omitempty"`
	Input    strictjson.Value  `json:"input"`
}

func evaluated(name string, e *policies.Evaluation, explain bool) evaluation {
	doc := evaluation{Decision: name, Allow: e.Verdict.Allow, Revision: e.Verdict.Revision, Findings: findingsOf(e.Verdict), Input: e.Input}
	if explain {
		doc.Fired = e.Fired
	}
	return doc
}
