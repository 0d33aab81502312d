package policies

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A branch is a name below data: of a package, a rule or a member of one.
type branch struct {
	below map[string]*branch
	order []*branch // those below
	total int       // rules here and below
	rules []*ast.Rule
	start bool                 // what it depends on is to be followed
	leads map[*branch]struct{} // what its rules refer to
	seen  *branch              // the branch from which it was reached last
}

// at gives the branch of a name, and makes it.
func (b *branch) at(name string) *branch {
	next := b.below[name]
	if next == nil {
		next = &branch{}
		if b.below == nil {
			b.below = map[string]*branch{}
		}
		b.below[name] = next
		b.order = append(b.order, next)
	}
	return next
}

// references tells which rules depend on which.
type references struct {
	tree    *branch
	modules []*ast.Module
	starts  []*branch
}

// add puts the rules of a module into the tree.
func (g *references) add(m *ast.Module, start bool) {
	g.modules = append(g.modules, m)
	for _, rule := range m.Rules {
		at, n := g.tree, 0
		for r := rule; r != nil; r = r.Else {
			n++
		}
		at.total += n
		for _, name := range fullName(m, rule) {
			at = at.at(name)
			at.total += n
		}
		if at.rules = append(at.rules, rule); start && !at.start {
			at.start = true
			g.starts = append(g.starts, at)
		}
	}
}

// fullName is where a rule is below data, as far as its name is constant.
func fullName(m *ast.Module, rule *ast.Rule) []string {
	names := constantNames(m.Package.Path[1:])
	ref := rule.Head.Ref()
	if head, isVar := ref[0].Value.(ast.Var); isVar {
		names = append(names, string(head))
	}
	return append(names, constantNames(ref[1:])...)
}

// tooDeep gives a rule with which the steps are too many; nil: they are not.
func (g *references) tooDeep(most int) *ast.Rule {
	for _, m := range g.modules {
		g.connect(m)
	}
	steps := 0
	for _, from := range g.starts {
		if steps += len(from.rules) * from.follow(most-steps); steps > most {
			return from.rules[0]
		}
	}
	return nil
}

// follow counts the references of all rules that can be reached, and stops when there are more than most.
func (b *branch) follow(most int) (steps int) {
	todo := []*branch{b}
	b.seen = b
	for len(todo) > 0 && steps <= most {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for to := range at.leads {
			steps += len(at.rules) * to.total
			todo = to.unseen(todo, b)
		}
	}
	return steps
}

// unseen adds the branches with rules, here and below, that were not reached yet.
func (b *branch) unseen(todo []*branch, from *branch) []*branch {
	if b.seen == from {
		return todo
	}
	b.seen = from
	if len(b.rules) > 0 {
		todo = append(todo, b)
	}
	for _, next := range b.order {
		todo = next.unseen(todo, from)
	}
	return todo
}

// connect notes what the rules of a module refer to. A local variable that is called like a rule counts as that rule.
func (g *references) connect(m *ast.Module) {
	names := namesIn(m)
	for _, rule := range m.Rules {
		from := g.tree.find(fullName(m, rule))
		var note func(t *ast.Term) bool
		note = func(t *ast.Term) bool {
			switch v := t.Value.(type) {
			case ast.Ref:
				from.lead(g.tree.find(names.of(v)))
				for _, inner := range v[1:] {
					ast.WalkTerms(inner, note)
				}
				return true
			case ast.Var:
				from.lead(g.tree.find(names.of(ast.Ref{t})))
			}
			return false
		}
		for r := rule; r != nil; r = r.Else {
			for _, part := range partsOf(r) {
				ast.WalkTerms(part, note)
			}
		}
	}
}

// lead notes a branch that a rule refers to.
func (b *branch) lead(to *branch) {
	if to == nil || to.total == 0 {
		return
	}
	if b.leads == nil {
		b.leads = map[*branch]struct{}{}
	}
	b.leads[to] = struct{}{}
}

// scope tells what the names in a module stand for.
type scope struct {
	own      []string // its package
	imported map[ast.Var][]string
}

func namesIn(m *ast.Module) scope {
	s := scope{constantNames(m.Package.Path[1:]), map[ast.Var][]string{}}
	for _, i := range m.Imports {
		if path, isRef := i.Path.Value.(ast.Ref); isRef && path.HasPrefix(ast.DefaultRootRef) {
			s.imported[i.Name()] = constantNames(path[1:])
		}
	}
	return s
}

// of gives the names below data that a reference leads to, as far as they are constant.
func (s scope) of(ref ast.Ref) []string {
	rest := constantNames(ref[1:])
	if ref.HasPrefix(ast.DefaultRootRef) {
		return rest
	}
	head, _ := ref[0].Value.(ast.Var)
	if path, found := s.imported[head]; found {
		return slices.Concat(path, rest)
	}
	return slices.Concat(s.own, []string{string(head)}, rest)
}

// partsOf are the terms and the body of a rule, without its name.
func partsOf(r *ast.Rule) []any {
	parts := []any{r.Body}
	for _, t := range append(append(slices.Clone(r.Head.Args), r.Head.Ref()[1:]...), r.Head.Key, r.Head.Value) {
		if t != nil {
			parts = append(parts, t)
		}
	}
	return parts
}

// find gives the branch that names lead to, or the rule's that they lead into; nil: there is none.
func (b *branch) find(names []string) *branch {
	for _, name := range names {
		next := b.below[name]
		if next == nil {
			if len(b.rules) > 0 {
				return b
			}
			return nil
		}
		b = next
	}
	return b
}
