package storage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/seal"
	"github.com/ostiary/ostiary/storage"
)

// put writes a value into a table of strings.
func (s *store) put(table storage.Table[string], value string, parts ...string) {
	s.Helper()
	op, err := table.Put(value, time.Time{}, parts...)
	if err != nil {
		s.Fatal(err)
	}
	s.apply(op)
}

// The ops of a table write what Get reads, under the preconditions that they are named for.
func TestTableOps(t *testing.T) {
	onEach(t, func(s *store) {
		clear := storage.NewTable[string](s.engine, "main", "clear", 1)
		for name, table := range map[string]storage.Table[string]{
			"clear": clear, "sealed": storage.NewTable[string](s.engine, "main", "sealed", 1).Sealed(s.ring),
		} {
			value, record, err := table.Get(t.Context(), "k", "x")
			if err != nil || value != "" || !record.Version.IsZero() {
				t.Errorf("%s: an absent record is %q, %+v, %v", name, value, record, err)
			}
			expires := s.clock.now().Add(time.Hour)
			op, err := table.Insert("first <&> \u2028", expires, "k", "x")
			if err != nil {
				t.Fatal(err)
			}
			s.apply(op)
			checkIs(t, name+": insert again", s.engine.Apply(t.Context(), op), storage.ErrExists)
			value, record, err = table.Get(t.Context(), "k", "x")
			if err != nil || value != "first <&> \u2028" || !record.Expires.Equal(expires) || record.Key != table.Key("k", "x") {
				t.Errorf("%s: inserted %q, %+v, %v", name, value, record, err)
			}
			if s.shows("<&>") != (name == "clear") {
				t.Errorf("%s: the value is not stored as it is", name)
			}
			op, err = table.Update(record.Version, "second", expires, "k", "x")
			if err != nil {
				t.Fatal(err)
			}
			s.apply(op)
			checkIs(t, name+": update again", s.engine.Apply(t.Context(), op), storage.ErrStale)
			s.put(table, "third", "k", "x")
			value, record, err = table.Get(t.Context(), "k", "x")
			if err != nil || value != "third" || !record.Expires.IsZero() {
				t.Errorf("%s: put %q, %+v, %v", name, value, record, err)
			}
			if s.shows("third") != (name == "clear") {
				t.Errorf("%s: the value can be read: %t", name, name != "clear")
			}
			s.apply(storage.Delete(table.Key("k", "x"), storage.Version{}))
		}
	})
}

// A sealed record opens only under its own key, with a ring that has the key it was sealed under, and unchanged.
func TestSealedTable(t *testing.T) {
	onEach(t, func(s *store) {
		older := seal.NewKey()
		ring, err := seal.New(older)
		if err != nil {
			t.Fatal(err)
		}
		table := storage.NewTable[string](s.engine, "main", "sealed", 1)
		s.put(table.Sealed(ring), "of one", "one")
		s.put(table.Sealed(ring), "of two", "two")
		whole := s.records()
		one := whole[table.Key("one")]

		moved := one
		moved.Key = table.Key("two")
		_, err = table.Sealed(ring).Decode(moved)
		checkIs(t, "moved", err, seal.ErrBroken)
		_, err = table.Sealed(newRing(t)).Decode(one)
		checkIs(t, "another ring", err, seal.ErrUnknownKey)
		_, err = table.Decode(one)
		checkSays(t, "no ring", err, "decode sealed record")
		_, err = storage.NewTable[string](s.engine, "main", "sealed", 2).Sealed(ring).Decode(one)
		checkSays(t, "another form", err, "has form 1, this version reads 2")
		for i := range one.Value {
			changed := one
			changed.Value = []byte(string(one.Value))
			changed.Value[i] ^= 1
			if value, err := table.Sealed(ring).Decode(changed); err == nil || value != "" {
				t.Errorf("with byte %d changed it is %q, %v", i, value, err)
			}
			changed.Value = one.Value[:i]
			if value, err := table.Sealed(ring).Decode(changed); err == nil || value != "" {
				t.Errorf("with %d bytes it is %q, %v", i, value, err)
			}
		}
		rotated, err := seal.New(seal.NewKey(), older)
		if err != nil {
			t.Fatal(err)
		}
		if value, _, err := table.Sealed(rotated).Get(t.Context(), "one"); err != nil || value != "of one" {
			t.Errorf("after a rotation: %q, %v", value, err)
		}
	})
}

// What is written in clear where something sealed is expected is not believed.
func TestClearForSealed(t *testing.T) {
	onEach(t, func(s *store) {
		table := storage.NewTable[string](s.engine, "main", "t", 1)
		for _, planted := range []string{"planted", strings.Repeat("\x01", 200)} {
			s.put(table, planted, "k")
			value, _, err := table.Sealed(s.ring).Get(t.Context(), "k")
			checkIs(t, "planted", err, seal.ErrBroken)
			if value != "" {
				t.Errorf("read %q", value)
			}
		}
	})
}

// Names that join to the same text are different tables, and one issuer's prefix holds nothing of another's.
func TestTablesApart(t *testing.T) {
	onEach(t, func(s *store) {
		tables := map[string]storage.Table[string]{}
		for _, names := range [][2]string{{"a", "b"}, {"a\x00b", ""}, {"a", "b\x00c"}, {"a\x01", "b"}, {"a", "bc"}, {"", "a\x00b"}, {"ab", ""}} {
			name := fmt.Sprintf("%q", names)
			tables[name] = storage.NewTable[string](s.engine, names[0], names[1], 1)
			s.put(tables[name], name, "c")
			s.put(tables[name], name, "\x00c")
		}
		if got := len(s.records()); got != 2*len(tables) {
			t.Errorf("%d records, want %d", got, 2*len(tables))
		}
		for name, table := range tables {
			rows, err := s.engine.Scan(t.Context(), storage.Range{Prefix: table.Prefix(), Limit: 100})
			if err != nil || len(rows) != 2 {
				t.Errorf("%s has %d records, %v", name, len(rows), err)
			}
			if value, _, err := table.Get(t.Context(), "c"); err != nil || value != name {
				t.Errorf("%s has %q, %v", name, value, err)
			}
		}
	})
}

// What can be written can be read, also at the limits; what could not be read is refused when it is written.
func TestLargestValue(t *testing.T) {
	onEach(t, func(s *store) {
		plain := storage.NewTable[string](s.engine, "main", "t", 1)
		for name, table := range map[string]storage.Table[string]{"plain": plain, "sealed": plain.Sealed(s.ring), "packed": plain.Packed()} {
			written := 0
			for _, size := range []int{1<<20 - 400, 1<<20 - 2, 1<<20 - 1} {
				value := strings.Repeat("x", size)
				op, err := table.Put(value, time.Time{}, "k")
				if err == nil {
					err = s.engine.Apply(t.Context(), op)
				}
				if err != nil {
					checkIs(t, name, err, storage.ErrTooLarge)
					continue
				}
				written++
				if got, _, err := table.Get(t.Context(), "k"); err != nil || got != value {
					t.Errorf("%s: of %d bytes %d are read, %v", name, size, len(got), err)
				}
			}
			if written == 0 || written == 3 {
				t.Errorf("%s: %d of 3 sizes were written", name, written)
			}
		}
	})
}

// A value that cannot be written is an error of the op, not an empty record.
func TestUnwritableValue(t *testing.T) {
	onEach(t, func(s *store) {
		table := storage.NewTable[func()](s.engine, "main", "t", 1)
		_, err := table.Put(func() {}, time.Time{}, "k")
		checkSays(t, "put", err, "encode t")
		_, err = table.Insert(func() {}, time.Time{}, "k")
		checkSays(t, "insert", err, "encode t")
		_, err = table.Update(storage.Version{1}, func() {}, time.Time{}, "k")
		checkSays(t, "update", err, "encode t")
	})
}
