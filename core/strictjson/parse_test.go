package strictjson

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
)

// accepted texts, each with how Append writes it; empty: as it stands.
var accepted = []struct{ name, text, want string }{
	{"null", `null`, ""},
	{"true", `true`, ""},
	{"false", `false`, ""},
	{"zero", `0`, ""},
	{"minus zero", `-0`, ""},
	{"integer", `-1234567890`, ""},
	{"integer beyond 64 bits", `123456789012345678901234567890`, ""},
	{"fraction keeps its spelling", `1.500`, ""},
	{"exponents keep their spelling", `[1e5,1E5,1e+5,1e-5,0e0,0E+1,-0.0e-0]`, ""},
	{"empty string", `""`, ""},
	{"string", `"ostiary"`, ""},
	{"UTF-8", `"Grüße, 世界 🙂"`, ""},
	{"noncharacters", "\"\uFFFE\uFFFF\"", ""},
	{"replacement character itself", "\"\uFFFD\"", ""},
	{"DEL", "\"\x7f\"", ""},
	{"byte order mark inside a string", "\"\uFEFF\"", ""},
	{"short escapes", `"\"\\\/\b\f\n\r\t"`, `"\"\\/\b\f\n\r\t"`},
	{"escaped ASCII", `"\u0041\u007a"`, `"Az"`},
	{"escaped control character", `"\u0001\u001F"`, `"\u0001\u001f"`},
	{"escape in upper and lower case", `"\u00E9\u00e9"`, `"éé"`},
	{"surrogate pair", `"\uD83D\uDE42"`, `"🙂"`},
	{"last code point", `"\uDBFF\uDFFF"`, "\"\U0010FFFF\""},
	{"an escaped backslash before u0000", `"\\u0000"`, ""},
	{"line separators leave escaped", "\"\u2028\u2029\"", `"\u2028\u2029"`},
	{"empty array", `[]`, ""},
	{"empty object", `{}`, ""},
	{"white space", " \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n", `{"a":[1,2],"b":{}}`},
	{"empty name", `{"":0}`, ""},
	{"names differing in case are two members", `{"scope":1,"Scope":2,"SCOPE":3}`, ""},
	{"names that fold to the same letter are two members", `{"k":1,"K":2,"s":3,"ſ":4}`, ""},
	{"names in different normal forms are two members", "{\"\u00e9\":1,\"e\u0301\":2}", ""},
	{"the same name at different levels", `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}`, ""},
	{"__proto__ is a name", `{"__proto__":1,"constructor":2}`, ""},
	{"as deep as allowed", strings.Repeat("[", 16) + strings.Repeat("]", 16), ""},
}

// refused texts, each with the place and a piece of the problem.
var refused = []struct {
	name, text string
	offset     int
	path       string
	problem    string
}{
	{"nothing", ``, 0, "", "empty"},
	{"white space only", " \n", 2, "", "empty"},
	{"byte order mark", "\xEF\xBB\xBF{}", 0, "", "byte order mark"},
	{"byte order mark later", "{\"a\":\uFEFF1}", 5, "a", "want a JSON value, not the byte 0xef"},
	{"UTF-16", "[\x00]\x00", 1, "", "NUL"},
	{"NUL in a string", "{\"a\":\"b\x00c\"}", 7, "", "NUL"},
	{"NUL after the value", "{}\x00", 2, "", "NUL"},
	{"escaped NUL", `{"a":"b\u0000"}`, 7, "a", "escaped NUL"},
	{"escaped NUL in a name", `{"a\u0000":1}`, 3, "", "escaped NUL"},
	{"invalid UTF-8", "{\"a\":\"é\xff\"}", 8, "", "UTF-8"},
	{"overlong UTF-8", "\"\xC0\xAF\"", 1, "", "UTF-8"},
	{"UTF-8 of a surrogate", "\"\xED\xA0\x80\"", 1, "", "UTF-8"},
	{"UTF-8 beyond U+10FFFF", "\"\xF4\x90\x80\x80\"", 1, "", "UTF-8"},
	{"UTF-8 cut off", "\"\xE2\x82", 1, "", "UTF-8"},
	{"high surrogate alone", `"\uD800"`, 1, "", "surrogate"},
	{"low surrogate alone", `"a\uDC00"`, 2, "", "surrogate"},
	{"surrogates in the wrong order", `"\uDE42\uD83D"`, 1, "", "surrogate"},
	{"high surrogate twice", `"\uD83D\uD83D"`, 1, "", "surrogate"},
	{"high surrogate before another escape", `"\uD83D\n1234"`, 1, "", "surrogate"},
	{"high surrogate at the end", `"\uD83D\uDE4`, 1, "", "surrogate"},
	{"same name twice", `{"a":1,"b":2,"a":3}`, 13, "a", "more than once"},
	{"same name and value twice", `{"a":1,"a":1}`, 7, "a", "more than once"},
	{"same name after unescaping", `{"redirect_uris":[],"redirect\u005furis":[]}`, 20, "redirect_uris", "more than once"},
	{"empty name twice", `{"":1,"":2}`, 6, "", "more than once"},
	{"same name twice further down", `{"jwks":{"keys":[{"kty":"EC"},{"kid":"1","kid":"2"}]}}`, 41, "jwks.keys[1].kid", "more than once"},
	{"too deep", strings.Repeat("[", 17) + strings.Repeat("]", 17), 16, strings.Repeat("[0]", 16), "deeper than 16"},
	{"two documents", `{} {}`, 3, "", "more data"},
	{"two documents without space", `truefalse`, 4, "", "more data"},
	{"lines of documents", "{}\n{}", 3, "", "more data"},
	{"comma after the document", `{},`, 2, "", "more data"},
	{"bracket after the document", `{}]`, 2, "", "more data"},
	{"a number running into a word", `1true`, 1, "", "more data"},
	{"leading zero", `01`, 1, "", "start with 0"},
	{"leading zeros, negative", `[-012]`, 3, "[0]", "start with 0"},
	{"two zeros", `00`, 1, "", "start with 0"},
	{"no digit after the point", `[1.]`, 3, "[0]", "want a digit after the decimal point, not ]"},
	{"no digit after the point, exponent", `1.e3`, 2, "", "decimal point"},
	{"no digit before the point", `.5`, 0, "", "want a JSON value, not ."},
	{"no digit before the point, negative", `-.5`, 1, "", "want a digit"},
	{"minus alone", `-`, 1, "", "ends too early"},
	{"two minuses", `--1`, 1, "", "want a digit"},
	{"plus", `+1`, 0, "", "not +"},
	{"empty exponent", `1e`, 2, "", "exponent"},
	{"sign only exponent", `1e+`, 3, "", "exponent"},
	{"fractional exponent", `1e1.5`, 3, "", "more data"},
	{"hexadecimal", `0x10`, 1, "", "more data"},
	{"digit separators", `1_000`, 1, "", "more data"},
	{"full width digit", `１`, 0, "", "byte 0xef"},
	{"NaN", `NaN`, 0, "", "not N"},
	{"Infinity", `Infinity`, 0, "", "not I"},
	{"minus Infinity", `-Infinity`, 1, "", "not I"},
	{"capital True", `True`, 0, "", "not T"},
	{"half a word", `tru`, 3, "", "ends too early: want the word true"},
	{"misspelled word", `{"a":nul1}`, 8, "a", "want the word null, not 1"},
	{"undefined", `undefined`, 0, "", "not u"},
	{"control character in a string", "\"a\nb\"", 2, "", "control character"},
	{"tab in a string", "\"a\tb\"", 2, "", "control character"},
	{"control character after an escape", "\"\\n\x1f\"", 3, "", "control character"},
	{"control character in a name", "{\"a\rb\":1}", 3, "", "control character"},
	{"unknown escape", `"\x41"`, 1, "", "escape does not exist"},
	{"escaped quote", `"\'"`, 1, "", "escape does not exist"},
	{"capital escape", `"\N"`, 1, "", "escape does not exist"},
	{"short u escape", `"\u12"`, 1, "", "four hexadecimal"},
	{"u escape with a sign", `"\u+123"`, 1, "", "four hexadecimal"},
	{"capital U escape", `"\U0041"`, 1, "", "escape does not exist"},
	{"open string", `"abc`, 4, "", "inside a string"},
	{"open string after an escape", `"\nabc`, 6, "", "inside a string"},
	{"string ends in a backslash", `"abc\`, 5, "", "inside a string"},
	{"single quotes", `{'a':1}`, 1, "", "member name in double quotes, not '"},
	{"bare name", `{a:1}`, 1, "", "member name"},
	{"number as a name", `{1:1}`, 1, "", "member name"},
	{"null as a name", `{null:1}`, 1, "", "member name"},
	{"no colon", `{"a" 1}`, 5, "a", "want a colon"},
	{"two colons", `{"a"::1}`, 5, "a", "want a JSON value"},
	{"equals sign", `{"a"=1}`, 4, "a", "want a colon"},
	{"no value", `{"a":}`, 5, "a", "want a JSON value"},
	{"name only", `{"a"}`, 4, "a", "want a colon"},
	{"trailing comma in an object", `{"a":1,}`, 7, "", "member name"},
	{"leading comma in an object", `{,"a":1}`, 1, "", "member name"},
	{"two commas in an object", `{"a":1,,"b":2}`, 7, "", "member name"},
	{"no comma in an object", `{"a":1 "b":2}`, 7, "", "want a comma or }, not the byte 0x22"},
	{"open object", `{"a":1`, 6, "", "ends too early"},
	{"open empty object", `{`, 1, "", "ends too early"},
	{"object closed as an array", `{"a":1]`, 6, "", "want a comma or }"},
	{"trailing comma in an array", `[1,]`, 3, "[1]", "want a JSON value"},
	{"leading comma in an array", `[,1]`, 1, "[0]", "want a JSON value"},
	{"two commas in an array", `[1,,2]`, 3, "[1]", "want a JSON value"},
	{"no comma in an array", `[1 2]`, 3, "", "want a comma or ]"},
	{"open array", `[1`, 2, "", "ends too early"},
	{"array closed as an object", `[1}`, 2, "", "want a comma or ]"},
	{"colon in an array", `["a":1]`, 4, "", "want a comma or ]"},
	{"line comment", "// x\n{}", 0, "", "not /"},
	{"block comment", `{/* x */}`, 1, "", "not /"},
	{"hash comment", "{}# x", 2, "", "more data"},
	{"form feed as white space", "[\f]", 1, "[0]", "byte 0x0c"},
	{"no-break space as white space", "[\u00a0]", 1, "[0]", "byte 0xc2"},
	{"JSON text sequence", "\x1e{}", 0, "", "byte 0x1e"},
	{"XSSI prefix", ")]}'\n{}", 0, "", "not )"},
	{"quote alone", `"`, 1, "", "inside a string"},
}

func TestParseAccepts(t *testing.T) {
	for _, c := range accepted {
		t.Run(c.name, func(t *testing.T) {
			v, err := Parse([]byte(c.text), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			if want == "" {
				want = c.text
			}
			if got := v.String(); got != want {
				t.Errorf("written as %s, want %s", got, want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			v, err := Parse([]byte(c.text), Limits{})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, %v, want an *Error", v, err)
			}
			if !v.IsAbsent() {
				t.Errorf("a refusal came with the value %v", v)
			}
			if e.Offset != c.offset || e.Path != c.path || !strings.Contains(e.Problem, c.problem) {
				t.Errorf("got byte %d, path %q, %q; want byte %d, path %q, %q", e.Offset, e.Path, e.Problem, c.offset, c.path, c.problem)
			}
			checkSafe(t, e)
		})
	}
}

// checkSafe holds an error to what may stand in an error_description (RFC 6749 §5.2).
func checkSafe(t *testing.T, e *Error) {
	t.Helper()
	text := e.Error()
	if len(text) > 400 {
		t.Errorf("an error of %d bytes", len(text))
	}
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			t.Errorf("byte %#x in the error %q", c, text)
		}
	}
}

func TestLimits(t *testing.T) {
	small := Limits{MaxBytes: 40, MaxDepth: 2, MaxMembers: 4}
	for _, c := range []struct {
		name, text, problem string // no problem: accepted
		lim                 Limits
	}{
		{"bytes, exactly", `"` + strings.Repeat("x", 38) + `"`, "", small},
		{"bytes, one more", `"` + strings.Repeat("x", 39) + `"`, "longer than 40 bytes", small},
		{"depth, exactly", `{"a":[1]}`, "", small},
		{"depth, one more", `{"a":[{}]}`, "deeper than 2 levels", small},
		{"members, exactly", `{"a":[1,2],"b":3}`, "", small},
		{"members, one more", `{"a":[1,2,3],"b":4}`, "more than 4 members and items", small},
		{"items, one more", `[1,2,3,4,5]`, "more than 4 members and items", small},
		{"zero means default", `"` + strings.Repeat("x", Default.MaxBytes-2) + `"`, "", Limits{}},
		{"default bytes", `"` + strings.Repeat("x", Default.MaxBytes-1) + `"`, "longer than 65536 bytes", Limits{}},
		{"default members", `[` + strings.Repeat("1,", 4096) + `1]`, "more than 4096", Limits{}},
		{"stored depth", strings.Repeat("[", 32) + strings.Repeat("]", 32), "", Stored},
		{"stored depth, one more", strings.Repeat("[", 33) + strings.Repeat("]", 33), "deeper than 32 levels", Stored},
		{"negative means default", `[[[1]]]`, "", Limits{MaxBytes: -1, MaxDepth: -1, MaxMembers: -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.text), c.lim)
			if c.problem == "" && err != nil {
				t.Error(err)
			}
			if c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
				t.Errorf("got %v, want %s", err, c.problem)
			}
		})
	}
}

// From the 33rd member on names are kept in a map: repeated names must be found across and beyond that border.
func TestRepeatedNameInLargeObjects(t *testing.T) {
	for size := 1; size < 100; size++ {
		for _, repeated := range []int{0, size / 2, size - 1} {
			var b strings.Builder
			b.WriteString(`{"nested":{"0":true}`)
			for i := range size {
				b.WriteString(`,"` + Int(int64(i)).String() + `":null`)
			}
			whole := b.String() + `}`
			if _, err := Parse([]byte(whole), Limits{}); err != nil {
				t.Fatalf("%d members: %v", size, err)
			}
			twice := b.String() + `,"` + Int(int64(repeated)).String() + `":null}`
			_, err := Parse([]byte(twice), Limits{})
			if err == nil || !strings.Contains(err.Error(), "more than once") {
				t.Fatalf("%d members, %d repeated: %v", size, repeated, err)
			}
		}
	}
}

// What a stranger sends must not come back long, unprintable or able to break out of a quoted string.
func TestErrorTextIsSafe(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, text := range []string{
		`{"` + long + `":nope}`,
		`{"ü\"\\\u001b[31m<script>":nope}`,
		strings.Repeat(`{"`+long[:900]+`":`, 12) + `nope`,
		`{"a":` + strings.Repeat("[", 10) + long,
		"{\"a\":\x1b}",
	} {
		_, err := Parse([]byte(text), Limits{})
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("accepted %.60q", text)
		}
		checkSafe(t, e)
		if strings.Contains(e.Error(), long[:41]) {
			t.Errorf("echoes the input: %s", e)
		}
	}
	_, err := Parse([]byte(strings.Repeat(`{"`+long[:900]+`":`, 12)+`nope`), Limits{})
	if !strings.HasPrefix(err.Error(), "...") {
		t.Errorf("a long path keeps its end: %v", err)
	}
}

func TestParseKeepsNothingOfTheInput(t *testing.T) {
	data := []byte(`{"name":"value"}`)
	v, err := Parse(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] = 'x'
	}
	if v.String() != `{"name":"value"}` {
		t.Errorf("changed with the input: %s", v)
	}
}

// What we accept everybody accepts, and writing it back loses nothing.
func FuzzParse(f *testing.F) {
	for _, c := range accepted {
		f.Add([]byte(c.text))
	}
	for _, c := range refused {
		f.Add([]byte(c.text))
	}
	f.Add(registrationBody)
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data, Limits{})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T is no *Error", err)
			}
			if e.Offset < 0 || e.Offset > len(data) {
				t.Fatalf("offset %d of %d bytes", e.Offset, len(data))
			}
			checkSafe(t, e)
			return
		}
		if !json.Valid(data) {
			t.Fatalf("accepted what encoding/json refuses: %q", data)
		}
		written := Append(nil, v)
		again, err := Parse(written, Stored)
		if err != nil {
			t.Fatalf("wrote what it refuses: %v: %s", err, written)
		}
		if !Equal(v, again) || string(Append(nil, again)) != string(written) {
			t.Fatalf("%s came back as %s", v, again)
		}
		canonical, err := Parse(Canonical(nil, v), Stored)
		if err != nil || !Equal(v, canonical) || string(Canonical(nil, canonical)) != string(Canonical(nil, v)) {
			t.Fatalf("canonical form of %s is %s (%v)", v, canonical, err)
		}
	})
}

// What one text left behind is not seen by the next, nor by many at once.
func TestParsersShareNothing(t *testing.T) {
	texts := []string{`{"a":[1,{"b":2}],"c":"x"}`, `[`, `{"a":1,"a":2}`, `[[1,2],[3]]`, `{"d":{"e":[]}}`, `{"f":[1,2,`}
	parsed := func(text string) string {
		v, err := Parse([]byte(text), Limits{})
		if err != nil {
			return err.Error()
		}
		return string(Append(nil, v))
	}
	want := make([]string, len(texts))
	for i, text := range texts {
		want[i] = parsed(text)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 600 {
				if got := parsed(texts[i%len(texts)]); got != want[i%len(texts)] {
					t.Errorf("%s: %s, at first %s", texts[i%len(texts)], got, want[i%len(texts)])
				}
			}
		})
	}
	all.Wait()
}
