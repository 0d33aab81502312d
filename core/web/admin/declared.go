package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/declared"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// Declarer plans and carries out what is declared of clients (core/registration).
type Declarer interface {
	Plan(ctx context.Context, req registration.Request) (registration.Planned, error)
	Declare(ctx context.Context, req registration.Request) (registration.Answer, core.Operation, error)
	Site() *registration.Site
}

// MaxPlanned is how many clients are planned at once.
const MaxPlanned = 200

// planBody are entries of a clients.yaml.
type planBody struct {
	Clients []strictjson.Value `json:"clients"`
}

// planned is what an entry would come to.
type planned struct {
	ClientID core.ClientID        `json:"client_id"`
	Action   string               `json:"action"` // create, update, none, refused, invalid
	ETag     string               `json:"etag,omitempty"`
	Diff     []strictjson.PatchOp `json:"diff"`
	Secrets  bool                 `json:"secrets"` // would be replaced
	Made     bool                 `json:"secret_made"`
	Status   core.State           `json:"registration_status,omitempty"`
	Error    *shownError          `json:"error,omitempty"`
	Errors   []core.Reason        `json:"errors,omitempty"`
	Warnings []core.Reason        `json:"warnings,omitempty"`
	Problems []declared.Problem   `json:"problems,omitempty"` // of an invalid entry
	Revision string               `json:"revision,omitempty"`
}

// PlanClients tells what declared clients would come to: each is judged as if it were applied now, and nothing is written.
func (h *Handlers) PlanClients(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	set, err := setOf(r)
	if err != nil {
		return web.Response{}, err
	}
	var body planBody
	limits := strictjson.Stored
	limits.MaxBytes = max(limits.MaxBytes, len(r.Body))
	if err := strictjson.Decode(r.Body, &body, limits); err != nil {
		return web.Response{}, core.Refuse(core.InvalidRequest, "The body cannot be used: %v.", err)
	}
	if len(body.Clients) > MaxPlanned {
		return web.Response{}, core.Refuse(core.InvalidRequest, "clients has more than %d entries; send them in parts.", MaxPlanned)
	}
	items := make([]planned, len(body.Clients))
	for i, doc := range body.Clients {
		if items[i], err = h.plan(ctx, r, by, set, doc); err != nil {
			return web.Response{}, err
		}
	}
	return reply(http.StatusOK, list[planned]{Items: items})
}

func (h *Handlers) plan(ctx context.Context, r *web.Request, by operator.Operator, set string, doc strictjson.Value) (planned, error) {
	entry, problems := declared.Read(doc, h.custom())
	item := planned{ClientID: entry.ID, Action: "invalid", Diff: []strictjson.PatchOp{}, Problems: problems}
	if len(problems) > 0 {
		return item, nil
	}
	req := declaration(r, by, set, entry)
	req.Decision = core.NewDecisionID(r.Start)
	p, err := h.Declared.Plan(ctx, req)
	if err != nil {
		return item, err
	}
	item.ETag, item.Secrets, item.Made, item.Revision, item.Warnings = p.Tag, p.Secrets, p.Made, p.Entry.Revision, p.Warnings
	if p.State != core.Active {
		item.Status = p.State
	}
	switch {
	case p.Err != nil:
		e := core.AsError(p.Err)
		item.Action, item.Error, item.Errors = "refused", &shownError{e.Code, e.Detail}, e.Reasons
	case p.Unchanged:
		item.Action = "none"
	default:
		item.Action, item.Diff = "create", orEmpty(p.Diff)
		if p.Operation == core.Update {
			item.Action = "update"
		}
	}
	return item, nil
}

// custom are the members that the server keeps beside client metadata; never nil.
func (h *Handlers) custom() []string { return orEmpty(h.Declared.Site().CustomAttributes) }

// setOf reads the name of a set of declarations.
func setOf(r *web.Request) (string, error) {
	set := r.Param("set")
	if !validSet(set) {
		return "", core.Refuse(core.InvalidRequest, "A set of declarations is named by 1 to 64 of a-z, 0-9, - and _.")
	}
	return set, nil
}

func validSet(set string) bool {
	return set != "" && len(set) <= 64 && strings.Trim(set, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// declaration is an entry as the desk takes it.
func declaration(r *web.Request, by operator.Operator, set string, entry declared.Entry) registration.Request {
	d := &registration.Declaration{Set: set}
	for _, s := range entry.Secrets {
		d.Secrets = append(d.Secrets, registration.SuppliedSecret(s))
	}
	return registration.Request{
		Channel: core.ChannelImport, Decision: r.DecisionID, RequestID: r.ID, ClientID: entry.ID, Body: entry.Document,
		Credential: registration.Credential{Operator: by.Subject}, Caller: web.CallerOf(r), Declared: d,
	}
}

// DeclareClient is PUT: the client is as the entry says. If-None-Match: * wants that it is new, If-Match that nobody has changed
// it since.
func (h *Handlers) DeclareClient(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	id := core.ClientID(r.Param("id"))
	set, entry, err := h.entryOf(r, id)
	req := declaration(r, by, set, entry)
	req.ClientID, req.IfMatch = id, web.EntityTags(r, "If-Match")
	req.Declared.New = slices.Contains(web.EntityTags(r, "If-None-Match"), "*")
	if err != nil {
		req.Refused = core.AsError(err) // the desk writes it down
	}
	answer, op, err := h.Declared.Declare(ctx, req)
	if err != nil {
		return web.Response{}, err
	}
	status := http.StatusOK
	if op == core.Register {
		status = http.StatusCreated
	}
	return web.JSON(status, answer.Body).With("ETag", answer.Tag), nil
}

// entryOf reads the set and the entry of a request about one client.
func (h *Handlers) entryOf(r *web.Request, id core.ClientID) (set string, entry declared.Entry, err error) {
	if set, err = setOf(r); err != nil {
		return set, entry, err
	}
	doc, err := web.ParseBody(r.Body)
	if err != nil {
		return set, entry, err
	}
	if named, has := doc.Get("client_id"); doc.Kind() == strictjson.KindObject && (!has || named.IsNull()) {
		doc = doc.With("client_id", strictjson.String(string(id)))
	}
	entry, problems := declared.Read(doc, h.custom())
	switch {
	case len(problems) > 0:
		return set, declared.Entry{}, unreadable(problems)
	case entry.ID != id:
		return set, declared.Entry{}, core.Refuse(core.InvalidRequest, "client_id is not that of the path.")
	}
	return set, entry, nil
}

// unreadable is the refusal of an entry, with all that is wrong with it.
func unreadable(problems []declared.Problem) *core.Error {
	e := &core.Error{Code: core.InvalidClientMetadata}
	for _, p := range problems {
		text := strings.TrimPrefix(p.Path+": "+p.Text, ": ")
		reason := core.Reason{Rule: "declared", Code: e.Code, Message: text, Public: true, Fields: []string{}}
		if p.Path != "" {
			reason.Fields = append(reason.Fields, p.Path)
		}
		e.Reasons = append(e.Reasons, reason)
	}
	e.Detail = e.Reasons[0].Message
	return e
}

// WithdrawClient removes a client that the set declared.
func (h *Handlers) WithdrawClient(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	set, err := setOf(r)
	req := declaration(r, by, set, declared.Entry{ID: core.ClientID(r.Param("id"))})
	req.Operation, req.IfMatch = core.Delete, web.EntityTags(r, "If-Match")
	if err != nil {
		req.Refused = core.AsError(err)
	}
	if _, err := h.Desk.Do(ctx, req); err != nil {
		return web.Response{}, err
	}
	return web.NoContent(), nil
}

// exported is a stored client as an entry of a clients.yaml.
type exported struct {
	ClientID core.ClientID    `json:"client_id"`
	State    core.State       `json:"state"`
	Set      string           `json:"set,omitempty"` // the set that declared it
	ETag     string           `json:"etag"`
	Secrets  int              `json:"secrets"` // how many it has
	Entry    strictjson.Value `json:"entry"`
}

// ExportClients lists clients as entries of a clients.yaml, newest first: ?set= (those that a set declared), secrets=hashes (with
// the hashes of their secrets), cursor= limit=.
func (h *Handlers) ExportClients(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	query, err := searchOf(r, "set", "secrets")
	if err != nil {
		return web.Response{}, err
	}
	secrets := query.Get("secrets")
	if secrets != "" && secrets != "hashes" {
		return web.Response{}, core.Refuse(core.InvalidRequest, "secrets must be hashes, or absent: secrets themselves are not kept.")
	}
	filter := registration.Filter{Declared: query.Get("set")}
	if filter.Declared != "" {
		filter.Channel = core.ChannelImport
	}
	page, next, err := h.Clients.Page(ctx, filter, query.Get("cursor"), query.limit)
	if err != nil {
		return web.Response{}, err
	}
	items := make([]exported, len(page))
	for i, s := range page {
		items[i] = exported{ClientID: s.Client.ID, State: s.State, Set: s.Client.Provenance.Declared, ETag: s.Tag(), Secrets: len(s.Credentials.Secrets)}
		var hashes []core.StoredSecret
		if secrets != "" {
			hashes = s.Credentials.Secrets
		}
		items[i].Entry = declared.Write(s.Client, hashes)
	}
	return reply(http.StatusOK, list[exported]{Items: items, Next: next})
}
