package policies

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// lines writes a line for each number from 1 on.
func lines(n int, format string) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		b.WriteString(strings.NewReplacer("I", fmt.Sprint(i), "H", fmt.Sprint(i/2), "J", fmt.Sprint(i-1)).Replace(format) + "\n")
	}
	return b.String()
}

// What would be compiled for minutes is refused at once, and named; what is as large and simple is taken.
func TestSizes(t *testing.T) {
	first := house + "p0 := 1\n"
	for name, test := range map[string]struct {
		text string
		line int    // of the problem; 0: there is none
		says string // in it
	}{
		"many rules":               {house + lines(1000, `label contains "xI" if input.pass == I`), 0, ""},
		"too many rules":           {house + lines(1001, `label contains "xI" if input.pass == I`), 1003, "a.rego has more than 1000 rules"},
		"else":                     {house + "p := 0 if input.pass == 0\n" + lines(500, "else := I if input.pass == I"), 0, ""},
		"too many else":            {house + "p := 0 if input.pass == 0\n" + lines(4000, "else := I if input.pass == I"), 504, "the rule p has more than 500 else branches"},
		"a chain":                  {first + lines(500, "pI := pJ + 1"), 0, ""},
		"too long a chain":         {first + lines(900, "pI := pJ + 1"), 635, "the rules refer to one another too often"},
		"8000 lines":               {first + lines(8000, "pI := [pJ, pH]"), 1003, "a.rego has more than 1000 rules"},
		"everything":               {house + lines(300, "pI := 1 if data.ostiary.registration.site[input.channel]"), 5, "refer to one another too often"},
		"body":                     {house + "p if {\n" + lines(150, "input.pass != I") + "}\n", 0, ""},
		"too long a body":          {house + "p if {\n" + lines(201, "xI = xJ") + "x0 = input.pass\n}\n", 4, "202 expressions in one body; there may be 200"},
		"nested":                   {house + "p := " + strings.Repeat("[x | x := ", 8) + "1" + strings.Repeat("]", 8) + "\n", 0, ""},
		"nested too deep":          {house + "p := " + strings.Repeat("[x | x := ", 9) + "1" + strings.Repeat("]", 9) + "\n", 3, "nested deeper than 8"},
		"nested in its term":       {house + "p := " + strings.Repeat("{", 20) + "1" + strings.Repeat(" | true}", 20) + "\n", 3, "nested deeper than 8"},
		"every":                    {house + "p if {\n" + strings.Repeat("every _ in [1] {\n", 9) + "true\n" + strings.Repeat("}\n", 9) + "}\n", 13, "nested deeper than 8"},
		"items":                    {house + "p := [" + strings.Repeat("1, ", 4000) + "1]\n", 0, ""},
		"too many items":           {house + "p := [" + strings.Repeat("1, ", 5000) + "1]\n", 3, "5001 items are written out"},
		"long bodies":              {house + lines(30, "pI if {\n"+lines(150, "yI = yJ")+"y0 = input.pass\n}"), 3, "compiled for too long, above all because of this one"},
		"nested, many times":       {house + lines(400, "pI := [a | a := [b | b := [c | c := [d | d := [e | e := [f | f := [g | g := [h | h := I]]]]]]]]"), 3, "compiled for too long"},
		"too many calls":           {house + "p := " + strings.Repeat("1 + ", 8000) + "1\n", 3, "compiled for too long"},
		"calls in a head":          {house + "label contains (" + strings.Repeat("1 + ", 8000) + "1)\n", 3, "compiled for too long"},
		"a comprehension of calls": {house + "p := [" + strings.Repeat("1 + ", 8000) + "1 | true]\n", 3, "compiled for too long"},
	} {
		_, _, err := build(Source{Files: map[string][]byte{"a.rego": []byte(test.text)}, Site: exampleConfig()})
		var load *LoadError
		switch {
		case test.line == 0 && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.line == 0:
		case !errors.As(err, &load) || load.Problems[0].File != "a.rego" || load.Problems[0].Line != test.line || !strings.Contains(load.Problems[0].Message, test.says):
			t.Errorf("%s: %.300v", name, err)
		}
	}
}

// Each decision has the sizes for itself, and so have tests; rules in several files are counted together.
func TestSizesOfFilesTogether(t *testing.T) {
	many := lines(600, `label contains "xI" if input.pass == I`)
	files := func(more string, text string) Source {
		return Source{Site: exampleConfig(), Files: map[string][]byte{"a.rego": []byte(house + many), more: []byte(text)}}
	}
	other := strings.Replace(house, "house", "other", 1)
	for name, test := range map[string]struct {
		src  Source
		says string
	}{
		"two files":      {files("b.rego", other+many), "b.rego:403: b.rego has more than 1000 rules"},
		"of another":     {files("b.rego", strings.Replace(house, "registration", "token", 1)+many), ""},
		"tests":          {files("a_test.rego", strings.Replace(house, "house", "house_test", 1)+lines(600, "test_I if input.pass == I")), ""},
		"too many tests": {files("a_test.rego", strings.Replace(house, "house", "house_test", 1)+lines(1001, "test_I if input.pass == I")), "a_test.rego has more than 1000 rules"},
		"tests of rules": {files("a_test.rego", strings.Replace(house, "house", "house_test", 1)+"import data.ostiary.registration.site.house\n"+lines(500, "test_I if count(house.label) == I")), ""},
	} {
		var problems []Problem
		all, wrong := parseModules(test.src)
		for _, set := range all.sets {
			problems = append(wrong, append(problems, set.checkSize()...)...)
		}
		if text := (&LoadError{problems}).Error(); (test.says == "") != (len(problems) == 0) || !strings.Contains(text, test.says) {
			t.Errorf("%s: %.300s", name, text)
		}
	}
}
