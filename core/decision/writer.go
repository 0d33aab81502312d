package decision

import "github.com/ostiary/ostiary/core/strictjson"

// A Writer receives a document in order: exactly one value, in which Begin and End pair and each member is a Key followed by
// one value.
type Writer interface {
	BeginObject(members int) // members is a hint for the size
	EndObject()
	BeginArray(items int)
	EndArray()
	Key(name string)
	Text(s string)
	Int(n int64)
	Bool(b bool)
	Value(v strictjson.Value) // any JSON value, members and items as they are
}

// A Picker is a Writer that leaves members out. Where a member is costly to make, it is asked first.
type Picker interface {
	Writer
	// Wants tells whether any part of the member of this name, of the object being written, is used.
	Wants(name string) bool
}

// wants tells whether a member has to be made. A Writer that is no Picker takes everything.
func wants(w Writer, name string) bool {
	p, picks := w.(Picker)
	return !picks || p.Wants(name)
}

// sourcesDo tells whether the Writer only tells inputs apart and takes all of the object being written, so that what is computed
// from a value it has seen says nothing new.
func sourcesDo(w Writer) bool {
	s, selects := w.(*selector)
	return selects && s.sources && s.depth > 0 && s.taking
}

// tellsApart tells whether the Writer only tells inputs apart, so that a member may stand for its value by not being there.
func tellsApart(w Writer) bool {
	s, selects := w.(*selector)
	return selects && s.sources
}

// texts writes a list of strings; nil is an empty list.
func texts[S ~string](w Writer, list []S) {
	w.BeginArray(len(list))
	for _, s := range list {
		w.Text(string(s))
	}
	w.EndArray()
}

func text(w Writer, name, value string) {
	w.Key(name)
	w.Text(value)
}

func number(w Writer, name string, value int64) {
	w.Key(name)
	w.Int(value)
}

func flag(w Writer, name string, value bool) {
	w.Key(name)
	w.Bool(value)
}

func list[S ~string](w Writer, name string, values []S) {
	w.Key(name)
	texts(w, values)
}
