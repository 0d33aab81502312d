package enginetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary/storage"
)

func scanTests() map[string]func(*store) {
	return map[string]func(*store){
		"pages forward and backward": scanPages,
		"prefix holds its own only":  scanPrefix,
		"order is byte order":        scanOrder,
		"expired records left out":   scanExpired,
		"after may be anywhere":      scanAfter,
		"records are whole":          scanWhole,
	}
}

// listed gives the keys of a whole range, page by page.
func listed(s *store, r storage.Range) []storage.Key {
	s.Helper()
	var keys []storage.Key
	for {
		page, err := s.engine.Scan(context.Background(), r)
		if err != nil {
			s.Fatalf("scan: %v", err)
		}
		if len(page) > r.Limit {
			s.Fatalf("a page of %d records, limit %d", len(page), r.Limit)
		}
		for _, found := range page {
			keys = append(keys, found.Key)
		}
		if len(page) < r.Limit {
			return keys
		}
		r.After = page[len(page)-1].Key
	}
}

func wantKeys(s *store, r storage.Range, want ...storage.Key) {
	s.Helper()
	if got := listed(s, r); !slices.Equal(got, want) {
		s.Fatalf("range %+v gave %q, want %q", r, got, want)
	}
}

func scanPages(s *store) {
	var want []storage.Key
	for i := range 25 {
		key := storage.NewKey("main", "client", fmt.Sprintf("%03d", i))
		want = append(want, key)
		s.apply(storage.Put(key, nil, never))
	}
	s.apply(storage.Put(storage.NewKey("main", "clienu"), nil, never), storage.Put(storage.NewKey("main", "clien"), nil, never))
	for _, limit := range []int{1, 4, 5, 24, 25, 26, storage.MaxPage} {
		r := storage.Range{Prefix: storage.Under("main", "client"), Limit: limit}
		wantKeys(s, r, want...)
		backward := slices.Clone(want)
		slices.Reverse(backward)
		r.Reverse = true
		wantKeys(s, r, backward...)
	}
}

func scanPrefix(s *store) {
	a, ab, b := storage.NewKey("a", "1"), storage.NewKey("ab", "1"), storage.NewKey("b", "1")
	odd := storage.NewKey("a\x00", "1")
	for _, key := range []storage.Key{a, ab, b, odd} {
		s.apply(storage.Put(key, nil, never))
	}
	for _, reverse := range []bool{false, true} {
		wantKeys(s, storage.Range{Prefix: storage.Under("a"), Limit: 10, Reverse: reverse}, a)
		wantKeys(s, storage.Range{Prefix: storage.Under("ab"), Limit: 10, Reverse: reverse}, ab)
		wantKeys(s, storage.Range{Prefix: storage.Under("a\x00"), Limit: 10, Reverse: reverse}, odd)
		wantKeys(s, storage.Range{Prefix: storage.Under("c"), Limit: 10, Reverse: reverse})
		wantKeys(s, storage.Range{Prefix: a, Limit: 10, Reverse: reverse}, a)
	}
	wantKeys(s, storage.Range{Limit: 10}, a, odd, ab, b)
}

func scanOrder(s *store) {
	keys := []storage.Key{"\x00", "\x00\x00", "\x01", "!badger!x", "a", "a\x00", "a\x00b", "a\xff", "a\xff\xff", "b", "\x7f", "\xc3\xa4", "\xff", "\xff\xff\xff"}
	for _, key := range keys {
		s.apply(storage.Put(key, []byte(key), never))
		s.holds(key, string(key), 0, never)
	}
	slices.Sort(keys)
	wantKeys(s, storage.Range{Limit: 3}, keys...)
	wantKeys(s, storage.Range{Prefix: "a\xff", Limit: 3}, "a\xff", "a\xff\xff")
	wantKeys(s, storage.Range{Prefix: "\xff", Limit: 1, Reverse: true}, "\xff\xff\xff", "\xff")
	slices.Reverse(keys)
	wantKeys(s, storage.Range{Limit: 3, Reverse: true}, keys...)
}

func scanExpired(s *store) {
	for i := range 9 {
		expires := never
		if i%3 != 0 {
			expires = s.in(time.Minute)
		}
		s.apply(storage.Put(storage.Key(fmt.Sprint(i)), nil, expires))
	}
	s.clock.Advance(time.Minute)
	wantKeys(s, storage.Range{Limit: 2}, "0", "3", "6")
	wantKeys(s, storage.Range{Limit: 2, Reverse: true}, "6", "3", "0")
	s.apply(storage.Delete("3", storage.Version{}))
	wantKeys(s, storage.Range{Limit: 1}, "0", "6")
	wantKeys(s, storage.Range{Limit: 1, Reverse: true}, "6", "0")
}

func scanAfter(s *store) {
	for _, key := range []storage.Key{"b1", "b3", "b5"} {
		s.apply(storage.Put(key, nil, never))
	}
	forward := map[storage.Key][]storage.Key{
		"a": {"b1", "b3", "b5"}, "b": {"b1", "b3", "b5"}, "b1": {"b3", "b5"}, "b2": {"b3", "b5"}, "b5": nil, "c": nil,
	}
	for after, want := range forward {
		wantKeys(s, storage.Range{Prefix: "b", After: after, Limit: 10}, want...)
	}
	backward := map[storage.Key][]storage.Key{
		"c": {"b5", "b3", "b1"}, "b9": {"b5", "b3", "b1"}, "b5": {"b3", "b1"}, "b4": {"b3", "b1"}, "b1": nil, "b": nil, "a": nil,
	}
	for after, want := range backward {
		wantKeys(s, storage.Range{Prefix: "b", After: after, Limit: 10, Reverse: true}, want...)
	}
}

func scanWhole(s *store) {
	s.apply(storage.Put("a", []byte("first"), s.in(time.Hour)), storage.Add("b", 4, 0, 9, never))
	page, err := s.engine.Scan(context.Background(), storage.Range{Limit: 10})
	if err != nil || len(page) != 2 {
		s.Fatalf("scan gave %v, %v", page, err)
	}
	for _, found := range page {
		if !sameRecord(found, s.get(found.Key)) {
			s.Errorf("scan gave %+v, get %+v", found, s.get(found.Key))
		}
	}
}
