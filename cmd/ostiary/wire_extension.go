package main

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/registration"
	"github.com/ostiary/ostiary/core/token"
)

// tokenExtended writes down what plugins did to a token that they failed at or refused: in the log, and in the ledger under the
// id that the client was told.
func (h *house) tokenExtended(x token.Extension) {
	e := ledger.Entry{
		V: ledger.FormatVersion, DecisionID: x.Decision, Time: x.At, Operation: "token", ClientID: x.Client,
		Actor: ledger.Actor{Kind: "client", IP: x.Caller.IP}, Verdict: ledger.Allowed, Outcome: ledger.Nothing,
	}
	for _, a := range x.Asked {
		row := registration.RowOf("plugins", a)
		row.NS = time.Since(a.Start).Nanoseconds()
		if a.Err != nil {
			row.Reasons = append(row.Reasons, core.AsError(a.Err).Reasons...)
		}
		if row.Fault != "" {
			h.log.Warn("plugin failed", "plugin", row.By.Name, "hook", "token_claims", "decision_id", string(x.Decision),
				"client_id", string(x.Client), "excused", a.Excused, "error", row.Fault)
		}
		e.Stages = append(e.Stages, row)
	}
	if x.Err != nil {
		refusal := core.AsError(x.Err)
		e.Verdict, e.Error = ledger.Denied, &ledger.Problem{Code: refusal.Code, Detail: refusal.Detail}
		if refusal.Code == core.PluginFault || refusal.Code == core.TemporarilyUnavailable {
			e.Verdict = ledger.Failed
		}
	}
	h.book.Record(e)
}
