package admin

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/declared"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// DeclaredSets keep what is declared beside clients: trusted issuers, templates of initial access tokens, policy data and bindings of
// plugins.
type DeclaredSets interface {
	List(ctx context.Context) ([]DeclaredSet, error)
	// Show gives what a set declares, without secrets.
	Show(ctx context.Context, set string) (ShownSet, error)
	// Declare tells what would change, and unless it is a dry run, changes it. Nothing is changed when all could not be used.
	Declare(ctx context.Context, order SetOrder) (SetPlan, error)
}

// A DeclaredSet is what a set holds. What its entries say may be secret.
type DeclaredSet struct {
	Set     string       `json:"set"`
	ETag    string       `json:"etag"`
	By      core.Subject `json:"by"`
	At      time.Time    `json:"at"`
	Entries []SetEntry   `json:"entries"`
}

// A ShownSet is a set in the form of a file, but for its clients.
type ShownSet struct {
	DeclaredSet
	Document strictjson.Value `json:"document"`
	LeftOut  []string         `json:"left_out"` // names what is not in it: secrets
}

// A SetEntry is one thing that is declared.
type SetEntry struct {
	Kind string `json:"kind"` // as the member of a file
	Name string `json:"name"`
}

// A SetOrder is a set as it is to be.
type SetOrder struct {
	Set      string
	Document strictjson.Value
	Prune    bool   // what the document does not name goes
	DryRun   bool   // only tell
	IfMatch  string // an entity tag; "": whatever it is now
	By       core.Subject
}

// A SetPlan is what an order comes to.
type SetPlan struct {
	Set     string      `json:"set"`
	ETag    string      `json:"etag,omitempty"` // of the set before
	Changes []SetChange `json:"changes"`
}

// A SetChange is one entry that is made, changed or removed.
type SetChange struct {
	Action string               `json:"action"` // create, update, delete
	Kind   string               `json:"kind"`
	Name   string               `json:"name"`
	Diff   []strictjson.PatchOp `json:"diff,omitempty"`   // of what is no secret
	Says   []string             `json:"says,omitempty"`   // what the server would make of it; after it is written, what it made of it
	Failed bool                 `json:"failed,omitempty"` // it is written, and cannot come into force: Says why
}

// ListSets lists the sets of declarations and what each holds beside clients.
func (h *Handlers) ListSets(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	if _, err := searchOf(r); err != nil {
		return web.Response{}, err
	}
	sets, err := h.Sets.List(ctx)
	if err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusOK, list[DeclaredSet]{Items: sets})
}

// ShowSet is what a set declares beside clients, without secrets.
func (h *Handlers) ShowSet(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	set, err := setOf(r)
	if err != nil {
		return web.Response{}, err
	}
	shown, err := h.Sets.Show(ctx, set)
	if err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusOK, shown)
}

// DeclareSet is PUT: what a set declares beside clients. ?prune=true removes what the body does not name, dry_run=true only tells
// what would change.
func (h *Handlers) DeclareSet(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	set, err := setOf(r)
	if err != nil {
		return web.Response{}, err
	}
	order := SetOrder{Set: set, By: by.Subject}
	query, err := searchOf(r, "prune", "dry_run")
	if err != nil {
		return web.Response{}, err
	}
	for name, to := range map[string]*bool{"prune": &order.Prune, "dry_run": &order.DryRun} {
		if given := query.Get(name); given != "" && given != "true" && given != "false" {
			return web.Response{}, core.Refuse(core.InvalidRequest, "%s must be true or false.", name)
		}
		*to = query.Get(name) == "true"
	}
	if tags := web.EntityTags(r, "If-Match"); len(tags) > 0 && tags[0] != "*" {
		order.IfMatch = tags[0]
	}
	limits := strictjson.Stored
	limits.MaxBytes = max(limits.MaxBytes, len(r.Body))
	if order.Document, err = strictjson.Parse(r.Body, limits); err != nil {
		return web.Response{}, core.Refuse(core.InvalidRequest, "The body is not usable JSON: %v.", err)
	}
	if err := checkSet(order.Document); err != nil {
		return web.Response{}, err
	}
	plan, err := h.Sets.Declare(ctx, order)
	if err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusOK, plan)
}

// checkSet wants members that a set has, each of its kind, and templates that tokens can be minted from.
func checkSet(doc strictjson.Value) error {
	if doc.Kind() != strictjson.KindObject {
		return core.Refuse(core.InvalidRequest, "The body must be a JSON object, not %s.", doc.Kind())
	}
	for name, v := range doc.All() {
		want := strictjson.KindObject
		if name == declared.KindIssuers {
			want = strictjson.KindArray
		}
		switch {
		case name == declared.KindClients || !slices.Contains(declared.Kinds(), name):
			return core.Refuse(core.InvalidRequest, "%s is nothing that a set declares here.", core.Clip(name))
		case v.Kind() != want:
			return core.Refuse(core.InvalidRequest, "%s must be %s, not %s.", name, want, v.Kind())
		}
	}
	templates, _ := doc.Get(declared.KindTokens)
	for name, v := range templates.All() {
		if _, has := v.Get("template"); has {
			return core.Refuse(core.InvalidRequest, "%s.%s.template: a template is made from no other.", declared.KindTokens, core.Clip(name))
		}
		if err := v.Decode(new(tokenBody)); err != nil {
			return core.Refuse(core.InvalidRequest, "%s.%s: %v.", declared.KindTokens, core.Clip(name), err)
		}
	}
	return nil
}

// fromTemplate gives the body of a new token: what it says itself, over what the template says that it names.
func (h *Handlers) fromTemplate(body []byte) ([]byte, error) {
	doc, err := web.ParseBody(body)
	named, has := doc.Get("template")
	if err != nil || !has || doc.Kind() != strictjson.KindObject {
		return body, nil // DecodeBody says what is wrong
	}
	name, isText := named.Text()
	if !isText {
		return nil, core.Refuse(core.InvalidRequest, "template must be a string.")
	}
	template, err := h.Declared.Site().Template(name)
	if err != nil {
		return nil, err
	}
	for member, v := range doc.Without("template").All() {
		template = template.With(member, v)
	}
	return strictjson.Append(nil, template), nil
}
