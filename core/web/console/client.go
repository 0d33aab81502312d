package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/web"
)

// clientPath is the page of a client; its id is in the query, for it may be a URL.
const clientPath = "/console/client"

func clientHref(id core.ClientID) string {
	return clientPath + "?" + url.Values{"client_id": {string(id)}}.Encode()
}

// historyLength is short: each change has its diff.
const historyLength = 20

// Client shows a client: where it comes from, its secrets with their ends, its metadata, and what was written of it, newest first, each
// with its diff: ?client_id= after=. The history outlives the client. Of a client that only its document describes nothing is stored:
// its history is how the document was judged.
func (h *Handlers) Client(ctx context.Context, r *web.Request, who visitor) (web.Response, error) {
	query, err := web.ParseQuery(r)
	if err != nil {
		return web.Response{}, err
	}
	id, after := core.ClientID(query.Get("client_id")), query.Get("after")
	if id == "" || len(id) > registration.MaxClientID || len(after) > longestID {
		return web.Response{}, errNoClient
	}
	stored, err := h.clients.Client(ctx, id)
	if err != nil {
		return web.Response{}, err
	}
	judged := ledger.Filter{Client: id, Written: true}
	if id.IsDocument() {
		judged = ledger.Filter{Client: id, Channel: core.ChannelDocument}
	}
	entries, next, err := h.decisions.Search(ctx, judged, core.DecisionID(after), historyLength)
	if err != nil {
		return web.Response{}, err
	}
	if stored.Client.ID == "" && len(entries) == 0 && after == "" {
		return web.Response{}, errNoClient
	}
	view := clientView{Who: who.user.Username, Token: who.token(), ID: id, Name: string(id), State: "deleted", Earlier: after != ""}
	if id.IsDocument() {
		view.State, view.Described = "document", true
	}
	view.Newest = clientHref(id)
	view.Decisions = listPath + "?" + url.Values{"client_id": {string(id)}}.Encode()
	if next != "" {
		view.Older = clientPath + "?" + url.Values{"client_id": {string(id)}, "after": {string(next)}}.Encode()
	}
	if stored.Client.ID != "" {
		if stored.Use, err = h.clients.Use(ctx, id); err != nil {
			return web.Response{}, err
		}
		view.describe(stored, r.Start)
	}
	if view.History, err = h.history(ctx, entries); err != nil {
		return web.Response{}, err
	}
	return render("client.html", http.StatusOK, view)
}

var errNoClient = core.Refuse(core.NotFound, "There is no client with this id, and nothing was stored of one.")

// A clientView is one client. Of one that is gone there is only its history.
type clientView struct {
	Who, Token string
	ID         core.ClientID
	Name       string
	State      string
	Described  bool // by a document, and nowhere else
	Facts      []fact
	Secrets    []secretRow
	Demands    []string // what policy attached to it
	Metadata   []member
	History    []historyRow
	Decisions  string // link to all decisions about it, refused ones, too
	Newest     string // links to the other pages of the history
	Older      string
	Earlier    bool
}

// A fact is one thing that is known of a client; Href may explain it.
type fact struct{ Name, Value, Href string }

// A secretRow is a client_secret: never itself, nor anything of it.
type secretRow struct {
	Made, Ends string
	Over       bool // it has ended
}

type member struct{ Name, Value string }

// A historyRow is one write, or one verdict on a document.
type historyRow struct {
	Href, Time string
	Operation  core.Operation
	Channel    core.Channel
	By         string
	Ended      ended
	Changes    []change
	Reasons    []string
}

// describe takes over what is known of a client that there is.
func (v *clientView) describe(s registration.Stored, now time.Time) {
	c, p := &s.Client, &s.Client.Provenance
	v.State = string(s.State)
	if c.Metadata.ClientName != "" {
		v.Name = c.Metadata.ClientName
	}
	v.add("Registered", clock(c.IssuedAt), decisionHref(p.RegisteredBy))
	v.add("Last written", clock(c.UpdatedAt), decisionHref(p.WrittenBy))
	v.add("Approved", string(p.ApprovedBy), decisionHref(p.ApprovedBy))
	v.add("Last used", clockOr(s.Use.Last, "never, as far as known"), "")
	v.add("Ends", clockOr(c.Expires, "never"), "")
	v.add("Channel", string(p.Channel), "")
	v.add("Initial access token", strings.TrimSpace(string(p.IAT)+" "+p.IATLabel), "")
	v.add("Profile", p.Profile, "")
	v.add("Declared by", p.Declared, "")
	v.add("Software statement of", p.StatementIssuer, "")
	v.add("Locked members", strings.Join(c.Locked, " "), "")
	v.add("Policy", p.Revision, "")
	for _, plugin := range p.Plugins {
		v.add("Plugin", plugin.Name+" "+plugin.Digest, "")
	}
	for _, secret := range s.Credentials.Secrets {
		v.Secrets = append(v.Secrets, secretRow{
			Made: clockOr(secret.CreatedAt, "not known"), Ends: clockOr(secret.ExpiresAt, "never"), Over: !secret.ExpiresAt.IsZero() && !now.Before(secret.ExpiresAt),
		})
	}
	g := c.Governance
	v.Demands = attached(&ledger.Attached{Require: g.Obligations, Limits: g.Limits, Labels: g.Labels})
	for name, value := range metadata.Document(&c.Metadata).All() {
		v.Metadata = append(v.Metadata, member{name, shown(value)})
	}
}

// add tells of what there is.
func (v *clientView) add(name, value, href string) {
	if value != "" {
		v.Facts = append(v.Facts, fact{name, value, href})
	}
}

func decisionHref(id core.DecisionID) string {
	if id == "" {
		return ""
	}
	return listPath + "/" + url.PathEscape(string(id))
}

func clockOr(t time.Time, otherwise string) string {
	if t.IsZero() {
		return otherwise
	}
	return clock(t)
}

// history makes rows of entries, each with one diff of all its stages.
func (h *Handlers) history(ctx context.Context, entries []ledger.Entry) ([]historyRow, error) {
	rows := make([]historyRow, len(entries))
	for i, e := range entries {
		whole, found, err := h.decisions.Find(ctx, e.DecisionID) // with its input, which tells what the client was before
		if err != nil {
			return nil, err
		}
		if found {
			e = whole
		}
		rows[i] = historyRow{
			Href: decisionHref(e.DecisionID), Time: clock(e.Time), Operation: e.Operation, Channel: e.Channel,
			By: strings.TrimSpace(string(e.Actor.Kind) + " " + string(e.Actor.Subject)), Ended: endOf(e),
		}
		var all ledger.Stage
		for _, s := range e.Stages {
			all.Patch = append(all.Patch, s.Patch...)
			if s.Stage != "approve" && s.Stage != "change" {
				continue
			}
			for _, reason := range s.Reasons {
				rows[i].Reasons = append(rows[i].Reasons, reason.Message)
			}
		}
		for _, d := range ledger.Diffs(h.explainer.Before(e), []ledger.Stage{all})[0] {
			rows[i].Changes = append(rows[i].Changes, changeOf(d))
		}
	}
	return rows, nil
}
