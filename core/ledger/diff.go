package ledger

import (
	"slices"

	"github.com/ostiary/ostiary/core/strictjson"
)

// A Diff is one member of the client's metadata that a stage changed.
type Diff struct {
	Member  string           `json:"member"` // "/" and more for a part of one, where the whole is not known
	Before  strictjson.Value `json:"before,omitzero"`
	After   strictjson.Value `json:"after,omitzero"`           // absent: it was removed
	Unknown bool             `json:"before_unknown,omitempty"` // there was something before, nobody knows what
}

// Diffs gives what each stage changed, member by member, when the metadata was start before the first. start is absent when it
// is not known; then what it was is told of the members that a stage has written.
func Diffs(start strictjson.Value, stages []Stage) [][]Diff {
	f := folder{known: !start.IsAbsent(), doc: start}
	if !f.known {
		f.doc = strictjson.Object()
	}
	all := make([][]Diff, len(stages))
	for i, s := range stages {
		all[i] = f.fold(s.Patch)
	}
	return all
}

// A folder follows a document through its changes.
type folder struct {
	doc   strictjson.Value
	known bool // all of the document is; else what is in doc
}

// fold takes a patch, and tells what it changes.
func (f *folder) fold(patch []strictjson.PatchOp) []Diff {
	var names []string
	var diffs []Diff
	before := f.doc
	for _, op := range patch {
		next, err := strictjson.Apply(f.doc, []strictjson.PatchOp{op})
		if err != nil { // it is about what is not known
			diffs = append(diffs, f.blind(op))
			continue
		}
		f.doc = next
		if name := op.Top(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		was, _ := before.Get(name)
		is, _ := f.doc.Get(name)
		if !strictjson.Equal(was, is) { // else a later step took it back
			diffs = append(diffs, Diff{Member: name, Before: was, After: is})
		}
	}
	return diffs
}

// blind tells what a step changes in what is not known.
func (f *folder) blind(op strictjson.PatchOp) Diff {
	d := Diff{Member: op.Top(), After: op.Value, Unknown: op.Op != "add"}
	if op.Path != "/"+d.Member {
		d.Member, d.Unknown = op.Path, true
		return d
	}
	if !op.Value.IsAbsent() {
		f.doc = f.doc.With(d.Member, op.Value)
	}
	return d
}
