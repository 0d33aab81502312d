package plugins

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/strictjson"
)

// The JSON Schema (2020-12) of a plugin's configuration is of a subset: what says the form of settings, and no references. A
// keyword that is not in it is refused, because it would hold nobody to anything.
var (
	schemaTypes   = []string{"object", "array", "string", "number", "integer", "boolean", "null"}
	schemaNotes   = []string{"$schema", "$comment", "title", "description", "default", "examples"} // say nothing of the form
	schemaCounts  = []string{"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
	schemaNumbers = []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
	schemaChoices = []string{"anyOf", "oneOf", "allOf"}
)

func schemaKeywords() []string {
	own := []string{"type", "enum", "const", "properties", "required", "additionalProperties", "items", "uniqueItems", "pattern", "not"}
	return slices.Sorted(slices.Values(slices.Concat(own, schemaNotes, schemaCounts, schemaNumbers, schemaChoices)))
}

// checkSchema says what is wrong with a schema.
func checkSchema(schema strictjson.Value, path string, found *problems) {
	if schema.Kind() == strictjson.KindBool {
		return
	}
	if schema.Kind() != strictjson.KindObject {
		found.add(path, "must be a schema: an object, true or false")
		return
	}
	for word, v := range schema.All() {
		checkKeyword(word, v, path+"."+word, found)
	}
}

func checkKeyword(word string, v strictjson.Value, at string, found *problems) {
	switch {
	case slices.Contains(schemaNotes, word):
	case slices.Contains(schemaCounts, word):
		if n, ok := v.Int64(); !ok || n < 0 {
			found.add(at, "must be a whole number from 0")
		}
	case slices.Contains(schemaNumbers, word):
		if v.Kind() != strictjson.KindNumber {
			found.add(at, "must be a number")
		}
	case slices.Contains(schemaChoices, word):
		if v.Kind() != strictjson.KindArray || v.Len() == 0 {
			found.add(at, "must be a list of schemas")
		}
		for i, s := range v.Items() {
			checkSchema(s, fmt.Sprintf("%s[%d]", at, i), found)
		}
	default:
		checkOwnKeyword(word, v, at, found)
	}
}

func checkOwnKeyword(word string, v strictjson.Value, at string, found *problems) {
	switch word {
	case "type":
		for _, name := range typesOf(v) {
			if !slices.Contains(schemaTypes, name) {
				found.add(at, "must be one of %s, or a list of them", strings.Join(schemaTypes, ", "))
			}
		}
	case "enum":
		if v.Kind() != strictjson.KindArray || v.Len() == 0 {
			found.add(at, "must be a list of values")
		}
	case "const":
	case "properties":
		if v.Kind() != strictjson.KindObject {
			found.add(at, "must be an object of schemas")
		}
		for name, s := range v.All() {
			checkSchema(s, at+"."+name, found)
		}
	case "required":
		if _, ok := v.Strings(); !ok {
			found.add(at, "must be a list of names")
		}
	case "additionalProperties", "items", "not":
		checkSchema(v, at, found)
	case "uniqueItems":
		if v.Kind() != strictjson.KindBool {
			found.add(at, "must be true or false")
		}
	case "pattern":
		text, ok := v.Text()
		if _, err := regexp.Compile(text); !ok || err != nil {
			found.add(at, "must be a regular expression that RE2 knows")
		}
	default:
		found.add(at, "is no keyword that is known here; there are %s", strings.Join(schemaKeywords(), ", "))
	}
}

// typesOf reads the keyword type; what is no text is "".
func typesOf(v strictjson.Value) []string {
	if v.Kind() != strictjson.KindArray || v.Len() == 0 {
		text, _ := v.Text()
		return []string{text}
	}
	var names []string
	for _, item := range v.Items() {
		text, _ := item.Text()
		names = append(names, text)
	}
	return names
}

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
	if want, ok := schema.Get("type"); ok && !slices.ContainsFunc(typesOf(want), func(name string) bool { return isOfType(v, name) }) {
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

func isOfType(v strictjson.Value, name string) bool {
	switch name {
	case "object":
		return v.Kind() == strictjson.KindObject
	case "array":
		return v.Kind() == strictjson.KindArray
	case "string":
		return v.Kind() == strictjson.KindString
	case "number":
		return v.Kind() == strictjson.KindNumber
	case "integer":
		_, whole := v.Int64()
		return whole
	case "boolean":
		return v.Kind() == strictjson.KindBool
	case "null":
		return v.IsNull()
	}
	return false
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
		if of, known := properties.Get(name); known {
			m.match(of, value, path+"."+name)
		} else if closed {
			m.match(others, value, path+"."+name)
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
