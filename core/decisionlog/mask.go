package decisionlog

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/decision"
	"github.com/ostiary/ostiary/core/strictjson"
)

// hidden stands in the place of a masked value.
const hidden = "**REDACTED**"

// A mask says what becomes of a member and of those below it.
type mask struct {
	pointer string
	erase   bool
	hide    bool
	members map[string]*mask
}

// newMask reads JSON pointers (RFC 6901). They name members of objects; what is in lists cannot be told apart.
func newMask(erase, hide []string) (*mask, error) {
	root := &mask{}
	for i, list := range [][]string{erase, hide} {
		for _, pointer := range list {
			names, err := namesOf(pointer)
			if err != nil {
				return nil, err
			}
			at := root
			for _, name := range names {
				if at.members == nil {
					at.members = map[string]*mask{}
				}
				if at.members[name] == nil {
					at.members[name] = &mask{}
				}
				at = at.members[name]
			}
			at.pointer, at.erase, at.hide = pointer, at.erase || i == 0, at.hide || i == 1
		}
	}
	return root, nil
}

// ofFields gives what becomes of members of a client, whichever of its forms in the input the mask names: what is kept out of
// one must not come back as what a rule sets.
func (m *mask) ofFields() map[string]*mask {
	fields := map[string]*mask{}
	input := m.members["input"]
	if input == nil {
		return fields
	}
	whole := &mask{erase: input.erase, hide: input.hide}
	for _, form := range [...]string{"request", "effective", "before", "client"} {
		of := input.members[form]
		if of == nil {
			continue
		}
		whole.erase, whole.hide = whole.erase || of.erase, whole.hide || of.hide
		for name, member := range of.members {
			fields[name] = member.with(fields[name])
		}
	}
	if whole.erase || whole.hide {
		return map[string]*mask{anyField: whole}
	}
	return fields
}

// anyField stands for every member of a client.
const anyField = ""

// with gives a mask that leaves out and hides what any of two does.
func (m *mask) with(other *mask) *mask {
	if other == nil {
		return m
	}
	both := &mask{pointer: m.pointer, erase: m.erase || other.erase, hide: m.hide || other.hide, members: maps.Clone(m.members)}
	for name, member := range other.members {
		if both.members == nil {
			both.members = map[string]*mask{}
		}
		both.members[name] = member.with(both.members[name])
	}
	return both
}

// CheckPointer says what is wrong with a pointer of Options.Erase or Options.Mask.
func CheckPointer(pointer string) error {
	_, err := namesOf(pointer)
	return err
}

func namesOf(pointer string) ([]string, error) {
	names := strings.Split(pointer, "/")
	if names[0] != "" || len(names) < 2 || names[1] != "input" && names[1] != "result" {
		return nil, fmt.Errorf("%q must begin with /input/ or /result/, such as /input/effective/contacts", pointer)
	}
	for i, name := range names {
		if i > 1 && name == "" {
			return nil, fmt.Errorf("%q has an empty name in it", pointer)
		}
		names[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	}
	return names[1:], nil
}

// A masker passes a document on and leaves out or hides what a mask says.
type masker struct {
	to     *decision.JSONWriter
	fields map[string]*mask // of what rules set, by the member that they set
	open   []*mask          // of the objects and lists that are open; nil: nothing below is masked
	next   *mask            // of the value that comes next
	skip   int              // open objects and lists of a value that is left out
	leave  bool             // the value that comes next is left out
	erased []string
	masked []string
}

func (m *masker) reset(root *mask, to *decision.JSONWriter) {
	m.to, m.open, m.next, m.skip, m.leave = to, m.open[:0], root, 0, false
	m.erased, m.masked = m.erased[:0], m.masked[:0]
}

// drops tells whether the value that comes now is left out. deeper: it is an object or a list, which ends some time.
func (m *masker) drops(deeper bool) bool {
	switch {
	case m.skip > 0:
		if deeper {
			m.skip++
		}
		return true
	case m.leave:
		m.leave = false
		if deeper {
			m.skip = 1
		}
		return true
	}
	return false
}

// Key implements decision.Writer.
func (m *masker) Key(name string) {
	if m.skip > 0 {
		return
	}
	m.next = nil
	if at := m.open[len(m.open)-1]; at != nil {
		m.next = at.members[name]
	}
	switch {
	case m.next == nil:
	case m.next.erase:
		m.erased, m.leave = told(m.erased, m.next.pointer), true
		return
	case m.next.hide:
		m.masked, m.leave = told(m.masked, m.next.pointer), true
		m.to.Key(name)
		m.to.Text(hidden)
		return
	}
	m.to.Key(name)
}

// told adds a pointer once.
func told(list []string, pointer string) []string {
	if slices.Contains(list, pointer) {
		return list
	}
	return append(list, pointer)
}

// KeyLike begins the member that holds the value of a field of the client, of which the same is left out and hidden as in the
// input. Its pointer was told there, if it was there.
func (m *masker) KeyLike(name, field string) {
	m.Key(name)
	like := m.fields[field]
	if like == nil {
		like = m.fields[anyField]
	}
	switch {
	case like == nil || m.skip > 0 || m.leave || m.next != nil:
	case like.erase || like.hide:
		m.leave = true
		m.to.Text(hidden)
	default:
		m.next = like
	}
}

// push opens an object or a list.
func (m *masker) push(at *mask) { m.open, m.next = append(m.open, at), nil }

// end closes one; false: it was left out.
func (m *masker) end() bool {
	if m.skip > 0 {
		m.skip--
		return false
	}
	m.open = m.open[:len(m.open)-1]
	return true
}

// BeginObject implements decision.Writer.
func (m *masker) BeginObject(members int) {
	if !m.drops(true) {
		m.push(m.next)
		m.to.BeginObject(members)
	}
}

// EndObject implements decision.Writer.
func (m *masker) EndObject() {
	if m.end() {
		m.to.EndObject()
	}
}

// BeginArray implements decision.Writer.
func (m *masker) BeginArray(items int) {
	if !m.drops(true) {
		m.push(nil)
		m.to.BeginArray(items)
	}
}

// EndArray implements decision.Writer.
func (m *masker) EndArray() {
	if m.end() {
		m.to.EndArray()
	}
}

// Text implements decision.Writer.
func (m *masker) Text(s string) {
	if !m.drops(false) {
		m.to.Text(s)
	}
}

// Int implements decision.Writer.
func (m *masker) Int(n int64) {
	if !m.drops(false) {
		m.to.Int(n)
	}
}

// Bool implements decision.Writer.
func (m *masker) Bool(b bool) {
	if !m.drops(false) {
		m.to.Bool(b)
	}
}

// Value implements decision.Writer.
func (m *masker) Value(v strictjson.Value) {
	switch {
	case m.drops(false):
	case m.next == nil || v.Kind() != strictjson.KindObject:
		m.to.Value(v)
	default:
		m.BeginObject(v.Len())
		for name, member := range v.All() {
			m.Key(name)
			m.Value(member)
		}
		m.EndObject()
	}
}

var _ decision.Writer = (*masker)(nil)

func sorted(limits map[string]int64) []string { return slices.Sorted(maps.Keys(limits)) }
