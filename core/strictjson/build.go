package strictjson

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Null makes JSON's null.
func Null() Value { return Value{kind: KindNull} }

// Bool makes a boolean.
func Bool(b bool) Value { return Value{kind: KindBool, truth: b} }

// Int makes a number.
func Int(i int64) Value { return Value{kind: KindNumber, text: strconv.FormatInt(i, 10)} }

// Number makes a number from its literal, which must be spelled as RFC 8259 §6 says.
func Number(literal string) (Value, error) {
	p := parser{text: literal}
	v, err := p.number()
	if err == nil && p.pos < len(literal) {
		err = p.refuse("not a number")
	}
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

// String makes a string. Bytes that are not UTF-8 become U+FFFD, since no JSON text can carry them.
func String(s string) Value { return Value{kind: KindString, text: valid(s)} }

// valid gives s with U+FFFD for what is not UTF-8. To look first is much faster where, as nearly always, all of it is.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// Strings makes an array of strings; nil makes an empty one.
func Strings(texts []string) Value {
	items := make([]Value, 0, len(texts))
	for _, s := range texts {
		items = append(items, String(s))
	}
	return arrayOf(items)
}

// Array makes an array. An absent item becomes null, so that the others keep their places.
func Array(items ...Value) Value {
	items = slices.Clone(items)
	for i, item := range items {
		if item.IsAbsent() {
			items[i] = Null()
		}
	}
	return arrayOf(items)
}

// Object makes an object with its members in the given order. Members with an absent value are left out. Of members with
// the same name the last value counts, at the place of the first.
func Object(members ...Member) Value {
	kept := roster{members: make([]Member, 0, len(members))}
	for _, m := range members {
		if !m.Value.IsAbsent() {
			kept.put(valid(m.Name), m.Value)
		}
	}
	return objectOf(kept.members)
}

// With gives a copy of v with one member set: at its old place if there was one, else last. An absent x removes the member. If v
// is not an object, the result is an object with this one member.
func (v Value) With(name string, x Value) Value {
	if x.IsAbsent() {
		return v.Without(name)
	}
	name = valid(name)
	members := make([]Member, 0, len(v.members())+1)
	kept := roster{members: append(members, v.members()...)}
	kept.put(name, x)
	return objectOf(kept.members)
}

// Without gives a copy of v without one member; v itself when there is none of that name.
func (v Value) Without(name string) Value {
	i := slices.IndexFunc(v.members(), func(m Member) bool { return m.Name == name })
	if i < 0 {
		return v
	}
	return objectOf(slices.Delete(v.Members(), i, i+1))
}

// Overlaid gives a copy of v with the members of over: at the places of its own of those names, or else after them. What is null in
// over is left out.
func (v Value) Overlaid(over Value) Value {
	members := make([]Member, 0, v.Len()+over.Len())
	laid := roster{members: append(members, v.members()...)}
	nulls := 0
	for _, m := range over.members() {
		laid.put(m.Name, m.Value)
		if m.Value.IsNull() {
			nulls++
		}
	}
	if nulls == 0 {
		return objectOf(laid.members)
	}
	taken := roster{members: over.members()}
	return objectOf(slices.DeleteFunc(laid.members, func(m Member) bool {
		return m.Value.IsNull() && taken.find(m.Name) >= 0
	}))
}

// arrayOf takes the slice over. Empty arrays have no children, so that equal values have equal forms.
func arrayOf(items []Value) Value {
	if len(items) == 0 {
		return Value{kind: KindArray}
	}
	return Value{kind: KindArray, kids: &children{items: items}}
}

// objectOf takes the slice over; its names must differ.
func objectOf(members []Member) Value {
	if len(members) == 0 {
		return Value{kind: KindObject}
	}
	return Value{kind: KindObject, kids: &children{members: members}}
}

// rosterMap is the size from which a map finds a name faster than a walk; below it a map costs more than it saves.
const rosterMap = 32

// A roster is a list of members that finds them by name: by walking while there are few, through a map when many, so that
// a large object costs no quadratic time.
type roster struct {
	members []Member
	byName  map[string]int
}

// find gives the place of a name, or -1.
func (r *roster) find(name string) int {
	if len(r.members) <= rosterMap {
		for i := range r.members {
			if r.members[i].Name == name {
				return i
			}
		}
		return -1
	}
	if r.byName == nil {
		r.byName = make(map[string]int, 2*len(r.members))
		for i, m := range r.members {
			r.byName[m.Name] = i
		}
	}
	if i, ok := r.byName[name]; ok {
		return i
	}
	return -1
}

// findAt is find where the nth member probably has the name: most objects that are compared are much the same.
func (r *roster) findAt(n int, name string) int {
	if n < len(r.members) && r.members[n].Name == name {
		return n
	}
	return r.find(name)
}

// put sets a member at its old place, or adds it at the end.
func (r *roster) put(name string, v Value) {
	if i := r.find(name); i >= 0 {
		r.members[i].Value = v
		return
	}
	r.members = append(r.members, Member{Name: name, Value: v})
	if r.byName != nil {
		r.byName[name] = len(r.members) - 1
	}
}
