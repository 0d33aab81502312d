package badger

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
)

func TestRecordForm(t *testing.T) {
	version := storage.Version{1, 2, 3}
	moment := time.UnixMilli(1_700_000_000_123).UTC()
	records := map[string]storage.Record{
		"smallest":       {Version: version},
		"value":          {Version: version, Value: []byte("value")},
		"expiry":         {Version: version, Value: []byte("value"), Expires: moment},
		"count":          {Version: version, Value: []byte("value"), Count: -1},
		"both, no value": {Version: version, Expires: moment, Count: math.MinInt64},
		"epoch":          {Version: version, Expires: time.UnixMilli(0).UTC()},
	}
	for name, want := range records {
		raw := encode(want)
		got, err := decode("key", raw)
		want.Key = "key"
		same := got.Key == want.Key && bytes.Equal(got.Value, want.Value) && got.Count == want.Count && got.Version == want.Version
		if err != nil || !same || !got.Expires.Equal(want.Expires) || got.Expires.IsZero() != want.Expires.IsZero() {
			t.Errorf("%s: %+v became %+v, %v", name, want, got, err)
		}
		if len(raw) > len(want.Value)+storage.OpSize {
			t.Errorf("%s: the form is %d bytes larger than the value", name, len(raw)-len(want.Value))
		}
	}
}

func TestGarbageIsNoRecord(t *testing.T) {
	whole := encode(storage.Record{Version: storage.Version{1}, Count: 5, Expires: time.UnixMilli(9)})
	for n := range whole {
		if _, err := decode("key", whole[:n]); !errors.Is(err, errDamaged) {
			t.Errorf("the first %d of %d bytes gave %v", n, len(whole), err)
		}
	}
	spoilt := func(at int, b ...byte) []byte {
		raw := bytes.Clone(whole)
		copy(raw[at:], b)
		return raw
	}
	cases := map[string][]byte{
		"another form":       spoilt(0, 2),
		"an unknown flag":    spoilt(1, 7),
		"no version":         spoilt(2, 0),
		"an expiry before 0": spoilt(fixedSize, 0x80),
		"a count of 0":       spoilt(fixedSize+8, make([]byte, 8)...),
	}
	for name, raw := range cases {
		if r, err := decode("key", raw); !errors.Is(err, errDamaged) {
			t.Errorf("%s gave %+v, %v", name, r, err)
		}
	}
}

// FuzzDecode: whatever the bytes, decode gives an error or a record whose one form they are.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(encode(storage.Record{Version: storage.Version{1}, Value: []byte("v")}))
	f.Add(encode(storage.Record{Version: storage.Version{1}, Count: 5, Expires: time.UnixMilli(9)}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := decode("key", raw)
		if err == nil && !bytes.Equal(encode(r), raw) {
			t.Fatalf("%x was read as %+v, which is written %x", raw, r, encode(r))
		}
	})
}
