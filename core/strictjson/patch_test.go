package strictjson

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// RFC 7396 Appendix A.
func TestMergePatchVectors(t *testing.T) {
	for _, c := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		target, patch := must(t, c.target), must(t, c.patch)
		if got := MergePatch(target, patch); got.String() != c.want {
			t.Errorf("%s with %s is %s, want %s", c.target, c.patch, got, c.want)
		}
		if target.String() != c.target || patch.String() != c.patch {
			t.Errorf("changed its input: %s, %s", target, patch)
		}
	}
}

func TestMergePatchAbsent(t *testing.T) {
	v := must(t, `{"a":1}`)
	if got := MergePatch(v, Value{}); !Equal(got, v) {
		t.Errorf("no patch made %s", got)
	}
	if got := MergePatch(Value{}, must(t, `{"a":{"b":null,"c":1}}`)); got.String() != `{"a":{"c":1}}` {
		t.Errorf("a patch on nothing made %s", got)
	}
}

func TestMergePatchOnLargeObjects(t *testing.T) {
	target, patch, want := Object(), Object(), Object()
	for i := range 100 {
		name := fmt.Sprint(i)
		target = target.With(name, Int(1))
		switch i % 3 {
		case 0:
			patch = patch.With(name, Null())
		case 1:
			patch, want = patch.With(name, Int(2)), want.With(name, Int(2))
		default:
			want = want.With(name, Int(1))
		}
	}
	patch, want = patch.With("new", Int(3)), want.With("new", Int(3))
	if got := MergePatch(target, patch); got.String() != want.String() {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDiff(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{`{"a":1}`, `{"a":1}`, `null`},
		{`{"a":1,"b":2}`, `{"b":2,"a":-0}`, `[{"op":"replace","path":"/a","value":-0}]`},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, `null`},
		{`{"a":1}`, `{}`, `[{"op":"remove","path":"/a"}]`},
		{`{}`, `{"a":null}`, `[{"op":"add","path":"/a","value":null}]`},
		{`{"a":[1]}`, `{"a":[1,2]}`, `[{"op":"replace","path":"/a","value":[1,2]}]`},
		{`{"a":{"b":{"c":1,"d":2}}}`, `{"a":{"b":{"c":3,"e":4}}}`,
			`[{"op":"replace","path":"/a/b/c","value":3},{"op":"remove","path":"/a/b/d"},{"op":"add","path":"/a/b/e","value":4}]`},
		{`{"a":{"b":1}}`, `{"a":null}`, `[{"op":"replace","path":"/a","value":null}]`},
		{`{"x~/y":1,"":2}`, `{"x~/y":3,"~1":4}`,
			`[{"op":"replace","path":"/x~0~1y","value":3},{"op":"remove","path":"/"},{"op":"add","path":"/~01","value":4}]`},
		{`1`, `{}`, `[{"op":"replace","path":"","value":{}}]`},
	} {
		before, after := must(t, c.before), must(t, c.after)
		got, err := json.Marshal(Diff(before, after))
		if err != nil || string(got) != c.want {
			t.Errorf("%s to %s: got %s, %v, want %s", c.before, c.after, got, err, c.want)
		}
		checkDiff(t, before, after)
	}
	checkDiff(t, Value{}, must(t, `{"a":1}`))
	checkDiff(t, must(t, `{"a":1}`), Value{})
}

// A stored patch reads back with null values intact.
func TestPatchOpsRoundTrip(t *testing.T) {
	before, after := must(t, `{"a":1,"b":2}`), must(t, `{"a":null,"c":{}}`)
	text, err := json.Marshal(Diff(before, after))
	if err != nil {
		t.Fatal(err)
	}
	var ops []PatchOp
	if err := Decode(text, &ops, Stored); err != nil {
		t.Fatal(err)
	}
	got, err := applyAll(before, ops)
	if err != nil || !Equal(got, after) {
		t.Errorf("%s gave %s, %v", text, got, err)
	}
}

func checkDiff(t *testing.T, before, after Value) {
	t.Helper()
	ops := Diff(before, after)
	if (len(ops) == 0) != Equal(before, after) {
		t.Fatalf("%d steps from %s to %s", len(ops), before, after)
	}
	got, err := applyAll(before, ops)
	if err != nil || !Equal(got, after) {
		t.Fatalf("from %s to %s: %v gives %s, %v", before, after, ops, got, err)
	}
}

func applyAll(v Value, ops []PatchOp) (Value, error) {
	for _, op := range ops {
		var steps []string
		if op.Path != "" {
			steps = strings.Split(op.Path, "/")[1:]
		}
		var err error
		if v, err = apply(v, steps, op); err != nil {
			return Value{}, fmt.Errorf("%s %s: %w", op.Op, op.Path, err)
		}
	}
	return v, nil
}

// apply follows RFC 6902 §4 and RFC 6901 §4, for objects only.
func apply(v Value, steps []string, op PatchOp) (Value, error) {
	if len(steps) == 0 {
		if !slices.Contains([]string{"add", "remove", "replace"}, op.Op) {
			return Value{}, fmt.Errorf("unknown operation")
		}
		if exists := !v.IsAbsent(); exists == (op.Op == "add") || op.Value.IsAbsent() != (op.Op == "remove") {
			return Value{}, fmt.Errorf("there is %s", v.Kind())
		}
		return op.Value, nil
	}
	if v.Kind() != KindObject {
		return Value{}, fmt.Errorf("%s has no members", v.Kind())
	}
	name := strings.ReplaceAll(strings.ReplaceAll(steps[0], "~1", "/"), "~0", "~")
	member, _ := v.Get(name)
	changed, err := apply(member, steps[1:], op)
	if err != nil {
		return Value{}, err
	}
	return v.With(name, changed), nil
}

// Applying a difference to what was before gives what is after, whatever both are.
func FuzzDiff(f *testing.F) {
	for i, c := range accepted {
		f.Add([]byte(c.text), []byte(accepted[(i+1)%len(accepted)].text))
	}
	f.Add([]byte(`{"a":{"b":1,"~/":2}}`), []byte(`{"a":{"b":{},"~/":null},"c":[]}`))
	f.Add(registrationBody, []byte(`{"jwks":{"keys":[]},"scope":null,"client_name":""}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		before, err := Parse(a, Limits{})
		if err != nil {
			t.Skip()
		}
		after, err := Parse(b, Limits{})
		if err != nil {
			t.Skip()
		}
		checkDiff(t, before, after)
	})
}
