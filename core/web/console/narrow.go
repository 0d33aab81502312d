package console

import (
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A narrowable is a member of which a client may be left less. In the form, keep.NAME is an item that it keeps, of.NAME how many
// there were, and less.NAME what a flag or a number is made.
type narrowable struct {
	Name   string
	Items  []string // of a list; there are two at least: of one, none could go
	Flag   bool     // it is false, and can be made true
	Number bool     // it can be made smaller
	Max    string   // of a number that is there: what it is
}

// narrowables are the members of a client that an approval can leave less of.
func narrowables(m *core.Metadata) []narrowable {
	var list []narrowable
	doc := metadata.Document(m)
	for _, name := range metadata.Narrowable() {
		row, _ := metadata.Lookup(name)
		value, _ := doc.Get(name)
		n := narrowable{Name: name}
		switch row.Kind {
		case metadata.Flag:
			on, _ := value.Bool()
			n.Flag = !on
		case metadata.Number:
			n.Number = true
			if _, there := value.Int64(); there {
				n.Max = value.String()
			}
		case metadata.Scope:
			text, _ := value.Text()
			n.Items = strings.Fields(text)
		default:
			n.Items, _ = value.Strings()
		}
		if len(n.Items) > 1 || n.Flag || n.Number {
			list = append(list, n)
		}
	}
	return list
}

// keptFields are those of the form that come once for each item.
func keptFields() []string {
	names := metadata.Narrowable()
	for i, name := range names {
		names[i] = "keep." + name
	}
	return names
}

// narrowing gives the members that the form leaves less of, as the approval takes them; absent: none.
func narrowing(form oauth.Params) (strictjson.Value, error) {
	less := strictjson.Object()
	for _, name := range metadata.Narrowable() {
		value, err := narrowed(name, form)
		if err != nil {
			return less, err
		}
		if !value.IsAbsent() {
			less = less.With(name, value)
		}
	}
	if less.Len() == 0 {
		return strictjson.Value{}, nil
	}
	return less, nil
}

// narrowed gives what is left of one member; absent: all of it.
func narrowed(name string, form oauth.Params) (strictjson.Value, error) {
	row, _ := metadata.Lookup(name)
	switch text := form.Get("less." + name); {
	case row.Kind == metadata.Flag && text != "":
		return strictjson.Bool(true), nil
	case row.Kind == metadata.Number && text != "":
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil || n < 0 {
			return strictjson.Value{}, core.Refuse(core.InvalidRequest, "%s must be a number of seconds, 0 or more.", name)
		}
		return strictjson.Int(n), nil
	}
	kept := form["keep."+name]
	switch of := form.Get("of." + name); {
	case of == "" || of == strconv.Itoa(len(kept)):
		return strictjson.Value{}, nil
	case len(kept) == 0:
		return strictjson.Value{}, core.Refuse(core.InvalidRequest, "Nothing is left of %s. Leave something, or reject the client.", name)
	case row.Kind == metadata.Scope:
		return strictjson.String(oauth.FormatScope(kept)), nil
	}
	return strictjson.Strings(kept), nil
}
