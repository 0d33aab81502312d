package config

import (
	"bytes"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/strictjson"
)

// ReadValue reads YAML or JSON as plain data, without variables, and says on which line each path stands. Dates stay text,
// and an empty file is an empty object. Lines is empty for JSON that YAML cannot read (escaped surrogate pairs, for example).
func ReadValue(data []byte, file string) (strictjson.Value, Lines, error) {
	found := newCollector(file)
	root := parse(data, found)
	if start := bytes.TrimLeft(data, " \t\r\n"); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		if value, err := strictjson.Parse(data, strictjson.Stored); err == nil {
			return value, found.lines, nil
		}
	}
	if err := found.err(); err != nil {
		return strictjson.Value{}, nil, err
	}
	value := found.convert(root, "")
	if err := found.err(); err != nil {
		return strictjson.Value{}, nil, err
	}
	return value, found.lines, nil
}

// MaxList is how many bytes a file with a long list may have, which ReadList reads.
const MaxList = 32 << 20

// ReadList is ReadValue for a file that may hold thousands of entries.
func ReadList(data []byte, file string) (strictjson.Value, Lines, error) {
	found := newCollector(file)
	root := parseWithin(bound{MaxList, 4 << 20}, data, found)
	if err := found.err(); err != nil {
		return strictjson.Value{}, nil, err
	}
	value := found.convert(root, "")
	return value, found.lines, found.err()
}

// ReadSecret reads a secret as Read does one that stands in a file at a line: ${NAME} and file:// are followed.
func ReadSecret(text, file string, line int, path string, env Env) (core.Secret, error) {
	d := decoder{collector: newCollector(file), env: env}
	var secret core.Secret
	d.scalar(&node{kind: scalar, line: line, tag: "!!str", text: text}, reflect.ValueOf(&secret).Elem(), path, "")
	return secret, d.err()
}

// value fills a field that takes any data. Variables are not replaced in it.
func (d *decoder) value(n *node, dst reflect.Value, path string) {
	dst.Set(reflect.ValueOf(d.convert(n, path)))
}

// convert gives a tree as a Value; where it reports a problem, the Value is null.
func (c *collector) convert(n *node, path string) strictjson.Value {
	switch n.kind {
	case list:
		items := make([]strictjson.Value, len(n.items))
		for i, item := range n.items {
			items[i] = c.convert(item, index(path, i))
		}
		return strictjson.Array(items...)
	case object:
		members := make([]strictjson.Member, len(n.members))
		for i, m := range n.members {
			members[i] = strictjson.Member{Name: m.name, Value: c.convert(m.value, join(path, m.name))}
		}
		return strictjson.Object(members...)
	}
	return c.convertScalar(n, path)
}

func (c *collector) convertScalar(n *node, path string) strictjson.Value {
	switch n.tag {
	case "!!null":
		return strictjson.Null()
	case "!!bool":
		return strictjson.Bool(strings.EqualFold(n.text, "true"))
	case "!!int":
		v, err := strconv.ParseInt(n.text, 0, 64)
		if err != nil {
			c.add(n.line, path, "%.40s is not a whole number that can be used", n.text)
		}
		return strictjson.Int(v)
	case "!!float":
		return c.convertFloat(n, path)
	}
	return strictjson.String(n.text)
}

func (c *collector) convertFloat(n *node, path string) strictjson.Value {
	f, err := strconv.ParseFloat(n.text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		c.add(n.line, path, "%.40s is not a number that can be used", n.text)
		return strictjson.Null()
	}
	v, err := strictjson.Number(strconv.FormatFloat(f, 'g', -1, 64))
	if err != nil {
		c.add(n.line, path, "%v", err)
	}
	return v
}
