package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core/declared"
	"github.com/ostiary/ostiary/core/strictjson"
)

// applyFlags are those of apply.
type applyFlags struct {
	planFlags
	yes     bool
	empty   bool   // everything may go
	secrets string // file for the secrets that are made
}

// applied is what apply did.
type applied struct {
	*changePlan
	Written int       `json:"written"`
	Failed  []failure `json:"failed"`
	Left    int       `json:"left,omitempty"` // not written, or it is not known whether they were: the server was gone, or somebody stopped it

	Secretless []string `json:"secretless,omitempty"` // of those, clients that a secret was asked for: if they are there now, nobody has it
}

// A failure is a client that could not be written.
type failure struct {
	ClientID string `json:"client_id"`
	Error    string `json:"error"`

	at int // its place in the plan
}

func applyCommand() *cobra.Command {
	f := &applyFlags{}
	var cmd *cobra.Command
	cmd = f.command("apply PATH", "Make clients, issuers, token templates, policy data and plugin bindings as a folder declares them", onePath, func(ctx context.Context, t *terminal, args []string) error {
		return f.run(ctx, t, args[0], cmd)
	})
	cmd.Long = "apply plans as ostiary plan does, shows what would change, asks, and writes it. A second apply writes nothing. When a client is\n" +
		"refused, nothing at all is written. With --prune it removes what it declared before and is in no file any more, and nothing else.\n" +
		"Exit codes: 0 all is as declared, 1 something is refused or could not be written, 2 called wrongly."
	cmd.Example = "  ostiary apply declared\n  ostiary apply declared --prune --yes"
	f.flags(cmd)
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&f.empty, "allow-empty", false, "with --prune, remove everything when the files declare nothing")
	cmd.Flags().StringVar(&f.secrets, "secrets-file", "", "new file for the secrets of clients that need one and declare none; without it those are refused")
	return cmd
}

func (f *applyFlags) run(ctx context.Context, t *terminal, path string, cmd *cobra.Command) error {
	p, err := f.plan(ctx, t, path, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	shown := cmd.OutOrStdout()
	if t.json {
		shown = io.Discard // the answer says it all
	}
	if err := (&terminal{out: shown}).print(nil, func(w io.Writer) { f.print(w, p) }); err != nil {
		return err
	}
	done := &applied{changePlan: p, Failed: []failure{}}
	switch {
	case p.Summary.Refused > 0:
		return errors.Join(t.result(done), errRefusedPlan)
	case p.NoSet && p.declaresNothing() && !f.empty:
		return usagef("the files declare nothing, and there is no set %s that anything could be pruned of. Is --set spelt as it was? If all is meant, give --allow-empty", p.Set)
	case p.Summary.changes() == 0:
		return t.result(done)
	case p.empties() && !f.empty:
		return usagef("the files declare nothing, and --prune would remove all that the set %s declared: %s. If that is meant, give --allow-empty", p.Set, counted(p.Summary.Delete, "thing"))
	}
	if err := f.mayMake(p); err != nil {
		return err
	}
	if err := f.ask(cmd); err != nil {
		return err
	}
	if err := f.write(ctx, t, done, cmd.ErrOrStderr()); err != nil && done.Left == 0 {
		return err
	} else if err != nil {
		return errors.Join(t.result(done), fmt.Errorf("%w. Of %s it is not known whether they were written; apply again%s", err, counted(done.Left, "change"), done.lostSecrets()))
	}
	if err := t.result(done); err != nil {
		return err
	}
	if n := len(done.Failed); n > 0 {
		return fmt.Errorf("%s could not be written; apply again", counted(n, "client"))
	}
	if slices.ContainsFunc(done.plugins(), func(change strictjson.Value) bool { return isOn(change, "failed") }) {
		return errors.New("all is written, and a plugin does not run as it is declared")
	}
	return nil
}

// lostSecrets says how clients that were perhaps made get a secret that somebody knows: to apply again does not.
func (a *applied) lostSecrets() string {
	if len(a.Secretless) == 0 {
		return ""
	}
	return ", and give those new secrets that are there by then, since nobody has them: ostiary client rotate-secret, for " +
		printable(strings.Join(a.Secretless, ", "))
}

// plugins are the bindings that were written, with what the server says of each plugin since.
func (a *applied) plugins() (list []strictjson.Value) {
	for _, change := range a.Beside {
		if textOf(change, "kind") == declared.KindBindings && a.Written > 0 {
			list = append(list, change)
		}
	}
	return list
}

// result prints what was done.
func (t *terminal) result(done *applied) error {
	if t.json {
		return t.print(done, nil)
	}
	for _, change := range done.plugins() {
		says, _ := member(change, "says").Strings()
		if len(says) == 0 { // its files and its binding are gone
			continue
		}
		if err := t.say("plugin %s: %s", printable(textOf(change, "name")), printable(strings.Join(says, "; "))); err != nil {
			return err
		}
	}
	for _, f := range done.Failed {
		if err := t.say("! %s: %s", printable(f.ClientID), printable(f.Error)); err != nil {
			return err
		}
	}
	return t.say("Written: %d.", done.Written)
}

// mayMake wants a place for the secrets that would be made: they are shown once.
func (f *applyFlags) mayMake(p *changePlan) error {
	for _, item := range p.Clients {
		if isOn(item, "secret_made") && f.secrets == "" {
			return usagef("%s needs a client secret and declares none: give it client_secret or client_secret_hash, or name a file for the secrets that are made with --secrets-file",
				printable(textOf(item, "client_id")))
		}
	}
	return nil
}

// ask wants a yes from whoever sits there.
func (f *applyFlags) ask(cmd *cobra.Command) error {
	if f.yes {
		return nil
	}
	fmt.Fprint(cmd.ErrOrStderr(), "Write this? Only yes is a yes: ")
	answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if strings.TrimSpace(answer) == "yes" {
		return nil
	}
	if err != nil {
		return errors.New("nobody said yes, so nothing was written; without somebody to ask give --yes")
	}
	return errors.New("nothing was written")
}

// applyAtOnce is how many clients are written at once: the store makes one durable write of them.
const applyAtOnce = 16

// write carries the plan out: first what is made and changed, then what goes. It gives up when the server is gone.
func (f *applyFlags) write(ctx context.Context, t *terminal, done *applied, errs io.Writer) error {
	keep, err := openSecrets(f.secrets)
	if err != nil {
		return err
	}
	if len(done.Beside) > 0 { // first: clients may rest on it
		made, err := f.writeBeside(ctx, t, done.changePlan)
		if err != nil {
			return errors.Join(err, keep.close())
		}
		done.Beside = made
		done.Written += len(made)
	}
	told := newProgress(errs)
	defer told.end()
	going, giveUp := context.WithCancelCause(ctx) // what is under way then may still end
	defer giveUp(nil)
	var mu sync.Mutex
	change := func(id string, at int, secret bool, how func() error) {
		if going.Err() != nil {
			return
		}
		err := patiently(going, how)
		mu.Lock()
		defer mu.Unlock()
		if secret && (errors.As(err, new(unanswering)) || err != nil && ctx.Err() != nil) {
			done.Secretless = append(done.Secretless, id)
		}
		switch {
		case errors.As(err, new(unanswering)):
			giveUp(err)
		case err != nil && ctx.Err() == nil:
			done.Failed = append(done.Failed, failure{id, err.Error(), at})
		case err == nil:
			done.Written++
		}
		told.say(fmt.Sprintf("written %d of %d", done.Written, done.Summary.changes()))
	}
	atOnce(applyAtOnce, len(done.Clients), func(i int) {
		item := done.Clients[i]
		id := textOf(item, "client_id")
		if textOf(item, "action") == "none" {
			return
		}
		makes := isOn(item, "secret_made")
		change(id, i, makes, func() error {
			if makes {
				if err := keep.announce(id); err != nil {
					return err
				}
			}
			answer, err := t.declare(ctx, done.Set, done.declared[i], textOf(item, "etag"))
			if secret := textOf(answer, "client_secret"); err == nil && secret != "" {
				err = keep.add(id, secret)
			}
			return err
		})
	})
	atOnce(applyAtOnce, len(done.Delete), func(i int) {
		id := textOf(done.Delete[i], "client_id")
		change(id, len(done.Clients)+i, false, func() error {
			_, err := t.doIf(ctx, http.MethodDelete, declaredPath(done.Set, id), nil, "If-Match", textOf(done.Delete[i], "etag"))
			return err
		})
	})
	slices.Sort(done.Secretless)
	slices.SortFunc(done.Failed, func(a, b failure) int { return a.at - b.at })
	done.Left = done.Summary.changes() - done.Written - len(done.Failed)
	return errors.Join(context.Cause(going), keep.close())
}

// patiently does again, a few times, what a busy server refused.
func patiently(ctx context.Context, how func() error) error {
	for try := 1; ; try++ {
		err := how()
		if err == nil || !errors.As(err, new(busy)) || try == triesWhenBusy {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(try) * pauseWhenBusy):
		}
	}
}

// How often a busy server is asked, and after what time again.
const (
	triesWhenBusy = 4
	pauseWhenBusy = 250 * time.Millisecond
)

func declaredPath(set, id string) string {
	return "/declarations/" + url.PathEscape(set) + clientPath(id)
}

// declare writes one client, on the condition that it is still as it was when it was planned.
func (t *terminal) declare(ctx context.Context, set string, c declaredClient, tag string) (strictjson.Value, error) {
	condition, value := "If-Match", tag
	if tag == "" {
		condition, value = "If-None-Match", "*"
	}
	doc, err := t.doIf(ctx, http.MethodPut, declaredPath(set, c.id), c.entry, condition, value)
	if id := textOf(doc, "decision_id"); err != nil && id != "" {
		err = fmt.Errorf("%w See: ostiary decision show %s", err, printable(id))
	}
	return doc, err
}

// atOnce does n things, a few at once.
func atOnce(few, n int, do func(i int)) {
	next := make(chan int)
	var all sync.WaitGroup
	for range min(few, n) {
		all.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}
