package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// Clients lists clients. A cursor is opaque; "" starts, and "" ends. The zero Stored is no client.
type Clients interface {
	Client(ctx context.Context, id core.ClientID) (registration.Stored, error)
	Use(ctx context.Context, id core.ClientID) (registration.Use, error)
	Page(ctx context.Context, f registration.Filter, cursor string, limit int) (page []registration.Stored, next string, err error)
}

// Desk takes what is decided on a client (core/registration).
type Desk interface {
	Do(ctx context.Context, req registration.Request) (registration.Answer, error)
}

// Approving says where the clients are that wait for approval, and who is told what was decided.
func (h *Handlers) Approving(clients Clients, desk Desk) *Handlers {
	h.clients, h.desk = clients, desk
	return h
}

// approvalsPath is the page of those who wait; each of its forms posts below it.
const approvalsPath = "/console/approvals"

// Approvals shows the clients that wait for approval, newest first: ?queue= cursor= done=, the last a decision just made.
func (h *Handlers) Approvals(ctx context.Context, r *web.Request, who visitor) (web.Response, error) {
	query, err := web.ParseQuery(r)
	if err != nil {
		return web.Response{}, err
	}
	view := approvalsView{Done: query.Get("done")}
	if len(view.Done) > longestID || !strings.HasPrefix(view.Done, "d-") {
		view.Done = ""
	}
	return h.approvals(ctx, http.StatusOK, who, query, view)
}

// approvals renders the list with what there is to say of the last decision.
func (h *Handlers) approvals(ctx context.Context, status int, who visitor, query oauth.Params, view approvalsView) (web.Response, error) {
	queue := query.Get("queue")
	if len(queue) > longestID {
		return web.Response{}, core.Refuse(core.InvalidRequest, "No queue has a name that long.")
	}
	waiting, next, err := h.clients.Page(ctx, registration.Filter{State: core.Pending, Queue: queue}, query.Get("cursor"), approvalsLength)
	if err != nil {
		return web.Response{}, err
	}
	view.fill(who, waiting, queue, next, query.Get("cursor") != "")
	return render("approvals.html", status, view)
}

// approvalsLength is shorter than other pages: a row of it is long.
const approvalsLength = 20

// Approve lets a client be used that waits, as it is or with the less that the form leaves it.
func (h *Handlers) Approve(ctx context.Context, r *web.Request, who visitor) (web.Response, error) {
	return h.decide(ctx, r, who, core.Approve)
}

// Reject removes a client that waits.
func (h *Handlers) Reject(ctx context.Context, r *web.Request, who visitor) (web.Response, error) {
	return h.decide(ctx, r, who, core.Reject)
}

// decide sends a decision down the road. It is about the client as the page showed it, and about no other.
func (h *Handlers) decide(ctx context.Context, r *web.Request, who visitor, op core.Operation) (web.Response, error) {
	form, err := web.ParseForm(r, keptFields()...)
	if err != nil {
		return web.Response{}, err
	}
	if !sameToken(form, "session", who.cookie) {
		return web.Response{}, core.Refuse(core.AccessDenied, "The form did not come from this session. Go back, reload the page and try again.")
	}
	var less strictjson.Value
	if op == core.Approve {
		if less, err = narrowing(form); err != nil {
			return h.approvals(ctx, http.StatusBadRequest, who, oauth.Params{"queue": form["queue"]}, approvalsView{Problem: core.AsError(err).Detail})
		}
	}
	req := registration.Request{
		Operation: op, Channel: core.ChannelOperator, Decision: core.NewDecisionID(r.Start), RequestID: r.ID,
		ClientID: core.ClientID(form.Get("client_id")), Reason: strings.TrimSpace(form.Get("reason")), IfMatch: []string{form.Get("version")}, Body: less,
		Credential: registration.Credential{Operator: who.user.Subject}, Caller: web.CallerOf(r),
	}
	if _, err := h.desk.Do(ctx, req); err != nil {
		return h.undecided(ctx, who, form, err)
	}
	return web.SeeOther(approvalsPath + "?" + url.Values{"queue": {form.Get("queue")}, "done": {string(req.Decision)}}.Encode()), nil
}

// undecided shows the list again with why nothing was decided; our own faults are not the list's.
func (h *Handlers) undecided(ctx context.Context, who visitor, form oauth.Params, err error) (web.Response, error) {
	why := core.AsError(err)
	view, status := approvalsView{Problem: why.Detail}, http.StatusConflict
	switch why.Code {
	case core.Conflict:
	case core.NotFound:
		view.Problem = "This client does not wait any more: somebody else has rejected it, or its time was over."
	case core.PreconditionFailed:
		view.Problem = "This client was changed, or somebody else has decided, since the page was made. Look at it again."
	case core.AccessDenied, core.InvalidScope, core.InvalidClientMetadata, core.InvalidRedirectURI, core.InvalidRequest, core.InvalidSoftwareStatement, core.UnapprovedSoftwareStmt:
		view.Problem, status = "The rules do not allow it: "+why.Detail, http.StatusForbidden
	default:
		return web.Response{}, err
	}
	view.Done = string(why.Decision)
	return h.approvals(ctx, status, who, oauth.Params{"queue": form["queue"]}, view)
}

// An approvalsView is the list of those who wait.
type approvalsView struct {
	Who, Token  string
	Problem     string // why the last decision was none
	Done        string // the last decision, which explains itself
	DoneHref    string
	Queue       string // what the list is narrowed to
	QueueLimit  int
	ReasonLimit int
	Rows        []waiting
	Older       string // link to the next page
	Earlier     bool   // this is not the first page
}

// A waiting client is one that can be approved or rejected.
type waiting struct {
	Row                 string // distinguishes the fields of the page
	Href                string // link to the client
	ID, Name, Version   string
	Since, Until        string
	Registered          string // link to the decision that let it wait
	Channel             core.Channel
	Profile, Token      string
	Why                 []registration.Wait
	Redirects, Contacts []string
	Scope, Grants, Auth string
	Site                string
	Less                []narrowable
}

func (v *approvalsView) fill(who visitor, page []registration.Stored, queue, next string, earlier bool) {
	v.Who, v.Token, v.Queue, v.Earlier = who.user.Username, who.token(), queue, earlier
	v.QueueLimit, v.ReasonLimit = longestID, registration.MaxReason
	if v.Done != "" {
		v.DoneHref = listPath + "/" + url.PathEscape(v.Done)
	}
	for i, s := range page {
		v.Rows = append(v.Rows, waitingOf(i, s))
	}
	if next != "" {
		v.Older = approvalsPath + "?" + url.Values{"queue": {queue}, "cursor": {next}}.Encode()
	}
}

func waitingOf(i int, s registration.Stored) waiting {
	c, m := &s.Client, &s.Client.Metadata
	w := waiting{
		Row: strconv.Itoa(i + 1), Href: clientHref(c.ID), ID: string(c.ID), Name: m.ClientName, Version: s.Tag(), Since: clock(c.IssuedAt), Until: clock(c.Expires),
		Registered: listPath + "/" + url.PathEscape(string(c.Provenance.RegisteredBy)), Channel: c.Provenance.Channel, Profile: c.Provenance.Profile,
		Token: string(c.Provenance.IAT), Why: registration.Waits(c.Governance), Redirects: m.RedirectURIs, Contacts: m.Contacts,
		Scope: oauth.FormatScope(m.Scope), Grants: strings.Join(m.GrantTypes, " "), Auth: m.TokenEndpointAuthMethod, Site: m.ClientURI,
		Less: narrowables(m),
	}
	if w.Name == "" {
		w.Name = w.ID
	}
	return w
}
