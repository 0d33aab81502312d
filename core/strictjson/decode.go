package strictjson

import (
	"encoding"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Decode parses data and fills what dst points to; see Value.Decode.
func Decode(data []byte, dst any, lim Limits) error {
	v, err := Parse(data, lim)
	if err != nil {
		return err
	}
	return v.Decode(dst)
}

// Decode fills what dst points to: structs by the exact names of their json tags, maps with string keys, slices, arrays of
// exactly their length, pointers, strings, booleans, integers within range, floats, Values, []byte from base64, and
// everything with UnmarshalText (time.Time) from a string. It reads what encoding/json writes of such types.
//
// A member the struct does not name is refused. Absent members leave their fields alone; null empties a pointer, slice or
// map, stands as it is in a Value, and is refused elsewhere. Slices, maps and pointers are made anew. After an error dst is
// unchanged. A refusal is an *Error that names the member; any other error is a Go type that cannot be decoded, our fault
// and not the caller's.
func (v Value) Decode(dst any) error {
	target := reflect.ValueOf(dst)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("strictjson: cannot decode into %T: want a pointer that is not nil", dst)
	}
	fresh := reflect.New(target.Type().Elem()).Elem()
	fresh.Set(target.Elem())
	if err := fill(fresh, v); err != nil {
		return err
	}
	target.Elem().Set(fresh)
	return nil
}

// fill decodes v into an addressable place.
func fill(to reflect.Value, v Value) error {
	switch own := to.Addr().Interface().(type) {
	case *Value:
		*own = v
		return nil
	case encoding.TextUnmarshaler:
		return fillText(to.Type(), own, v)
	case interface{ UnmarshalJSON([]byte) error }:
		return unsupported(to.Type()) // it would bring a second parser in
	}
	switch to.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if v.IsNull() {
			to.SetZero()
			return nil
		}
		return fillReference(to, v)
	case reflect.Struct:
		return fillStruct(to, v)
	case reflect.Array:
		return fillArray(to, v)
	}
	return fillScalar(to, v)
}

func fillReference(to reflect.Value, v Value) error {
	switch to.Kind() {
	case reflect.Pointer:
		fresh := reflect.New(to.Type().Elem())
		if err := fill(fresh.Elem(), v); err != nil {
			return err
		}
		to.Set(fresh)
		return nil
	case reflect.Map:
		return fillMap(to, v)
	}
	if to.Type().Elem().Kind() == reflect.Uint8 {
		return fillBytes(to, v)
	}
	if v.kind != KindArray {
		return mismatch("an array", v)
	}
	fresh := reflect.MakeSlice(to.Type(), v.Len(), v.Len())
	if err := fillItems(fresh, v); err != nil {
		return err
	}
	to.Set(fresh)
	return nil
}

func fillArray(to reflect.Value, v Value) error {
	if v.kind != KindArray {
		return mismatch("an array", v)
	}
	if v.Len() != to.Len() {
		return refusal("want an array of " + strconv.Itoa(to.Len()) + " items, not " + strconv.Itoa(v.Len()))
	}
	return fillItems(to, v)
}

func fillItems(to reflect.Value, v Value) error {
	for i, item := range v.items() {
		if err := fill(to.Index(i), item); err != nil {
			return within(err, func(e *Error) *Error { return e.inItem(i) })
		}
	}
	return nil
}

func fillMap(to reflect.Value, v Value) error {
	key, elem := to.Type().Key(), to.Type().Elem()
	if key.Kind() != reflect.String {
		return unsupported(to.Type())
	}
	if v.kind != KindObject {
		return mismatch("an object", v)
	}
	fresh := reflect.MakeMapWithSize(to.Type(), v.Len())
	for _, m := range v.members() {
		place := reflect.New(elem).Elem()
		if err := fill(place, m.Value); err != nil {
			return within(err, func(e *Error) *Error { return e.inMember(m.Name) })
		}
		fresh.SetMapIndex(reflect.ValueOf(m.Name).Convert(key), place)
	}
	to.Set(fresh)
	return nil
}

func fillStruct(to reflect.Value, v Value) error {
	fields, err := fieldsOf(to.Type())
	if err != nil {
		return err
	}
	if v.kind != KindObject {
		return mismatch("an object", v)
	}
	for _, m := range v.members() {
		index, known := fields[m.Name]
		if !known {
			return refusal("unknown member").inMember(m.Name)
		}
		if err := fill(to.FieldByIndex(index), m.Value); err != nil {
			return within(err, func(e *Error) *Error { return e.inMember(m.Name) })
		}
	}
	return nil
}

// fillBytes reads padded standard base64, as encoding/json writes it. Go's decoder skips line breaks; we do not.
func fillBytes(to reflect.Value, v Value) error {
	if v.kind != KindString {
		return mismatch("base64 text", v)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(v.text)
	if err != nil || strings.ContainsAny(v.text, "\r\n") {
		return refusal("not valid base64")
	}
	to.SetBytes(raw)
	return nil
}

func fillText(t reflect.Type, own encoding.TextUnmarshaler, v Value) error {
	if v.kind != KindString {
		return mismatch("a string", v)
	}
	err := own.UnmarshalText([]byte(v.text))
	if err == nil {
		return nil
	}
	problem := "not a valid " + shown(t.Name())
	if t == reflect.TypeFor[time.Time]() {
		problem = "want a time like 2006-01-02T15:04:05Z"
	}
	return &Error{Offset: -1, Problem: problem, cause: err}
}

func fillScalar(to reflect.Value, v Value) error {
	switch kind := to.Kind(); {
	case kind == reflect.String:
		if v.kind != KindString {
			return mismatch("a string", v)
		}
		to.SetString(v.text)
	case kind == reflect.Bool:
		if v.kind != KindBool {
			return mismatch("a boolean", v)
		}
		to.SetBool(v.truth)
	case to.CanInt(), to.CanUint():
		return fillInteger(to, v)
	case to.CanFloat():
		if v.kind != KindNumber {
			return mismatch("a number", v)
		}
		f, err := strconv.ParseFloat(v.text, to.Type().Bits())
		if err != nil {
			return refusal("this number is out of range")
		}
		to.SetFloat(f)
	default:
		return unsupported(to.Type())
	}
	return nil
}

func fillInteger(to reflect.Value, v Value) error {
	if v.kind != KindNumber {
		return mismatch("a whole number", v)
	}
	if !isInteger(v.text) {
		return refusal("want a whole number without fraction and exponent")
	}
	bits := to.Type().Bits()
	if to.CanInt() {
		n, err := strconv.ParseInt(v.text, 10, bits)
		if err != nil {
			return refusal("this number is out of range")
		}
		to.SetInt(n)
		return nil
	}
	n, err := strconv.ParseUint(plainZero(v.text), 10, bits)
	if err != nil {
		return refusal("this number is out of range")
	}
	to.SetUint(n)
	return nil
}

func refusal(problem string) *Error { return &Error{Offset: -1, Problem: problem} }

func mismatch(want string, v Value) *Error {
	return refusal("want " + want + ", not " + v.kind.String())
}

func unsupported(t reflect.Type) error { return fmt.Errorf("strictjson: cannot decode into %s", t) }

// within adds a step to the path of a refusal; other errors are about Go types and pass as they are.
func within(err error, step func(*Error) *Error) error {
	var refused *Error
	if errors.As(err, &refused) {
		return step(refused)
	}
	return err
}
