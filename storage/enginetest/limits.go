package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ostiary/ostiary/storage"
)

func limitTests() map[string]func(*store) {
	return map[string]func(*store){
		"ops":    limitOps,
		"bytes":  limitBytes,
		"keys":   limitKeys,
		"get":    limitGet,
		"page":   limitPage,
		"expiry": limitExpiry,
	}
}

func limitOps(s *store) {
	var ops []storage.Op
	for i := range storage.MaxOps + 1 {
		ops = append(ops, storage.Insert(storage.Key(fmt.Sprintf("%02d", i)), nil, never))
	}
	s.fail(storage.ErrTooLarge, ops...)
	s.apply(ops[:storage.MaxOps]...)
	if got := len(s.all()); got != storage.MaxOps {
		s.Fatalf("%d records, want %d", got, storage.MaxOps)
	}
	s.apply()
	s.fail(storage.ErrInvalid, storage.Op{Key: "k"})
	s.fail(storage.ErrInvalid, storage.Op{Key: "k", Kind: storage.OpAdd + 1})
	s.fail(storage.ErrInvalid, storage.Op{Key: "k", Kind: 0xff})
}

func limitBytes(s *store) {
	value := bytes.Repeat([]byte{7}, storage.MaxApply-storage.OpSize-1)
	s.fail(storage.ErrTooLarge, storage.Put("kk", value, never))
	s.apply(storage.Put("k", value, s.in(time.Hour)))
	s.apply(storage.Add("k", 1, 0, 1, never))
	s.holds("k", string(value), 1, s.in(time.Hour))
	half := value[:storage.MaxApply/2-storage.OpSize-1]
	s.apply(storage.Put("a", half, never), storage.Put("b", half, never))
	s.fail(storage.ErrTooLarge, storage.Put("a", half, never), storage.Put("b", half, never), storage.Delete("c", storage.Version{}))
	s.holds("a", string(half), 0, never)
}

func limitKeys(s *store) {
	longest := storage.Key(strings.Repeat("\xff", storage.MaxKeyLength))
	s.apply(storage.Put(longest, nil, never), storage.Put(longest[1:], nil, never))
	s.holds(longest, "", 0, never)
	wantKeys(s, storage.Range{Limit: 1, Reverse: true}, longest, longest[1:])
	wantKeys(s, storage.Range{Prefix: longest, Limit: 2, Reverse: true}, longest)
	s.fail(storage.ErrTooLarge, storage.Put(longest+"x", nil, never))
	s.fail(storage.ErrInvalid, storage.Put("", nil, never))
	s.fail(storage.ErrInvalid, storage.Put("a", nil, never), storage.Delete("b", storage.Version{}), storage.Put("a", nil, never))
	s.lacks("a")
}

func limitGet(s *store) {
	keys := make([]storage.Key, storage.MaxGet+1)
	for i := range keys {
		keys[i] = "same"
	}
	s.getAll(keys[1:]...)
	s.getAll()
	refused := map[error][]storage.Key{
		storage.ErrTooLarge: keys,
		storage.ErrInvalid:  {"a", ""},
	}
	for want, keys := range refused {
		if _, err := s.engine.Get(context.Background(), keys...); !errors.Is(err, want) {
			s.Errorf("get of %d keys gave %v, want %v", len(keys), err, want)
		}
	}
}

func limitPage(s *store) {
	for _, limit := range []int{-1, 0, storage.MaxPage + 1} {
		if _, err := s.engine.Scan(context.Background(), storage.Range{Limit: limit}); !errors.Is(err, storage.ErrInvalid) {
			s.Errorf("a page of %d gave %v", limit, err)
		}
	}
	long := storage.Key(strings.Repeat("k", storage.MaxKeyLength+1))
	for _, r := range []storage.Range{{Prefix: long, Limit: 1}, {After: long, Limit: 1}} {
		if _, err := s.engine.Scan(context.Background(), r); !errors.Is(err, storage.ErrTooLarge) {
			s.Errorf("an overlong range gave %v", err)
		}
	}
}

// limitExpiry: an expiry that cannot be kept must not become "never".
func limitExpiry(s *store) {
	for _, at := range []time.Time{{}, time.Unix(-1, 0), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if at.IsZero() {
			at = at.Add(time.Nanosecond)
		}
		s.fail(storage.ErrInvalid, storage.Put("k", nil, at))
	}
	s.lacks("k")
}
