package metadata_test

import (
	"reflect"
	"testing"

	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/strictjson"
)

// Every control member that is listed fills a field of its own, and every field is filled by one.
func TestControls(t *testing.T) {
	filled := make(map[int]string)
	for _, name := range metadata.Controls() {
		req := parse(t, `{"`+name+`":"x"}`)
		control := reflect.ValueOf(req.Control)
		for i := range control.NumField() {
			if v := control.Field(i).Interface().(strictjson.Value); !v.IsAbsent() {
				filled[i] += name
			}
		}
		if !metadata.IsReserved(name) || len(req.Extra) > 0 {
			t.Errorf("%s: %+v", name, req)
		}
	}
	if fields := reflect.TypeFor[metadata.Control]().NumField(); len(filled) != fields || len(metadata.Controls()) != fields {
		t.Errorf("%d fields, filled by %v", fields, filled)
	}
}
