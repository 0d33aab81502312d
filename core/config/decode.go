package config

import (
	"encoding"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// decoder fills Go values from a tree.
type decoder struct {
	*collector
	env Env
}

var (
	secretType   = reflect.TypeFor[core.Secret]()
	publicType   = reflect.TypeFor[Public]()
	durationType = reflect.TypeFor[time.Duration]()
	valueType    = reflect.TypeFor[strictjson.Value]()
)

// fill puts n into dst. limits is the field's range tag.
func (d *decoder) fill(n *node, dst reflect.Value, path, limits string) {
	if dst.Type() == valueType {
		d.value(n, dst, path)
		return
	}
	if text, ok := dst.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.text(n, text, path)
		return
	}
	switch dst.Kind() {
	case reflect.Pointer:
		d.pointer(n, dst, path, limits)
	case reflect.Struct:
		d.structure(n, dst, path)
	case reflect.Map:
		d.mapping(n, dst, path)
	case reflect.Slice:
		d.slice(n, dst, path)
	default:
		d.scalar(n, dst, path, limits)
	}
}

func (d *decoder) pointer(n *node, dst reflect.Value, path, limits string) {
	if n.isNull() {
		return
	}
	if dst.IsNil() {
		dst.Set(reflect.New(dst.Type().Elem()))
	}
	d.fill(n, dst.Elem(), path, limits)
}

func (d *decoder) structure(n *node, dst reflect.Value, path string) {
	if n.isNull() {
		return
	}
	if n.kind != object {
		d.add(n.line, path, "must be an object, not %s", n.what())
		return
	}
	fields := fieldsOf(dst)
	given := map[string]string{}
	for _, m := range n.members {
		f, at := fields[m.name], join(path, m.name)
		if !f.value.IsValid() {
			d.strange(m, dst, at, fields)
			continue
		}
		if other, twice := given[f.name]; twice {
			d.add(m.line, at, "given twice, once as %s", other)
			continue
		}
		given[f.name] = m.name
		if m.name != f.name {
			d.written[join(path, f.name)] = m.name
		}
		d.fill(m.value, f.value, at, f.limits)
	}
}

// strange offers a key that is no field's to the struct, if that may know it.
func (d *decoder) strange(m member, dst reflect.Value, at string, fields map[string]field) {
	if taker, ok := dst.Addr().Interface().(Taker); ok {
		if wrong, known := taker.Take(m.name, d.convert(m.value, at)); known {
			if d.lines[at] = m.line; wrong != "" {
				d.add(m.line, at, "%s", wrong)
			}
			return
		}
	}
	d.add(m.line, at, "unknown key%s", Suggest(m.name, maps.Keys(fields)))
}

// field is one place of a struct that configuration may fill.
type field struct {
	value  reflect.Value
	name   string
	limits string
}

// fieldsOf gives the fields of a struct by every name they may be given under. Those of an inline struct stand among them.
func fieldsOf(structure reflect.Value) map[string]field {
	fields := map[string]field{}
	for i := range structure.NumField() {
		about := structure.Type().Field(i)
		tag, ok := about.Tag.Lookup("yaml")
		name, options, _ := strings.Cut(tag, ",")
		if !ok || !about.IsExported() {
			continue
		}
		if options == "inline" {
			maps.Copy(fields, fieldsOf(structure.Field(i)))
		}
		if name == "" || name == "-" {
			continue
		}
		f := field{value: structure.Field(i), name: name, limits: about.Tag.Get("range")}
		fields[name] = f
		for option := range strings.SplitSeq(options, ",") {
			if other, isName := strings.CutPrefix(option, "or="); isName {
				fields[other] = f
			} else if option == "camel" {
				fields[camel(name)] = f
			}
		}
	}
	return fields
}

// camel turns jwks_uri into jwksUri.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

func (d *decoder) mapping(n *node, dst reflect.Value, path string) {
	if n.isNull() {
		return
	}
	if n.kind != object || dst.Type().Key().Kind() != reflect.String {
		d.add(n.line, path, "must be an object, not %s", n.what())
		return
	}
	made := reflect.MakeMapWithSize(dst.Type(), len(n.members))
	for _, m := range n.members {
		value := reflect.New(dst.Type().Elem()).Elem()
		d.fill(m.value, value, join(path, m.name), "")
		made.SetMapIndex(reflect.ValueOf(m.name).Convert(dst.Type().Key()), value)
	}
	dst.Set(made)
}

func (d *decoder) slice(n *node, dst reflect.Value, path string) {
	if n.isNull() {
		return
	}
	if n.kind != list {
		d.add(n.line, path, "must be a list, not %s", n.what())
		return
	}
	made := reflect.MakeSlice(dst.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.fill(item, made.Index(i), index(path, i), "")
	}
	dst.Set(made)
}
