package main

import (
	"time"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/decisionlog"
	"github.com/ostiary/ostiary/policies"
)

// problem is one thing that keeps a change from being in force.
type problem struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Message string `json:"message"`
}

// policyStatus is the answer of /api/admin/policies.
type policyStatus struct {
	Revision  string          `json:"revision"`
	Origin    policies.Origin `json:"origin"`
	LoadedAt  time.Time       `json:"loaded_at"`
	Degraded  bool            `json:"degraded"`
	Bundle    *bundleStatus   `json:"bundle,omitempty"` // absent: the rules are a folder's
	Cacheable bool            `json:"cacheable"`
	WhyNot    string          `json:"why_not_cacheable,omitempty"`
	Problems  []problem       `json:"problems"`

	DecisionLog []decisionlog.Status `json:"decision_log,omitempty"`
}

func (h *house) policyStatus() policyStatus {
	s := h.policy.Status()
	out := policyStatus{
		Revision: s.ActiveRevision, Origin: s.Origin, LoadedAt: s.LoadedAt, Cacheable: s.Cacheable, WhyNot: s.WhyNot, Problems: h.rules.wrong(),
	}
	if h.rules.bundle != nil {
		out.Bundle = h.rules.bundle.status(h.rules.bundleInForce())
	}
	if h.decisionLog != nil {
		out.DecisionLog = h.decisionLog.Status()
	}
	out.Degraded = s.ActiveRevision == "" || len(out.Problems) > 0
	return out
}

func fromConfig(p config.Problem) problem {
	message := p.Text
	if p.Path != "" {
		message = p.Path + ": " + p.Text
	}
	return problem{File: p.File, Line: p.Line, Message: message}
}

// health is the answer of /health/ready: 200 while requests can be answered, degraded when an operator should look.
type health struct {
	Status   string    `json:"status"` // ok, degraded or unavailable
	Problems []problem `json:"problems"`
}

func (h *house) health(storeErr error) health {
	out := health{Status: "ok", Problems: []problem{}}
	if policy := h.policyStatus(); policy.Degraded {
		out.Problems = append(out.Problems, policy.Problems...)
	}
	for _, p := range h.plugins.Status() {
		if wrong := wrongWith(&p); wrong != "" {
			out.Problems = append(out.Problems, problem{File: p.Name, Message: "plugin " + p.Name + ": " + wrong})
		}
	}
	if len(out.Problems) > 0 {
		out.Status = "degraded"
	}
	if storeErr != nil {
		out.Status = "unavailable"
		out.Problems = append(out.Problems, problem{Message: "store: " + storeErr.Error()})
	}
	return out
}
