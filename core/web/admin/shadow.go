package admin

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// A Shadow is a candidate policy that is asked beside the one in force and decides nothing.
type Shadow interface {
	// Set puts the files of a candidate in the place of the present one. What is wrong with it is a *replay.Unusable.
	Set(by core.Subject, label string, files map[string]string) error
	// Clear ends it.
	Clear() error
	// Show gives its state as JSON, with the latest differences of a kind and of a decision; "" are all.
	Show(kind, decision string, limit int) (any, error)
}

// candidateBody is a policy that an operator sends.
type candidateBody struct {
	Bundle *bundleBody `json:"bundle"`
	Label  string      `json:"label"`
}

const maxLabel = 100

// SetShadow puts a candidate beside the policy in force.
func (h *Handlers) SetShadow(_ context.Context, r *web.Request, by operator.Operator) (web.Response, error) {
	var body candidateBody
	if err := strictjson.Decode(r.Body, &body, strictjson.Limits{MaxBytes: MaxCandidate}); err != nil {
		return web.Response{}, core.Refuse(core.InvalidRequest, "The body cannot be used: %v.", err)
	}
	if body.Bundle == nil || body.Bundle.Files == nil {
		return web.Response{}, core.Refuse(core.InvalidRequest, `The body needs bundle.files: {"bundle": {"files": {"partners.rego": "package ..."}}}.`)
	}
	if len(body.Label) > maxLabel {
		return web.Response{}, core.Refuse(core.InvalidRequest, "label is longer than %d bytes.", maxLabel)
	}
	files, err := body.Bundle.candidate()
	if err != nil {
		return web.Response{}, err
	}
	if err := h.Shadow.Set(by.Subject, body.Label, files); err != nil {
		return unusable(err)
	}
	return h.shadow(search{limit: 50})
}

// ShowShadow answers how the candidate beside the policy in force does: ?kind= decision= limit= choose among the differences.
func (h *Handlers) ShowShadow(_ context.Context, r *web.Request, _ operator.Operator) (web.Response, error) {
	s, err := searchOf(r, "kind", "decision")
	if err != nil {
		return web.Response{}, err
	}
	return h.shadow(s)
}

func (h *Handlers) shadow(s search) (web.Response, error) {
	state, err := h.Shadow.Show(s.Get("kind"), s.Get("decision"), s.limit)
	if err != nil {
		return web.Response{}, err
	}
	return reply(http.StatusOK, state)
}

// ClearShadow ends the candidate that an operator sent.
func (h *Handlers) ClearShadow(context.Context, *web.Request, operator.Operator) (web.Response, error) {
	if err := h.Shadow.Clear(); err != nil {
		return web.Response{}, err
	}
	return web.NoContent(), nil
}
