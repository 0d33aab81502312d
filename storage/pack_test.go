package storage_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/storage"
)

// The dictionary is part of the stored form: with another one no packed record can be read.
func TestPackDictionaryIsFrozen(t *testing.T) {
	words, err := os.ReadFile("pack.dict")
	if err != nil {
		t.Fatal(err)
	}
	const frozen = "0e4e205e6b75640fd619d754025049e16079a320f5a8ea1f93ac94669b7ee6d6"
	if sum := sha256.Sum256(words); hex.EncodeToString(sum[:]) != frozen {
		t.Errorf("pack.dict is %x: give the packed tables another form before it changes", sum)
	}
}

// Short records are packed without the dictionary and read with it: what is written either way is one kind of block.
func TestShortRecordsArePacked(t *testing.T) {
	onEach(t, func(s *store) {
		table := storage.NewTable[string](s.engine, "main", "packed", 1).Packed()
		random := rand.New(rand.NewPCG(3, 4))
		words := []string{`{"client_name":"`, "Example", `","redirect_uris":["`, "https://client.example.org/", "a", "aaaaaaaa", `\u00e9`, `"]}`}
		for size := range 600 {
			var value strings.Builder
			for value.Len() < size {
				value.WriteString(words[random.IntN(len(words))])
			}
			op, err := table.Put(value.String()[:size], time.Time{}, "k")
			if err != nil {
				t.Fatal(err)
			}
			got, err := table.Decode(storage.Record{Key: table.Key("k"), Value: op.Value, Version: storage.Version{1}})
			if err != nil || got != value.String()[:size] {
				t.Errorf("%d bytes: read %q, %v", size, got, err)
			}
		}
	})
}

// Packed tables keep every value, short and long, alike and not, and say so when a record is damaged.
func TestPackedTables(t *testing.T) {
	onEach(t, func(s *store) {
		table := storage.NewTable[string](s.engine, "main", "packed", 1).Packed()
		for _, value := range []string{"", "x", strings.Repeat(`{"client_name":"Example","redirect_uris":["https://client.example.org/callback"]}`, 500), strings.Repeat("\x01", 70_000)} {
			op, err := table.Put(value, time.Time{}, "k")
			if err != nil {
				t.Fatal(err)
			}
			s.apply(op)
			if got, _, err := table.Get(t.Context(), "k"); err != nil || got != value {
				t.Errorf("%d bytes: read %d, %v", len(value), len(got), err)
			}
			if len(value) > 1000 && len(op.Value) > len(value)/20 {
				t.Errorf("%d bytes are packed into %d", len(value), len(op.Value))
			}
			for at := range min(len(op.Value), 40) {
				damaged := []byte(string(op.Value))
				damaged[at] ^= 0x80
				s.apply(storage.Put(table.Key("k"), damaged, time.Time{}))
				if got, _, err := table.Get(t.Context(), "k"); err == nil && got == value {
					t.Errorf("%d bytes: a changed byte %d made no difference", len(value), at)
				}
			}
		}
		if _, err := table.Put(strings.Repeat("x", 9<<20), time.Time{}, "k"); !errors.Is(err, storage.ErrTooLarge) {
			t.Errorf("9 MiB: %v", err)
		}
	})
}
