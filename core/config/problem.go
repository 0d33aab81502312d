package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Problem is one thing that is wrong with a file, in words for the operator. It never quotes a secret.
type Problem struct {
	File string
	Line int    // from 1; 0 when the file as a whole is meant
	Path string // "bff.routes[2].upstream"; empty for the file as a whole
	Text string // what is wrong and what to write instead
}

// String gives "file:line: path: text", which editors can jump to.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	b.WriteString(": " + p.Text)
	return b.String()
}

// Problems is everything that is wrong, in the order of the file.
type Problems struct{ List []Problem }

// Error gives one problem a line.
func (p *Problems) Error() string {
	lines := make([]string, len(p.List))
	for i, problem := range p.List {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Lines knows on which line of a file each path stands.
type Lines map[string]int

// At gives the line of a path, or of the nearest part of the file that would contain it.
func (l Lines) At(path string) int {
	for {
		if line, ok := l[path]; ok || path == "" {
			return line
		}
		path = parent(path)
	}
}

// parent cuts the last step of a path: "a.b[2]" to "a.b" to "a" to "".
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

func join(path, member string) string {
	if path == "" {
		return member
	}
	if member == "" || strings.HasPrefix(member, "[") {
		return path + member
	}
	return path + "." + member
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// collector gathers the problems of one file.
type collector struct {
	file  string
	lines Lines
	list  []Problem
	read  int // how many of them reading found, before any Checker was asked

	written map[string]string // the names that stand in the file, by the path that ends in the member's own name
}

func newCollector(file string) *collector {
	return &collector{file: file, lines: Lines{}, written: map[string]string{}}
}

func (c *collector) add(line int, path, format string, args ...any) {
	c.put(Problem{File: c.file, Line: line, Path: path, Text: fmt.Sprintf(format, args...)})
}

func (c *collector) put(p Problem) {
	if len(c.list) < maxProblems {
		c.list = append(c.list, p)
	}
}

// asWritten gives the path of a member as the file has it, which may name it, and what contains it, otherwise.
func (c *collector) asWritten(path string) string {
	at := ""
	for path != "" {
		end := len(path)
		if next := strings.IndexAny(path[1:], ".["); next >= 0 {
			end = 1 + next
		}
		at, path = at+path[:end], path[end:]
		if name, otherwise := c.written[at]; otherwise {
			at = join(parent(at), name)
		}
	}
	return at
}

func (c *collector) err() error {
	if len(c.list) == 0 {
		return nil
	}
	slices.SortStableFunc(c.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Text, b.Text))
	})
	return &Problems{List: slices.Compact(c.list)}
}
