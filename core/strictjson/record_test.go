package strictjson

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// A Record is what encoding/json writes of the struct with the same members.
func TestRecordWritesWhatEncodingJSONDoes(t *testing.T) {
	type inner struct {
		Flag bool `json:"flag"`
	}
	type outer struct {
		Text   string    `json:"text"`
		Maybe  string    `json:"maybe,omitempty"`
		Texts  []string  `json:"texts,omitempty"`
		Int    int64     `json:"int"`
		Uint   uint64    `json:"uint"`
		Time   time.Time `json:"time"`
		Later  time.Time `json:"later,omitzero"`
		Value  Value     `json:"value"`
		Other  Value     `json:"other,omitzero"`
		Inner  []inner   `json:"inner"`
		Nobody *inner    `json:"nobody"`
	}
	awkward := "a\"\\/<&>\x00\x1f\n\u2028\uFFFDé\xff\xc3"
	now := time.Date(2026, 3, 1, 12, 0, 0, 120, time.FixedZone("", 3600))
	for name, o := range map[string]outer{
		"nothing":    {Inner: []inner{}},
		"everything": {awkward, awkward, []string{"", awkward}, -1 << 63, 1<<64 - 1, now, now, Strings([]string{awkward}), Null(), []inner{{true}, {}}, nil},
	} {
		r := RecordTo([]byte("x"))
		r.Begin('{')
		r.Text("text", o.Text)
		r.TextIf("maybe", o.Maybe)
		r.TextsIf("texts", o.Texts)
		r.Int("int", o.Int)
		r.Uint("uint", o.Uint)
		r.Time("time", o.Time)
		r.TimeIf("later", o.Later)
		r.Value("value", o.Value)
		r.ValueIf("other", o.Other)
		r.Key("inner")
		r.Begin('[')
		for _, i := range o.Inner {
			r.Begin('{')
			r.Bool("flag", i.Flag)
			r.End('}')
		}
		r.End(']')
		r.Key("nobody")
		r.Null()
		r.End('}')
		got, err := r.Bytes()
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if encodeErr := encoder.Encode(o); err != nil || encodeErr != nil {
			t.Fatalf("%s: %v, %v", name, err, encodeErr)
		}
		if string(got)+"\n" != "x"+want.String() {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want.String())
		}
	}
}

// A year beyond 9999 is none of RFC 3339; it is refused as encoding/json does.
func TestRecordRefusesTimesBeyondJSON(t *testing.T) {
	r := RecordTo(nil)
	r.Begin('{')
	r.Time("at", time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC))
	r.Text("after", "x")
	r.End('}')
	if text, err := r.Bytes(); err == nil {
		t.Errorf("it was written: %s", text)
	}
}
