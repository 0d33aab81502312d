package strictjson

import (
	"slices"
	"strings"
)

// Equal tells whether two Values mean the same: the order of members does not count, that of items does. Integers are
// equal by value; numbers with a fraction or exponent only when spelled alike, so that nothing depends on rounding. Two
// absent Values are equal; absent and null are not.
func Equal(a, b Value) bool {
	if a.kind != b.kind || a.Len() != b.Len() {
		return false
	}
	switch a.kind {
	case KindBool:
		return a.truth == b.truth
	case KindNumber:
		return plainZero(a.text) == plainZero(b.text)
	case KindString:
		return a.text == b.text
	case KindArray:
		return slices.EqualFunc(a.items(), b.items(), Equal)
	case KindObject:
		others := roster{members: b.members()}
		for n, m := range a.members() {
			if i := others.findAt(n, m.Name); i < 0 || !Equal(m.Value, others.members[i].Value) {
				return false
			}
		}
	}
	return true
}

// MergePatch gives target changed by a merge patch (RFC 7396 §2): members that are null in the patch go, objects merge,
// everything else is replaced. An absent patch changes nothing.
func MergePatch(target, patch Value) Value {
	switch patch.kind {
	case KindAbsent:
		return target
	case KindObject:
	default:
		return patch
	}
	merged := roster{members: target.Members()}
	for _, m := range patch.members() {
		if m.Value.IsNull() {
			continue
		}
		var before Value
		if i := merged.find(m.Name); i >= 0 {
			before = merged.members[i].Value
		}
		merged.put(m.Name, MergePatch(before, m.Value))
	}
	patched := roster{members: patch.members()}
	return objectOf(slices.DeleteFunc(merged.members, func(m Member) bool {
		i := patched.find(m.Name)
		return i >= 0 && patched.members[i].Value.IsNull()
	}))
}

// A PatchOp is one step of a JSON Patch (RFC 6902 §4).
type PatchOp struct {
	Op    string `json:"op"`             // "add", "remove" or "replace"
	Path  string `json:"path"`           // a JSON pointer (RFC 6901); empty: the whole document
	Value Value  `json:"value,omitzero"` // absent for "remove"; may well be null for the others
}

// Diff gives the steps that turn before into after, in a fixed order: removals and changes as before has its members, then
// additions as after has them. It goes into objects; an array that differs is replaced as a whole. Equal Values give nil.
func Diff(before, after Value) []PatchOp {
	if Equal(before, after) {
		return nil
	}
	return differ(nil, "", before, after)
}

// DiffMember adds the steps of one member of a document; absent Values stand for its having none.
func DiffMember(ops []PatchOp, name string, before, after Value) []PatchOp {
	if Equal(before, after) {
		return ops
	}
	return differ(ops, step(name), before, after)
}

// differ adds the steps between Values that are not equal.
func differ(ops []PatchOp, path string, before, after Value) []PatchOp {
	switch {
	case before.IsAbsent():
		return append(ops, PatchOp{Op: "add", Path: path, Value: after})
	case after.IsAbsent():
		return append(ops, PatchOp{Op: "remove", Path: path})
	case before.kind != KindObject || after.kind != KindObject:
		return append(ops, PatchOp{Op: "replace", Path: path, Value: after})
	}
	old, now := roster{members: before.members()}, roster{members: after.members()}
	for n, m := range old.members {
		if other := now.get(n, m.Name); !Equal(m.Value, other) {
			ops = differ(ops, path+step(m.Name), m.Value, other)
		}
	}
	for n, m := range now.members {
		if old.findAt(n, m.Name) < 0 {
			ops = append(ops, PatchOp{Op: "add", Path: path + step(m.Name), Value: m.Value})
		}
	}
	return ops
}

// get gives a member's value, absent when there is none. It is probably the nth.
func (r *roster) get(n int, name string) Value {
	if i := r.findAt(n, name); i >= 0 {
		return r.members[i].Value
	}
	return Value{}
}

// step writes a name as a step of a JSON pointer (RFC 6901 §3).
func step(name string) string {
	if strings.IndexByte(name, '~') >= 0 || strings.IndexByte(name, '/') >= 0 { // hardly any has one
		name = pointerEscape.Replace(name)
	}
	return "/" + name
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// Apply carries out a JSON Patch (RFC 6902) of the steps that Diff gives: they go into objects and replace arrays as a whole.
func Apply(target Value, ops []PatchOp) (Value, error) {
	for _, op := range ops {
		next, err := applyAt(target, steps(op.Path), op)
		if err != nil {
			return Value{}, err
		}
		target = next
	}
	return target, nil
}

// steps takes a JSON pointer apart; the whole document has none.
func steps(path string) []string {
	if path == "" {
		return nil
	}
	names := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, name := range names {
		names[i] = pointerPlain.Replace(name)
	}
	return names
}

var pointerPlain = strings.NewReplacer("~1", "/", "~0", "~")

// Top gives the member of the document that a step changes, or changes a part of; "" for the whole document.
func (op PatchOp) Top() string {
	if names := steps(op.Path); len(names) > 0 {
		return names[0]
	}
	return ""
}

func applyAt(v Value, path []string, op PatchOp) (Value, error) {
	if len(path) == 0 {
		return op.Value, nil // absent after "remove"
	}
	member, there := v.Get(path[0])
	if v.kind != KindObject || !there && (len(path) > 1 || op.Op != "add") {
		return Value{}, &Error{Offset: -1, Problem: "the patch does not fit: there is no " + shown(op.Path)}
	}
	changed, err := applyAt(member, path[1:], op)
	if err != nil {
		return Value{}, err
	}
	if changed.IsAbsent() {
		return v.Without(path[0]), nil
	}
	return v.With(path[0], changed), nil
}
