package plugins

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

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
