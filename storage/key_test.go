package storage_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/storage"
)

// oddParts are parts that might be taken for something else, in ascending order.
var oddParts = []string{
	"", "\x00", "\x00\x00", "\x00\x01", "\x00\x02", "\x00a", "\x01", "\x01\x00", "\x01\x01", "\x01\x02", "\x01a", "\x02", "a", "a\x00", "a\x00b",
	"a\x01", "a\x01\x01", "a\x01\x02", "a\x02", "aa", "b", "\x7f", "\xc3\xa9", "\xff", "\xff\x00", "\xff\xff",
}

// The keys of different parts differ and are in the order of their parts, and each gives its parts back.
func TestKeysOfOddParts(t *testing.T) {
	if !slices.IsSorted(oddParts) {
		t.Fatal("the parts are out of order")
	}
	var lists [][]string
	for _, a := range oddParts {
		lists = append(lists, []string{"t", a})
		for _, b := range []string{"", "\x00", "\x01", "a"} {
			lists = append(lists, []string{"t", a, b})
		}
	}
	for _, list := range lists {
		key := storage.NewKey(list...)
		if got := key.Parts(); !slices.Equal(got, list) {
			t.Errorf("the key of %q gives %q back", list, got)
		}
		for _, other := range lists {
			checkOrder(t, list, other)
		}
	}
}

// checkOrder holds keys to the order of their parts, and prefixes to what is under them.
func checkOrder(t *testing.T, a, b []string) {
	t.Helper()
	ka, kb := storage.NewKey(a...), storage.NewKey(b...)
	if cmp.Compare(ka, kb) != slices.Compare(a, b) {
		t.Errorf("the keys of %q and %q are in another order", a, b)
	}
	under := len(b) > len(a) && slices.Equal(b[:len(a)], a)
	if strings.HasPrefix(string(kb), string(storage.Under(a...))) != under {
		t.Errorf("%q is under %q: not %t", b, a, under)
	}
}

// The same for parts of random bytes, most of them the ones that are escaped.
func TestKeysOfRandomParts(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	list := func() []string {
		parts := make([]string, 1+random.IntN(3))
		for i := range parts {
			part := make([]byte, random.IntN(4))
			for j := range part {
				part[j] = byte(random.IntN(4))
			}
			parts[i] = string(part)
		}
		return parts
	}
	for range 20000 {
		a, b := list(), list()
		checkOrder(t, a, b)
		if got := storage.NewKey(a...).Parts(); !slices.Equal(got, a) {
			t.Fatalf("the key of %q gives %q back", a, got)
		}
	}
}

// An engine keeps the records of odd keys apart and in order.
func TestOddKeysInAnEngine(t *testing.T) {
	onEach(t, func(s *store) {
		table := storage.NewTable[string](s.engine, "main", "odd", 1)
		var want []string
		for _, part := range oddParts {
			for _, below := range []string{"x", "\x00", ""} {
				s.put(table, part+"|"+below, part, below)
			}
		}
		for _, part := range oddParts {
			want = append(want, part+"|", part+"|\x00", part+"|x")
			rows, err := s.engine.Scan(t.Context(), storage.Range{Prefix: table.Prefix(part), Limit: 10})
			if err != nil || len(rows) != 3 {
				t.Errorf("below %q are %d records, %v", part, len(rows), err)
			}
		}
		rows, err := s.engine.Scan(t.Context(), storage.Range{Prefix: table.Prefix(), Limit: 1000})
		if err != nil || len(rows) != len(want) {
			t.Fatalf("%d records, %v", len(rows), err)
		}
		for i, row := range rows {
			if parts := row.Key.Parts(); parts[2]+"|"+parts[3] != want[i] {
				t.Errorf("record %d is of %q, want %q", i, parts, want[i])
			}
		}
	})
}

// Any parts come back from their key; any text, even one that is no key, is split without harm.
func FuzzKey(f *testing.F) {
	for _, part := range oddParts {
		f.Add(part, "x")
		f.Add("x", part)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if got := storage.NewKey(a, b).Parts(); !slices.Equal(got, []string{a, b}) {
			t.Errorf("%q and %q come back as %q", a, b, got)
		}
		if got := storage.NewKey(storage.Key(a).Parts()...); !slices.Equal(got.Parts(), storage.Key(a).Parts()) {
			t.Errorf("%q changes its parts", a)
		}
		checkOrder(t, []string{a}, []string{b})
		checkOrder(t, []string{a}, []string{a, b})
		checkOrder(t, []string{a, b}, []string{b, a})
	})
}
