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
