package badger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary/storage"
)

// The stored form of a record, private to this package:
//
//	1 byte   form, now 1
//	1 byte   flags: which of the optional members follow
//	16 bytes version
//	8 bytes  expiry, milliseconds since 1970, big-endian   (flagExpires)
//	8 bytes  count, two's complement, big-endian           (flagCount)
//	the rest is the value
//
// There is one encoding of each record: a count of 0 and an expiry of never are always left out.
const (
	form = 1

	flagExpires = 1 << 0
	flagCount   = 1 << 1

	fixedSize = 2 + len(storage.Version{})
)

var errDamaged = errors.New("damaged record")

// encode gives a record's stored form, without its key.
func encode(r storage.Record) []byte {
	raw := make([]byte, 0, storage.OpSize+len(r.Value))
	raw = append(raw, form, 0)
	raw = append(raw, r.Version[:]...)
	if !r.Expires.IsZero() {
		raw[1] |= flagExpires
		raw = binary.BigEndian.AppendUint64(raw, uint64(r.Expires.UnixMilli()))
	}
	if r.Count != 0 {
		raw[1] |= flagCount
		raw = binary.BigEndian.AppendUint64(raw, uint64(r.Count))
	}
	return append(raw, r.Value...)
}

// decode reads a stored form into a record that shares nothing with raw. Whatever encode cannot have written is an error.
func decode(key storage.Key, raw []byte) (storage.Record, error) {
	if len(raw) < fixedSize {
		return storage.Record{}, fmt.Errorf("%w: %d bytes", errDamaged, len(raw))
	}
	flags := raw[1]
	if raw[0] != form || flags&^(flagExpires|flagCount) != 0 {
		return storage.Record{}, fmt.Errorf("%w: form %d, flags %x", errDamaged, raw[0], flags)
	}
	r := storage.Record{Key: key, Version: storage.Version(raw[2:fixedSize])}
	expires, rest, err := optional(raw[fixedSize:], flags&flagExpires != 0)
	if err != nil {
		return storage.Record{}, err
	}
	count, rest, err := optional(rest, flags&flagCount != 0)
	if err != nil {
		return storage.Record{}, err
	}
	if r.Version.IsZero() || expires < 0 || (flags&flagCount != 0 && count == 0) {
		return storage.Record{}, fmt.Errorf("%w: impossible member", errDamaged)
	}
	if flags&flagExpires != 0 {
		r.Expires = time.UnixMilli(expires).UTC()
	}
	r.Count, r.Value = count, slices.Clone(rest)
	return r, nil
}

func optional(raw []byte, present bool) (member int64, rest []byte, err error) {
	switch {
	case !present:
		return 0, raw, nil
	case len(raw) < 8:
		return 0, nil, fmt.Errorf("%w: cut short", errDamaged)
	}
	return int64(binary.BigEndian.Uint64(raw)), raw[8:], nil
}

// expired says whether a record is over: exactly when its moment is reached, in milliseconds.
func expired(r storage.Record, now time.Time) bool {
	return !r.Expires.IsZero() && r.Expires.UnixMilli() <= now.UnixMilli()
}
