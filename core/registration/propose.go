package registration

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// propose asks the plugins in their order, each seeing what those before it proposed.
func (j *judgement) propose(ctx context.Context) error {
	point := proposes(j.req.Operation)
	plugins, err := j.desk.plugins.At(point)
	if err != nil {
		j.add(ledger.Stage{Stage: "plugins", By: ledger.By{Kind: "core"}}, time.Now(), err)
		return err
	}
	for _, p := range plugins {
		if err := j.ask(ctx, point, p); err != nil {
			return err
		}
	}
	return nil
}

// proposes is the point where plugins propose changes; empty: nothing is proposed.
func proposes(op core.Operation) hook.Point {
	switch op {
	case core.Register:
		return hook.PreRegister
	case core.Update:
		return hook.PreUpdate
	}
	return ""
}

// ask runs one plugin and writes its row of the entry.
func (j *judgement) ask(ctx context.Context, point hook.Point, p hook.Plugin) error {
	j.earlier = j.draft
	call := hook.Call{Point: point, Context: j.context(), Client: j.offered(p.Reads())}
	if j.req.Operation == core.Update {
		call.Before = strictjson.Object(visible(&j.before.Client.Metadata, p.Reads())...)
	}
	a := hook.Ask(ctx, p, call, func(p hook.Plugin, r hook.Result) error { return j.take(point, p, r) })
	if a.Excused {
		j.draft = j.earlier
	}
	var patch []strictjson.PatchOp
	if a.Result.Action != hook.Continue { // which changes nothing
		patch = j.patch()
	}
	j.note("plugins", a, patch)
	if a.Excused {
		return nil
	}
	return a.Err
}

// note writes the row of one plugin that was asked. The warnings of one that failed and is excused count for nothing.
func (j *judgement) note(stage string, a hook.Asked, patch []strictjson.PatchOp) {
	row := RowOf(stage, a)
	row.Patch = patch
	if a.Excused {
		j.add(row, a.Start, nil)
		return
	}
	j.warnings = append(j.warnings, row.Reasons...)
	j.add(row, a.Start, a.Err)
}

// RowOf is what an entry says of one plugin that was asked.
func RowOf(stage string, a hook.Asked) ledger.Stage {
	row := ledger.Stage{
		Stage: stage, By: ledger.By{Kind: "plugin", Name: a.Plugin.Name(), Digest: a.Plugin.Digest()},
		Reasons: warningsOf(a.Plugin, a.Result), Fuel: a.Usage.Fuel, Calls: outcalls(a.Usage), Audit: a.Result.Audit,
	}
	if a.Err != nil {
		row.Fault = faultOf(a.Err)
	}
	return row
}

// offered is what a plugin sees of the client: of the draft, and of what the request had beyond the known members, what it may read.
func (j *judgement) offered(reads hook.Reads) strictjson.Value {
	members := visible(&j.draft, reads)
	for _, m := range j.asked.Extra {
		if reads.Has(m.Name) {
			members = append(members, m)
		}
	}
	return strictjson.Object(members...)
}

// visible gives of a client's members those that a plugin reads.
func visible(m *core.Metadata, reads hook.Reads) []strictjson.Member {
	if reads.All() {
		return metadata.Write(m)
	}
	return metadata.Some(m, reads)
}

// everything is what a plugin reads that reads all: where several are asked the same, each is told what it may know of it.
var everything = hook.Reads{hook.AllMembers}

// take applies a plugin's result to the draft. What a manifest may not write is a fault of the plugin, not of the client.
func (j *judgement) take(point hook.Point, p hook.Plugin, r hook.Result) error {
	if r.Action == hook.Continue {
		return nil
	}
	for name, v := range r.Patch.All() {
		if err := j.write(point, p, name, v); err != nil {
			return err
		}
	}
	metadata.EndEncryptions(&j.draft, func(member string) bool {
		_, written := r.Patch.Get(member)
		return written || j.isLocked(member)
	})
	applyDefaults(&j.draft)
	return nil
}

// warningsOf gives a plugin's warnings as reasons.
func warningsOf(p hook.Plugin, r hook.Result) []core.Reason {
	var reasons []core.Reason
	for _, text := range r.Warnings {
		reasons = append(reasons, core.Reason{Rule: "plugin." + p.Name(), Message: text, Public: true})
	}
	return reasons
}

func (j *judgement) write(point hook.Point, p hook.Plugin, name string, v strictjson.Value) error {
	row, known := metadata.Lookup(name)
	_, isTranslation := metadata.TaggedRow(name)
	switch {
	case !isTranslation && (!known || row.Fixed):
		return badPatch(p, point, "%s is no member that a plugin can write", name)
	case !p.MayWrite(point, name):
		return badPatch(p, point, "it patched %s, which its manifest does not let it write", name)
	case j.isLocked(name):
		return badPatch(p, point, "it patched %s, which the software statement fixed", name)
	}
	var err error
	if isTranslation {
		err = metadata.Translate(&j.draft, name, v)
	} else {
		err = row.Set(&j.draft, v)
	}
	if err != nil {
		return badPatch(p, point, "its patch is not valid: %s", core.AsError(err).Detail)
	}
	return nil
}

// badPatch is a plugin fault: the caller learns which plugin, the log and the ledger learn what it did.
func badPatch(p hook.Plugin, point hook.Point, format string, args ...any) error {
	return point.Fault(p.Name(), fmt.Errorf(format, args...))
}

// faultOf gives the ledger's text of a plugin fault; empty for a rejection, which is no fault.
func faultOf(err error) string {
	e := core.AsError(err)
	if e.Code != core.PluginFault {
		return ""
	}
	if e.Err != nil {
		return e.Err.Error()
	}
	return e.Detail
}

func outcalls(u hook.Usage) []ledger.Call {
	var calls []ledger.Call
	for _, c := range u.Calls {
		calls = append(calls, ledger.Call(c))
	}
	return calls
}
