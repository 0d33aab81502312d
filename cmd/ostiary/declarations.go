package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/config"
	"github.com/ostiary/ostiary/core/declared"
	"github.com/ostiary/ostiary/core/strictjson"
)

// declarations are what the files of a folder say, read and checked as far as that is possible without a server.
type declarations struct {
	clients  []declaredClient
	beside   beside
	problems []config.Problem

	seen map[string]config.Problem // where each client id stands
}

// A declaredClient is an entry and the place it stands at.
type declaredClient struct {
	id    string
	entry strictjson.Value
	at    spot
}

// A spot is where something stands in a file.
type spot struct {
	file  string
	path  string // "clients[3]"
	lines config.Lines
}

func (p spot) problem(path, text string) config.Problem {
	switch {
	case path == "":
		path = p.path
	case p.path != "":
		path = p.path + "." + path
	}
	return config.Problem{File: p.file, Line: p.lines.At(path), Path: path, Text: text}
}

// readDeclarations reads one file, or every .yaml, .yml and .json file of a folder and below. What is wrong with them is among what it gives.
func readDeclarations(path string) (*declarations, error) {
	files, err := declarationFiles(path)
	if err != nil {
		return nil, err
	}
	d := &declarations{seen: map[string]config.Problem{}}
	for _, file := range files {
		if err := d.read(file); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// wrong gives all problems in the order of the files.
func (d *declarations) wrong() *config.Problems {
	slices.SortStableFunc(d.problems, func(a, b config.Problem) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	return &config.Problems{List: slices.Compact(d.problems)}
}

func declarationFiles(path string) ([]string, error) {
	about, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, errors.Unwrap(err))
	}
	if !about.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		hidden := strings.HasPrefix(entry.Name(), ".") && file != path
		switch {
		case err != nil:
			return err
		case hidden && entry.IsDir():
			return filepath.SkipDir
		case entry.IsDir() || hidden || strings.HasSuffix(file, ".schema.json"):
		case slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(file)):
			if about, err := os.Stat(file); err == nil && !about.Mode().IsRegular() { // to read a pipe would be to wait for its other end
				return fmt.Errorf("%s is no file with text in it: take it out of the folder, or name it by itself", file)
			}
			files = append(files, file)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s has no .yaml, .yml or .json file: there is nothing to declare", path)
	}
	return files, err
}

func (d *declarations) read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		d.problems = append(d.problems, config.Problem{File: file, Text: "cannot be read: " + errors.Unwrap(err).Error()})
		return nil
	}
	doc, lines, err := config.ReadList(text, file)
	var wrong *config.Problems
	if errors.As(err, &wrong) {
		d.problems = append(d.problems, wrong.List...)
		return nil
	}
	if err != nil {
		return err
	}
	d.take(doc, spot{file: file, lines: lines})
	return nil
}

// take sorts what a file holds: an object with the kinds of declarations, or a list of clients.
func (d *declarations) take(doc strictjson.Value, at spot) {
	switch doc.Kind() {
	case strictjson.KindArray:
		d.takeClients(doc, at)
		return
	case strictjson.KindObject:
	default:
		d.problems = append(d.problems, at.problem("", "must be an object with clients, or a list of clients"))
		return
	}
	for name, v := range doc.All() {
		below := at
		below.path = name
		switch name {
		case declared.KindClients:
			d.takeClients(v, below)
		case declared.KindIssuers, declared.KindTokens, declared.KindData, declared.KindBindings:
			d.takeBeside(name, v, below)
		case "$schema":
		default:
			d.problems = append(d.problems, below.problem("", "is nothing that can be declared; what can is: "+strings.Join(declared.Kinds(), ", ")+
				config.Suggest(strings.ToLower(name), slices.Values(declared.Kinds()))))
		}
	}
}

// takeClients takes a list of entries, or an object of entries by their client_id.
func (d *declarations) takeClients(v strictjson.Value, at spot) {
	switch v.Kind() {
	case strictjson.KindArray:
		for i, entry := range v.Items() {
			below := at
			below.path = fmt.Sprintf("%s[%d]", at.path, i)
			d.takeClient(entry, below)
		}
	case strictjson.KindObject:
		for id, entry := range v.All() {
			below := at
			below.path = strings.TrimPrefix(at.path+"."+id, ".")
			if _, named := entry.Get("client_id"); !named && entry.Kind() == strictjson.KindObject {
				entry = strictjson.Object(append([]strictjson.Member{{Name: "client_id", Value: strictjson.String(id)}}, entry.Members()...)...)
			}
			d.takeClient(entry, below)
		}
	case strictjson.KindNull:
	default:
		d.problems = append(d.problems, at.problem("", "must be a list of clients"))
	}
}

func (d *declarations) takeClient(entry strictjson.Value, at spot) {
	before := len(d.problems)
	entry = d.secretOf(entry, at)
	read, problems := declared.Read(entry, nil)
	for _, p := range problems {
		d.problems = append(d.problems, at.problem(p.Path, p.Text))
	}
	sound := len(d.problems) == before
	id := string(read.ID)
	if id == "" {
		return
	}
	here := at.problem("client_id", "")
	if first, twice := d.seen[id]; twice {
		here.Text = fmt.Sprintf("%s is declared twice, first at %s:%d", id, first.File, first.Line)
		d.problems = append(d.problems, here)
		return
	}
	if d.seen[id] = here; !sound {
		return // the server would only say the same
	}
	d.clients = append(d.clients, declaredClient{id: id, entry: entry, at: at})
}

// secretOf follows ${NAME} and file:// in a client's secret.
func (d *declarations) secretOf(entry strictjson.Value, at spot) strictjson.Value {
	return d.follow(entry, "client_secret", at)
}
