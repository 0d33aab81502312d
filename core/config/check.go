package config

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// check asks every Checker in dst, inner values first, also those the file does not mention: they hold their defaults.
func (d *decoder) check(dst reflect.Value, path string) {
	switch dst.Kind() {
	case reflect.Pointer:
		if !dst.IsNil() {
			d.check(dst.Elem(), path)
		}
		return
	case reflect.Struct:
		d.checkFields(dst, path)
	case reflect.Slice:
		for i := range dst.Len() {
			d.check(dst.Index(i), index(path, i))
		}
	case reflect.Map:
		d.checkMap(dst, path)
	}
	if checker, ok := dst.Addr().Interface().(Checker); ok {
		d.ask(checker, path)
	}
}

func (d *decoder) checkFields(dst reflect.Value, path string) {
	for name, f := range fieldsOf(dst) {
		if name == f.name { // not the camel spelling of the same field
			d.check(f.value, join(path, name))
		}
	}
}

func (d *decoder) checkMap(dst reflect.Value, path string) {
	if dst.Type().Key().Kind() != reflect.String {
		return
	}
	keys := dst.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	for _, key := range keys {
		value := reflect.New(dst.Type().Elem()).Elem() // map values have no address
		value.Set(dst.MapIndex(key))
		d.check(value, join(path, key.String()))
	}
}

// ask adds what a Checker finds, except below a path that is already known to be wrong: it would complain of the symptom.
func (c *collector) ask(checker Checker, path string) {
	for _, p := range checker.Validate() {
		p.Path = c.asWritten(join(path, p.Path))
		if c.known(p.Path) {
			continue
		}
		if p.File == "" {
			p.File = c.file
		}
		if p.Line == 0 {
			p.Line = c.lines.At(p.Path)
		}
		c.put(p)
	}
}

// known tells whether something was wrong at a path, or at what contains it, before its Checker was asked.
func (c *collector) known(path string) bool {
	return slices.ContainsFunc(c.list[:c.read], func(p Problem) bool {
		rest, within := strings.CutPrefix(path, p.Path)
		return p.Path != "" && within && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}
