package metadata

import (
	"fmt"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Policy sees every member, an absent one as the zero value of its kind. What follows turns what it saw back into metadata;
// whether a zero value was there has to be remembered beside it.

// Empty tells that the member is there and has the zero value of its kind: policy cannot tell it from an absent one.
func (r *Row) Empty(m *core.Metadata) bool {
	switch r.Kind {
	case Object:
		return *r.str(m) != "" && r.Get(m).Len() == 0
	case List, URIs:
		l := *r.list(m)
		return l != nil && len(l) == 0
	case Number:
		n := *r.number(m)
		return n != nil && *n == 0
	case Flag:
		b := *r.flag(m)
		return b != nil && !*b
	}
	return false
}

// Zero tells whether policy sees the member as if it were not there: as the zero value of its kind.
func (r *Row) Zero(m *core.Metadata) bool { return !r.Has(m) || r.Empty(m) }

// Restore gives the member what policy saw of it: a scope is a list of strings. A zero value is an absent member unless it is
// known to have been there. What was accepted once is not judged again; only a wrong type is an error.
func (r *Row) Restore(m *core.Metadata, seen strictjson.Value, empty bool) error {
	ok := true
	switch r.Kind {
	case Text, URI:
		*r.str(m), ok = seen.Text()
	case Object:
		ok = seen.Kind() == strictjson.KindObject
		if ok && (seen.Len() > 0 || empty) {
			*r.str(m) = string(strictjson.Append(nil, seen))
		}
	case List, URIs, Scope:
		var list []string
		if list, ok = seen.Strings(); ok && (len(list) > 0 || empty) {
			*r.list(m) = list
		}
	case Number:
		var n int64
		if n, ok = seen.Int64(); ok && (n != 0 || empty) {
			*r.number(m) = &n
		}
	case Flag:
		var b bool
		if b, ok = seen.Bool(); ok && (b || empty) {
			*r.flag(m) = &b
		}
	}
	if !ok {
		return fmt.Errorf("%s is %s", r.Name, seen.Kind())
	}
	return nil
}

// RestoreZero is Restore of the zero value of the member's kind.
func (r *Row) RestoreZero(m *core.Metadata, empty bool) {
	switch {
	case !empty:
	case r.Kind == Object:
		*r.str(m) = "{}"
	case r.Kind == List || r.Kind == URIs:
		*r.list(m) = []string{}
	case r.Kind == Number:
		*r.number(m) = new(int64)
	case r.Kind == Flag:
		*r.flag(m) = new(bool)
	}
}

// RestoreTagged gives m a translation that policy saw among the extra members; other members are left alone.
func RestoreTagged(m *core.Metadata, name string, seen strictjson.Value) {
	_, isTagged := TaggedRow(name)
	text, isText := seen.Text()
	if !isTagged || !isText {
		return
	}
	if m.Tagged == nil {
		m.Tagged = make(map[string]string)
	}
	m.Tagged[name] = text
}
