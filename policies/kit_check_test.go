package policies

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// sourceOf gives a source of files with the example's configuration.
func sourceOf(files map[string]string) Source {
	src := Source{Origin: Folder, Site: exampleConfig(), Files: map[string][]byte{}}
	for name, text := range files {
		src.Files[name] = []byte(text)
	}
	return src
}

func TestCheckNamesWhatIsNotRemembered(t *testing.T) {
	for body, remedy := range map[string]string{
		"label contains \"late\" if input.now > 5\n":                         "add to limit",
		"label contains input.request_id if true\n":                          "the decision's log has it",
		"label contains name if {\n\tsome name\n\tinput[name] == \"x\"\n}\n": "read its members by their names",
	} {
		report, err := Check(sourceOf(map[string]string{"house.rego": house + body}), long)
		if err != nil {
			t.Fatal(err)
		}
		c := report.Decisions[registration]
		if c.Cacheable || len(c.Causes) == 0 || c.Causes[0].File != "house.rego" || c.Causes[0].Line < 3 || !strings.Contains(c.Causes[0].Message, remedy) {
			t.Errorf("%+v", c)
		}
		if !report.Decisions[token].Cacheable {
			t.Error("the others are remembered still")
		}
		if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0].Message, "have no tests") {
			t.Errorf("warnings = %v", report.Warnings)
		}
	}
}

func TestCheckTellsStaleCopies(t *testing.T) {
	files, err := Override("redirects")
	src := filesOf(t, files, err)
	text := string(src.Files["redirects.rego"])
	if stale := staleCopies(src.Files); len(stale) > 0 {
		t.Errorf("fresh, but %v", stale)
	}
	digest := baseOf.FindStringSubmatch(text)[2]
	src.Files["redirects.rego"] = []byte(strings.Replace(text, digest, strings.Repeat("0", 64), 1))
	report, err := Check(src, long)
	if err != nil || len(report.Warnings) != 1 || report.Warnings[0].Line != 3 || !strings.Contains(report.Warnings[0].Message, "moved on") {
		t.Errorf("%v, %+v", err, report)
	}
	src.Files["redirects.rego"] = []byte(strings.Replace(text, "base redirects.rego", "base gone.rego", 1))
	if stale := staleCopies(src.Files); len(stale) != 1 || !strings.Contains(stale[0].Message, "does not have any more") {
		t.Errorf("stale = %v", stale)
	}
}

func TestCheckWarnsOfSlowTests(t *testing.T) {
	run := TestRun{Tests: []TestResult{
		{Package: "data.ostiary.token.site.a_test", Duration: 600 * time.Millisecond},
		{Package: "data.ostiary.token.site.a_test", Duration: 600 * time.Millisecond},
		{Package: "data.ostiary.registration.site.a_test", Duration: 600 * time.Millisecond},
	}}
	if slow := run.tooSlow(time.Second); len(slow) != 1 || !strings.Contains(slow[0].Message, "token decision took 1.2s") {
		t.Errorf("slow = %v", slow)
	}
}

// What the compiler says comes with what to do about it.
func TestErrorsSayWhatToDo(t *testing.T) {
	for body, says := range map[string]string{
		"label contains x if true\n":                   "give the variable a value first",
		"a if b\n\nb if a\n":                           "let no rule depend on itself",
		"label contains \"x\" if time.now_ns() > 1\n":  "the time is input.now",
		"label contains \"x\" if nonsense(input.pass)": "undefined function nonsense",
		"deny contains {\"rule\" if {":                 "near: deny contains {\"rule\" if {",
	} {
		src := sourceOf(map[string]string{"house.rego": house + body})
		_, err := Check(src, long)
		var load *LoadError
		if !errors.As(err, &load) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s\n%v", body, err)
			continue
		}
		p := load.Problems[0]
		if line := src.Line(p.File, p.Line); p.File != "house.rego" || line == "" || !strings.Contains(body, line) {
			t.Errorf("%v stands at %q", p, line)
		}
	}
}

func TestLine(t *testing.T) {
	src := sourceOf(map[string]string{"house.rego": house})
	for _, test := range []struct {
		file string
		line int
		want string
	}{
		{"house.rego", 1, "package ostiary.registration.site.house"},
		{"house.rego", 0, ""},
		{"house.rego", 99, ""},
		{"other.rego", 1, ""},
		{"shipped:scopes.rego", 4, "package ostiary.registration.scopes"},
		{"shipped:none.rego", 1, ""},
	} {
		if got := src.Line(test.file, test.line); got != test.want {
			t.Errorf("%s:%d is %q", test.file, test.line, got)
		}
	}
}
