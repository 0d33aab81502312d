package policies

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"
)

// brief is far more than good rules need at a time, and far less than endless ones.
const brief = 300 * time.Millisecond

const endless = `{
	some x in numbers.range(1, 1000000)
	some y in numbers.range(1, 1000000)
	x * y == 0
}
`

// tooSlow loads files and gives the one problem of which it wants to hear.
func tooSlow(t *testing.T, files map[string]string) Problem {
	t.Helper()
	src := Source{Origin: Folder, Site: exampleConfig(), Files: map[string][]byte{}}
	for name, text := range files {
		src.Files[name] = []byte(text)
	}
	_, err := Load(src, brief)
	var load *LoadError
	if !errors.As(err, &load) || len(load.Problems) != 1 {
		t.Fatalf("want one problem, got %v", err)
	}
	return load.Problems[0]
}

func TestSlowTestIsNamed(t *testing.T) {
	p := tooSlow(t, map[string]string{"a_test.rego": "package ostiary.registration.site.a_test\n\ntest_quick if true\n\ntest_endless if " + endless})
	if p.File != "a_test.rego" || p.Line != 5 || !strings.Contains(p.Message, "test_endless is too slow") {
		t.Errorf("problem = %v", p)
	}
}

// The bound is for all golden refusals together: one that takes all of it leaves nothing for the others.
func TestSlowRulesAreNotTriedFurther(t *testing.T) {
	p := tooSlow(t, map[string]string{"a.rego": house + `label contains "x" if ` + endless})
	if !strings.Contains(p.Message, "too slow") || !strings.Contains(p.Message, "an empty request") {
		t.Errorf("problem = %v", p)
	}
}

// A test that does not heed its cancellation is left behind, and what it uses is let go when it ends.
func TestUnstoppableTestIsLeftBehind(t *testing.T) {
	stream := make(chan *tester.Result)
	stopped, ended := make(chan struct{}), make(chan struct{})
	quick := &tester.Result{Name: "test_quick", Location: &ast.Location{File: "a_test.rego", Row: 3}}
	go func() {
		stream <- quick
		<-stopped
	}()
	results, over := collect(stream, brief, func() { close(stopped) }, func() { close(ended) })
	if !over || len(results) != 1 || results[0] != quick {
		t.Errorf("over %v, results %v", over, results)
	}
	select {
	case <-ended:
		t.Error("it is still running and was ended")
	default:
	}
	stream <- &tester.Result{Name: "test_late"}
	close(stream)
	select {
	case <-ended:
	case <-time.After(long):
		t.Error("nothing was let go")
	}
}

func TestTestsThatNeverEndedAreNamed(t *testing.T) {
	all, problems := parseModules(Source{Files: map[string][]byte{
		"a_test.rego": []byte("package ostiary.registration.site.a_test\n\ntest_quick if true\n\ntest_one if true\n\ntest_two if true\n\nno_test if true\n"),
	}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	set := all.sets[registration]
	result := func(i int) *tester.Result {
		rule := set.tests["a_test.rego"].Rules[i]
		return &tester.Result{Name: rule.Head.Name.String(), Location: rule.Location}
	}
	if p := set.slow([]*tester.Result{result(0)}, time.Second); p.File != "" || !strings.HasSuffix(p.Message, "may take 1s; not done by then: test_one, test_two") {
		t.Error(p)
	}
	if p := set.slow([]*tester.Result{result(0), result(1)}, time.Second); p.Line != 7 || !strings.HasPrefix(p.Message, "test_two is too slow") {
		t.Error(p)
	}
}
