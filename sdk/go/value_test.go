package ostiary

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestValueReads(t *testing.T) {
	v := parsed(t, ` {"text":"a\"\u00e9\ud83d\ude00\n","list":["x",1,"y"],"n":-12,"f":1.5,"yes":true,"nil":null,"o":{"p":[{},[]]}} `)
	if got := v.Get("text").Text(); got != "a\"é\U0001F600\n" {
		t.Errorf("text: %q", got)
	}
	if got := v.Get("list").Strings(); !slices.Equal(got, []string{"x", "y"}) {
		t.Errorf("list: %q", got)
	}
	if n, ok := v.Get("n").Int(); n != -12 || !ok {
		t.Errorf("n: %d, %v", n, ok)
	}
	if _, ok := v.Get("f").Int(); ok {
		t.Error("1.5 is no whole number")
	}
	if !v.Get("yes").Bool() || v.Get("nil").Bool() || !v.Get("nil").IsNull() {
		t.Error("yes or nil")
	}
	if got := v.Get("o").Get("p").JSON(); got != `[{},[]]` {
		t.Errorf("o.p: %s", got)
	}
	if v.Get("o").Get("p").Get("q").Exists() || v.Get("none").Text() != "" || v.Get("text").Get("x").Exists() {
		t.Error("what is not there reads as absent")
	}
}

func TestValueReadsAcrossSpaces(t *testing.T) {
	v := parsed(t, "{ \"a\" : [ 1 , \"b\" ,\n{ \"c\" : 2 } ] ,\t\"d\" : true }")
	var items []string
	for item := range v.Get("a").Items() {
		items = append(items, item.JSON())
	}
	if !slices.Equal(items, []string{"1", `"b"`, `{ "c" : 2 }`}) {
		t.Errorf("items: %q", items)
	}
	if !v.Get("d").Bool() {
		t.Error("d is true")
	}
}

func TestValueBuilds(t *testing.T) {
	v := Object(Member{"s", String("<\"\\\x01\xff>")}, Member{"none", Value{}}, Member{"l", Strings(nil)},
		Member{"a", Array(Int(math.MinInt64), Value{}, Bool(false))})
	want := "{\"s\":\"<\\\"\\\\\\u0001\ufffd>\",\"l\":[],\"a\":[-9223372036854775808,null,false]}"
	if v.JSON() != want {
		t.Errorf("got  %s\nwant %s", v.JSON(), want)
	}
	parsed(t, v.JSON())
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", " ", "{", `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[1 2]`, `"`, `"\x"`, `"\u12g4"`, "\"\n\"", "01",
		"1.", "1e", "-", "tru", "nul", "{} {}", "'a'", "{1:2}", strings.Repeat("[", 40) + strings.Repeat("]", 40)} {
		if v, err := Parse(text); err == nil {
			t.Errorf("%q was read as %s", text, v.JSON())
		}
	}
}

// FuzzParse compares with encoding/json: the same texts are accepted, and strings and members read the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e+3,"x\ud83d\ude00\ud83d"],"b":{"c":null}}`, ` [ true , false ] `, `"\u0041"`, `0`, `{"":""}`, `[[[[]]]]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text)
		valid := json.Valid([]byte(text))
		if err == nil && !valid {
			t.Fatalf("%q was accepted", text)
		}
		if err != nil {
			if valid && !strings.Contains(err.Error(), "nested") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if utf8.ValidString(text) {
			sameAsReflected(t, v)
		}
	})
}

// sameAsReflected compares what v reads as with what encoding/json makes of its text.
func sameAsReflected(t *testing.T, v Value) {
	t.Helper()
	var want any
	if err := json.Unmarshal([]byte(v.JSON()), &want); err != nil {
		if strings.Contains(err.Error(), "cannot unmarshal number") { // beyond a float64: not ours to judge
			return
		}
		t.Fatalf("%q: %v", v.JSON(), err)
	}
	switch want := want.(type) {
	case string:
		if v.Text() != want {
			t.Fatalf("%s: text %q, want %q", v.JSON(), v.Text(), want)
		}
	case []any:
		n := 0
		for item := range v.Items() {
			sameAsReflected(t, item)
			n++
		}
		if n != len(want) {
			t.Fatalf("%s: %d items, want %d", v.JSON(), n, len(want))
		}
	case map[string]any:
		names := map[string]bool{}
		for name, member := range v.Members() {
			sameAsReflected(t, member)
			names[name] = true
		}
		if len(names) != len(want) {
			t.Fatalf("%s: members %v, want %d", v.JSON(), names, len(want))
		}
	}
}

func parsed(t *testing.T, text string) Value {
	t.Helper()
	v, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Strings are read and written eight bytes at a time: wherever something special is in them, the outcome is that of encoding/json.
func TestStringsOfEveryLength(t *testing.T) {
	for length := range 34 {
		for at := range length + 1 {
			for _, special := range []string{"", `"`, `\`, "\\\"", "\n", "\x1f", "\x7f", "ü", "\u2028", "😀", "\xff"} {
				want := strings.Repeat("a", at) + special + strings.Repeat("~", length-at)
				quoted := String(want).JSON()
				var reflected string
				if err := json.Unmarshal([]byte(quoted), &reflected); err != nil || reflected != strings.ToValidUTF8(want, "\ufffd") {
					t.Fatalf("%q was written as %s: %v", want, quoted, err)
				}
				v := parsed(t, `{`+quoted+`:[`+quoted+`,{"b":`+quoted+`}],"c":`+quoted+`}`)
				list := v.Get(reflected)
				if v.Get("c").Text() != reflected || list.Strings()[0] != reflected || list.JSON() != `[`+quoted+`,{"b":`+quoted+`}]` {
					t.Fatalf("%s reads as %q and %s", quoted, v.Get("c").Text(), list.JSON())
				}
			}
		}
	}
}
