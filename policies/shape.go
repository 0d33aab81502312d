package policies

import "github.com/ostiary/ostiary/core/strictjson"

// mismatches says where a value differs from a JSON Schema, of which it knows what the schemas of configuration and input use:
// type, items, properties, required and additionalProperties.
func mismatches(schema, v strictjson.Value, at string) []string {
	want, _ := schema.Get("type")
	if name, _ := want.Text(); !v.IsType(name) {
		return []string{at + " must be of type " + name + ", not " + v.Kind().String()}
	}
	var found []string
	if v.Kind() == strictjson.KindArray {
		items, _ := schema.Get("items")
		for _, item := range v.All() {
			found = append(found, mismatches(items, item, at+"[]")...)
		}
		return found
	}
	if v.Kind() != strictjson.KindObject {
		return nil
	}
	required, _ := schema.Get("required")
	for _, name := range required.All() {
		member, _ := name.Text()
		if _, ok := v.Get(member); !ok {
			found = append(found, at+"."+member+" is missing")
		}
	}
	properties, _ := schema.Get("properties")
	others, _ := schema.Get("additionalProperties")
	for name, member := range v.All() {
		inner, known := properties.Get(name)
		if !known {
			inner = others
		}
		if allowed, isFlag := inner.Bool(); isFlag && !allowed {
			found = append(found, at+"."+name+" is unknown")
			continue
		}
		if inner.Kind() == strictjson.KindObject {
			found = append(found, mismatches(inner, member, at+"."+name)...)
		}
	}
	return found
}
