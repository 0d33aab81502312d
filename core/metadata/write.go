package metadata

import (
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Write gives the members that m has as JSON members, in the table's order, then tagged and custom ones by name.
func Write(m *core.Metadata) []strictjson.Member {
	return Append(make([]strictjson.Member, 0, 24), m)
}

// Append adds what Write gives.
func Append(members []strictjson.Member, m *core.Metadata) []strictjson.Member {
	for _, row := range table {
		if v := row.Get(m); !v.IsAbsent() {
			members = append(members, strictjson.Member{Name: row.Name, Value: v})
		}
	}
	return append(members, Beyond(m)...)
}

// Some gives of what Write gives the members of these names, each with its language tags, and makes no others.
func Some(m *core.Metadata, names []string) []strictjson.Member {
	var members []strictjson.Member
	for _, name := range names {
		if row, known := byName[name]; known && row.Has(m) {
			members = append(members, strictjson.Member{Name: name, Value: row.Get(m)})
		}
	}
	for _, other := range Beyond(m) {
		base, _, _ := strings.Cut(other.Name, "#")
		if slices.Contains(names, base) {
			members = append(members, other)
		}
	}
	return members
}

// Beyond gives the members that m has without a row of their own: tagged, then custom ones, each by name.
func Beyond(m *core.Metadata) []strictjson.Member {
	if len(m.Tagged)+len(m.Custom) == 0 {
		return nil
	}
	members := make([]strictjson.Member, 0, len(m.Tagged)+len(m.Custom))
	for _, name := range sortedNames(m.Tagged) {
		members = append(members, strictjson.Member{Name: name, Value: strictjson.String(m.Tagged[name])})
	}
	for _, name := range sortedNames(m.Custom) {
		if row, taken := byName[name]; taken && row.Has(m) {
			continue // it was stored before the name was a member's, which has another value now
		}
		members = append(members, strictjson.Member{Name: name, Value: stored(m.Custom[name])})
	}
	return members
}

func sortedNames(texts map[string]string) []string {
	if len(texts) == 0 {
		return nil
	}
	names := make([]string, 0, len(texts))
	for name := range texts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Document gives the metadata as one JSON object.
func Document(m *core.Metadata) strictjson.Value { return strictjson.Object(Write(m)...) }

// Patch gives the steps that turn before into after, which differ in what Changed told. It is the Diff of their Documents,
// without making either: first what goes or becomes another value, then what is new. It is kept where the Documents are not, so that
// addresses stand in it without what may be a password.
func Patch(before, after *core.Metadata, changed []string) []strictjson.PatchOp {
	if len(changed) == 0 {
		return nil
	}
	var ops []strictjson.PatchOp
	added := make([]strictjson.PatchOp, 0, len(changed))
	for _, name := range changed {
		was, is := get(before, name), told(name, get(after, name))
		if was.IsAbsent() {
			added = strictjson.DiffMember(added, name, was, is)
		} else {
			ops = strictjson.DiffMember(ops, name, was, is)
		}
	}
	if len(ops) == 0 {
		return added
	}
	return append(ops, added...)
}

// told gives the value of a member as it may be kept in a refusal: an address with a password is none that a client is ever given.
func told(name string, v strictjson.Value) strictjson.Value {
	base, _, _ := strings.Cut(name, "#")
	row, known := byName[base]
	if !known || row.Kind != URI && row.Kind != URIs && !row.Origins {
		return v
	}
	if text, isText := v.Text(); isText {
		return strictjson.String(WithoutUser(text))
	}
	uris, isList := v.Strings()
	if !isList || !slices.ContainsFunc(uris, func(raw string) bool { return WithoutUser(raw) != raw }) {
		return v
	}
	for i, raw := range uris {
		uris[i] = WithoutUser(raw)
	}
	return strictjson.Strings(uris)
}

// get gives a member of any name.
func get(m *core.Metadata, name string) strictjson.Value {
	if row, ok := byName[name]; ok && row.Has(m) {
		return row.Get(m)
	}
	if text, ok := m.Tagged[canonicalName(name)]; ok {
		return strictjson.String(text)
	}
	if text, ok := m.Custom[name]; ok {
		return stored(text)
	}
	return strictjson.Value{}
}

// Changed names the members in which two clients differ, in the table's order, then tagged and custom ones.
func Changed(before, after *core.Metadata) []string {
	var names []string
	for _, row := range table {
		if row.same(before, after) {
			continue
		}
		if names == nil {
			names = make([]string, 0, 16) // a client that is new has about as many
		}
		names = append(names, row.Name)
	}
	sameText := func(a, b string) bool { return a == b }
	names = append(names, changedKeys(before.Tagged, after.Tagged, sameText)...)
	for _, name := range changedKeys(before.Custom, after.Custom, sameJSON) {
		if !slices.Contains(names, name) { // a custom attribute can have become a member
			names = append(names, name)
		}
	}
	return names
}

func (r *Row) same(a, b *core.Metadata) bool {
	switch r.Kind {
	case Text, URI:
		return *r.str(a) == *r.str(b)
	case Object:
		return sameJSON(*r.str(a), *r.str(b))
	case List, URIs:
		x, y := *r.list(a), *r.list(b)
		return slices.Equal(x, y) && (x == nil) == (y == nil)
	case Scope: // an empty scope is an absent one
		return slices.Equal(*r.list(a), *r.list(b))
	case Number:
		x, y := *r.number(a), *r.number(b)
		return x == y || x != nil && y != nil && *x == *y
	default:
		x, y := *r.flag(a), *r.flag(b)
		return x == y || x != nil && y != nil && *x == *y
	}
}

// sameJSON compares what two texts mean.
func sameJSON(a, b string) bool {
	return a == b || a != "" && b != "" && strictjson.Equal(stored(a), stored(b))
}

func changedKeys(a, b map[string]string, same func(v, w string) bool) []string {
	var names []string
	for name, v := range a {
		if w, ok := b[name]; !ok || !same(v, w) {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Clone gives a copy that shares nothing that can be changed.
func Clone(m core.Metadata) core.Metadata {
	clone := m // its texts are nobody's to change
	clone.Tagged, clone.Custom = maps.Clone(m.Tagged), maps.Clone(m.Custom)
	for _, row := range table {
		if row.refers() {
			row.Copy(&clone, &clone)
		}
	}
	return clone
}

// eachTagged gives the tagged members by name, with the row they are translations of.
func eachTagged(m *core.Metadata, each func(row *Row, name, text string)) {
	for _, name := range sortedNames(m.Tagged) {
		if row, ok := TaggedRow(name); ok {
			each(row, name, m.Tagged[name])
		}
	}
}

// EachURI gives every URI of m with the name of its member.
func EachURI(m *core.Metadata, each func(member, raw string)) {
	for _, row := range table {
		switch row.Kind {
		case URI:
			if s := *row.str(m); s != "" {
				each(row.Name, s)
			}
		case URIs:
			for _, s := range *row.list(m) {
				each(row.Name, s)
			}
		}
	}
	eachTagged(m, func(row *Row, name, text string) {
		if row.Kind == URI {
			each(name, text)
		}
	})
}
