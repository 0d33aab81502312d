package policies

import (
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core"
)

// A Problem is one reason why a candidate was not taken.
type Problem struct {
	File    string `json:"file,omitempty"` // relative to the policy folder, or "shipped:" and a name
	Line    int    `json:"line,omitempty"` // from 1; 0: the whole file
	Message string `json:"message"`
}

// String gives file, line and message as compilers do.
func (p Problem) String() string {
	switch {
	case p.File == "":
		return p.Message
	case p.Line == 0:
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// A LoadError lists everything that is wrong with a candidate.
type LoadError struct{ Problems []Problem }

// Error lists the problems, one a line.
func (e *LoadError) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return "policy not usable:\n" + strings.Join(lines, "\n")
}

// problemsOf takes OPA's errors apart; any other error is one problem without a place.
func problemsOf(err error) []Problem {
	var many ast.Errors
	var one *ast.Error
	var load *LoadError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &load):
		return load.Problems
	case errors.As(err, &many):
		found := make([]Problem, 0, len(many))
		for _, e := range many {
			found = append(found, problemOf(e))
		}
		return found
	case errors.As(err, &one):
		return []Problem{problemOf(one)}
	}
	return []Problem{{Message: err.Error()}}
}

func problemOf(e *ast.Error) Problem {
	p := Problem{Message: e.Message}
	if e.Location != nil {
		p.File, p.Line = e.Location.File, e.Location.Row
	}
	switch details := e.Details.(type) {
	case nil:
	case *ast.ParserErrorDetail:
		p.Message += ", near: " + core.Clip(strings.ToValidUTF8(strings.TrimSpace(details.Line), "?"))
	case *ast.RefErrInvalidDetail:
		p.Message = unknownMember(details)
	case *ast.RefErrUnsupportedDetail:
		if strings.HasPrefix(e.Message, "undefined ref") {
			p.Message = fmt.Sprintf("%v does not exist: %v is no object, it is a %v", details.Ref, details.Ref[:details.Pos+1], details.Have)
			break
		}
		p.Message = e.Message
	default:
		p.Message = strings.Join(append([]string{e.Message}, details.Lines()...), "; ")
	}
	if todo := remedyOf(e); todo != "" {
		p.Message += " (" + todo + ")"
	}
	return p
}

// unknownMember says which names there are instead of one that does not exist.
func unknownMember(d *ast.RefErrInvalidDetail) string {
	var names []string
	for _, name := range d.OneOf {
		names = append(names, strings.Trim(name.String(), `"`))
	}
	if len(names) == 0 {
		return fmt.Sprintf("%v does not exist: %v has no such member", d.Ref[:d.Pos+1], d.Ref[:d.Pos])
	}
	return fmt.Sprintf("%v does not exist; %v has %s", d.Ref[:d.Pos+1], d.Ref[:d.Pos], strings.Join(names, ", "))
}

// remedyOf says what to do about an error of the compiler that does not say so itself.
func remedyOf(e *ast.Error) string {
	switch e.Code {
	case ast.UnsafeVarErr:
		return "give the variable a value first, with := or some ... in, or import what it names"
	case ast.RecursionErr:
		return "let no rule depend on itself"
	}
	name, unknown := strings.CutPrefix(e.Message, "undefined function ")
	if _, withheld := ast.BuiltinMap[name]; unknown && withheld {
		return "rules may not use this built-in: a decision depends on its input and the files only; the time is input.now, and URIs are parsed already"
	}
	return ""
}

// at makes a problem at a place in Rego.
func at(loc *ast.Location, format string, args ...any) Problem {
	p := Problem{Message: fmt.Sprintf(format, args...)}
	if loc != nil {
		p.File, p.Line = loc.File, loc.Row
	}
	return p
}
