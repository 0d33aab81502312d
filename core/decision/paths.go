package decision

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Paths is a set of places in an input, each with all that stands below it. The zero value is empty. It is built once and
// then only read.
type Paths struct {
	whole   bool // everything from here on
	members map[string]*Paths
	rows    []*metadata.Row // of a document: those among the members, in the table's order; nil: not looked up
}

// Add adds the place that the member names lead to; no names mean the whole input.
func (p *Paths) Add(names ...string) {
	for _, name := range names {
		if p.whole {
			return
		}
		next := p.members[name]
		if next == nil {
			if p.members == nil {
				p.members = map[string]*Paths{}
			}
			next = &Paths{}
			p.members[name] = next
		}
		p = next
	}
	p.whole, p.members = true, nil
}

// Has tells whether the place, or any part of what stands below it, is in the set.
func (p *Paths) Has(names ...string) bool {
	for _, name := range names {
		if p.whole {
			return true
		}
		if p = p.members[name]; p == nil {
			return false
		}
	}
	return p.whole || len(p.members) > 0
}

// Whole tells whether the whole input is in the set.
func (p *Paths) Whole() bool { return p.whole }

// String lists the places, dotted and sorted.
func (p *Paths) String() string { return strings.Join(p.list(nil, ""), " ") }

func (p *Paths) list(to []string, at string) []string {
	if p.whole {
		return append(to, cmp.Or(at, "."))
	}
	for _, name := range p.names() {
		to = p.members[name].list(to, strings.TrimPrefix(at+"."+name, "."))
	}
	return to
}

// timeless gives the same places without now and request_id, as a copy of the first step in which rows are looked up.
func (p *Paths) timeless() *Paths {
	q := &Paths{members: map[string]*Paths{}}
	for name, member := range p.members {
		q.members[name] = &Paths{whole: member.whole, members: member.members, rows: member.findRows()}
	}
	if p.whole {
		for _, question := range [...]Question{new(Registration), new(Authorization), new(Token), new(Session)} {
			q.addMembers(question)
		}
	}
	delete(q.members, "now")
	delete(q.members, "request_id")
	return q
}

// findRows gives the rows of the table that have members here; nil where everything is taken.
func (p *Paths) findRows() []*metadata.Row {
	if p.whole {
		return nil
	}
	rows := []*metadata.Row{}
	for _, row := range metadata.Visible() {
		if p.members[row.Name] != nil {
			rows = append(rows, row)
		}
	}
	return rows
}

// rowsFor gives the rows that a document has to write, whose object was just begun: all, unless w has looked them up.
func rowsFor(w Writer, all []*metadata.Row) []*metadata.Row {
	s, selects := w.(*selector)
	if !selects || s.depth > 0 || len(s.picked) == 0 {
		return all
	}
	if rows := s.picked[len(s.picked)-1].rows; rows != nil {
		return rows
	}
	return all
}

// addMembers adds every member of an input.
func (p *Paths) addMembers(q Question) {
	var w schemaWriter
	q.Write(&w)
	properties, _ := w.root.Get("properties")
	for name := range properties.All() {
		p.Add(name)
	}
}

func (p *Paths) names() []string { return slices.Sorted(maps.Keys(p.members)) }

// Select gives a Writer that passes on only what the paths hold. What stands below a place but is no object, where the paths
// go deeper, is passed on as it is.
func Select(p *Paths, to Writer) Picker {
	s := &selector{}
	s.reset(p, to)
	return s
}

// A selector stands either among members that it picks from, or deep in something that is taken or left as a whole.
type selector struct {
	to     Writer
	picked []*Paths // of the objects that are open and picked from
	next   *Paths   // of the value that comes next; nil: it is left out
	depth  int      // open objects and arrays below the value that is taken or left as a whole
	taking bool     // with depth > 0: taken

	sources bool // what follows from a value written before may be left out
}

func (s *selector) reset(p *Paths, to Writer) {
	s.to, s.picked, s.next, s.depth = to, s.picked[:0], p, 0
}

// passes tells whether the value that comes now is passed on.
func (s *selector) passes() bool {
	if s.depth > 0 {
		return s.taking
	}
	return s.next != nil
}

// Wants implements Picker.
func (s *selector) Wants(name string) bool {
	if s.depth > 0 {
		return s.taking
	}
	return s.picked[len(s.picked)-1].members[name] != nil
}

// BeginObject implements Writer.
func (s *selector) BeginObject(members int) {
	if s.depth == 0 && s.next != nil && !s.next.whole {
		s.picked = append(s.picked, s.next)
		s.to.BeginObject(len(s.next.members))
		return
	}
	if s.enter() {
		s.to.BeginObject(members)
	}
}

// enter goes one level down in what is taken or left as a whole.
func (s *selector) enter() bool {
	s.taking = s.passes()
	s.depth++
	return s.taking
}

// EndObject implements Writer.
func (s *selector) EndObject() {
	if s.depth == 0 {
		s.picked = s.picked[:len(s.picked)-1]
		s.to.EndObject()
		return
	}
	s.depth--
	if s.taking {
		s.to.EndObject()
	}
}

// BeginArray implements Writer.
func (s *selector) BeginArray(items int) {
	if s.enter() {
		s.to.BeginArray(items)
	}
}

// EndArray implements Writer.
func (s *selector) EndArray() {
	s.depth--
	if s.taking {
		s.to.EndArray()
	}
}

// Key implements Writer.
func (s *selector) Key(name string) {
	if s.depth == 0 {
		s.next = s.picked[len(s.picked)-1].members[name]
	}
	if s.passes() {
		s.to.Key(name)
	}
}

// Text implements Writer.
func (s *selector) Text(text string) {
	if s.passes() {
		s.to.Text(text)
	}
}

// Int implements Writer.
func (s *selector) Int(n int64) {
	if s.passes() {
		s.to.Int(n)
	}
}

// Bool implements Writer.
func (s *selector) Bool(b bool) {
	if s.passes() {
		s.to.Bool(b)
	}
}

// Value implements Writer.
func (s *selector) Value(v strictjson.Value) {
	switch {
	case !s.passes():
	case s.depth > 0:
		s.to.Value(v)
	default:
		pick(s.to, s.next, v)
	}
}

// pick writes the part of v that the paths hold.
func pick(to Writer, p *Paths, v strictjson.Value) {
	if p.whole || v.Kind() != strictjson.KindObject {
		to.Value(v)
		return
	}
	to.BeginObject(len(p.members))
	for _, name := range p.names() {
		if member, ok := v.Get(name); ok {
			to.Key(name)
			pick(to, p.members[name], member)
		}
	}
	to.EndObject()
}

var _ Picker = (*selector)(nil)
