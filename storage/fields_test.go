package storage_test

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/registration"
)

// fields knows every field of some structs, by path, and whether any of the values seen had something in it. A test of a
// round trip uses it to prove that it leaves no field out, also none that is added later.
type fields map[string]bool

// see notes the fields of a value.
func (f fields) see(v any) { f.walk(reflect.ValueOf(v), "") }

func (f fields) walk(v reflect.Value, path string) {
	switch {
	case v.Kind() == reflect.Struct && exports(v.Type()):
		for i := range v.NumField() {
			f.walk(v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		f.walk(reflect.Zero(v.Type().Elem()), path) // so that its fields are known even when it is empty
		for i := range v.Len() {
			f.walk(v.Index(i), path)
		}
	default:
		f[path] = f[path] || !v.IsZero()
	}
}

func exports(t reflect.Type) bool {
	for i := range t.NumField() {
		if t.Field(i).IsExported() {
			return true
		}
	}
	return false
}

// empty lists the fields that nothing was ever seen in.
func (f fields) empty() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f)), func(path string) bool { return f[path] })
}

// checkStored compares a client with what it should be, its stamps aside.
func checkStored(t *testing.T, what string, got, want registration.Stored) {
	t.Helper()
	if changed := metadata.Changed(&want.Client.Metadata, &got.Client.Metadata); len(changed) > 0 {
		t.Errorf("%s: metadata differs in %v:\n got %s\nwant %s", what, changed, metadata.Document(&got.Client.Metadata), metadata.Document(&want.Client.Metadata))
	}
	got.Stamps, want.Stamps = registration.Stamps{}, registration.Stamps{}
	got.Client.Metadata = want.Client.Metadata
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// storedAs is what an Approved should look like in the store.
func storedAs(a registration.Approved) registration.Stored {
	return registration.Stored{Client: a.Client(), Credentials: a.Credentials(), State: a.State()}
}
