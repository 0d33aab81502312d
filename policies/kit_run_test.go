package policies

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

const suite = `package ostiary.registration.site.house_test

import data.ostiary.registration.site.house

test_held if house.label with input.operation as "read"

test_sum if {
	print("one")
	1 + 1 == 3
}
`

func TestTestIsLikeOPAs(t *testing.T) {
	src := sourceOf(map[string]string{
		"house.rego":      house + "label contains \"r\" if input.operation == \"read\"\n\nlabel contains \"d\" if {\n\tinput.operation == \"delete\"\n\tinput.pass == 2\n}\n",
		"house_test.rego": suite,
	})
	run, err := Test(src, TestOptions{Coverage: true, Within: long})
	if err != nil {
		t.Fatal(err)
	}
	if len(run.Tests) != 2 || run.Failed() != 1 || !run.Tests[0].Pass || run.Tests[1].Line != 7 || run.Tests[1].Problem != "test_sum failed; it printed: one" {
		t.Errorf("%+v", run.Tests)
	}
	if len(run.Coverage) != 1 || run.Percent <= 20 || run.Percent >= 90 || !slices.Contains(run.Coverage[0].NotRun, "7") {
		t.Errorf("%+v, %v", run.Coverage, run.Percent)
	}
	var out bytes.Buffer
	if err := run.Print(&out, true); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"house_test.rego:7:\n", "data.ostiary.registration.site.house_test.test_held: PASS (", "data.ostiary.registration.site.house_test.test_sum: FAIL (",
		"PASS: 1/2\n", "FAIL: 1/2\n", "house.rego: ",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is not in\n%s", line, &out)
		}
	}
	if run, err = Test(src, TestOptions{Run: "site.house_test.test_h", Within: long}); err != nil || len(run.Tests) != 1 || run.Failed() > 0 || run.Coverage != nil {
		t.Errorf("%v, %+v", err, run)
	}
	if run, err = Test(src, TestOptions{Run: "nothing", Within: long}); err != nil || len(run.Tests) != 0 {
		t.Errorf("%v, %+v", err, run)
	}
}

// Rules that no test is near count as not covered.
func TestUntestedRulesAreNotCovered(t *testing.T) {
	run, err := Test(site(house+"label contains \"x\" if input.operation == \"read\"\n"), TestOptions{Coverage: true, Within: long})
	if err != nil || len(run.Tests) != 0 || run.Percent != 0 || len(run.Coverage) != 1 {
		t.Errorf("%v, %+v", err, run)
	}
}

func TestTestsThatNeverEnd(t *testing.T) {
	src := sourceOf(map[string]string{"a_test.rego": "package ostiary.registration.site.a_test\n\ntest_endless if " + endless})
	if _, err := Test(src, TestOptions{Within: brief}); err == nil || !strings.Contains(err.Error(), "test_endless is too slow") {
		t.Error(err)
	}
}
