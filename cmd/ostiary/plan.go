package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/strictjson"
)

// planFlags are those of plan and apply.
type planFlags struct {
	operatorFlags
	set   string
	prune bool
	all   bool
}

// A changePlan is what declarations would come to.
type changePlan struct {
	Set     string             `json:"set"`
	Clients []strictjson.Value `json:"clients"` // in the order of the files
	Delete  []strictjson.Value `json:"delete"`  // declared before, and in no file any more
	Beside  []strictjson.Value `json:"beside"`  // changes of what is declared beside clients
	Summary planSummary        `json:"summary"`
	NoSet   bool               `json:"no_set,omitempty"` // with --prune: the set declared nothing before, so that there is nothing to prune

	declared []declaredClient
	set      beside
	tag      string // of what is declared beside clients
}

// A planSummary counts clients and what is declared beside them.
type planSummary struct {
	Create    int `json:"create"`
	Update    int `json:"update"`
	Delete    int `json:"delete"`
	Unchanged int `json:"unchanged"`
	Refused   int `json:"refused"`
}

// changes is how much there would be to write.
func (s planSummary) changes() int { return s.Create + s.Update + s.Delete }

// empties tells whether nothing of the set would be left.
func (p *changePlan) empties() bool {
	return p.declaresNothing() && p.Summary.Delete > 0
}

// declaresNothing tells files without a single declaration.
func (p *changePlan) declaresNothing() bool { return len(p.declared) == 0 && p.set.count() == 0 }

func planCommand() *cobra.Command {
	f := &planFlags{}
	var cmd *cobra.Command
	var schema bool
	cmd = f.command("plan PATH", "Show what a folder of declarations would change, and what policy would say", nil, func(ctx context.Context, t *terminal, args []string) error {
		p, err := f.plan(ctx, t, args[0], cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		if err := t.print(p, func(w io.Writer) { f.print(w, p) }); err != nil {
			return err
		}
		if p.Summary.changes()+p.Summary.Refused > 0 {
			return wouldChange{p.Summary}
		}
		return nil
	})
	ask := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if schema {
			return printSchema(cmd.OutOrStdout(), declarationsSchema())
		}
		if err := onePath(cmd, args); err != nil {
			return err
		}
		err := ask(cmd, args)
		if err == nil || errors.As(err, new(wouldChange)) {
			return err
		}
		return unanswered{err}
	}
	cmd.Long = "plan reads a file or a folder of declarations: clients, trusted issuers, templates of initial access tokens, policy data and bindings\n" +
		"of plugins. It has the server judge each client as if it were applied now, and shows what would change. Nothing is written. Exit codes: 0 nothing would change, 1 something would, or is refused, 2 called wrongly, or it failed."
	cmd.Example = "  ostiary plan clients.yaml\n  ostiary plan declared --prune -o json\n  ostiary plan --schema"
	f.flags(cmd)
	cmd.Flags().BoolVar(&f.all, "all", false, "list the clients that would stay as they are, too")
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of the files, and do nothing else")
	return cmd
}

// wouldChange is the answer of a plan that is not empty.
type wouldChange struct{ planSummary }

// Error implements error.
func (w wouldChange) Error() string {
	if w.Refused > 0 {
		return "apply would write nothing, because of what is refused"
	}
	return "something would change; make it so with: ostiary apply"
}

func onePath(cmd *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return usagef("%s needs one file or folder of declarations", cmd.CommandPath())
	}
	return nil
}

func (f *planFlags) flags(cmd *cobra.Command) {
	f.connect(cmd)
	cmd.Flags().StringVar(&f.set, "set", "default", "name of these declarations; what another set declared is left alone")
	cmd.Flags().BoolVar(&f.prune, "prune", false, "remove what this set declared and what is in no file any more")
}

// String says it in words.
func (s planSummary) String() string {
	return fmt.Sprintf("%d to create, %d to update, %d to delete, %d unchanged, %d refused", s.Create, s.Update, s.Delete, s.Unchanged, s.Refused)
}

func (p *changePlan) sum() {
	p.Summary = planSummary{Delete: len(p.Delete), Unchanged: p.set.count()}
	for _, change := range p.Beside {
		switch textOf(change, "action") {
		case "create":
			p.Summary.Create++
			p.Summary.Unchanged--
		case "update":
			p.Summary.Update++
			p.Summary.Unchanged--
		default:
			p.Summary.Delete++
		}
	}
	for _, item := range p.Clients {
		switch textOf(item, "action") {
		case "create":
			p.Summary.Create++
		case "update":
			p.Summary.Update++
		case "none":
			p.Summary.Unchanged++
		default:
			p.Summary.Refused++
		}
	}
}

// actions are the signs of what would be done.
var actions = map[string]string{"create": "+ create", "update": "~ update", "none": "= keep", "refused": "! refused", "delete": "- delete"}

func (f *planFlags) print(w io.Writer, p *changePlan) {
	for _, change := range p.Beside {
		fmt.Fprintf(w, "%s %s %s\n", actions[textOf(change, "action")], textOf(change, "kind"), printable(textOf(change, "name")))
		steps := member(change, "diff").Items()
		printPatch(w, strictjson.Array(steps[:min(len(steps), maxSteps)]...))
		if more := len(steps) - maxSteps; more > 0 {
			fmt.Fprintf(w, "  and %d more; see all with -o json\n", more)
		}
		printSaid(w, change)
	}
	for i, item := range p.Clients {
		action := textOf(item, "action")
		if action == "none" && !f.all {
			continue
		}
		fmt.Fprintf(w, "%s %s\n", actions[action], printable(textOf(item, "client_id")))
		printPlanned(w, item, p.declared[i].at)
	}
	for _, item := range p.Delete {
		fmt.Fprintf(w, "- delete %s\n", printable(textOf(item, "client_id")))
	}
	if p.NoSet {
		fmt.Fprintf(w, "There is no set %s: nothing is pruned.\n", printable(p.Set))
	}
	fmt.Fprintf(w, "%s\n", p.Summary)
}

// maxSteps is how many changes of one thing are shown: policy data may be long.
const maxSteps = 20

// printSaid prints what the server says of a change beside clients.
func printSaid(w io.Writer, change strictjson.Value) {
	says, _ := member(change, "says").Strings()
	for _, line := range says {
		fmt.Fprintf(w, "  %s\n", printableLines(line, "    "))
	}
}

// printPlanned prints what one client would come to.
func printPlanned(w io.Writer, item strictjson.Value, at spot) {
	printPatch(w, member(item, "diff"))
	switch {
	case isOn(item, "secret_made"):
		fmt.Fprintln(w, "  + client_secret\tone will be made")
	case isOn(item, "secrets"):
		fmt.Fprintln(w, "  ~ client_secret\tas declared")
	}
	if status := textOf(item, "registration_status"); status != "" && textOf(item, "action") != "none" {
		fmt.Fprintf(w, "  registration_status %s\n", printable(status))
	}
	if problem := member(item, "error"); !problem.IsAbsent() {
		here := at.problem("", "")
		why := joined(": ", textOf(problem, "error"), textOf(problem, "error_description"))
		fmt.Fprintf(w, "  %s:%d: %s\n", printable(here.File), here.Line, printable(why))
		printReasons(w, "    ", member(item, "errors"), why)
	}
	if textOf(item, "action") != "none" {
		for _, warning := range member(item, "warnings").Items() {
			fmt.Fprintf(w, "  warning: %s\n", printable(textOf(warning, "message")))
		}
	}
}

var errRefusedPlan = errors.New("nothing was written, because of what is refused; mend it, or take it out of the files")
