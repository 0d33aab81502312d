package meter

import (
	"reflect"
	"testing"
)

// What is read is all that was written: a field that is added to Metered or Report and forgotten in keep.go shows here.
func TestMeteredIsKeptWhole(t *testing.T) {
	before := &Metered{Wasm: []byte("module")}
	before.Mutable = []int{0, 300, 7}
	r := &before.Report
	for n, field := range r.fields() {
		*field = 1<<60 + uint64(n)
	}
	for n, count := range r.counts() {
		*count = n + 1
	}
	unset(t, "Metered", reflect.ValueOf(before).Elem())
	after, err := ReadMetered(before.Append(nil))
	if err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("%+v became %+v, %v", before, after, err)
	}
}

// unset reports fields that nothing above has given a value.
func unset(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for n := range v.NumField() {
			unset(t, name+"."+v.Type().Field(n).Name, v.Field(n))
		}
	case reflect.Array:
		for n := range v.Len() {
			unset(t, name, v.Index(n))
		}
	default:
		if v.IsZero() {
			t.Errorf("%s is not kept", name)
		}
	}
}

// What is cut short is an error or a shorter module, and never a fault of ours.
func TestMeteredCutShort(t *testing.T) {
	whole := (&Metered{Wasm: []byte("m"), Mutable: []int{1, 2, 3}}).Append(nil)
	for n := range whole {
		if m, err := ReadMetered(whole[:n]); err == nil && len(m.Wasm) > 0 {
			t.Errorf("%d bytes of %d give a module", n, len(whole))
		}
	}
}
