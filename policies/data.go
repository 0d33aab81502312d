package policies

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/ostiary/ostiary/core/strictjson"
)

// A site may keep data beside its rules, in files named data.json. By OPA's convention the folders that a file stands in are
// the beginning of its path: what is in ostiary/data/hosts/data.json is data.ostiary.data.hosts.

const dataFile = "data.json"

func isData(name string) bool { return path.Base(name) == dataFile }

// isDataElsewhere tells whether OPA would read a file as data, and we do not.
func isDataElsewhere(name string) bool {
	base := path.Base(name)
	return base == "data.yaml" || base == "data.yml"
}

// dataRoot is where all data of a site stands.
var dataRoot = []string{"ostiary", "data"}

var dataRef = ast.MustParseRef("data.ostiary.data")

// dataLimits let 100,000 entries through.
var dataLimits = strictjson.Limits{MaxBytes: maxFiles, MaxDepth: 32, MaxMembers: 1 << 20}

// readData joins the files with data and gives data.ostiary.data: an object, empty when there are none.
func readData(files map[string][]byte) (strictjson.Value, []Problem) {
	var problems []Problem
	all := &dataNode{kids: map[string]*dataNode{}}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !isData(name) {
			continue
		}
		v, err := strictjson.Parse(files[name], dataLimits)
		if err != nil {
			problems = append(problems, Problem{File: name, Line: lineOfError(files[name], err), Message: err.Error()})
			continue
		}
		steps := folders(name)
		if where, out := outside(steps, v); out {
			problems = append(problems, Problem{File: name, Message: fmt.Sprintf(
				"%s is not below data.ostiary.data, where all data of a site stands; move the file into the folder ostiary/data, or its members into {\"ostiary\": {\"data\": {}}}", where)})
			continue
		}
		if clash := all.put(name, steps, nil, v); clash != "" {
			problems = append(problems, Problem{File: name, Message: clash})
		}
	}
	found := all.value()
	for _, step := range dataRoot {
		found, _ = found.Get(step)
	}
	if found.IsAbsent() {
		found = strictjson.Object()
	}
	return found, problems
}

// folders gives the names of the folders that a file stands in.
func folders(name string) []string {
	dir := path.Dir(name)
	if dir == "." {
		return nil
	}
	return strings.Split(dir, "/")
}

func lineOfError(text []byte, err error) int {
	var wrong *strictjson.Error
	if !errors.As(err, &wrong) || wrong.Offset > len(text) {
		return 0
	}
	return 1 + strings.Count(string(text[:wrong.Offset]), "\n")
}

// outside finds what of a file is not below dataRoot.
func outside(steps []string, v strictjson.Value) (where string, out bool) {
	name := func(steps []string) string { return "data" + strings.Join(append([]string{""}, steps...), ".") }
	for i, want := range dataRoot {
		if i < len(steps) && steps[i] != want {
			return name(steps[:i+1]), true
		}
	}
	if len(steps) > len(dataRoot) {
		return "", false
	}
	if v.Kind() != strictjson.KindObject {
		return name(steps), true
	}
	if len(steps) == len(dataRoot) {
		return "", false
	}
	for member, inner := range v.All() {
		if where, out = outside(append(slices.Clip(steps), member), inner); out {
			return where, true
		}
	}
	return "", false
}

// A dataNode is a place in the data: whole, as a file has it, or in parts because several files have something below it.
type dataNode struct {
	file  string               // the first that has something here
	whole strictjson.Value     // absent: see names and kids
	names []string             // of kids, in their order
	kids  map[string]*dataNode // nil: it is whole
}

// put adds what a file has at a place. It says what is in the way, if something is.
func (n *dataNode) put(file string, steps, done []string, v strictjson.Value) (clash string) {
	if !n.divide() || len(steps) == 0 && v.Kind() != strictjson.KindObject {
		return fmt.Sprintf("data.%s has a value in %s already; keep one of them", strings.Join(done, "."), n.file)
	}
	if len(steps) > 0 {
		return n.at(file, steps[0], steps[1:], done, v)
	}
	for name, inner := range v.All() {
		if clash = n.at(file, name, nil, done, inner); clash != "" {
			return clash
		}
	}
	return ""
}

// at adds what a file has below one name.
func (n *dataNode) at(file, name string, steps, done []string, v strictjson.Value) (clash string) {
	kid, there := n.kids[name]
	if there {
		return kid.put(file, steps, append(slices.Clip(done), name), v)
	}
	kid = &dataNode{file: file, whole: v}
	n.names, n.kids[name] = append(n.names, name), kid
	if len(steps) == 0 {
		return ""
	}
	kid.whole, kid.kids = strictjson.Value{}, map[string]*dataNode{}
	return kid.put(file, steps, append(slices.Clip(done), name), v)
}

// divide makes parts of a node that is whole. Only objects have parts.
func (n *dataNode) divide() bool {
	if n.kids != nil {
		return true
	}
	if n.whole.Kind() != strictjson.KindObject {
		return false
	}
	n.kids = make(map[string]*dataNode, n.whole.Len())
	for name, v := range n.whole.All() {
		n.names, n.kids[name] = append(n.names, name), &dataNode{file: n.file, whole: v}
	}
	n.whole = strictjson.Value{}
	return true
}

// value joins everything again.
func (n *dataNode) value() strictjson.Value {
	if n.kids == nil {
		return n.whole
	}
	members := make([]strictjson.Member, 0, len(n.names))
	for _, name := range n.names {
		members = append(members, strictjson.Member{Name: name, Value: n.kids[name].value()})
	}
	return strictjson.Object(members...)
}

// missing says which of the names that lead into the site's data is not there; empty: all are.
func missing(data strictjson.Value, names []string) string {
	for i, name := range names {
		at := strings.Join(slices.Concat(dataRoot, names[:i]), ".")
		if data.Kind() != strictjson.KindObject {
			return fmt.Sprintf("data.%s is %s and has no member %s", at, data.Kind(), name)
		}
		inner, there := data.Get(name)
		if !there {
			return fmt.Sprintf("data.%s.%s does not exist: no data.json of the folder has it", at, name)
		}
		data = inner
	}
	return ""
}
