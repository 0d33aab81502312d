package policies

import (
	"encoding/json"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// inputTerm gives the part of an input that the paths hold, as Rego's own values: half the work of going through JSON.
func inputTerm(p *decision.Paths, names memberNames, q decision.Question) *ast.Term {
	w := termWriter{names: names, frames: make([]frame, 0, 8)}
	q.Write(decision.Select(p, &w))
	return w.result
}

// memberNames holds the names that occur in every input, made once. Rego never changes them.
type memberNames map[string]*ast.Term

// namesOf collects the member names of a JSON Schema.
func namesOf(schema strictjson.Value) memberNames {
	names := memberNames{}
	names.collect(schema)
	return names
}

func (n memberNames) collect(schema strictjson.Value) {
	properties, _ := schema.Get("properties")
	for name, member := range properties.All() {
		n[name] = ast.StringTerm(name)
		n.collect(member)
	}
	if items, ok := schema.Get("items"); ok {
		n.collect(items)
	}
}

// termWriter builds an ast.Value from a document.
type termWriter struct {
	names  memberNames
	frames []frame
	result *ast.Term
}

// A frame is an object or array whose members are still coming.
type frame struct {
	list    bool
	key     *ast.Term // of the member that comes next
	members [][2]*ast.Term
	items   []*ast.Term
}

func (w *termWriter) put(t *ast.Term) {
	if len(w.frames) == 0 {
		w.result = t
		return
	}
	top := &w.frames[len(w.frames)-1]
	if top.list {
		top.items = append(top.items, t)
		return
	}
	top.members = append(top.members, [2]*ast.Term{top.key, t})
}

func (w *termWriter) pop() frame {
	top := w.frames[len(w.frames)-1]
	w.frames = w.frames[:len(w.frames)-1]
	return top
}

// BeginObject implements decision.Writer.
func (w *termWriter) BeginObject(members int) {
	w.frames = append(w.frames, frame{members: make([][2]*ast.Term, 0, members)})
}

// EndObject implements decision.Writer.
func (w *termWriter) EndObject() { w.put(ast.ObjectTerm(w.pop().members...)) }

// BeginArray implements decision.Writer.
func (w *termWriter) BeginArray(items int) {
	w.frames = append(w.frames, frame{list: true, items: make([]*ast.Term, 0, items)})
}

// EndArray implements decision.Writer.
func (w *termWriter) EndArray() { w.put(ast.ArrayTerm(w.pop().items...)) }

// Key implements decision.Writer.
func (w *termWriter) Key(name string) {
	term, known := w.names[name]
	if !known {
		term = ast.InternedTerm(name)
	}
	w.frames[len(w.frames)-1].key = term
}

// Text implements decision.Writer.
func (w *termWriter) Text(s string) { w.put(ast.InternedTerm(s)) }

// Int implements decision.Writer.
func (w *termWriter) Int(n int64) { w.put(ast.InternedTerm(n)) }

// Bool implements decision.Writer.
func (w *termWriter) Bool(b bool) { w.put(ast.InternedTerm(b)) }

// Value implements decision.Writer.
func (w *termWriter) Value(v strictjson.Value) { w.put(toTerm(v)) }

var _ decision.Writer = (*termWriter)(nil)

// toTerm gives any JSON value as Rego's own.
func toTerm(v strictjson.Value) *ast.Term {
	switch v.Kind() {
	case strictjson.KindBool:
		b, _ := v.Bool()
		return ast.InternedTerm(b)
	case strictjson.KindNumber:
		literal, _ := v.Literal()
		return ast.NumberTerm(json.Number(literal))
	case strictjson.KindString:
		text, _ := v.Text()
		return ast.InternedTerm(text)
	case strictjson.KindArray:
		items := make([]*ast.Term, 0, v.Len())
		for _, item := range v.All() {
			items = append(items, toTerm(item))
		}
		return ast.ArrayTerm(items...)
	case strictjson.KindObject:
		members := make([][2]*ast.Term, 0, v.Len())
		for name, member := range v.All() {
			members = append(members, [2]*ast.Term{ast.InternedTerm(name), toTerm(member)})
		}
		return ast.ObjectTerm(members...)
	}
	return ast.NullTerm()
}

// fromTerm gives what a rule made as JSON. Sets become arrays in Rego's order; keys that are no strings are refused.
func fromTerm(t *ast.Term) (strictjson.Value, error) {
	switch v := t.Value.(type) {
	case ast.Null:
		return strictjson.Null(), nil
	case ast.Boolean:
		return strictjson.Bool(bool(v)), nil
	case ast.Number:
		return strictjson.Number(string(v))
	case ast.String:
		return strictjson.String(string(v)), nil
	case *ast.Array:
		return fromItems(v.Len(), v.Iter)
	case ast.Set:
		return fromItems(v.Len(), v.Iter)
	case ast.Object:
		members := make([]strictjson.Member, 0, v.Len())
		err := v.Iter(func(key, value *ast.Term) error {
			name, ok := key.Value.(ast.String)
			if !ok {
				return fmt.Errorf("the key %v is not a string", key)
			}
			member, err := fromTerm(value)
			members = append(members, strictjson.Member{Name: string(name), Value: member})
			return err
		})
		return strictjson.Object(members...), err
	}
	return strictjson.Value{}, fmt.Errorf("%v is not a JSON value", t)
}

func fromItems(n int, each func(func(*ast.Term) error) error) (strictjson.Value, error) {
	items := make([]strictjson.Value, 0, n)
	err := each(func(item *ast.Term) error {
		v, err := fromTerm(item)
		items = append(items, v)
		return err
	})
	return strictjson.Array(items...), err
}

// native gives a value in the types that OPA's stores and schemas are made from.
func native(v strictjson.Value) any {
	switch v.Kind() {
	case strictjson.KindBool:
		b, _ := v.Bool()
		return b
	case strictjson.KindNumber:
		literal, _ := v.Literal()
		return json.Number(literal)
	case strictjson.KindString:
		text, _ := v.Text()
		return text
	case strictjson.KindArray:
		items := make([]any, 0, v.Len())
		for _, item := range v.All() {
			items = append(items, native(item))
		}
		return items
	case strictjson.KindObject:
		members := make(map[string]any, v.Len())
		for name, member := range v.All() {
			members[name] = native(member)
		}
		return members
	}
	return nil
}
