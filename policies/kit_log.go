package policies

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Bounds of what is read of decision logs.
const (
	maxLine  = 1 << 20 // in bytes
	maxTaken = 10_000  // lines of a corpus; each is held in memory
)

// Why lines of a log are passed over.
const (
	tooLong    = "longer than 1 MiB"
	noJSON     = "not JSON"
	noDecision = "not about a decision of this contract"
	noInput    = "without an input"
	noContract = "with an input that is not this contract's"
	tooMany    = "more than the first 10000"
)

// readLog takes the inputs of a decision log, each to the decision that it was put to.
func (c *Corpus) readLog(name string, log io.Reader) error {
	schemas, err := inputSchemas()
	if err != nil {
		return err
	}
	lines := bufio.NewReaderSize(log, maxLine)
	for n := 1; ; n++ {
		line, whole, err := nextLine(lines)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		case whole && len(line) == 0:
			continue
		}
		c.Lines++
		at := fmt.Sprintf("%s:%d", name, n)
		switch {
		case !whole:
			c.pass(tooLong, at)
		case c.Taken == maxTaken:
			c.pass(tooMany, at)
		default:
			c.readLine(at, line, schemas)
		}
	}
}

// nextLine gives a line without its end. One that is too long is read to its end, and is not whole. It is valid until the next.
func nextLine(lines *bufio.Reader) (line []byte, whole bool, err error) {
	line, err = lines.ReadSlice('\n')
	whole = !errors.Is(err, bufio.ErrBufferFull)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = lines.ReadSlice('\n')
	}
	if errors.Is(err, io.EOF) && (len(line) > 0 || !whole) { // the last one has no end
		err = nil
	}
	return []byte(strings.TrimSpace(string(line))), whole, err
}

// readLine takes one event, in the names of OPA's EventV1.
func (c *Corpus) readLine(at string, line []byte, schemas [decisions]strictjson.Value) {
	event, err := strictjson.Parse(line, strictjson.Stored)
	if err != nil {
		c.pass(noJSON, at+": "+err.Error())
		return
	}
	on, path, known := loggedOn(event)
	if !known {
		c.pass(noDecision, fmt.Sprintf("%s: its path is %q", at, core.Clip(path)))
		return
	}
	input, there := event.Get("input")
	if !there {
		c.pass(noInput, at)
		return
	}
	input, filled := c.fillIn(schemas[on], event, input)
	if wrong := mismatches(schemas[on], input, "input"); len(wrong) > 0 {
		c.pass(noContract, at+": "+core.Clip(wrong[0]))
		return
	}
	c.Taken++
	if filled {
		c.Filled++
	}
	c.Cases = append(c.Cases, Case{named(at, event), on, document{input}})
}

// fillIn puts something in the place of what an event says that it leaves out of its input, or hides.
func (c *Corpus) fillIn(schema, event, input strictjson.Value) (whole strictjson.Value, filled bool) {
	for _, member := range []string{"erased", "masked"} {
		list, _ := event.Get(member)
		pointers, _ := list.Strings()
		for _, pointer := range pointers {
			names, ofInput := strings.CutPrefix(pointer, "/input/")
			if !ofInput {
				continue
			}
			input, filled = restored(schema, input, strings.Split(names, "/")), true
			if i, known := slices.BinarySearch(c.LeftOut, pointer); !known {
				c.LeftOut = slices.Insert(c.LeftOut, i, pointer)
			}
		}
	}
	return input, filled
}

// named is how a case of a log is called: by its place, and the decision's id where there is one.
func named(at string, event strictjson.Value) string {
	id, _ := event.Get("decision_id")
	if text, _ := id.Text(); text != "" {
		return at + " (" + core.Clip(text) + ")"
	}
	return at
}

// loggedOn finds the decision that an event is about, by its path.
func loggedOn(event strictjson.Value) (on which, path string, known bool) {
	member, _ := event.Get("path")
	path, _ = member.Text()
	i := slices.IndexFunc(contracts[:], func(c *contract) bool {
		return strings.Trim(path, "/") == strings.ReplaceAll(c.pkg, ".", "/")+"/decision"
	})
	return which(i), path, i >= 0
}

// inputSchemas gives the schemas of all inputs: they are parsed once for many requests.
func inputSchemas() (schemas [decisions]strictjson.Value, err error) {
	for on, c := range contracts {
		if schemas[on], err = c.inputSchema(); err != nil {
			return schemas, err
		}
	}
	return schemas, nil
}

// restored puts the empty value of its type in the place of a member that is missing, or hidden behind a text. In an object whose
// members no schema names nothing is missing.
func restored(schema, v strictjson.Value, names []string) strictjson.Value {
	properties, _ := schema.Get("properties")
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(names[0])
	inner, known := properties.Get(name)
	if !known || v.Kind() != strictjson.KindObject {
		return v
	}
	have, there := v.Get(name)
	want, _ := inner.Get("type")
	kind, _ := want.Text()
	switch {
	case !there || !have.IsType(kind):
		return v.With(name, emptyOf(inner))
	case len(names) > 1:
		return v.With(name, restored(inner, have, names[1:]))
	}
	return v
}

// emptyOf gives the empty value of a schema: "", 0, false, [] or an object of such.
func emptyOf(schema strictjson.Value) strictjson.Value {
	kind, _ := schema.Get("type")
	switch name, _ := kind.Text(); name {
	case "object":
		properties, _ := schema.Get("properties")
		var members []strictjson.Member
		for name, inner := range properties.All() {
			members = append(members, strictjson.Member{Name: name, Value: emptyOf(inner)})
		}
		return strictjson.Object(members...)
	case "array":
		return strictjson.Array()
	case "integer":
		return strictjson.Int(0)
	case "boolean":
		return strictjson.Bool(false)
	}
	return strictjson.String("")
}
