package storage

import (
	_ "embed"
	"errors"
	"sync"

	"github.com/klauspost/compress/s2"
)

// Records that are long and much alike are packed: S2 against a dictionary of what nearly all of them say. Every byte that is
// written is written again and again, to the log, to a table and at each merging of tables, so this pays many times over.

// packWords are a typical client, ledger entry and policy input. Records are unreadable without the very same bytes: another
// dictionary is another form of the tables that are packed.
//
//go:embed pack.dict
var packWords []byte

const longestUnpacked = 8 << 20 // bytes

var errPacked = errors.New("the packed record is damaged")

// dictionary is built when the first record is packed or read.
var dictionary = sync.OnceValue(func() *s2.Dict { return s2.MakeDict(packWords, nil) })

// tooShort is up to where the words of the dictionary are not looked for: to look takes some microseconds however short a record is,
// and there is little to find. What comes of it is a block like any other.
const tooShort = 512

// pack gives what is valid until the scratch is used again.
func (s *scratch) pack(plain []byte) ([]byte, error) {
	switch room := s.packed[:cap(s.packed)]; {
	case len(plain) > longestUnpacked:
		return nil, ErrTooLarge
	case len(plain) <= tooShort:
		s.packed = s2.Encode(room, plain)
	default:
		s.packed = dictionary().Encode(room, plain)
	}
	return s.packed, nil
}

func unpack(packed []byte) ([]byte, error) {
	if size, err := s2.DecodedLen(packed); err != nil || size > longestUnpacked {
		return nil, errPacked
	}
	plain, err := dictionary().Decode(nil, packed)
	if err != nil {
		return nil, errPacked
	}
	return plain, nil
}
