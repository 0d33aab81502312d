package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/config"
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

	declared []declaredClient
	set      beside
	tag      string // of what is declared beside clients
}

type planSummary struct {
	Create    int `json:"create"`
	Update    int `json:"update"`
	Delete    int `json:"delete"`
	Unchanged int `json:"unchanged"`
	Refused   int `json:"refused"`
}

// changes is how much there would be to write.
func (s planSummary) changes() int { return s.Create + s.Update + s.Delete }

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
func (w wouldChange) Error() string { return w.String() }

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

// The bounds of one request for a plan, and how many are made at once.
const (
	planClients = 100
	planBytes   = 1 << 20
	planAtOnce  = 4
)

// plan reads the files and asks the server about each client.
func (f *planFlags) plan(ctx context.Context, t *terminal, path string, errs io.Writer) (*changePlan, error) {
	d, err := readDeclarations(path)
	if err != nil {
		return nil, err
	}
	p := &changePlan{Set: f.set, Clients: make([]strictjson.Value, len(d.clients)), Delete: []strictjson.Value{}, declared: d.clients, Beside: []strictjson.Value{}, set: d.beside}
	told := newProgress(errs)
	defer told.end()
	if err := t.planAll(ctx, f.set, p, told); err != nil {
		return nil, err
	}
	if err := p.problems(); err != nil {
		return nil, err
	}
	if f.prune {
		if err := t.planPrune(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := f.planBeside(ctx, t, p); err != nil {
		return nil, err
	}
	p.sum()
	return p, nil
}

// planAll asks in batches, a few at once.
func (t *terminal) planAll(ctx context.Context, set string, p *changePlan, told *progress) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work := make(chan [2]int)
	var failed error
	var mu sync.Mutex
	done := 0
	var all sync.WaitGroup
	for range planAtOnce {
		all.Go(func() {
			for span := range work {
				err := t.planSome(ctx, set, p, span[0], span[1])
				mu.Lock()
				done += span[1] - span[0]
				told.say(fmt.Sprintf("planned %d of %d clients", done, len(p.declared)))
				if err != nil && failed == nil {
					failed = err
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	for from := 0; from < len(p.declared) && ctx.Err() == nil; {
		to := batchEnd(p.declared, from)
		work <- [2]int{from, to}
		from = to
	}
	close(work)
	all.Wait()
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}

// batchEnd keeps a batch within what one request may hold.
func batchEnd(clients []declaredClient, from int) int {
	size, to := 0, from
	for ; to < len(clients) && to-from < planClients; to++ {
		if size += len(clients[to].entry.String()); size > planBytes && to > from {
			break
		}
	}
	return to
}

func (t *terminal) planSome(ctx context.Context, set string, p *changePlan, from, to int) error {
	entries := make([]strictjson.Value, 0, to-from)
	for _, c := range p.declared[from:to] {
		entries = append(entries, c.entry)
	}
	answer, err := t.do(ctx, http.MethodPost, "/declarations/"+url.PathEscape(set)+"/plan", map[string]any{"clients": entries})
	if err != nil {
		return err
	}
	items := member(answer, "items").Items()
	if len(items) != to-from {
		return fmt.Errorf("the server at %s planned %d of %d clients; is it of the same version?", t.base, len(items), to-from)
	}
	copy(p.Clients[from:to], items)
	return nil
}

// problems are what only the server could find wrong with the files, such as members that nobody knows.
func (p *changePlan) problems() error {
	var list []config.Problem
	for i, item := range p.Clients {
		for _, found := range member(item, "problems").Items() {
			list = append(list, p.declared[i].at.problem(textOf(found, "path"), textOf(found, "text")))
		}
	}
	if len(list) == 0 {
		return nil
	}
	return &config.Problems{List: list}
}

// planPrune finds the clients that the set declared and that are in no file any more.
func (t *terminal) planPrune(ctx context.Context, p *changePlan) error {
	wanted := make(map[string]bool, len(p.declared))
	for _, c := range p.declared {
		wanted[c.id] = true
	}
	items, err := t.exported(ctx, url.Values{"set": {p.Set}}, nil)
	if err != nil {
		return err
	}
	for _, item := range items {
		if !wanted[textOf(item, "client_id")] {
			p.Delete = append(p.Delete, item.Without("entry"))
		}
	}
	return nil
}

// exported gives all clients that a query finds, as entries; told, if not nil, hears how many there are so far.
func (t *terminal) exported(ctx context.Context, query url.Values, told *progress) ([]strictjson.Value, error) {
	items := []strictjson.Value{}
	query.Set("limit", "100")
	for {
		page, err := t.get(ctx, "/export/clients?"+query.Encode())
		if err != nil {
			return nil, err
		}
		items = append(items, member(page, "items").Items()...)
		if told != nil {
			told.say(fmt.Sprintf("exported %s", counted(len(items), "client")))
		}
		next := textOf(page, "next_cursor")
		if next == "" {
			return items, nil
		}
		query.Set("cursor", next)
	}
}

func (p *changePlan) sum() {
	p.Summary = planSummary{Delete: len(p.Delete)}
	for _, change := range p.Beside {
		switch textOf(change, "action") {
		case "create":
			p.Summary.Create++
		case "update":
			p.Summary.Update++
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
		printPatch(w, member(change, "diff"))
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
	fmt.Fprintf(w, "%s\n", p.Summary)
}

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
