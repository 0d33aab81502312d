package admin

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// Plugins are what is plugged in. What they show is JSON.
type Plugins interface {
	List() any
	// Show gives one by name; false when there is none.
	Show(name string) (any, bool)
	// Approve grants one what it asks for. asked, when it is not absent, is what the operator saw it ask for.
	Approve(ctx context.Context, name string, by core.Subject, asked strictjson.Value) error
	// Revoke takes that back.
	Revoke(ctx context.Context, name string, by core.Subject) error
	// Kept shows a page of what one keeps, without values; with a key: what it keeps under it.
	Kept(ctx context.Context, name, key, cursor string, limit int) (any, error)
	// Forget removes what one keeps under a key; with "": all that it keeps. It shows how much that was.
	Forget(ctx context.Context, name, key string, by core.Subject) (any, error)
}

// ListPlugins answers what is plugged in, and how it is.
func (h *Handlers) ListPlugins(context.Context, *web.Request, operator.Operator) (web.Response, error) {
	return reply(http.StatusOK, h.Plugins.List())
}

// ShowPlugin answers how one plugin is.
func (h *Handlers) ShowPlugin(_ context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	return h.plugin(r)
}

func (h *Handlers) plugin(r *web.Request) (web.Response, error) {
	name := r.Param("name")
	shown, ok := h.Plugins.Show(name)
	if !ok {
		return web.Response{}, core.Refuse(core.NotFound, "There is no plugin %s.", core.Clip(name))
	}
	return reply(http.StatusOK, shown)
}

// ApprovePlugin grants a plugin what it asks for. The body may say what that is: {"asked": {…}}.
func (h *Handlers) ApprovePlugin(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	var body struct {
		Asked strictjson.Value `json:"asked"`
	}
	if err := readIfGiven(r, &body); err != nil {
		return web.Response{}, err
	}
	if err := h.Plugins.Approve(ctx, r.Param("name"), by.Subject, body.Asked); err != nil {
		return web.Response{}, err
	}
	return h.plugin(r)
}

// RevokePlugin takes back what was approved of a plugin.
func (h *Handlers) RevokePlugin(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	if err := readIfGiven(r, &struct{}{}); err != nil {
		return web.Response{}, err
	}
	if err := h.Plugins.Revoke(ctx, r.Param("name"), by.Subject); err != nil {
		return web.Response{}, err
	}
	return h.plugin(r)
}

// ShowKept answers what a plugin keeps, a page of keys: ?cursor= limit=. With ?key= it answers the value, too.
func (h *Handlers) ShowKept(ctx context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	query, err := searchOf(r, "key")
	if err != nil {
		return web.Response{}, err
	}
	shown, err := h.Plugins.Kept(ctx, r.Param("name"), query.Get("key"), query.Get("cursor"), query.limit)
	if err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusOK, shown)
}

// ForgetKept removes what a plugin keeps: all of it, or what stands under ?key=.
func (h *Handlers) ForgetKept(ctx context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	query, err := searchOf(r, "key")
	if err != nil {
		return web.Response{}, err
	}
	if query.Has("key") && query.Get("key") == "" {
		return web.Response{}, core.Refuse(core.InvalidRequest, "key is empty. Leave it out to have everything forgotten.")
	}
	shown, err := h.Plugins.Forget(ctx, r.Param("name"), query.Get("key"), by.Subject)
	if err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusOK, shown)
}

// readIfGiven reads a body that may be left out.
func readIfGiven[T any](r *web.Request, body *T) error {
	if len(r.Body) == 0 {
		return nil
	}
	if err := strictjson.Decode(r.Body, body, strictjson.Default); err != nil {
		return core.Refuse(core.InvalidRequest, "The body cannot be used: %v.", err)
	}
	return nil
}
