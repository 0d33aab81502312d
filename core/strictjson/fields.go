package strictjson

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// fieldIndex finds a struct's field by the member's name.
type fieldIndex map[string][]int

// fieldsSeen remembers fieldIndex by reflect.Type: the same type always gives the same index, so that nobody can tell the
// memory from asking again, except by the time it takes.
var fieldsSeen sync.Map

// fieldsOf gives the fields of a struct type, those of embedded structs included.
func fieldsOf(t reflect.Type) (fieldIndex, error) {
	if known, ok := fieldsSeen.Load(t); ok {
		return known.(fieldIndex), nil
	}
	fields := fieldIndex{}
	if err := fields.collect(t, nil); err != nil {
		return nil, err
	}
	fieldsSeen.Store(t, fields)
	return fields, nil
}

// collect adds the fields of t, which stands embedded at index. As in Go itself, a field nearer to the top hides one further
// down; two at the same depth are refused, because encoding/json would silently write neither.
func (fields fieldIndex) collect(t reflect.Type, index []int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		here := append(slices.Clone(index), i)
		switch {
		case tag == "-" || (!f.IsExported() && !f.Anonymous):
			continue
		case slices.Contains(strings.Split(options, ","), "string"):
			return fmt.Errorf("strictjson: %s.%s: the json option string is not supported", t, f.Name)
		case f.Anonymous && !(tagged && name != ""):
			if f.Type.Kind() != reflect.Struct {
				return fmt.Errorf("strictjson: %s.%s: only structs may be embedded without a name", t, f.Name)
			}
			if err := fields.collect(f.Type, here); err != nil {
				return err
			}
			continue
		case !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		other, taken := fields[name]
		switch {
		case !taken || len(other) > len(here):
			fields[name] = here
		case len(other) == len(here):
			return fmt.Errorf("strictjson: %s: two fields are named %s", t, name)
		}
	}
	return nil
}
