package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func ring(t *testing.T, primary Key, others ...Key) *Ring {
	t.Helper()
	r, err := New(primary, others...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSealThenOpen(t *testing.T) {
	r := ring(t, NewKey())
	for _, plain := range []string{"", "x", strings.Repeat("a client secret ", 1000)} {
		sealed := r.Seal("main|credentials|c-1", []byte(plain))
		if len(sealed) != len(plain)+Overhead {
			t.Errorf("%d bytes sealed to %d, want %d more", len(plain), len(sealed), Overhead)
		}
		// Only a long text cannot occur in random bytes by chance.
		if len(plain) > 16 && bytes.Contains(sealed[headerSize+nonceSize:], []byte(plain)) {
			t.Error("the plain text shows")
		}
		got, err := r.Open("main|credentials|c-1", sealed)
		if err != nil || string(got) != plain {
			t.Errorf("opened %q, %v", got, err)
		}
	}
}

func TestSealingTwiceDiffers(t *testing.T) {
	r := ring(t, NewKey())
	if bytes.Equal(r.Seal("k", []byte("same")), r.Seal("k", []byte("same"))) {
		t.Error("the same value sealed twice is the same bytes")
	}
}

func TestOpenRefuses(t *testing.T) {
	r := ring(t, NewKey())
	sealed := r.Seal("record-1", []byte("secret"))
	for _, c := range []struct {
		name      string
		ring      *Ring
		recordKey string
		sealed    []byte
		want      error
	}{
		{"another key", ring(t, NewKey()), "record-1", sealed, ErrUnknownKey},
		{"another record", r, "record-2", sealed, ErrBroken},
		{"a longer record key", r, "record-11", sealed, ErrBroken},
		{"no record key", r, "", sealed, ErrBroken},
		{"nothing", r, "record-1", nil, ErrBroken},
		{"one byte missing", r, "record-1", sealed[:len(sealed)-1], ErrBroken},
		{"one byte more", r, "record-1", append(bytes.Clone(sealed), 0), ErrBroken},
		{"header only", r, "record-1", sealed[:headerSize], ErrBroken},
		{"plain text", r, "record-1", []byte(strings.Repeat("secret", 20)), ErrBroken},
	} {
		t.Run(c.name, func(t *testing.T) {
			plain, err := c.ring.Open(c.recordKey, c.sealed)
			if !errors.Is(err, c.want) || plain != nil {
				t.Errorf("got %q, %v, want %v", plain, err, c.want)
			}
		})
	}
}

// Two keys with ids that a forger swaps: the id is authenticated, so naming the other key of the ring does not help.
func TestEveryChangedBitIsRefused(t *testing.T) {
	r := ring(t, NewKey(), NewKey())
	sealed := r.Seal("record", []byte("a secret"))
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			if plain, err := r.Open("record", changed); err == nil {
				t.Errorf("byte %d bit %d changed, still opens as %q", i, bit, plain)
			}
		}
	}
	for id := range r.ciphers {
		if id == r.primary {
			continue
		}
		changed := bytes.Clone(sealed)
		copy(changed[1:], id[:])
		if _, err := r.Open("record", changed); !errors.Is(err, ErrBroken) {
			t.Errorf("with the other key's id: %v", err)
		}
	}
}

func TestRotation(t *testing.T) {
	older, newer := NewKey(), NewKey()
	before, after, dropped := ring(t, older), ring(t, newer, older), ring(t, newer)
	old := before.Seal("r", []byte("old"))
	if plain, err := after.Open("r", old); err != nil || string(plain) != "old" {
		t.Errorf("the old key no longer opens: %q, %v", plain, err)
	}
	fresh := after.Seal("r", []byte("new"))
	if plain, err := dropped.Open("r", fresh); err != nil || string(plain) != "new" {
		t.Errorf("the new key did not seal: %q, %v", plain, err)
	}
	if _, err := before.Open("r", fresh); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("the old ring answers %v to what the new key sealed", err)
	}
	if _, err := dropped.Open("r", old); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("a dropped key answers %v", err)
	}
}

// The form of sealed values is stored for years: this one was made by version 1 and must open for ever.
func TestStoredForm(t *testing.T) {
	var key Key
	for i := range key {
		key[i] = byte(i)
	}
	r := ring(t, key)
	sealed := r.Seal("record", nil)
	sum := sha256.Sum256([]byte("ostiary seal" + string(key[:])))
	if want := append([]byte{1}, sum[:8]...); !bytes.HasPrefix(sealed, want) {
		t.Errorf("starts with %x, want %x", sealed[:9], want)
	}
	const stored = "AQRzNudiWe8Cnre2K85i5ecN9tbuCxpsZ37JbfSo5HSYvDFvPsggah0YBtfBjOB2oEZLPy62r0grsOw5wuSxwGxaTvHc"
	raw, err := base64.StdEncoding.DecodeString(stored)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := r.Open("record", raw)
	if err != nil || string(plain) != "written by version 1" {
		t.Errorf("got %q, %v", plain, err)
	}
}

func TestNewRefuses(t *testing.T) {
	k := NewKey()
	for _, c := range []struct {
		name    string
		keys    []Key
		problem string
	}{
		{"zero key", []Key{{}}, "key 1 is all zero"},
		{"zero old key", []Key{k, {}}, "key 2 is all zero"},
		{"same key twice", []Key{k, NewKey(), k}, "key 3 is in the ring already"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.keys[0], c.keys[1:]...)
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("got %v, want %s", err, c.problem)
			}
		})
	}
}

func TestDerive(t *testing.T) {
	key, other := NewKey(), NewKey()
	r := ring(t, key, other)
	want, err := hkdf.Key(sha256.New, key[:], []byte("ostiary derive"), "page cursors", 32)
	if err != nil {
		t.Fatal(err)
	}
	got := r.Derive("page cursors")
	if !bytes.Equal(got[:], want) {
		t.Error("not HKDF-SHA256 of the primary key")
	}
	if got == r.Derive("something else") {
		t.Error("two purposes share a key")
	}
	if got != ring(t, key).Derive("page cursors") {
		t.Error("older keys of the ring change it")
	}
	if got == ring(t, other, key).Derive("page cursors") {
		t.Error("a new primary key does not change it")
	}
}

func TestKeysDoNotPrint(t *testing.T) {
	key := NewKey()
	r := ring(t, key)
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("started", "key", key, "ring", r)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("started", "key", key, "ring", r)
	encoded, err := json.Marshal(map[string]any{"key": key, "keys": []Key{key}, "ring": r})
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %x %d %q %v", key, &key, key, key, key, key, key, struct{ K []Key }{[]Key{key}}) +
		fmt.Sprintf("%v %+v %#v %x %d", r, r, r, r, r) + log.String() + string(encoded)
	for _, form := range []string{"%x", "%X", "%d", "%v", "%#v"} {
		if strings.Contains(printed, strings.Trim(fmt.Sprintf(form, key[:6]), "[]")) {
			t.Errorf("the key shows as %s", form)
		}
	}
	if strings.Contains(printed, key.Encode()) || !strings.Contains(printed, redacted) {
		t.Errorf("printed: %s", printed)
	}
}
