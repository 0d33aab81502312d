package config_test

import (
	"testing"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/strictjson"
)

// What is written is read back as it was: text that looks like something else, empty things, several lines.
func TestWriteValue(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `true`, `1`, `-1.5`, `""`, `"true"`, `"1"`, `"null"`, `"~"`, `"2026-01-01"`, `"a: b"`, `"# no"`, `"- x"`, `" x "`, `"a\nb\n"`, `"ü\u2028"`, `"yes"`, `"0x1f"`, `"1_000"`,
		`{"z":1,"a":{"b":[{"c":null},[],{}]},"true":"on","items":["one","two"]}`,
	} {
		v, err := strictjson.Parse([]byte(text), strictjson.Stored)
		if err != nil {
			t.Fatal(err)
		}
		written, err := config.WriteValue(v)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, _, err := config.ReadValue(written, "x.yaml"); err != nil || !strictjson.Equal(got, v) {
			t.Errorf("%s became\n%s\nand was read as %s, %v", text, written, got, err)
		}
	}
	if _, err := config.WriteValue(strictjson.Value{}); err == nil {
		t.Error("nothing was written")
	}
	v, _ := strictjson.Parse([]byte(`{"items":[{"name":"hosts","hooks":["pre_register"],"asked":{}}]}`), strictjson.Stored)
	written, err := config.WriteValue(v)
	if want := "items:\n    - name: hosts\n      hooks:\n        - pre_register\n      asked: {}\n"; err != nil || string(written) != want {
		t.Errorf("got\n%s", written)
	}
}
