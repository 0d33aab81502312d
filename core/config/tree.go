package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kind is what a node is.
type kind uint8

const (
	scalar kind = iota
	list
	object
)

// node is our own small form of YAML: aliases followed, duplicates gone, every scalar with its text and type.
type node struct {
	kind    kind
	line    int
	tag     string // of a scalar: !!str, !!int, !!float, !!bool, !!null or !!timestamp
	text    string // of a scalar, as written
	members []member
	items   []*node
}

type member struct {
	name  string
	line  int
	value *node
}

func (n *node) isNull() bool { return n.kind == scalar && n.tag == "!!null" }

// what names a node's type in a problem.
func (n *node) what() string {
	switch n.kind {
	case list:
		return "a list"
	case object:
		return "an object"
	}
	names := map[string]string{"!!str": "text", "!!int": "a whole number", "!!float": "a number", "!!bool": "true or false",
		"!!null": "empty", "!!timestamp": "a date"}
	return names[n.tag]
}

// A bound is how much a file may hold.
type bound struct {
	size  int // bytes
	nodes int
}

// parse gives the tree of a file, or nil after reporting why there is none. An empty file is an empty object.
func parse(data []byte, found *collector) *node {
	return parseWithin(bound{MaxSize, maxNodes}, data, found)
}

func parseWithin(most bound, data []byte, found *collector) *node {
	if len(data) > most.size {
		found.add(0, "", "the file is larger than %d bytes", most.size)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil && !errors.Is(err, io.EOF) {
		found.syntax(err)
		return nil
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		found.add(second.Line, "", "there is a second document; one file holds one")
		return nil
	case !errors.Is(err, io.EOF):
		found.syntax(err)
		return nil
	}
	if document.Kind == 0 {
		return &node{kind: object, line: 1}
	}
	b := builder{collector: found, most: most.nodes}
	root := b.build(document.Content[0], "", 0)
	if root != nil && root.isNull() {
		return &node{kind: object, line: root.line}
	}
	return root
}

// yamlLine finds the line in the parser's text, which is the only place where it stands.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func (c *collector) syntax(err error) {
	text, line := err.Error(), 0
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	c.add(line, "", "not valid YAML: %s", text)
}

type builder struct {
	*collector
	nodes int
	most  int
	full  bool
}

// build copies one YAML node. It gives nil where the node cannot be used, after reporting why.
func (b *builder) build(from *yaml.Node, path string, depth int) *node {
	if b.full {
		return nil
	}
	if b.nodes++; b.nodes > b.most {
		b.full = true
		b.add(from.Line, "", "the file has more than %d values once its aliases are followed", b.most)
		return nil
	}
	if depth > MaxDepth {
		b.add(from.Line, path, "nested more than %d deep", MaxDepth)
		return nil
	}
	b.lines[path] = from.Line
	if tag := from.ShortTag(); from.Kind == yaml.SequenceNode && tag != "!!seq" || from.Kind == yaml.MappingNode && tag != "!!map" {
		b.add(from.Line, path, "the YAML tag %s is not supported", from.Tag)
		return nil
	}
	switch from.Kind {
	case yaml.AliasNode:
		return b.build(from.Alias, path, depth+1)
	case yaml.SequenceNode:
		return b.list(from, path, depth)
	case yaml.MappingNode:
		return b.object(from, path, depth)
	}
	return b.scalar(from, path)
}

func (b *builder) scalar(from *yaml.Node, path string) *node {
	n := &node{kind: scalar, line: from.Line, tag: from.ShortTag(), text: from.Value}
	if n.what() == "" || from.Tag == "!" {
		b.add(from.Line, path, "the YAML tag %s is not supported", from.Tag)
		return nil
	}
	if strings.ContainsRune(n.text, 0) {
		b.add(from.Line, path, "contains a NUL character")
		return nil
	}
	return n
}

func (b *builder) list(from *yaml.Node, path string, depth int) *node {
	n := &node{kind: list, line: from.Line}
	for i, item := range from.Content {
		if value := b.build(item, index(path, i), depth+1); value != nil {
			n.items = append(n.items, value)
		}
	}
	return n
}

func (b *builder) object(from *yaml.Node, path string, depth int) *node {
	n := &node{kind: object, line: from.Line}
	seen := map[string]int{}
	for i := 0; i+1 < len(from.Content); i += 2 {
		key, value := from.Content[i], from.Content[i+1]
		at := join(path, key.Value)
		if !b.usable(key, path, at, seen) {
			continue
		}
		seen[key.Value] = key.Line
		if built := b.build(value, at, depth+1); built != nil {
			b.lines[at] = key.Line
			n.members = append(n.members, member{name: key.Value, line: key.Line, value: built})
		}
	}
	return n
}

// usable tells whether a key is a plain name that was not there before.
func (b *builder) usable(key *yaml.Node, path, at string, seen map[string]int) bool {
	switch first, twice := seen[key.Value]; {
	case key.Kind != yaml.ScalarNode:
		b.add(key.Line, path, "a key must be a plain name")
	case key.ShortTag() == "!!merge":
		b.add(key.Line, path, "merge keys (<<) are not supported: repeat the members")
	case key.ShortTag() == "!!null" || key.Value == "" || strings.ContainsRune(key.Value, 0):
		b.add(key.Line, path, "a key is empty or contains a NUL character")
	case twice:
		b.add(key.Line, at, "given twice, first on line %d", first)
	default:
		return true
	}
	return false
}
