package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/policies"
)

// bundle is a candidate policy as the operators' API takes it.
type bundle struct {
	Files map[string]string `json:"files"`
}

// readBundle reads a policy folder; "" is none.
func readBundle(dir string) (*bundle, error) {
	if dir == "" {
		return nil, nil
	}
	files, err := policies.ReadSite(dir)
	if err != nil {
		return nil, err
	}
	b := &bundle{Files: make(map[string]string, len(files))}
	for name, text := range files {
		b.Files[name] = string(text)
	}
	return b, nil
}

// jobOrder is what a job is asked to do.
type jobOrder struct {
	Bundle    *bundle  `json:"bundle,omitempty"`
	Since     string   `json:"since,omitempty"`
	Until     string   `json:"until,omitempty"`
	Limit     int      `json:"limit,omitempty"`
	Decisions []string `json:"decisions,omitempty"`
}

// jobFlags are those of a command that has the server ask again.
type jobFlags struct {
	*policyFlags
	remoteFlags
	jobOrder
	verb, past string // "replay", "replayed"
	folder     string
}

func policyReplayCommand(p *policyFlags) *cobra.Command {
	f := &jobFlags{policyFlags: p, verb: "replay", past: "replayed"}
	cmd := f.command("replay [DIR]", "Ask the decisions of a running server again, and list those that a folder would change",
		"replay has the server ask its kept decisions about registrations again, by the rules of a folder under the server's own\n"+
			"dcr_config.yaml, and lists those that would end otherwise than they did. Without a folder it is the policy in force. Nothing\n"+
			"is written, and traffic goes first. Exit codes: 0 nothing would change, 1 something would, 2 called wrongly, or it failed.")
	cmd.Example = "  ostiary policy replay site --since 7d\n  ostiary policy replay site --decision d-06gz... -o json"
	flags := cmd.Flags()
	flags.StringVar(&f.Since, "since", "", "decisions made since then only: 7d, 12h, 2026-03-01, or a time of RFC 3339")
	flags.StringVar(&f.Until, "until", "", "decisions made before then only")
	flags.IntVar(&f.Limit, "limit", 10_000, "at most so many, the newest")
	flags.StringSliceVar(&f.Decisions, "decision", nil, "the decision of this id only; may be repeated")
	return cmd
}

func policyAuditCommand(p *policyFlags) *cobra.Command {
	f := &jobFlags{policyFlags: p, verb: "audit", past: "audited"}
	return f.command("audit [DIR]", "Judge every client of a running server, and list those that a folder would refuse today",
		"audit has the server judge each of its clients by the rules of a folder, as if it registered today with what is stored of it,\n"+
			"and lists those that would be refused, or changed. Without a folder it is the policy in force. Nothing is written, and\n"+
			"traffic goes first. Exit codes: 0 all would be taken as they are, 1 some would not, 2 called wrongly, or it failed.")
}

func (f *jobFlags) command(use, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && f.folder != "" {
				return usagef("%s takes one folder", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.output != "text" && f.output != "json" {
				return usagef("--output must be text or json, not %q", f.output)
			}
			if f.verb == "replay" && f.Limit < 1 {
				return usagef("--limit must be 1 or more, not %d", f.Limit)
			}
			if err := areMoments(map[string]string{"since": f.Since, "until": f.Until}); err != nil {
				return err
			}
			if len(args) == 1 {
				f.folder = args[0]
			}
			report, err := f.run(cmd)
			if err != nil {
				return unanswered{err}
			}
			return f.verdict(report)
		},
	}
	cmd.Flags().StringVar(&f.folder, "bundle", "", "the folder, instead of naming it first")
	f.addTo(cmd)
	return cmd
}

// areMoments tells whether flags, by name, are moments as the server reads them.
func areMoments(flags map[string]string) error {
	for name, text := range flags {
		if _, err := ledger.ParseMoment("--"+name, text, time.Now()); err != nil {
			return usagef("%s", core.AsError(err).Detail)
		}
	}
	return nil
}

// run has the server do the job, and prints its report.
func (f *jobFlags) run(cmd *cobra.Command) (report strictjson.Value, err error) {
	if f.Bundle, err = readBundle(f.folder); err != nil {
		return report, err
	}
	r, err := f.open()
	if err != nil {
		return report, err
	}
	defer r.close()
	t := &terminal{remote: r, out: cmd.OutOrStdout(), json: f.output == "json"}
	if report, err = t.do(cmd.Context(), http.MethodPost, "/policies/"+f.verb, f.jobOrder); err != nil {
		return report, t.unusable(report, err)
	}
	if report, err = f.await(cmd.Context(), t, report, cmd.ErrOrStderr()); err != nil {
		return report, err
	}
	if report, err = t.allItems(cmd.Context(), report); err != nil {
		return report, err
	}
	return report, t.print(report, func(w io.Writer) { f.printReport(w, report) })
}

// verdict is the error that the command ends with; nil: nothing would change.
func (f *jobFlags) verdict(report strictjson.Value) error {
	n := number(report, "changed")
	switch state := textOf(report, "state"); {
	case state != "done":
		return unanswered{fmt.Errorf("the %s %s%s", f.verb, map[string]string{"failed": "failed", "cancelled": "was cancelled"}[state], prefixed(": ", printable(textOf(report, "error"))))}
	case n == 0:
		return nil
	case f.verb == "audit":
		return fmt.Errorf("%s would not be taken as they are", counted(int(n), "client"))
	}
	return fmt.Errorf("%s would end otherwise", counted(int(n), "decision"))
}

// unusable prints what is wrong with a candidate that the server did not take, and gives the error to end with.
func (t *terminal) unusable(answer strictjson.Value, err error) error {
	problems := member(answer, "problems")
	if problems.Len() == 0 {
		return err
	}
	if printErr := t.print(answer, func(w io.Writer) {
		for _, p := range problems.Items() {
			fmt.Fprintln(w, printable(joined(": ", placeOf(p), textOf(p, "message"))))
			if line := strings.TrimSpace(textOf(p, "source")); line != "" {
				fmt.Fprintf(w, "  %s\n", printable(line))
			}
		}
	}); printErr != nil {
		return printErr
	}
	return fmt.Errorf("the candidate is not usable: %s", counted(problems.Len(), "problem"))
}

// How often a job is asked about, and from when on its progress is told.
const (
	jobPoll  = 100 * time.Millisecond
	jobQuiet = time.Second
)

// await asks until the job has ended, and tells of its progress. When the command is interrupted, the job is ended too.
func (f *jobFlags) await(ctx context.Context, t *terminal, report strictjson.Value, errs io.Writer) (strictjson.Value, error) {
	job := "/policies/jobs/" + url.PathEscape(textOf(report, "job"))
	tick := time.NewTicker(jobPoll)
	defer tick.Stop()
	told := newProgress(errs)
	defer told.end()
	for textOf(report, "state") == "running" {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			defer cancel()
			_, _ = t.do(last, http.MethodDelete, job, nil) // it ends by itself when nobody asks
			return report, ctx.Err()
		case <-tick.C:
		}
		var err error
		if report, err = t.get(ctx, job+"?limit=1"); err != nil {
			return report, err
		}
		told.say(f.progress(report))
	}
	return report, nil
}

// progress says how far a job is.
func (f *jobFlags) progress(report strictjson.Value) string {
	of := ""
	if total := number(report, "total"); total > 0 {
		of = " of " + strconv.FormatInt(total, 10)
	}
	return fmt.Sprintf("%s %d%s, %d changed", f.past, number(report, "done"), of, number(report, "changed"))
}

// A progress tells people how far something is that takes longer than a second: in one line of a terminal, else in several.
type progress struct {
	out     io.Writer
	quiet   time.Duration // between two lines
	started time.Time
	next    time.Time
	inPlace bool
	said    string
}

func newProgress(out io.Writer) *progress {
	now := time.Now()
	p := &progress{out: out, quiet: jobQuiet, started: now, next: now.Add(jobQuiet)}
	if file, ok := out.(*os.File); ok {
		about, err := file.Stat()
		p.inPlace = err == nil && about.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *progress) say(text string) {
	now := time.Now()
	if now.Before(p.next) || text == p.said {
		return
	}
	p.said, p.next = text, now.Add(p.quiet)
	if p.inPlace {
		fmt.Fprintf(p.out, "\r\x1b[K%s", text)
		return
	}
	fmt.Fprintln(p.out, text)
}

func (p *progress) end() {
	if p.inPlace && p.said != "" {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// allItems gives the report with every difference that was kept.
func (t *terminal) allItems(ctx context.Context, report strictjson.Value) (strictjson.Value, error) {
	var items []strictjson.Value
	job := "/policies/jobs/" + url.PathEscape(textOf(report, "job"))
	for cursor := ""; ; {
		page, err := t.get(ctx, job+"?limit=200&cursor="+url.QueryEscape(cursor))
		if err != nil {
			return report, err
		}
		items = append(items, member(page, "items").Items()...)
		if cursor = textOf(page, "next_cursor"); cursor == "" {
			return page.With("items", strictjson.Array(items...)).Without("next_cursor"), nil
		}
	}
}
