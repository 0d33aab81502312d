package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/sdk/go"
)

// vector is one file of sdk/testdata.
type vector struct {
	About         string          `json:"about"`
	Hook          string          `json:"hook"`
	Configuration json.RawMessage `json:"configuration"`
	Input         json.RawMessage `json:"input"`
	Output        json.RawMessage `json:"output"`
}

func TestVectors(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d vectors: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			v := readVector(t, file)
			calls = 0
			if err := ostiary.SetUp(string(compact(t, v.Configuration))); err != nil {
				t.Fatal(err)
			}
			answer, err := ostiary.Run(v.Hook, compact(t, v.Input))
			if v.Output == nil {
				if err == nil {
					t.Fatalf("%s\nanswered %s, want a fault", v.About, answer)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s\n%v", v.About, err)
			}
			if want := compact(t, v.Output); !bytes.Equal(answer, want) {
				t.Errorf("%s\ngot  %s\nwant %s", v.About, answer, want)
			}
		})
	}
}

func TestFaultsSayWhatHappened(t *testing.T) {
	for how, want := range map[string]string{
		"panic":   "panic: ",
		"mix":     "gave up in the middle",
		"nothing": "no such misbehaviour: nothing",
	} {
		if err := ostiary.SetUp(`{"misbehave":"` + how + `"}`); err != nil {
			t.Fatal(err)
		}
		_, err := ostiary.Run("pre_register", []byte(`{"v":1}`))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", how, err, want)
		}
	}
}

func TestPanicSaysWhere(t *testing.T) {
	if err := ostiary.SetUp(`{"misbehave":"panic"}`); err != nil {
		t.Fatal(err)
	}
	_, err := ostiary.Run("pre_register", []byte(`{"v":1}`))
	if err == nil || !strings.Contains(err.Error(), "misbehave (hostile.go:") {
		t.Errorf("got %v, want the function and line", err)
	}
}

func TestRefusedStart(t *testing.T) {
	err := ostiary.SetUp(`{"start":"refuse"}`)
	if err == nil || err.Error() != "the member 'domain' is missing" {
		t.Errorf("got %v", err)
	}
	if err := ostiary.SetUp(`{"start":"panic"}`); err == nil || !strings.Contains(err.Error(), "not ready") {
		t.Errorf("got %v", err)
	}
}

func readVector(t *testing.T, file string) vector {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var v vector
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

func compact(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
