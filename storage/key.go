package storage

import (
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/registration"
)

// A Key is issuer | table | parts in an order-preserving form: parts are joined by 0x00, and a part's own 0x00 and 0x01 are
// escaped by 0x01, so that no part can pass for two and keys sort part by part. A secret enters only as its SHA-256.
type Key string

const (
	separator = '\x00'
	escape    = '\x01'
)

// longestID is how many bytes an id in a key may have. No record has a longer one; asking for it must not become a key that an
// engine refuses.
const longestID = registration.MaxClientID

// afterID refuses a place in a list that no list gave out.
func afterID(id string) error {
	if len(id) > longestID {
		return core.Refuse(core.InvalidRequest, "cursor is not one that this list gave out.")
	}
	return nil
}

// NewKey joins parts to a key: issuer, table, then what identifies the record.
func NewKey(parts ...string) Key {
	var b strings.Builder
	size := len(parts)
	for _, part := range parts {
		size += len(part)
	}
	b.Grow(size)
	for i, part := range parts {
		if i > 0 {
			b.WriteByte(separator)
		}
		writePart(&b, part)
	}
	return Key(b.String())
}

// Under gives the prefix that all keys with these first parts share, and only they.
func Under(parts ...string) Key { return NewKey(parts...) + Key(separator) }

func writePart(b *strings.Builder, part string) {
	if strings.IndexByte(part, separator) < 0 && strings.IndexByte(part, escape) < 0 {
		b.WriteString(part)
		return
	}
	for i := 0; i < len(part); i++ {
		switch c := part[i]; c {
		case separator, escape:
			b.WriteByte(escape)
			b.WriteByte(c + 1) // 0x01 0x01 and 0x01 0x02: order kept, the separator never inside
		default:
			b.WriteByte(c)
		}
	}
}

// Parts splits a key into what NewKey joined.
func (k Key) Parts() []string {
	raw := strings.Split(string(k), string(separator))
	for i, part := range raw {
		raw[i] = readPart(part)
	}
	return raw
}

func readPart(part string) string {
	if strings.IndexByte(part, escape) < 0 {
		return part
	}
	var b strings.Builder
	for i := 0; i < len(part); i++ {
		c := part[i]
		if c == escape && i+1 < len(part) {
			i++
			c = part[i] - 1
		}
		b.WriteByte(c)
	}
	return b.String()
}
