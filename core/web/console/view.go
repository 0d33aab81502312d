package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/url"
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
	Href      string
	Time      string // RFC 3339, in UTC
	Operation core.Operation
	Channel   core.Channel
	Client    core.ClientID
	Ended     ended
	Why       string // the error that the caller was told
}

type decisionsView struct {
	Who, Token  string
	Client      string // what the list is narrowed to
	Rows        []listed
	Older       string // link to the next page
	Earlier     bool   // this is not the first page
	ClientLimit int
}

// ended is how a decision ended, in words and as a class of the style sheet.
type ended struct{ Word, Class string }

func endOf(e ledger.Entry) ended {
	switch {
	case e.Verdict == ledger.Denied:
		return ended{"refused", "refused"}
	case e.Verdict == ledger.Failed:
		return ended{"failed", "failed"}
	case e.Outcome == ledger.Unchanged:
		return ended{"unchanged", "unchanged"}
	case e.Outcome == ledger.Nothing:
		return ended{"not stored", "failed"}
	}
	return ended{string(e.Outcome), "accepted"}
}

func listView(who visitor, entries []ledger.Entry, client, after string) decisionsView {
	view := decisionsView{Who: who.user.Username, Token: who.token(), Client: client, Earlier: after != "", ClientLimit: longestID}
	for _, e := range entries {
		row := listed{
			Href: listPath + "/" + url.PathEscape(string(e.DecisionID)), Time: clock(e.Time), Operation: e.Operation, Channel: e.Channel,
			Client: e.ClientID, Ended: endOf(e),
		}
		if e.Error != nil {
			row.Why = string(e.Error.Code)
		}
		view.Rows = append(view.Rows, row)
	}
	if len(entries) == pageLength {
		query := url.Values{"after": {string(entries[pageLength-1].DecisionID)}}
		if client != "" {
			query.Set("client_id", client)
		}
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
	ClientFilter string
}

type stageView struct {
	Name, By, Took string
	Share          int // of the whole time, 0 to 100
	Changes        []change
	Reasons        []reasonView
	Calls          []ledger.Call
	Audit, Fault   string
	Fuel           uint64
	Cached         bool
}

// A change is one step of a stage's patch, in words.
type change struct{ What, Member, Value string }

type reasonView struct {
	core.Reason
	Place string // file and line of the rule
	Deny  bool
}

func entryView(who visitor, e ledger.Entry) decisionView {
	var total int64
	for _, s := range append(e.Stages[:len(e.Stages):len(e.Stages)], e.Shaping...) {
		total += s.NS
	}
	view := decisionView{Who: who.user.Username, Token: who.token(), Entry: e, Time: clock(e.Time), Ended: endOf(e), Took: duration(total)}
	if e.ClientID != "" {
		view.ClientFilter = listPath + "?" + url.Values{"client_id": {string(e.ClientID)}}.Encode()
	}
	view.Stages, view.Shaping = stageViews(e.Stages, total), stageViews(e.Shaping, total)
	return view
}

func stageViews(stages []ledger.Stage, total int64) []stageView {
	views := make([]stageView, len(stages))
	for i, s := range stages {
		v := stageView{Name: s.Stage, By: by(s.By), Took: duration(s.NS), Calls: s.Calls, Fault: s.Fault, Fuel: s.Fuel, Cached: s.Cached}
		if total > 0 {
			v.Share = int(100 * s.NS / total)
		}
		if s.Audit.Kind() != strictjson.KindAbsent {
			v.Audit = string(strictjson.Append(nil, s.Audit))
		}
		for _, op := range s.Patch {
			v.Changes = append(v.Changes, changeOf(op))
		}
		for _, r := range s.Reasons {
			v.Reasons = append(v.Reasons, reasonOf(r))
		}
		views[i] = v
	}
	return views
}

func by(b ledger.By) string {
	if b.Name == "" {
		return b.Kind
	}
	return b.Kind + " " + b.Name
}

func changeOf(op strictjson.PatchOp) change {
	member := strings.NewReplacer("~1", "/", "~0", "~").Replace(strings.TrimPrefix(op.Path, "/"))
	if member == "" {
		member = "the whole document"
	}
	c := change{What: map[string]string{"add": "added", "remove": "removed", "replace": "changed"}[op.Op], Member: member}
	if op.Op != "remove" {
		c.Value = string(strictjson.Append(nil, op.Value))
	}
	return c
}

func reasonOf(r core.Reason) reasonView {
	v := reasonView{Reason: r, Deny: r.Code != ""}
	if r.File != "" {
		v.Place = r.File + ":" + strconv.Itoa(r.Line)
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
