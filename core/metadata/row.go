// Package metadata is the one table of client metadata members (table.go): their names, kinds, rules and sources. The parser,
// the echo, the patch allow-list, the policy input and the plugins all read it, so that a member added there is known
// everywhere.
//
// The road: Parse turns a request's JSON into a Request (typed members, control members, extras); Write turns metadata back
// to JSON; Floor says what is never acceptable. It knows nothing of who asks, of policy or of storage.
package metadata

import (
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Kind says what JSON a member is.
type Kind uint8

// The kinds of members.
const (
	Text   Kind = iota + 1 // a string; "" and null equal absent
	URI                    // a string that must be a URI
	List                   // an array of strings
	URIs                   // an array of URIs
	Scope                  // a string of space-separated scope tokens (RFC 6749 §3.3)
	Number                 // a whole number, seconds, 0 or more
	Flag                   // true or false
	Object                 // a JSON object
)

// MaxItems is how many items a list may have.
const MaxItems = 200

// The limits of one member's value.
const (
	maxText = 4096  // bytes of a string
	maxLong = 16384 // bytes of a software statement or a key set
)

// A Row is one member of the table.
type Row struct {
	Name    string
	Kind    Kind
	Source  string    // the document and section that defines it
	Values  []string  // the values that are supported; nil: any
	Tagged  bool      // may be repeated in other languages as name#tag (RFC 7591 §2.2)
	Origins bool      // of a List: its items are origins (RFC 6454 §6.2)
	Fixed   bool      // no plugin and no policy may write it
	Code    core.Code // of a complaint about it

	least, most int64 // of a Number; 0: no bound
	anyIfAbsent bool  // a List that, when absent, is as good as one of everything

	str    func(*core.Metadata) *string
	list   func(*core.Metadata) *[]string
	number func(*core.Metadata) **int64
	flag   func(*core.Metadata) **bool
}

// Supports tells whether every value is one that this server can do today.
func (r *Row) Supports(values ...string) bool {
	for _, v := range values {
		if r.Values != nil && !slices.Contains(r.Values, v) {
			return false
		}
	}
	return true
}

// MaxBytes is how long the member may be, or an item of it if it is a List or URIs; 0: that has no meaning for its kind.
func (r *Row) MaxBytes() int {
	switch r.Kind {
	case Text, List:
		return r.longest()
	case URI, URIs:
		return min(maxText, oauth.MaxURILength)
	case Scope:
		return oauth.MaxScopes * (oauth.MaxScopeLength + 1)
	case Object:
		return maxLong
	}
	return 0
}

func (r *Row) longest() int {
	if r.Name == "software_statement" {
		return maxLong
	}
	return maxText
}

// Bounds are the least and the most that a Number may be; most 0: there is none.
func (r *Row) Bounds() (least, most int64) { return r.least, r.most }

// Text gives a Text, URI or Object member as it is kept; "" when absent.
func (r *Row) Text(m *core.Metadata) string { return *r.str(m) }

// List gives a List, URIs or Scope member; nil when absent.
func (r *Row) List(m *core.Metadata) []string { return *r.list(m) }

// Number gives a Number member; 0 when absent.
func (r *Row) Number(m *core.Metadata) int64 {
	if n := *r.number(m); n != nil {
		return *n
	}
	return 0
}

// Flag gives a Flag member; false when absent.
func (r *Row) Flag(m *core.Metadata) bool {
	b := *r.flag(m)
	return b != nil && *b
}

// Get gives the member as JSON; the absent Value when it has none.
func (r *Row) Get(m *core.Metadata) strictjson.Value {
	switch r.Kind {
	case Text, URI:
		if s := *r.str(m); s != "" {
			return strictjson.String(s)
		}
	case Object:
		if s := *r.str(m); s != "" {
			return stored(s)
		}
	case List, URIs:
		if l := *r.list(m); l != nil {
			return strictjson.Strings(l)
		}
	case Scope:
		if l := *r.list(m); len(l) > 0 {
			return strictjson.String(oauth.FormatScope(l))
		}
	case Number:
		if n := *r.number(m); n != nil {
			return strictjson.Int(*n)
		}
	case Flag:
		if b := *r.flag(m); b != nil {
			return strictjson.Bool(*b)
		}
	}
	return strictjson.Value{}
}

// Has tells whether the member is there, as Get would.
func (r *Row) Has(m *core.Metadata) bool {
	switch r.Kind {
	case Text, URI, Object:
		return *r.str(m) != ""
	case List, URIs:
		return *r.list(m) != nil
	case Scope:
		return len(*r.list(m)) > 0
	case Number:
		return *r.number(m) != nil
	default:
		return *r.flag(m) != nil
	}
}

// Set takes the member from JSON. Null, "" and the absent Value remove it; a wrong type is refused, naming the member.
func (r *Row) Set(m *core.Metadata, v strictjson.Value) error {
	if s, isText := v.Text(); v.IsAbsent() || v.IsNull() || isText && s == "" {
		r.Copy(m, &core.Metadata{})
		return nil
	}
	switch r.Kind {
	case Text, URI:
		return r.setText(m, v)
	case Object:
		return r.setObject(m, v)
	case List, URIs:
		return r.setList(m, v)
	case Scope:
		return r.setScope(m, v)
	case Number:
		return r.setNumber(m, v)
	default:
		return r.setFlag(m, v)
	}
}

// Copy gives one client the member as another one has it, sharing nothing that can be changed.
func (r *Row) Copy(to, from *core.Metadata) {
	switch r.Kind {
	case Text, URI, Object:
		*r.str(to) = *r.str(from)
	case List, URIs, Scope:
		*r.list(to) = slices.Clone(*r.list(from))
	case Number:
		*r.number(to) = clonePointer(*r.number(from))
	case Flag:
		*r.flag(to) = clonePointer(*r.flag(from))
	}
}

// refers tells the members whose value lies outside the struct, where a plain copy would share it.
func (r *Row) refers() bool {
	switch r.Kind {
	case Text, URI, Object:
		return false
	}
	return true
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func (r *Row) setText(m *core.Metadata, v strictjson.Value) error {
	s, ok := v.Text()
	if !ok {
		return r.wrong("a string", v)
	}
	if limit := r.longest(); len(s) > limit {
		return r.refuse("is longer than %d bytes", limit)
	}
	*r.str(m) = s
	return nil
}

func (r *Row) setObject(m *core.Metadata, v strictjson.Value) error {
	if v.Kind() != strictjson.KindObject {
		return r.wrong("an object", v)
	}
	text := string(strictjson.Append(nil, v))
	if len(text) > maxLong {
		return r.refuse("is longer than %d bytes", maxLong)
	}
	*r.str(m) = text
	return nil
}

func (r *Row) setList(m *core.Metadata, v strictjson.Value) error {
	list, ok := v.Strings()
	if !ok {
		return r.wrongList(v)
	}
	if len(list) > MaxItems {
		return r.refuse("has more than %d items", MaxItems)
	}
	seen := make(map[string]bool, len(list))
	for _, item := range list {
		switch {
		case item == "":
			return r.refuse("has an empty item; remove it")
		case len(item) > maxText:
			return r.refuse("has an item longer than %d bytes", maxText)
		case seen[item]:
			return r.refuse("has %q twice; remove one", core.Clip(item))
		}
		seen[item] = true
	}
	*r.list(m) = list
	return nil
}

func (r *Row) setScope(m *core.Metadata, v strictjson.Value) error {
	s, ok := v.Text()
	if !ok {
		return r.wrong("a string of space-separated scopes", v)
	}
	list, err := oauth.ParseScope(s)
	if err != nil {
		return r.refuse("is malformed: %v", err)
	}
	if len(list) == 0 {
		list = nil
	}
	*r.list(m) = list
	return nil
}

func (r *Row) setNumber(m *core.Metadata, v strictjson.Value) error {
	n, ok := v.Int64()
	if !ok || n < 0 {
		return r.wrong("a whole number of seconds, 0 or more", v)
	}
	*r.number(m) = &n
	return nil
}

func (r *Row) setFlag(m *core.Metadata, v strictjson.Value) error {
	b, ok := v.Bool()
	if !ok {
		return r.wrong("true or false", v)
	}
	*r.flag(m) = &b
	return nil
}

func (r *Row) wrong(want string, got strictjson.Value) error {
	what := got.Kind().String()
	if literal, ok := got.Literal(); ok {
		what = core.Clip(literal)
	}
	return r.refuse("must be %s, not %s", want, what)
}

// wrongList names the item that makes an array none of strings.
func (r *Row) wrongList(got strictjson.Value) error {
	for i, item := range got.Items() {
		if _, isText := item.Text(); !isText {
			return r.refuse("must be an array of strings, but its item %d is %s", i, item.Kind())
		}
	}
	return r.wrong("an array of strings", got)
}

// refuse complains about the member by its name.
func (r *Row) refuse(format string, args ...any) error {
	return refuse(r.Code, r.Name, r.Name+" "+format+".", args...)
}

// refuse complains about a member that cannot be read, in words and by its name.
func refuse(code core.Code, member, format string, args ...any) error {
	return about(member, core.Refuse(code, format, args...))
}

// stored parses what was accepted before; it cannot fail for text that Set kept.
func stored(s string) strictjson.Value {
	v, err := strictjson.Parse([]byte(s), strictjson.Stored)
	if err != nil {
		return strictjson.Value{}
	}
	return v
}
