//go:build !wasip1

package main

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/sdk/go"
)

const statement = `{"hook":"pre_register","context":{"software_statement":{"claims":{"software_id":"s 1/x"}}},"client":{}}`

func TestLookup(t *testing.T) {
	for name, c := range map[string]struct {
		answer ostiary.Response
		want   string
	}{
		"active":    {ostiary.Response{Status: 200, Body: `{"status":"active"}`}, `{"v":1,"action":"continue","audit":{"directory":"active"}}`},
		"withdrawn": {ostiary.Response{Status: 200, Body: `{"status":"withdrawn"}`}, `"unapproved_software_statement","description":"The directory says that the software s 1/x is withdrawn."`},
		"unknown":   {ostiary.Response{Status: 404}, `is unknown.`},
		"broken":    {ostiary.Response{Status: 200, Body: `<html>`}, `the directory gave no status`},
		"down":      {ostiary.Response{Status: 503, Body: `{"status":"active"}`}, `the directory gave no status`},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			setUp(t, &ostiary.Fake{KV: map[string]string{}, HTTP: func(r ostiary.Request) (ostiary.Response, error) {
				if asked++; r.URL != "https://directory.example.com/v1/software/s%201%2Fx" {
					t.Errorf("asked %s", r.URL)
				}
				return c.answer, nil
			}})
			for range 2 {
				if got := ask(statement); !strings.Contains(got, c.want) {
					t.Errorf("got %s, want %s", got, c.want)
				}
			}
			if kept := name != "broken" && name != "down"; kept != (asked == 1) {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

func TestWithoutAsking(t *testing.T) {
	setUp(t, &ostiary.Fake{KV: map[string]string{}, Refuse: map[string]ostiary.Refusal{"http": ostiary.ErrInSimulation}})
	for input, want := range map[string]string{
		`{"hook":"pre_register","client":{}}`:                                    `{"v":1,"action":"continue"}`,
		`{"hook":"pre_register","context":{"software_statement":{"claims":{}}}}`: `invalid_software_statement`,
		statement: `was not asked: this is a simulation`,
	} {
		if got := ask(input); !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", input, got, want)
		}
	}
}

func TestWrongConfiguration(t *testing.T) {
	for _, configuration := range []string{`{}`, `{"url":"http://directory.example.com/"}`, `{"url":"https://directory.example.com"}`} {
		if err := ostiary.SetUp(configuration); err == nil {
			t.Errorf("%s was taken", configuration)
		}
	}
}

func ask(input string) string {
	answer, err := ostiary.Run("pre_register", []byte(input))
	if err != nil {
		return err.Error()
	}
	return string(answer)
}

func setUp(t *testing.T, fake *ostiary.Fake) {
	t.Helper()
	before := ostiary.Use(fake)
	t.Cleanup(func() { ostiary.Use(before) })
	if err := ostiary.SetUp(`{"url":"https://directory.example.com/v1/software/"}`); err != nil {
		t.Fatal(err)
	}
}
