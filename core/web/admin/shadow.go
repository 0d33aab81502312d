package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/operator"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/core/web"
)

// A Shadow is a candidate policy that is asked beside the one in force and decides nothing.
type Shadow interface {
	// Set puts a candidate in the place of the present one. What is wrong with it is a *Unusable.
	Set(by core.Subject, label string, files map[string][]byte) error
	// Clear ends it.
	Clear() error
	// Show gives its state as JSON, with the latest differences of a kind and of a decision; "" are all.
	Show(kind, decision string, limit int) (any, error)
}

// An Unusable is a candidate that the server cannot use.
type Unusable struct{ Problems []Problem }

// Error implements error.
func (*Unusable) Error() string { return "the policy is not usable" }

// A Problem is one thing that is wrong with a candidate.
type Problem struct {
	File    string `json:"file,omitempty"` // of the candidate
	Line    int    `json:"line,omitempty"` // from 1; 0: the whole file
	Message string `json:"message"`
}

// MaxCandidate bounds the body that carries a candidate policy, in bytes.
const MaxCandidate = 4 << 20

// candidateBody is a policy that an operator sends.
type candidateBody struct {
	Bundle *bundle `json:"bundle"`
	Label  string  `json:"label"`
}

type bundle struct {
	Files map[string]string `json:"files"` // by path relative to the policy folder
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
	files := make(map[string][]byte, len(body.Bundle.Files))
	for name, text := range body.Bundle.Files {
		files[name] = []byte(text)
	}
	if err := h.Shadow.Set(by.Subject, body.Label, files); err != nil {
		return unusable(err)
	}
	return h.shadow(search{limit: 50})
}

// unusable answers 422 with everything that is wrong with a candidate; other errors go their usual way.
func unusable(err error) (web.Response, error) {
	var wrong *Unusable
	if !errors.As(err, &wrong) {
		return web.Response{}, err
	}
	body, err := json.Marshal(struct {
		Type     string    `json:"type"`
		Title    string    `json:"title"`
		Status   int       `json:"status"`
		Detail   string    `json:"detail"`
		Code     core.Code `json:"code"`
		Problems []Problem `json:"problems"`
	}{
		"about:blank", http.StatusText(http.StatusUnprocessableEntity), http.StatusUnprocessableEntity,
		"The policy is not usable; problems says where and why. What was there before stays.", core.InvalidRequest, wrong.Problems,
	})
	return web.Response{Status: http.StatusUnprocessableEntity, ContentType: "application/problem+json", Body: body}, err
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
