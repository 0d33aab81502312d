// Package config reads configuration strictly and is YAML's only door. It knows YAML, environment variables and secret
// files; it knows nothing of what the configuration means: the structs that receive it belong to others.
//
// The road: bytes become a small tree of our own (tree.go: size, depth, aliases, duplicate keys), the tree fills a struct
// (decode.go, scalar.go) and the struct's Validate methods are asked. Every problem of all steps is collected and reported at
// once, with file, line and path.
package config

import (
	"errors"
	"reflect"

	"github.com/ostiary/ostiary/core/strictjson"
)

// Limits of what is read. A file over one of them is refused.
const (
	MaxSize  = 1 << 20 // bytes of a file
	MaxDepth = 32      // nested lists and objects
	maxNodes = 100_000 // after aliases are followed, so that a small file cannot grow into a large one

	maxProblems = 1000 // more say nothing new
)

// Env looks up an environment variable; os.LookupEnv is one.
type Env func(name string) (string, bool)

// A Checker has rules beyond types. Validate is called after everything is read, inner values first, and must not change the
// value. The paths it gives are relative to the value ("routes[2].upstream"); File and Line are filled in here.
type Checker interface {
	Validate() []Problem
}

// A Taker knows keys that none of its fields has, such as those of another program's configuration. Take tells whether a key is one
// of them, and what is wrong with it here; wrong "" takes it, with whatever the Taker made of it. Variables in the value are not replaced.
type Taker interface {
	Take(key string, value strictjson.Value) (wrong string, known bool)
}

// Read fills the struct that dst points to from YAML (or JSON) and reports every problem as a *Problems.
//
// Only fields with a yaml tag are configuration: `yaml:"base_url"`; the option camel (`yaml:"base_url,camel"`) also accepts
// baseUrl, or=base (any number of times) also base. The members of a struct with the tag `yaml:",inline"` stand among those of
// the struct that it is in; it is not asked as a Checker. Fields may be structs, maps with string keys, slices, pointers, booleans, numbers, strings,
// core.Secret, Public, time.Duration ("90s"), strictjson.Value and anything with UnmarshalText. A tag `range:"1..65535"` bounds
// integers and durations. What the file does not mention keeps the value it had, so defaults are set before Read.
//
// In scalar values ${NAME} is replaced from env (missing: a problem), ${NAME:-default} has a default for unset or empty, $${
// is a literal ${. A core.Secret or a Public may be file:///path, or file://path relative to the file's folder.
func Read(data []byte, file string, dst any, env Env) error {
	target := reflect.ValueOf(dst)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		return errors.New("config: dst must be a pointer to a struct")
	}
	found := newCollector(file)
	root := parse(data, found)
	if root != nil {
		d := decoder{collector: found, env: env}
		d.fill(root, target.Elem(), "", "")
		found.read = len(found.list)
		d.check(target.Elem(), "")
	}
	return found.err()
}
