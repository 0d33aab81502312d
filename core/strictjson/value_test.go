package strictjson

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

// must parses a text of the test itself.
func must(t testing.TB, text string) Value {
	t.Helper()
	v, err := Parse([]byte(text), Stored)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestConstructors(t *testing.T) {
	half, err := Number("0.50")
	if err != nil {
		t.Fatal(err)
	}
	for want, v := range map[string]Value{
		`null`:                 Null(),
		`true`:                 Bool(true),
		`false`:                Bool(false),
		`-9223372036854775808`: Int(math.MinInt64),
		`0.50`:                 half,
		`"a\u0000b"`:           String("a\x00b"),
		`"�("`:                 String("\xff("),
		`[]`:                   Strings(nil),
		`["a","b"]`:            Strings([]string{"a", "b"}),
		`[1,null,"x"]`:         Array(Int(1), Value{}, String("x")),
		`{}`:                   Object(),
		`{"b":1,"a":null}`:     Object(Member{"b", Int(1)}, Member{"gone", Value{}}, Member{"a", Null()}),
		`{"b":3,"a":2}`:        Object(Member{"b", Int(1)}, Member{"a", Int(2)}, Member{"b", Int(3)}),
		`{"�":1}`:              Object(Member{"\xff", Int(1)}),
	} {
		if v.String() != want {
			t.Errorf("got %s, want %s", v, want)
		}
	}
	if got := (Value{}).String(); got != "null" {
		t.Errorf("an absent value is written as %s", got)
	}
}

func TestNumberRefuses(t *testing.T) {
	for _, literal := range []string{"", "-", "01", "1.", ".5", "+1", "1e", "NaN", "1 ", " 1", "1,2", "0x1", "1\x00"} {
		if v, err := Number(literal); err == nil || !v.IsAbsent() {
			t.Errorf("%q is the number %s", literal, v)
		}
	}
}

func TestAccessors(t *testing.T) {
	v := must(t, `{"null":null,"yes":true,"no":false,"n":-7,"f":7.0,"e":7e1,"huge":9223372036854775808,"s":"x","a":["x","y"],"mixed":["x",1],"o":{"k":1},"":"unnamed"}`)
	get := func(name string) Value {
		x, ok := v.Get(name)
		if !ok {
			t.Fatalf("no member %s", name)
		}
		return x
	}
	if !get("null").IsNull() || get("null").IsAbsent() {
		t.Error("null is not null")
	}
	if b, ok := get("yes").Bool(); !b || !ok {
		t.Error("true is not true")
	}
	if b, ok := get("no").Bool(); b || !ok {
		t.Error("false is not false")
	}
	if n, ok := get("n").Int64(); n != -7 || !ok {
		t.Error("-7 is not -7")
	}
	for _, name := range []string{"f", "e", "huge", "s", "null"} {
		if n, ok := get(name).Int64(); ok || n != 0 {
			t.Errorf("%s is the integer %d", name, n)
		}
	}
	if s, ok := get("f").Literal(); s != "7.0" || !ok {
		t.Errorf("the literal of 7.0 is %s", s)
	}
	if s, ok := get("").Text(); s != "unnamed" || !ok {
		t.Errorf("the empty name has %q", s)
	}
	if texts, ok := get("a").Strings(); !ok || !reflect.DeepEqual(texts, []string{"x", "y"}) {
		t.Errorf("strings %v", texts)
	}
	if x, ok := v.Get("S"); ok || !x.IsAbsent() {
		t.Errorf("S found the member s: %v", x)
	}
	if v.Len() != 12 || get("a").Len() != 2 || get("s").Len() != 0 {
		t.Error("wrong lengths")
	}
}

func TestAccessorsOfOtherKinds(t *testing.T) {
	for _, v := range []Value{{}, Null(), Bool(true), Int(1), String("1"), Array(Int(1)), Object(Member{"1", Int(1)})} {
		if _, ok := v.Bool(); ok != (v.Kind() == KindBool) {
			t.Errorf("Bool of %s: %v", v.Kind(), ok)
		}
		if s, ok := v.Text(); ok != (v.Kind() == KindString) || (!ok && s != "") {
			t.Errorf("Text of %s: %q, %v", v.Kind(), s, ok)
		}
		if s, ok := v.Literal(); ok != (v.Kind() == KindNumber) || (!ok && s != "") {
			t.Errorf("Literal of %s: %q, %v", v.Kind(), s, ok)
		}
		if _, ok := v.Strings(); ok {
			t.Errorf("Strings of %s", v.Kind())
		}
		if _, ok := v.Get("1"); ok != (v.Kind() == KindObject) {
			t.Errorf("Get of %s: %v", v.Kind(), ok)
		}
		if (len(v.Items()) == 1) != (v.Kind() == KindArray) || (len(v.Members()) == 1) != (v.Kind() == KindObject) {
			t.Errorf("%s has %d items, %d members", v.Kind(), len(v.Items()), len(v.Members()))
		}
	}
}

func TestAll(t *testing.T) {
	var walked []string
	for name, x := range must(t, `{"b":1,"a":[2,3]}`).All() {
		walked = append(walked, name+"="+x.String())
		for inner, y := range x.All() {
			walked = append(walked, inner+"="+y.String())
			break
		}
	}
	if got := strings.Join(walked, " "); got != "b=1 a=[2,3] =2" {
		t.Errorf("walked %s", got)
	}
	for range must(t, `{"a":1,"b":2}`).All() {
		walked = append(walked, "once")
		break
	}
	if len(walked) != 4 {
		t.Errorf("walked on after break: %v", walked)
	}
}

func TestWithLeavesTheOriginalAlone(t *testing.T) {
	v := must(t, `{"a":1,"b":2}`)
	for _, c := range []struct {
		got  Value
		want string
	}{
		{v.With("b", Int(3)), `{"a":1,"b":3}`},
		{v.With("c", Int(3)), `{"a":1,"b":2,"c":3}`},
		{v.With("a", Value{}), `{"b":2}`},
		{v.With("c", Int(3)).With("d", Int(4)).Without("a"), `{"b":2,"c":3,"d":4}`},
		{v.Without("a").Without("b"), `{}`},
		{v.Without("A"), `{"a":1,"b":2}`},
		{Value{}.With("a", Null()), `{"a":null}`},
		{Int(1).With("a", Null()), `{"a":null}`},
		{Int(1).Without("a"), `1`},
		{v.Overlaid(must(t, `{}`)), `{"a":1,"b":2}`},
		{v.Overlaid(must(t, `{"b":{"x":1},"c":3}`)), `{"a":1,"b":{"x":1},"c":3}`},
		{v.Overlaid(must(t, `{"a":null,"c":null,"d":4}`)), `{"b":2,"d":4}`},
		{must(t, `{"a":null,"b":null}`).Overlaid(must(t, `{"b":null}`)), `{"a":null}`},
		{Value{}.Overlaid(v), `{"a":1,"b":2}`},
	} {
		if c.got.String() != c.want {
			t.Errorf("got %s, want %s", c.got, c.want)
		}
	}
	members := v.Members()
	members[0].Value = Null()
	items := must(t, `[1]`)
	items.Items()[0] = Null()
	if v.String() != `{"a":1,"b":2}` || items.String() != `[1]` {
		t.Errorf("changed to %s and %s", v, items)
	}
}

func TestEqualAndCanonical(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":[true,null]}`, `{"b":[true,null],"a":1}`, true},
		{`{"x":{"b":1,"a":2}}`, `{"x":{"a":2,"b":1}}`, true},
		{`"\u00e9"`, `"é"`, true},
		{`0`, `-0`, true},
		{`[-0]`, `[0]`, true},
		{`[1,2]`, `[2,1]`, false},
		{`{"a":1}`, `{"A":1}`, false},
		{`{"a":1}`, `{"a":1,"b":null}`, false},
		{`{"a":1,"c":null}`, `{"a":1,"b":null}`, false},
		{`1`, `1.0`, false},
		{`1e2`, `100`, false},
		{`0`, `-0.0`, false},
		{`1`, `"1"`, false},
		{`true`, `false`, false},
		{`null`, `false`, false},
		{`[]`, `{}`, false},
		{`""`, `null`, false},
		{`100000000000000000000`, `100000000000000000001`, false},
	} {
		a, b := must(t, c.a), must(t, c.b)
		if Equal(a, b) != c.want || Equal(b, a) != c.want {
			t.Errorf("Equal(%s, %s) is not %v", a, b, c.want)
		}
		if same := string(Canonical(nil, a)) == string(Canonical(nil, b)); same != c.want {
			t.Errorf("canonical forms of %s and %s alike: %v", a, b, same)
		}
	}
	if Equal(Value{}, Null()) || !Equal(Value{}, Value{}) {
		t.Error("absent equals null, or not itself")
	}
	if got := string(Canonical([]byte("> "), must(t, `{"b":1,"":2,"ä":3,"a":{"d":-0,"c":[1.0]},"B":4}`))); got != `> {"":2,"B":4,"a":{"c":[1.0],"d":0},"b":1,"ä":3}` {
		t.Errorf("canonical: %s", got)
	}
}

func TestAppendString(t *testing.T) {
	for s, want := range map[string]string{
		"":                   `""`,
		`a"b\c/d`:            `"a\"b\\c/d"`,
		"\b\f\n\r\t":         `"\b\f\n\r\t"`,
		"\x00\x01\x1f\x7f":   `"\u0000\u0001\u001f` + "\x7f\"",
		"<script>&":          `"<script>&"`,
		"a\u2028b\u2029c":    `"a\u2028b\u2029c"`,
		"\xff\xc3\xa9\xc3":   "\"\uFFFDé\uFFFD\"",
		"\uFFFD":             "\"\uFFFD\"",
		"\xed\xa0\x80":       "\"\uFFFD\uFFFD\uFFFD\"",
		"Grüße 🙂 \U0010FFFF": "\"Grüße 🙂 \U0010FFFF\"",
	} {
		got := AppendString([]byte("x"), s)
		if string(got) != "x"+want {
			t.Errorf("%q is written as %s, want %s", s, got, want)
		}
		if !json.Valid(got[1:]) {
			t.Errorf("%s is not JSON", got[1:])
		}
	}
}

func TestValuesInStructs(t *testing.T) {
	type record struct {
		Extra    Value  `json:"extra"`
		Optional Value  `json:"optional,omitzero"`
		Pointer  *Value `json:"pointer"`
	}
	null := Null()
	for want, r := range map[string]record{
		`{"extra":{"a":[1,"x"]},"optional":null,"pointer":null}`: {Extra: must(t, `{"a":[1,"x"]}`), Optional: Null()},
		`{"extra":null,"pointer":null}`:                          {Pointer: &null},
	} {
		got, err := json.Marshal(r)
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1700000000": 1_700_000_000, "1700000000.9": 1_700_000_000, "1.7e9": 1_700_000_000,
	} {
		v, err := Parse([]byte(text), Default)
		if at, ok := v.Seconds(); err != nil || !ok || at.Unix() != want {
			t.Errorf("%s is %d, %t, %v", text, at.Unix(), ok, err)
		}
	}
	for _, text := range []string{`"1700000000"`, "null", "true", "[]", "-5", "1e400", "1e16", "9223372036854775807"} {
		v, _ := Parse([]byte(text), Default)
		if _, ok := v.Seconds(); ok {
			t.Errorf("%s is a time", text)
		}
	}
}
