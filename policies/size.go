package policies

import (
	"cmp"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// What a candidate may be for OPA's compiler, of one decision each, so that it takes a few seconds at most: it cannot be
// interrupted, and takes time that grows with the square, the cube or a power of some of these. Tests count for themselves.
const (
	maxRules   = 1000 // else branches count
	maxElse    = 500  // of one rule
	maxBody    = 200  // expressions
	maxNesting = 8    // comprehensions and every, one in another
	maxItems   = 5000 // of an array, an object or a set that is written out

	// What is below these limits and still too much together: the compiler's work is estimated, in microseconds as measured.
	maxEffort = 2_000_000
	// References that are met when what every rule depends on is followed. Tests refer to many rules, and nothing to them.
	maxSteps     = 200_000
	maxTestSteps = 600_000
)

// checkSize refuses rules that would be compiled for too long, before they are.
func (set *moduleSet) checkSize() []Problem {
	rules := make(map[string]*ast.Module, len(set.site))
	for file, m := range set.rules {
		if set.site[file] {
			rules[file] = m
		}
	}
	if problems := oversize(rules, nil, maxSteps); len(problems) > 0 {
		return problems
	}
	return oversize(set.tests, rules, maxTestSteps)
}

// oversize tells what is too much in modules, which may refer to others that were found small enough.
func oversize(modules, others map[string]*ast.Module, steps int) []Problem {
	s := &sizes{}
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		s.measure(file, modules[file])
	}
	if len(s.problems) > 0 {
		return s.problems
	}
	if s.effort > maxEffort {
		return []Problem{at(s.worst.Location, "the rules would be compiled for too long, above all because of this one: "+
			"write fewer expressions in one body, nest comprehensions less, and put tables into %s", dataFile)}
	}
	graph := &references{tree: &branch{}}
	for _, m := range others {
		graph.add(m, false)
	}
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		graph.add(modules[file], true)
	}
	if too := graph.tooDeep(steps); too != nil {
		return []Problem{at(too.Location, "the rules refer to one another too often: following all that each depends on takes more than %d steps, "+
			"and this one goes beyond; refer to fewer rules, and put tables into %s", steps, dataFile)}
	}
	return nil
}

// sizes is what modules have of everything.
type sizes struct {
	rules    int
	effort   int
	most     int       // effort of one rule
	worst    *ast.Rule // that one
	problems []Problem
}

func (s *sizes) measure(file string, m *ast.Module) {
	for _, rule := range m.Rules {
		before, chain := s.effort, 0
		for r := rule; r != nil; r = r.Else {
			if s.rules++; s.rules == maxRules+1 {
				s.problems = append(s.problems, at(r.Location, "%s has more than %d rules with this one, those of files before it and else branches included; put tables into %s", file, maxRules, dataFile))
			}
			if chain++; chain == maxElse+2 {
				s.problems = append(s.problems, at(r.Location, "the rule %s has more than %d else branches; put the table into %s", rule.Head.Ref(), maxElse, dataFile))
			}
			s.head(r.Head)
			s.body(r.Body, r.Location, 0)
		}
		s.effort += chain * chain / 4
		if s.effort-before > s.most {
			s.most, s.worst = s.effort-before, rule
		}
	}
	s.effort += len(m.Rules) * len(m.Rules) / 4
}

func (s *sizes) head(h *ast.Head) {
	for _, t := range append(slices.Clone(h.Args), h.Key, h.Value) {
		if t != nil {
			calls := s.within(t, t.Location, 0)
			s.effort += calls * calls / 10
		}
	}
}

// body measures a body that stands so deep in comprehensions.
func (s *sizes) body(b ast.Body, loc *ast.Location, depth int) {
	if len(b) > 0 && b[0].Location != nil {
		loc = b[0].Location
	}
	n, calls := len(b), 0
	switch {
	case n > maxBody:
		s.problems = append(s.problems, at(loc, "%d expressions in one body; there may be %d: make rules or functions of parts of it", n, maxBody))
		return
	case depth == maxNesting+1:
		s.problems = append(s.problems, at(loc, "comprehensions and every are nested deeper than %d; make rules or functions of what is inside", maxNesting))
		return
	}
	for _, e := range b {
		calls += s.within(e, cmp.Or(e.Location, loc), depth)
	}
	s.effort += power(depth) * (1 + n*n*n/5 + calls*calls/10)
}

// power is how much longer the compiler takes for what stands so deep in comprehensions.
func power(depth int) int {
	times := 1
	for range depth {
		times *= 3
	}
	return times
}

// within measures what stands in an expression or a term, and counts the calls in it.
func (s *sizes) within(x any, loc *ast.Location, depth int) (calls int) {
	var inner *ast.GenericVisitor
	inner = ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Term:
			loc = cmp.Or(x.Location, loc)
		case *ast.Every:
			inner.Walk(x.Domain)
			s.body(x.Body, loc, depth+1)
			return true
		case *ast.ArrayComprehension:
			s.comprehension(x.Body, loc, depth, x.Term)
			return true
		case *ast.SetComprehension:
			s.comprehension(x.Body, loc, depth, x.Term)
			return true
		case *ast.ObjectComprehension:
			s.comprehension(x.Body, loc, depth, x.Key, x.Value)
			return true
		case ast.Call:
			calls++
		case *ast.Array:
			s.items(x.Len(), loc)
		case ast.Object:
			s.items(x.Len(), loc)
		case ast.Set:
			s.items(x.Len(), loc)
		}
		return false
	})
	inner.Walk(x)
	return calls
}

// comprehension measures one that stands so deep in others: its terms are compiled into its body.
func (s *sizes) comprehension(b ast.Body, loc *ast.Location, depth int, terms ...*ast.Term) {
	s.body(b, loc, depth+1)
	if depth > maxNesting {
		return
	}
	for _, t := range terms {
		calls := s.within(t, loc, depth+1)
		s.effort += power(depth+1) * calls * calls / 10
	}
}

// items measures a collection.
func (s *sizes) items(n int, loc *ast.Location) {
	if n > maxItems {
		s.problems = append(s.problems, at(loc, "%d items are written out; there may be %d: put the table into %s", n, maxItems, dataFile))
		return
	}
	s.effort += n * n / 10
}
