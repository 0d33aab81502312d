package main

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/strictjson"
)

// Rules that are there and wrong are not told as if there were none.
func TestSourceOfShippedRules(t *testing.T) {
	state, err := strictjson.Parse([]byte(`{"origin":"embedded","dir":"/etc/rules","degraded":true,"problems":[{"file":"a.rego","line":3,"message":"is wrong"}]}`), strictjson.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	printPolicyStatus(&out, state)
	for _, want := range []string{"degraded", "the shipped rules alone; none is in force of /etc/rules", "a.rego:3: is wrong"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out.String())
		}
	}
}
