package main

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/token"
)

// A consultation is what plugins were asked outside of the desk, where nothing is written unless one of them refused or failed.
type consultation struct {
	operation core.Operation
	hook      hook.Point
	decision  core.DecisionID
	client    core.ClientID
	caller    core.Caller
	at        time.Time
	asked     []hook.Asked
	err       error // nil: it went on all the same
}

// tokenExtended writes down what plugins did to a token that they failed at or refused.
func (h *house) tokenExtended(x token.Extension) {
	h.writeDown(consultation{
		operation: "token", hook: hook.TokenClaims, decision: x.Decision, client: x.Client, caller: x.Caller, at: x.At, asked: x.Asked, err: x.Err,
	})
}

// checkCertificate lets plugins refuse the certificate by which a client proved itself (RFC 8705 §2).
func (h *house) checkCertificate(ctx context.Context, c *core.Client, caller core.Caller) error {
	if !h.plugins.Serves(hook.CertificateCheck) {
		return nil
	}
	now := h.now()
	made := consultation{
		operation: "authenticate", hook: hook.CertificateCheck, decision: core.NewDecisionID(now), client: c.ID, caller: caller, at: now,
	}
	about := hook.Context{
		DecisionID: made.decision, Operation: made.operation, ClientID: c.ID, Profile: c.Provenance.Profile, Now: now, Caller: caller,
	}
	refused := false
	made.err = hook.CheckCertificate(ctx, h.plugins, about, metadata.Document(&c.Metadata), caller.Certificate, func(a hook.Asked) {
		made.asked = append(made.asked, a)
		refused = refused || a.Err != nil
	})
	if !refused {
		return made.err
	}
	refusal := *core.AsError(made.err)
	refusal.Decision = made.decision
	h.writeDown(made)
	return &refusal
}

// writeDown puts a consultation into the ledger, under the decision id that the answer has, and its faults into the log.
func (h *house) writeDown(c consultation) {
	e := ledger.Entry{
		V: ledger.FormatVersion, DecisionID: c.decision, Time: c.at, Operation: c.operation, ClientID: c.client,
		Actor: ledger.Actor{Kind: "client", IP: c.caller.IP}, Verdict: ledger.Allowed, Outcome: ledger.Nothing,
	}
	for _, a := range c.asked {
		row := registration.RowOf("plugins", a)
		row.NS = time.Since(a.Start).Nanoseconds()
		if a.Err != nil {
			row.Reasons = append(row.Reasons, core.AsError(a.Err).Reasons...)
		}
		if row.Fault != "" {
			h.log.Warn("plugin failed", "plugin", row.By.Name, "hook", string(c.hook), "decision_id", string(c.decision),
				"client_id", string(c.client), "excused", a.Excused, "error", row.Fault)
		}
		e.Stages = append(e.Stages, row)
	}
	if c.err != nil {
		refusal := core.AsError(c.err)
		e.Verdict, e.Error = ledger.Denied, &ledger.Problem{Code: refusal.Code, Detail: refusal.Detail}
		if refusal.Code == core.PluginFault || refusal.Code == core.TemporarilyUnavailable {
			e.Verdict = ledger.Failed
		}
	}
	h.book.Record(e)
}
