package policies

import (
	"context"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/ostiary/ostiary/core/strictjson"
)

// A dataMutant is a document in which one member is missing or of another type, and what it takes the place of.
type dataMutant struct {
	mutant
	root string // of the document
	of   *rules // under the documents as they are
	site strictjson.Value
}

// dataMutants gives every mutant of the configuration, and of the site's data, that the rules can tell from it.
func (r *rules) dataMutants(site strictjson.Value) []dataMutant {
	var list []dataMutant
	paths := reach(r.compiler.Modules, configRef)
	for _, m := range mutants(toTerm(site).Value) {
		if paths.Has(m.steps...) {
			list = append(list, dataMutant{m, configRef.String(), r, site})
		}
	}
	seen := map[string]bool{}
	for file, m := range r.compiler.Modules {
		if strings.HasPrefix(file, shippedPrefix) {
			continue
		}
		eachRead(m, dataRef, func(names []string, _ *ast.Location) {
			if key := strings.Join(names, "\x00"); len(names) > 0 && !seen[key] {
				seen[key] = true
				list = append(list, dataMutant{mutant{names, mistyped, mistype(r.data.term.Value, names)}, dataRef.String(), r, site})
			}
		})
	}
	return list
}

// mistype gives a document in which the member that names lead to is of another type.
func mistype(v ast.Value, names []string) ast.Value {
	if len(names) == 0 {
		return otherType(v).Value
	}
	o, isObject := v.(ast.Object)
	if !isObject {
		return v // loading has seen to it that this is not so
	}
	key := ast.StringTerm(names[0])
	inner := o.Get(key)
	if inner == nil {
		return v
	}
	return with(o, key, ast.NewTerm(mistype(inner.Value, names[1:])))
}

// rules gives the rules under the mutant.
func (d dataMutant) rules() (*rules, error) {
	changed, err := fromTerm(ast.NewTerm(d.value))
	if err != nil {
		return nil, err
	}
	if d.root == configRef.String() {
		return d.of.under(changed, d.of.data)
	}
	return d.of.under(d.site, newSiteData(changed))
}

var configRef = ast.MustParseRef("data.ostiary.config")

// doData tries one mutant of data with the requests of its decision.
func (m *mutation) doData(ctx context.Context, d dataMutant, config strictjson.Value) {
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	schema := strictjson.Value{}
	if d.root == configRef.String() {
		schema = config
	}
	var rules *rules // made when they are wanted: the data may be large
	tried := 0
	for _, t := range m.tasks {
		if t.rules != d.of {
			continue
		}
		tried++
		if t.basis.holds(d.root, d.mutant) {
			continue
		}
		if rules == nil {
			var err error
			if rules, err = d.rules(); err != nil {
				return // no rule can read it then
			}
		}
		if v, err := rules.decide(t.input, cancel); err == nil {
			m.judge(t, v, d.mutant, d.root, schema)
		}
	}
	m.count(tried)
}
