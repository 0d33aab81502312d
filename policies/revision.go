package policies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A Revision is one state of the rules and their data, ready to decide. It never changes and is safe for concurrent use.
type Revision struct {
	id     string
	source Source
	rules  [decisions]*rules

	plugins *askedRules
}

// rules are those of one decision.
type rules struct {
	contract *contract
	revision string
	compiler *ast.Compiler
	data     *siteData
	query    rego.PreparedEvalQuery
	paths    *decision.Paths // of the input that they can read
	whyNot   string          // why the decisions are not remembered
	digester *decision.Digester
	places   map[ruleName]place
	names    memberNames
}

// ID is the digest of the rules and data, in hexadecimal.
func (r *Revision) ID() string { return r.id }

// Source gives what the revision was made of, as a copy.
func (r *Revision) Source() Source { return r.source.clone() }

// Files gives the site's files, as a copy.
func (r *Revision) Files() map[string][]byte { return r.source.clone().Files }

// Line gives a line of the revision's rules, or of the shipped ones; "" when there is none.
func (r *Revision) Line(file string, line int) string { return r.source.Line(file, line) }

// IsOf tells whether the revision was made of a source like this.
func (r *Revision) IsOf(src Source) bool {
	return maps.EqualFunc(r.source.Files, src.Files, bytes.Equal) && strictjson.Equal(r.source.Site, src.Site)
}

// Cacheable tells whether equal questions of every decision may be answered from memory, and if not, why.
func (r *Revision) Cacheable() (ok bool, why string) {
	var whys []string
	for _, one := range r.rules {
		if one.whyNot != "" {
			whys = append(whys, one.contract.name+": "+one.whyNot)
		}
	}
	return len(whys) == 0, strings.Join(whys, "; ")
}

// errUndefined means that the verdict has no value, which only a broken rule can bring about.
var errUndefined = errors.New("the verdict is undefined")

// input gives what the rules can read of a question.
func (r *rules) input(question decision.Question) *ast.Term {
	return inputTerm(r.paths, r.names, question)
}

// decide runs the rules. It returns when they are done; cancel makes most of them give up soon.
func (r *rules) decide(input *ast.Term, cancel topdown.Cancel, more ...rego.EvalOption) (verdict decision.Verdict, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the rule engine failed: %v\n%s", p, debug.Stack())
		}
	}()
	options := append([]rego.EvalOption{rego.EvalParsedInput(input.Value), rego.EvalExternalCancel(cancel)}, more...)
	results, err := r.query.Eval(context.Background(), options...)
	if err != nil {
		return decision.Verdict{}, err
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return decision.Verdict{}, errUndefined
	}
	answer, ok := results[0].Expressions[0].Value.(*ast.Term)
	if !ok {
		return decision.Verdict{}, errUndefined
	}
	return r.decode(answer)
}
