package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed pages/style.css
var style []byte

//go:embed pages/icon.svg
var icon []byte

// pages are parsed once, each with the frame around it.
var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

func render(name string, status int, view any) (web.Response, error) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, view); err != nil {
		return web.Response{}, fmt.Errorf("page %s: %w", name, err)
	}
	return web.HTML(status, body.Bytes()), nil
}

// A loginView is the sign-in form.
type loginView struct{ Username, Problem, Token string }

// A listed is one row of the list.
type listed struct {
	Href       string
	Time       string // RFC 3339, in UTC
	Operation  core.Operation
	Channel    core.Channel
	Client     core.ClientID
	ClientHref string
	Ended      ended
	Why        string // the error that the caller was told
}

type decisionsView struct {
	Who, Token string
	Filters    []filterView // what the list can be narrowed by
	Narrowed   bool         // and is
	Problem    string       // what is wrong with that
	Rows       []listed
	Older      string // link to the next page
	Earlier    bool   // this is not the first page
	MaxLength  int
}

// A filterView is one field of the form above the list.
type filterView struct {
	Name, Label, Value, Hint string
	Choices                  []string // nil: anything may be typed
}

// filters are the fields in their order.
func filters(get func(string) string) []filterView {
	list := []filterView{
		{Name: "client_id", Label: "Client"},
		{Name: "verdict", Label: "Verdict", Choices: []string{"allowed", "denied", "failed"}},
		{Name: "outcome", Label: "Outcome", Choices: words(ledger.Outcomes())},
		{Name: "operation", Label: "Operation", Choices: words(core.Operations())},
		{Name: "channel", Label: "Channel", Choices: words(core.Channels())},
		{Name: "code", Label: "Error", Hint: "invalid_scope"},
		{Name: "rule", Label: "Rule", Hint: "scopes.not_offered"},
		{Name: "revision", Label: "Policy"},
		{Name: "since", Label: "Since", Hint: "7d, or 2026-03-01"},
		{Name: "until", Label: "Until", Hint: "12h"},
	}
	for i := range list {
		list[i].Value = get(list[i].Name)
	}
	return list
}

func words[T ~string](list []T) []string {
	texts := make([]string, len(list))
	for i, word := range list {
		texts[i] = string(word)
	}
	return texts
}

// problemView is the form with what is wrong in it, and no list.
func problemView(who visitor, get func(string) string, err error) decisionsView {
	return decisionsView{
		Who: who.user.Username, Token: who.token(), Filters: filters(get), Narrowed: true, Problem: core.AsError(err).Detail, MaxLength: longestID,
	}
}

// ended is how a decision ended, in words and as a class of the style sheet.
type ended struct{ Word, Class string }

func endOf(e ledger.Entry) ended {
	switch {
	case e.Verdict == ledger.Denied:
		return ended{"refused", "refused"}
	case e.Verdict == ledger.Failed:
		return ended{"failed", "failed"}
	case e.Channel == core.ChannelDocument: // of which nothing is ever stored
		return ended{"accepted", "accepted"}
	case e.Outcome == ledger.Unchanged:
		return ended{"unchanged", "unchanged"}
	case e.Outcome == ledger.Nothing:
		return ended{"not stored", "failed"}
	}
	return ended{string(e.Outcome), "accepted"}
}

func listView(who visitor, entries []ledger.Entry, next core.DecisionID, get func(string) string) decisionsView {
	view := decisionsView{
		Who: who.user.Username, Token: who.token(), Filters: filters(get), Earlier: get("after") != "", MaxLength: longestID,
	}
	query := url.Values{}
	for _, f := range view.Filters {
		if f.Value != "" {
			query.Set(f.Name, f.Value)
			view.Narrowed = true
		}
	}
	for _, e := range entries {
		row := listed{
			Href: listPath + "/" + url.PathEscape(string(e.DecisionID)), Time: clock(e.Time), Operation: e.Operation, Channel: e.Channel,
			Client: e.ClientID, ClientHref: clientHref(e.ClientID), Ended: endOf(e),
		}
		if e.Error != nil {
			row.Why = string(e.Error.Code)
		}
		view.Rows = append(view.Rows, row)
	}
	if next != "" {
		query.Set("after", string(next))
		view.Older = listPath + "?" + query.Encode()
	}
	return view
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }

// A decisionView explains one decision: what each stage found, changed and took.
type decisionView struct {
	Who, Token   string
	Entry        ledger.Entry
	Time         string
	Ended        ended
	Stages       []stageView
	Shaping      []stageView
	Took         string
	ClientHref   string
	ClientFilter string
}

type stageView struct {
	Name, By, Took string
	Share          int // of the whole time, 0 to 100
	Changes        []change
	Reasons        []reasonView
	Attached       []string
	Calls          []ledger.Call
	Audit, Fault   string
	Fuel           uint64
	Cached         bool
}

// A change is what a stage made of one member.
type change struct{ What, Member, Before, After string }

type reasonView struct {
	core.Reason
	Place  string // file and line of the rule
	Source string // that line
	Deny   bool
}

func (h *Handlers) entryView(who visitor, e ledger.Entry) decisionView {
	var total int64
	for _, s := range append(e.Stages[:len(e.Stages):len(e.Stages)], e.Shaping...) {
		total += s.NS
	}
	view := decisionView{Who: who.user.Username, Token: who.token(), Entry: e, Time: clock(e.Time), Ended: endOf(e), Took: duration(total)}
	if e.ClientID != "" {
		view.ClientHref = clientHref(e.ClientID)
		view.ClientFilter = listPath + "?" + url.Values{"client_id": {string(e.ClientID)}}.Encode()
	}
	line := func(file string, line int) string { return h.explainer.Line(e.Revision, file, line) }
	view.Stages = stageViews(e.Stages, h.explainer.Before(e), total, line)
	view.Shaping = stageViews(e.Shaping, strictjson.Value{}, total, line)
	return view
}

// stageViews draws rows; before is the metadata at their beginning, absent when it is not known.
func stageViews(stages []ledger.Stage, before strictjson.Value, total int64, line func(string, int) string) []stageView {
	views, diffs := make([]stageView, len(stages)), ledger.Diffs(before, stages)
	for i, s := range stages {
		v := stageView{
			Name: s.Stage, By: by(s.By), Took: duration(s.NS), Attached: attached(s.Attached), Calls: s.Calls, Fault: s.Fault, Fuel: s.Fuel, Cached: s.Cached,
		}
		if total > 0 {
			v.Share = int(100 * s.NS / total)
		}
		if s.Audit.Kind() != strictjson.KindAbsent {
			v.Audit = string(strictjson.Append(nil, s.Audit))
		}
		for _, d := range diffs[i] {
			v.Changes = append(v.Changes, changeOf(d))
		}
		for _, r := range s.Reasons {
			v.Reasons = append(v.Reasons, reasonOf(r, line))
		}
		views[i] = v
	}
	return views
}

// attached says what policy attached to the client, one thing a line.
func attached(a *ledger.Attached) []string {
	if a == nil {
		return nil
	}
	var lines []string
	for _, o := range a.Require {
		lines = append(lines, strings.TrimSpace("requires "+o.Name+" "+o.Params)+" (rule "+o.Rule+")")
	}
	for _, name := range slices.Sorted(maps.Keys(a.Limits)) {
		lines = append(lines, fmt.Sprintf("limits %s to %d s", name, a.Limits[name]))
	}
	if len(a.Labels) > 0 {
		lines = append(lines, "labels it "+strings.Join(a.Labels, ", "))
	}
	if a.Trust != "" {
		lines = append(lines, "trusts its statement as "+a.Trust)
	}
	return lines
}

func by(b ledger.By) string {
	if b.Name == "" {
		return b.Kind
	}
	return b.Kind + " " + b.Name
}

func changeOf(d ledger.Diff) change {
	c := change{What: "changed", Member: d.Member, Before: shown(d.Before), After: shown(d.After)}
	switch {
	case d.After.IsAbsent():
		c.What = "removed"
	case d.Before.IsAbsent() && !d.Unknown:
		c.What = "added"
	case d.Before.IsAbsent():
		c.Before = "?"
	}
	return c
}

// shown gives a value as text; none for one that is not there.
func shown(v strictjson.Value) string {
	if v.IsAbsent() {
		return ""
	}
	return string(strictjson.Append(nil, v))
}

func reasonOf(r core.Reason, line func(string, int) string) reasonView {
	v := reasonView{Reason: r, Deny: r.Code != ""}
	if r.File != "" {
		v.Place = r.File + ":" + strconv.Itoa(r.Line)
		v.Source = strings.TrimSpace(line(r.File, r.Line))
	}
	return v
}

// duration gives nanoseconds as people read them.
func duration(ns int64) string {
	switch {
	case ns >= int64(time.Second):
		return fmt.Sprintf("%.2f s", float64(ns)/1e9)
	case ns >= int64(time.Millisecond):
		return fmt.Sprintf("%.2f ms", float64(ns)/1e6)
	}
	return fmt.Sprintf("%.0f µs", float64(ns)/1e3)
}
