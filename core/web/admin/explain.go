package admin

import (
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A shownStage is a row of an entry with what reading it takes: what each member was before, and the line of each rule.
type shownStage struct {
	ledger.Stage
	Diff    []ledger.Diff `json:"diff,omitempty"`
	Reasons []shownRule   `json:"reasons,omitempty"` // in the place of the row's own
}

// A shownRule is a reason with the line of its rule.
type shownRule struct {
	core.Reason
	Source string `json:"source,omitempty"`
}

// shownEntry is an entry whose rows are explained.
type shownEntry struct {
	ledger.Entry
	Stages  []shownStage `json:"stages"`
	Shaping []shownStage `json:"shaping,omitempty"`
}

// lineOf finds a line of rules.
type lineOf func(file string, line int) string

// linesOf finds the lines of a revision.
func (h *Handlers) linesOf(revision string) lineOf {
	return func(file string, line int) string { return h.Explainer.Line(revision, file, line) }
}

// explained makes rows readable; before is the metadata at their beginning, absent when it is not known.
func explained(rows []ledger.Stage, before strictjson.Value, line lineOf) []shownStage {
	diffs := ledger.Diffs(before, rows)
	shown := make([]shownStage, len(rows))
	for i, row := range rows {
		shown[i] = shownStage{Stage: row, Diff: diffs[i]}
		for _, why := range row.Reasons {
			rule := shownRule{Reason: why}
			if why.File != "" && why.Line > 0 {
				rule.Source = line(why.File, why.Line)
			}
			shown[i].Reasons = append(shown[i].Reasons, rule)
		}
	}
	return shown
}

func (h *Handlers) explain(e ledger.Entry) shownEntry {
	line := h.linesOf(e.Revision)
	shown := shownEntry{Entry: e, Stages: explained(e.Stages, h.Explainer.Before(e), line)}
	if len(e.Shaping) > 0 { // it is about the answer, which nobody keeps
		shown.Shaping = explained(e.Shaping, strictjson.Value{}, line)
	}
	return shown
}
