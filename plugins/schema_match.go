package plugins

import (
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/strictjson"
)

// maxMismatches is how many are told; more say nothing new.
const maxMismatches = 20

// mismatches says where a value does not have the form that a schema wants, one problem a line. The schema was checked.
func mismatches(schema, v strictjson.Value, path string) []string {
	m := &matcher{}
	m.match(schema, v, path)
	return m.wrong
}

// A matcher collects what does not match.
type matcher struct{ wrong []string }

func (m *matcher) add(path, format string, args ...any) {
	if len(m.wrong) < maxMismatches {
		m.wrong = append(m.wrong, path+": "+fmt.Sprintf(format, args...))
	}
}

func (m *matcher) match(schema, v strictjson.Value, path string) {
	if allowed, is := schema.Bool(); is {
		if !allowed {
			m.add(path, "is not known here")
		}
		return
	}
	if want, ok := schema.Get("type"); ok && !slices.ContainsFunc(typesOf(want), v.IsType) {
		m.add(path, "must be %s, not %s", strings.Join(typesOf(want), " or "), v.Kind())
		return
	}
	if only, ok := schema.Get("const"); ok && !strictjson.Equal(only, v) {
		m.add(path, "must be %s", only)
	}
	if list, ok := schema.Get("enum"); ok && !slices.ContainsFunc(list.Items(), func(one strictjson.Value) bool { return strictjson.Equal(one, v) }) {
		m.add(path, "must be one of %s", list)
	}
	switch v.Kind() {
	case strictjson.KindObject:
		m.object(schema, v, path)
	case strictjson.KindArray:
		m.array(schema, v, path)
	case strictjson.KindString:
		m.text(schema, v, path)
	case strictjson.KindNumber:
		m.number(schema, v, path)
	}
	m.choices(schema, v, path)
}

// count holds a number of things to its bounds.
func (m *matcher) count(schema strictjson.Value, least, most, what string, n int, path string) {
	if bound, ok := schema.Get(least); ok {
		if low, _ := bound.Int64(); int64(n) < low {
			m.add(path, "must have at least %d %s", low, what)
		}
	}
	if bound, ok := schema.Get(most); ok {
		if high, _ := bound.Int64(); int64(n) > high {
			m.add(path, "must have at most %d %s", high, what)
		}
	}
}

func (m *matcher) object(schema, v strictjson.Value, path string) {
	m.count(schema, "minProperties", "maxProperties", "members", v.Len(), path)
	required, _ := schema.Get("required")
	names, _ := required.Strings()
	for _, name := range names {
		if _, ok := v.Get(name); !ok {
			m.add(path+"."+name, "is missing")
		}
	}
	properties, _ := schema.Get("properties")
	others, closed := schema.Get("additionalProperties")
	for name, value := range v.All() {
		of, known := properties.Get(name)
		allowed, is := others.Bool()
		switch {
		case known:
			m.match(of, value, path+"."+name)
		case is && !allowed:
			m.add(path+"."+name, "is not known here%s", config.Suggest(name, namesOf(properties)))
		case closed:
			m.match(others, value, path+"."+name)
		}
	}
}

// namesOf gives the names of an object's members.
func namesOf(v strictjson.Value) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range v.All() {
			if !yield(name) {
				return
			}
		}
	}
}

func (m *matcher) array(schema, v strictjson.Value, path string) {
	m.count(schema, "minItems", "maxItems", "items", v.Len(), path)
	of, each := schema.Get("items")
	unique, _ := schema.Get("uniqueItems")
	once, _ := unique.Bool()
	seen := map[string]bool{}
	for i, item := range v.Items() {
		at := path + "[" + strconv.Itoa(i) + "]"
		if each {
			m.match(of, item, at)
		}
		if key := string(strictjson.Canonical(nil, item)); once && seen[key] {
			m.add(at, "stands there twice")
		} else {
			seen[key] = true
		}
	}
}

func (m *matcher) text(schema, v strictjson.Value, path string) {
	text, _ := v.Text()
	m.count(schema, "minLength", "maxLength", "characters", utf8.RuneCountInString(text), path)
	if pattern, ok := schema.Get("pattern"); ok {
		form, _ := pattern.Text()
		if re, err := regexp.Compile(form); err != nil || !re.MatchString(text) {
			m.add(path, "must match %s", form)
		}
	}
}

func (m *matcher) number(schema, v strictjson.Value, path string) {
	n := floatOf(v)
	for _, bound := range []struct {
		word, says string
		holds      func(n, bound float64) bool
	}{
		{"minimum", "at least", func(n, b float64) bool { return n >= b }},
		{"maximum", "at most", func(n, b float64) bool { return n <= b }},
		{"exclusiveMinimum", "more than", func(n, b float64) bool { return n > b }},
		{"exclusiveMaximum", "less than", func(n, b float64) bool { return n < b }},
	} {
		if limit, ok := schema.Get(bound.word); ok && !bound.holds(n, floatOf(limit)) {
			m.add(path, "must be %s %s", bound.says, limit)
		}
	}
}

func floatOf(v strictjson.Value) float64 {
	f, _ := strconv.ParseFloat(v.String(), 64)
	return f
}

// choices holds a value to the schemas of anyOf, oneOf, allOf and not.
func (m *matcher) choices(schema, v strictjson.Value, path string) {
	if all, ok := schema.Get("allOf"); ok {
		for _, s := range all.Items() {
			m.match(s, v, path)
		}
	}
	fits := func(word string) (n int, given bool) {
		list, given := schema.Get(word)
		for _, s := range list.Items() {
			if len(mismatches(s, v, path)) == 0 {
				n++
			}
		}
		return n, given
	}
	if n, given := fits("anyOf"); given && n == 0 {
		m.add(path, "has none of the forms that are allowed")
	}
	if n, given := fits("oneOf"); given && n != 1 {
		m.add(path, "must have exactly one of the forms that are allowed, and has %d", n)
	}
	if not, ok := schema.Get("not"); ok && len(mismatches(not, v, path)) == 0 {
		m.add(path, "has a form that is not allowed")
	}
}
