package ledger

import (
	"maps"
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// AppendJSON writes the entry as encoding/json writes its fields, only faster: every registration writes one.
func (e *Entry) AppendJSON(dst []byte) ([]byte, error) {
	r := strictjson.RecordTo(dst)
	r.Begin('{')
	r.Int("v", int64(e.V))
	r.Text("decision_id", string(e.DecisionID))
	r.Time("time", e.Time)
	r.Text("operation", string(e.Operation))
	r.Text("channel", string(e.Channel))
	e.Actor.record(r)
	r.TextIf("client_id", string(e.ClientID))
	r.TextIf("revision", e.Revision)
	r.Key("stages")
	recordStages(r, e.Stages)
	r.Text("verdict", string(e.Verdict))
	r.Text("outcome", string(e.Outcome))
	if e.Error != nil {
		r.Key("error")
		r.Begin('{')
		r.Text("code", string(e.Error.Code))
		r.Text("detail", e.Error.Detail)
		r.End('}')
	}
	if len(e.Shaping) > 0 {
		r.Key("shaping")
		recordStages(r, e.Shaping)
	}
	r.End('}')
	return r.Bytes()
}

// AppendStages writes stages alone, as Entry.AppendJSON does.
func AppendStages(dst []byte, stages []Stage) ([]byte, error) {
	r := strictjson.RecordTo(dst)
	recordStages(r, stages)
	return r.Bytes()
}

func (a *Actor) record(r *strictjson.Record) {
	r.Key("actor")
	r.Begin('{')
	r.Text("kind", a.Kind)
	r.TextIf("subject", string(a.Subject))
	r.TextIf("initial_access_token", string(a.Token))
	r.TextIf("ip", a.IP)
	r.End('}')
}

func recordStages(r *strictjson.Record, stages []Stage) {
	if stages == nil {
		r.Null()
		return
	}
	r.Begin('[')
	for i := range stages {
		stages[i].record(r)
	}
	r.End(']')
}

func (s *Stage) record(r *strictjson.Record) {
	r.Begin('{')
	r.Text("stage", s.Stage)
	r.Key("by")
	r.Begin('{')
	r.Text("kind", s.By.Kind)
	r.TextIf("name", s.By.Name)
	r.TextIf("digest", s.By.Digest)
	r.End('}')
	recordList(r, "patch", s.Patch, recordStep)
	recordList(r, "reasons", s.Reasons, recordReason)
	s.Attached.record(r)
	if s.Fuel != 0 {
		r.Uint("fuel", s.Fuel)
	}
	r.Int("ns", s.NS)
	recordList(r, "calls", s.Calls, recordCall)
	r.ValueIf("audit", s.Audit)
	r.TextIf("fault", s.Fault)
	if s.Cached {
		r.Bool("cached", true)
	}
	r.End('}')
}

// recordList writes a list of objects, or leaves an empty one out.
func recordList[T any](r *strictjson.Record, name string, list []T, members func(*strictjson.Record, *T)) {
	if len(list) == 0 {
		return
	}
	r.Key(name)
	r.Begin('[')
	for i := range list {
		r.Begin('{')
		members(r, &list[i])
		r.End('}')
	}
	r.End(']')
}

func recordStep(r *strictjson.Record, p *strictjson.PatchOp) {
	r.Text("op", p.Op)
	r.Text("path", p.Path)
	r.ValueIf("value", p.Value)
}

func recordReason(r *strictjson.Record, why *core.Reason) {
	r.TextIf("rule", why.Rule)
	r.TextIf("code", string(why.Code))
	r.TextsIf("fields", why.Fields)
	r.TextIf("message", why.Message)
	r.Bool("public", why.Public)
	r.TextIf("file", why.File)
	if why.Line != 0 {
		r.Int("line", int64(why.Line))
	}
}

func recordCall(r *strictjson.Record, c *Call) {
	r.Text("kind", c.Kind)
	r.TextIf("target", c.Target)
	r.TextIf("status", c.Status)
	r.TextIf("digest", c.Digest)
}

func (a *Attached) record(r *strictjson.Record) {
	if a == nil {
		return
	}
	r.Key("attached")
	r.Begin('{')
	recordList(r, "require", a.Require, recordObligation)
	if len(a.Limits) > 0 {
		r.Key("limits")
		r.Begin('{')
		for _, name := range slices.Sorted(maps.Keys(a.Limits)) {
			r.Int(name, a.Limits[name])
		}
		r.End('}')
	}
	r.TextsIf("labels", a.Labels)
	r.TextIf("trust", a.Trust)
	r.End('}')
}

func recordObligation(r *strictjson.Record, o *core.Obligation) {
	r.Text("name", o.Name)
	r.TextIf("params", o.Params)
	r.Text("rule", o.Rule)
}
