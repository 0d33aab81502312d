package plugins

import (
	"strings"
	"testing"
)

const exampleSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","required":["domain"],"additionalProperties":false,
	"properties":{
		"domain":{"type":"string","pattern":"^[a-z.]+$","minLength":3,"maxLength":12},
		"scopes":{"type":"array","items":{"type":"string","enum":["openid","email"]},"minItems":1,"uniqueItems":true},
		"level":{"type":"integer","minimum":1,"exclusiveMaximum":5},
		"mode":{"oneOf":[{"const":"off"},{"type":["string","null"],"maxLength":3}]},
		"other":{"not":{"type":"boolean"},"anyOf":[{"type":"number"},{"type":"boolean"}],"allOf":[true]},
		"free":{"type":"object","maxProperties":1,"additionalProperties":{"type":"number"}}}}`

func TestSchemaMatches(t *testing.T) {
	schema := mustParse(t, exampleSchema)
	var wrong problems
	if checkSchema(schema, "configuration_schema", &wrong); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	for text, want := range map[string]string{
		`{"domain":"a.example"}`: "",
		`{"domain":"a.example","scopes":["openid"],"level":4,"mode":null,"other":1.5,"free":{"x":1}}`: "",
		`{}`:                                     "c.domain: is missing",
		`[]`:                                     "c: must be object, not an array",
		`{"domain":"ABC"}`:                       "c.domain: must match ^[a-z.]+$",
		`{"domain":"a"}`:                         "c.domain: must have at least 3 characters",
		`{"domain":"aaaaaaaaaaaaaaaa","more":1}`: "c.domain: must have at most 12 characters, c.more: is not known here; did you mean mode?",
		`{"domain":"abc","scopes":[]}`:           "c.scopes: must have at least 1 items",
		`{"domain":"abc","scopes":["openid","x","openid"]}`: `c.scopes[1]: must be one of ["openid","email"], c.scopes[2]: stands there twice`,
		`{"domain":"abc","level":0}`:                        "c.level: must be at least 1",
		`{"domain":"abc","level":5}`:                        "c.level: must be less than 5",
		`{"domain":"abc","level":1.5}`:                      "c.level: must be integer, not a number",
		`{"domain":"abc","mode":"off"}`:                     "c.mode: must have exactly one of the forms that are allowed, and has 2",
		`{"domain":"abc","other":true}`:                     "c.other: has a form that is not allowed",
		`{"domain":"abc","other":"x"}`:                      "c.other: has none of the forms that are allowed",
		`{"domain":"abc","free":{"a":"1","b":2}}`:           "c.free: must have at most 1 members, c.free.a: must be number, not a string",
		`{"domain":"abc","mode":5}`:                         "c.mode: must have exactly one of the forms that are allowed, and has 0",
		`{"domain":null}`:                                   "c.domain: must be string, not null",
	} {
		if got := strings.Join(mismatches(schema, mustParse(t, text), "c"), ", "); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestSchemaItself(t *testing.T) {
	for text, want := range map[string]string{
		`{"$ref":"#/x"}`:                        "s.$ref: is no keyword that is known here",
		`{"tpye":"object"}`:                     "s.tpye: is no keyword",
		`{"type":"text"}`:                       "s.type: must be one of object",
		`{"type":[]}`:                           "s.type: must be one of object",
		`{"properties":{"a":{"minLength":-1}}}`: "s.properties.a.minLength: must be a whole number",
		`{"properties":[]}`:                     "s.properties: must be an object of schemas",
		`{"required":"a"}`:                      "s.required: must be a list of names",
		`{"items":[{}]}`:                        "s.items: must be a schema",
		`{"pattern":"(?=x)"}`:                   "s.pattern: must be a regular expression that RE2 knows",
		`{"anyOf":[]}`:                          "s.anyOf: must be a list of schemas",
		`{"anyOf":[{"not":1}]}`:                 "s.anyOf[0].not: must be a schema",
		`{"minimum":"1"}`:                       "s.minimum: must be a number",
		`{"enum":[]}`:                           "s.enum: must be a list of values",
		`{"uniqueItems":1}`:                     "s.uniqueItems: must be true or false",
		`"object"`:                              "s: must be a schema",
	} {
		var found problems
		checkSchema(mustParse(t, text), "s", &found)
		if len(found) != 1 || !strings.HasPrefix(found[0].Path+": "+found[0].Text, want) {
			t.Errorf("%s: got %v, want %s", text, found, want)
		}
	}
}
