package decisionlog

import (
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// writer is what one line is made with.
type writer struct {
	json decision.JSONWriter
	mask masker
}

// encode makes the line of a decision, without its end.
func (l *Log) encode(t decision.Taken) []byte {
	w, _ := l.writers.Get().(*writer)
	if w == nil {
		w = &writer{}
	}
	defer l.writers.Put(w)
	w.json.Reset()
	w.mask.reset(l.mask, &w.json)
	w.mask.fields = l.fields
	l.write(&w.mask, t)
	return append([]byte(nil), w.json.Bytes()...)
}

// write gives the event in the names of OPA's EventV1 (v1/plugins/logs). What follows input and result knows what they left out.
func (l *Log) write(w *masker, t decision.Taken) {
	about := decision.AboutOf(t.Rounds[0].Question)
	verdict := verdictOf(t.Rounds)
	w.BeginObject(14)
	text(w, "decision_id", string(t.ID))
	text(w, "timestamp", t.At.UTC().Format(time.RFC3339Nano))
	w.Key("labels")
	w.Value(l.labels)
	text(w, "path", "ostiary/"+t.Name+"/decision")
	w.Key("bundles")
	w.BeginObject(1)
	w.Key("ostiary")
	w.BeginObject(1)
	text(w, "revision", verdict.Revision)
	w.EndObject()
	w.EndObject()
	text(w, "req_id", about.RequestID)
	w.Key("input")
	t.Rounds[0].Question.Write(w)
	if t.Outcome == decision.OutcomeFailed {
		writeError(w, t.Err)
	} else {
		w.Key("result")
		writeVerdict(w, &verdict)
	}
	names(w, "erased", w.erased)
	names(w, "masked", w.masked)
	w.Key("metrics")
	w.BeginObject(2)
	w.Key("timer_rego_query_eval_ns")
	w.Int(verdict.Elapsed.Nanoseconds())
	w.Key("cached")
	w.Bool(verdict.Cached)
	w.EndObject()
	writeCustom(w, t, about)
	w.EndObject()
}

// writeCustom is what OPA has no name for.
func writeCustom(w *masker, t decision.Taken, about decision.About) {
	client := t.Client
	if client == "" {
		client = about.Client
	}
	w.Key("custom")
	w.BeginObject(5)
	text(w, "operation", about.Operation)
	text(w, "channel", about.Channel)
	text(w, "client_id", string(client))
	text(w, "outcome", string(t.Outcome))
	w.Key("passes")
	w.Int(int64(len(t.Rounds)))
	w.EndObject()
}

// verdictOf puts the answers of all rounds together: what the first changed and what the last found.
func verdictOf(rounds []decision.Round) decision.Verdict {
	v := rounds[len(rounds)-1].Verdict
	for i, r := range rounds[:len(rounds)-1] {
		v.Elapsed += r.Verdict.Elapsed
		v.Cached = v.Cached && r.Verdict.Cached
		if i == 0 {
			v.Grant, v.Strip, v.Set, v.Default = r.Verdict.Grant, r.Verdict.Strip, r.Verdict.Set, r.Verdict.Default
		}
	}
	return v
}

// writeError says that no decision was reached. The cause may quote the input and stays in the server's own log.
func writeError(w *masker, err error) {
	e := core.AsError(err)
	w.Key("error")
	w.BeginObject(2)
	text(w, "code", string(e.Code))
	text(w, "message", e.Detail)
	w.EndObject()
}

// writeVerdict gives what the rules found, in their own words. Sets without a finding are left out.
func writeVerdict(w *masker, v *decision.Verdict) {
	w.BeginObject(11)
	w.Key("allow")
	w.Bool(v.Allow)
	reasons(w, "deny", v.Deny)
	reasons(w, "warn", v.Warn)
	scopes(w, "grant", v.Grant)
	scopes(w, "strip", v.Strip)
	settings(w, "set", v.Set)
	settings(w, "default_value", v.Default)
	if len(v.Require) > 0 {
		w.Key("require")
		w.BeginArray(len(v.Require))
		for _, o := range v.Require {
			w.BeginObject(3)
			text(w, "rule", o.Rule)
			text(w, "name", o.Name)
			optional(w, "params", o.Params)
			w.EndObject()
		}
		w.EndArray()
	}
	if len(v.Limits) > 0 {
		writeLimits(w, v.Limits)
	}
	optional(w, "trust", v.Trust)
	names(w, "label", v.Labels)
	w.EndObject()
}

func writeLimits(w *masker, limits map[string]int64) {
	w.Key("limit")
	w.BeginObject(len(limits))
	for _, name := range sorted(limits) {
		w.Key(name)
		w.Int(limits[name])
	}
	w.EndObject()
}

func reasons(w *masker, set string, list []core.Reason) {
	each(w, set, list, func(r core.Reason) {
		by(w, r)
		optional(w, "code", string(r.Code))
		names(w, "fields", r.Fields)
		text(w, "message", r.Message)
	})
}

func scopes(w *masker, set string, list []decision.Scope) {
	each(w, set, list, func(s decision.Scope) {
		by(w, s.By)
		text(w, "scope", s.Scope)
	})
}

func settings(w *masker, set string, list []decision.Setting) {
	each(w, set, list, func(s decision.Setting) {
		by(w, s.By)
		text(w, "field", s.Field)
		w.KeyLike("value", s.Field)
		w.Value(s.Value)
	})
}

// each writes the findings of a set that has some.
func each[T any](w *masker, set string, list []T, write func(T)) {
	if len(list) == 0 {
		return
	}
	w.Key(set)
	w.BeginArray(len(list))
	for _, item := range list {
		w.BeginObject(6)
		write(item)
		w.EndObject()
	}
	w.EndArray()
}

// by tells which rule it was, and where that stands.
func by(w *masker, r core.Reason) {
	text(w, "rule", r.Rule)
	if r.File != "" {
		text(w, "file", r.File)
		w.Key("line")
		w.Int(int64(r.Line))
	}
}

func text(w *masker, name, value string) {
	w.Key(name)
	w.Text(value)
}

func optional(w *masker, name, value string) {
	if value != "" {
		text(w, name, value)
	}
}

func names(w *masker, name string, list []string) {
	if len(list) > 0 {
		w.Key(name)
		w.Value(strictjson.Strings(list))
	}
}
