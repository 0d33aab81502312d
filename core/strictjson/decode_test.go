package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

type method string

type base struct {
	Version int       `json:"v"`
	Created time.Time `json:"created_at"`
	Shadow  string    `json:"shadow,omitempty"`
}

type address struct {
	Street string `json:"street"`
	Lines  []int8 `json:"lines,omitempty"`
}

// everything has one field of every form that Decode knows.
type everything struct {
	base
	Name      string                `json:"name"`
	Method    method                `json:"method"`
	Enabled   bool                  `json:"enabled"`
	Small     int8                  `json:"small"`
	Big       int64                 `json:"big"`
	Unsigned  uint64                `json:"unsigned"`
	Byte      uint8                 `json:"byte"`
	Ratio     float64               `json:"ratio"`
	Single    float32               `json:"single"`
	Lifetime  time.Duration         `json:"lifetime"`
	Address   address               `json:"address"`
	Previous  *address              `json:"previous"`
	Others    []address             `json:"others"`
	Methods   []method              `json:"methods"`
	Raw       []byte                `json:"raw"`
	Digest    [4]byte               `json:"digest"`
	Labels    map[string]string     `json:"labels"`
	ByMethod  map[method][]*address `json:"by_method"`
	IP        netip.Addr            `json:"ip"`
	Expires   *time.Time            `json:"expires"`
	Extra     Value                 `json:"extra"`
	Shadow    int                   `json:"shadow"`
	Plain     string
	Skipped   string `json:"-"`
	invisible string
}

func sample() everything {
	expires := time.Date(2031, 2, 3, 4, 5, 6, 789000000, time.UTC)
	return everything{
		base: base{Version: 3, Created: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)},
		Name: "portal \"é\" \u2028 <b>", Method: "none", Enabled: true, Small: -128, Big: math.MinInt64, Unsigned: math.MaxUint64, Byte: 255,
		Ratio: 1.5e300, Single: 0.25, Lifetime: time.Hour,
		Address:  address{"Main St", []int8{1, -1}},
		Previous: &address{Street: "Old St"},
		Others:   []address{{Street: "A"}, {Street: "B"}},
		Methods:  []method{"x", "y"},
		Raw:      []byte{0, 1, 254, 255},
		Digest:   [4]byte{9, 8, 7, 6},
		Labels:   map[string]string{"team": "pay", "": "unnamed"},
		ByMethod: map[method][]*address{"none": {{Street: "P"}, nil}},
		IP:       netip.MustParseAddr("2001:db8::1"),
		Expires:  &expires,
		Extra:    Object(Member{"x", Array(Int(1), Null())}),
		Shadow:   5,
		Plain:    "by its field name",
	}
}

// What encoding/json writes of a struct, Decode reads.
func TestDecodeReadsWhatMarshalWrites(t *testing.T) {
	for name, want := range map[string]everything{"full": sample(), "zero": {IP: netip.MustParseAddr("::"), Extra: Null()}} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			var got everything
			if err := Decode(text, &got, Stored); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			if got.invisible != "" || got.Skipped != "" {
				t.Error("an unnamed field was filled")
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ text, path, problem string }{
		{`{"Name":"x"}`, "Name", "unknown member"},
		{`{"NAME":"x"}`, "NAME", "unknown member"},
		{`{"plain":"x"}`, "plain", "unknown member"},
		{`{"Skipped":"x"}`, "Skipped", "unknown member"},
		{`{"-":"x"}`, "-", "unknown member"},
		{`{"invisible":"x"}`, "invisible", "unknown member"},
		{`{"base":{}}`, "base", "unknown member"},
		{`{"address":{"street":"x","Street":"y"}}`, "address.Street", "unknown member"},
		{`{"others":[{},{"city":"x"}]}`, "others[1].city", "unknown member"},
		{`{"by_method":{"none":[{"lines":[1,"x"]}]}}`, "by_method.none[0].lines[1]", "want a whole number, not a string"},
		{`{"name":1}`, "name", "want a string, not a number"},
		{`{"name":null}`, "name", "want a string, not null"},
		{`{"name":["x"]}`, "name", "want a string, not an array"},
		{`{"method":true}`, "method", "want a string, not a boolean"},
		{`{"enabled":"true"}`, "enabled", "want a boolean, not a string"},
		{`{"enabled":1}`, "enabled", "want a boolean"},
		{`{"small":"1"}`, "small", "want a whole number, not a string"},
		{`{"small":1.0}`, "small", "without fraction"},
		{`{"small":1e1}`, "small", "without fraction"},
		{`{"small":128}`, "small", "out of range"},
		{`{"small":-129}`, "small", "out of range"},
		{`{"big":9223372036854775808}`, "big", "out of range"},
		{`{"unsigned":-1}`, "unsigned", "out of range"},
		{`{"unsigned":18446744073709551616}`, "unsigned", "out of range"},
		{`{"byte":256}`, "byte", "out of range"},
		{`{"byte":null}`, "byte", "want a whole number, not null"},
		{`{"ratio":1e400}`, "ratio", "out of range"},
		{`{"single":1e39}`, "single", "out of range"},
		{`{"ratio":"1"}`, "ratio", "want a number, not a string"},
		{`{"address":[]}`, "address", "want an object, not an array"},
		{`{"address":null}`, "address", "want an object, not null"},
		{`{"previous":"x"}`, "previous", "want an object, not a string"},
		{`{"methods":"x"}`, "methods", "want an array, not a string"},
		{`{"methods":{}}`, "methods", "want an array, not an object"},
		{`{"methods":["x",null]}`, "methods[1]", "want a string, not null"},
		{`{"raw":"AA"}`, "raw", "base64"},
		{`{"raw":"AB=="}`, "raw", "base64"},
		{`{"raw":"A-_="}`, "raw", "base64"},
		{`{"raw":"AAAA\n"}`, "raw", "base64"},
		{`{"raw":[1]}`, "raw", "want base64 text, not an array"},
		{`{"digest":[1,2,3]}`, "digest", "want an array of 4 items, not 3"},
		{`{"digest":[1,2,3,4,5]}`, "digest", "want an array of 4 items, not 5"},
		{`{"digest":"AAAAAA=="}`, "digest", "want an array, not a string"},
		{`{"digest":[1,2,3,400]}`, "digest[3]", "out of range"},
		{`{"labels":{"a":1}}`, "labels.a", "want a string, not a number"},
		{`{"labels":[]}`, "labels", "want an object, not an array"},
		{`{"created_at":"yesterday"}`, "created_at", "want a time like 2006-01-02T15:04:05Z"},
		{`{"created_at":0}`, "created_at", "want a string, not a number"},
		{`{"expires":"2030-01-02"}`, "expires", "want a time"},
		{`{"ip":"1.2.3.4.5"}`, "ip", "not a valid Addr"},
		{`{"v":1,"v":1}`, "v", "more than once"},
		{`[]`, "", "want an object, not an array"},
		{`null`, "", "want an object, not null"},
	} {
		t.Run(c.text, func(t *testing.T) {
			got := sample()
			err := Decode([]byte(c.text), &got, Stored)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Path != c.path || !strings.Contains(e.Problem, c.problem) {
				t.Errorf("got %s: %s; want %s: %s", e.Path, e.Problem, c.path, c.problem)
			}
			checkSafe(t, e)
			if !reflect.DeepEqual(got, sample()) {
				t.Error("changed the target although it refused")
			}
		})
	}
}

// A refusal half way through leaves nothing behind, not even the members before it.
func TestDecodeIsAllOrNothing(t *testing.T) {
	got := sample()
	err := Decode([]byte(`{"name":"new","labels":{"new":"x"},"others":[],"previous":{"street":"new"},"small":1000}`), &got, Stored)
	if err == nil || !reflect.DeepEqual(got, sample()) {
		t.Errorf("%v left %+v", err, got)
	}
}

func TestDecodeNullsAndAbsence(t *testing.T) {
	got := sample()
	labels := got.Labels
	err := Decode([]byte(`{"previous":null,"others":null,"raw":null,"labels":{"new":"x"},"by_method":null,"expires":null,"extra":null,"unsigned":-0}`), &got, Stored)
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	want.Previous, want.Others, want.Raw, want.ByMethod, want.Expires, want.Unsigned = nil, nil, nil, nil, nil, 0
	want.Labels, want.Extra = map[string]string{"new": "x"}, Null()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if len(labels) != 2 {
		t.Error("wrote into the map that was there")
	}
	var optional struct {
		V Value `json:"v"`
	}
	if err := Decode([]byte(`{}`), &optional, Stored); err != nil || !optional.V.IsAbsent() {
		t.Errorf("a member that was not sent is %s, %v", optional.V.Kind(), err)
	}
}

func TestDecodeIntoOtherThanStructs(t *testing.T) {
	var texts []string
	var table map[string]int
	var v Value
	var n int
	err := errors.Join(Decode([]byte(`["a"]`), &texts, Limits{}), Decode([]byte(`{"a":1}`), &table, Limits{}),
		Decode([]byte(`[null]`), &v, Limits{}), Decode([]byte(`7`), &n, Limits{}))
	if err != nil || len(texts) != 1 || table["a"] != 1 || v.String() != "[null]" || n != 7 {
		t.Errorf("got %v %v %v %v, %v", texts, table, v, n, err)
	}
	if err := (Value{}).Decode(&n); err == nil || !strings.Contains(err.Error(), "not nothing") {
		t.Errorf("an absent value became a number: %v", err)
	}
}

// The type's own words may quote the input: they go to the log through Unwrap, not into the text.
func TestDecodeKeepsTheCauseApart(t *testing.T) {
	var target struct {
		IP netip.Addr `json:"ip"`
	}
	secret := strings.Repeat("s3cret", 20)
	err := Decode([]byte(`{"ip":"`+secret+`"}`), &target, Limits{})
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	if cause := errors.Unwrap(err); cause == nil || !strings.Contains(cause.Error(), "s3cret") {
		t.Errorf("the cause is %v", cause)
	}
}

// Types that Decode cannot fill are our mistake: the error is no *Error, so that no caller is blamed for it.
func TestDecodeRefusesTypes(t *testing.T) {
	type inner struct{ A int }
	type other struct {
		B int `json:"A"`
	}
	for name, target := range map[string]any{
		"no pointer":       everything{},
		"nil":              nil,
		"nil pointer":      (*everything)(nil),
		"interface":        new(any),
		"channel":          new(chan int),
		"map by number":    new(map[int]string),
		"own JSON parser":  new(json.RawMessage),
		"embedded pointer": new(struct{ *inner }),
		"embedded number":  new(struct{ time.Duration }),
		"number as string": new(struct {
			N int `json:"n,string"`
		}),
		"two fields of one name": new(struct {
			inner
			other
		}),
		"nested": new(struct {
			A []map[string]complex128 `json:"a"`
		}),
	} {
		t.Run(name, func(t *testing.T) {
			err := must(t, `{"a":[{"b":1}]}`).Decode(target)
			var e *Error
			if err == nil || errors.As(err, &e) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDecodeFollowsGoEmbedding(t *testing.T) {
	type deep struct {
		A, B, C string
	}
	type middle struct {
		deep
		B string
	}
	type named struct {
		deep `json:"deep"`
	}
	var got struct {
		middle
		Tagged address `json:"tagged"`
		C      string
	}
	if err := Decode([]byte(`{"A":"a","B":"b","C":"c","tagged":{"street":"s"}}`), &got, Limits{}); err != nil {
		t.Fatal(err)
	}
	if got.A != "a" || got.middle.B != "b" || got.C != "c" || got.deep.B != "" || got.deep.C != "" || got.Tagged.Street != "s" {
		t.Errorf("got %+v", got)
	}
	// An unexported embedded struct with a name of its own is not a field anybody can fill.
	if err := Decode([]byte(`{"deep":{}}`), new(named), Limits{}); err == nil || !strings.Contains(err.Error(), "unknown member") {
		t.Errorf("got %v", err)
	}
}

// Decode accepts no struct that reads differently under encoding/json's rules for the members it wrote itself.
func FuzzDecode(f *testing.F) {
	text, err := json.Marshal(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	for _, c := range accepted {
		f.Add(fmt.Appendf(nil, `{"extra":%s}`, c.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second everything
		if err := Decode(data, &first, Limits{}); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%q: %v is no *Error", data, err)
			}
			checkSafe(t, e)
			return
		}
		if !first.IP.IsValid() {
			return // an address that was not sent is written as an empty string, which is none
		}
		written, err := json.Marshal(first)
		if err != nil {
			t.Skip() // years beyond 9999
		}
		if err := Decode(written, &second, Stored); err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		again, err := json.Marshal(second)
		if err != nil || string(again) != string(written) {
			t.Fatalf("%s came back as %s, %v", written, again, err)
		}
	})
}
