package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/strictjson"
)

// The bounds of one request for a plan, and how many are made at once.
const (
	planClients = 100
	planBytes   = 1 << 20
	planAtOnce  = 4
)

// plan reads the files and asks the server about each client, and about the rest. What is wrong with the files is told as far as it can
// be known, by whoever knows it.
func (f *planFlags) plan(ctx context.Context, t *terminal, path string, errs io.Writer) (*changePlan, error) {
	d, err := readDeclarations(path)
	if err != nil {
		return nil, err
	}
	p := &changePlan{Set: f.set, Clients: make([]strictjson.Value, len(d.clients)), Delete: []strictjson.Value{}, declared: d.clients, Beside: []strictjson.Value{}, set: d.beside}
	told := newProgress(errs)
	defer told.end()
	asked := t.planAll(ctx, f.set, p, told)
	if asked == nil {
		asked = t.planAgain(ctx, f.set, p)
	}
	if asked == nil {
		d.problems = append(d.problems, p.problems(len(d.problems) > 0)...)
	}
	if asked == nil && !d.beside.broken {
		asked = f.planBeside(ctx, t, p)
		var wrong *config.Problems
		if errors.As(asked, &wrong) {
			d.problems = append(d.problems, append(wrong.List, p.refusals(len(d.problems) == 0)...)...)
		}
	}
	switch {
	case len(d.problems) > 0:
		return nil, t.tellWrong(f.set, d.wrong())
	case asked != nil:
		return nil, asked
	}
	if f.prune {
		if err := t.planPrune(ctx, p); err != nil {
			return nil, err
		}
	}
	p.sum()
	return p, nil
}

// tellWrong prints what is wrong with the files, for whoever wants JSON; people read the error.
func (t *terminal) tellWrong(set string, wrong *config.Problems) error {
	if !t.json {
		return wrong
	}
	told := struct {
		Set      string        `json:"set"`
		Problems []fileProblem `json:"problems"`
	}{Set: set}
	for _, p := range wrong.List {
		told.Problems = append(told.Problems, fileProblem(p))
	}
	return errors.Join(t.print(told, nil), wrong)
}

// A fileProblem is one thing that is wrong with a file.
type fileProblem struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	Path string `json:"path,omitempty"`
	Text string `json:"text"`
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

// planAgain asks about those once more that the server was too busy to judge: to be refused is something else.
func (t *terminal) planAgain(ctx context.Context, set string, p *changePlan) error {
	for i := range p.Clients {
		err := patiently(ctx, func() error {
			switch code := textOf(member(p.Clients[i], "error"), "error"); core.Code(code) {
			case core.PolicyUnavailable, core.TemporarilyUnavailable:
			default:
				return nil
			}
			if err := t.planSome(ctx, set, p, i, i+1); err != nil {
				return err
			}
			return busy{errors.New("the server is too busy")}
		})
		if errors.As(err, new(busy)) {
			break // and stays so
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
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

// problems are what only the server could find wrong with the files, such as members that nobody knows. Where there are any, or the
// files are wrong anyway, there will be no plan: then what is refused stands among them.
func (p *changePlan) problems(wrong bool) (list []config.Problem) {
	for i, item := range p.Clients {
		for _, found := range member(item, "problems").Items() {
			list = append(list, p.declared[i].at.problem(textOf(found, "path"), textOf(found, "text")))
		}
	}
	return append(list, p.refusals(wrong || len(list) > 0)...)
}

// refusals are the clients that would be refused, if anybody wants to know.
func (p *changePlan) refusals(wanted bool) (list []config.Problem) {
	for i, item := range p.Clients {
		if problem := member(item, "error"); wanted && !problem.IsAbsent() {
			why := joined(": ", textOf(problem, "error"), textOf(problem, "error_description"))
			list = append(list, p.declared[i].at.problem("", p.declared[i].id+" would be refused: "+why))
		}
	}
	return list
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
	p.NoSet = len(items) == 0 && p.tag == ""
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
