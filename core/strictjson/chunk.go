package strictjson

// Most of a document is text, and most of text is plain, so it is looked at eight bytes at a time.

// chunk is the eight bytes of s at i, the first one lowest.
func chunk(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

const (
	each = 0x0101010101010101
	high = 0x80 * each
)

// special marks, in their highest bits, the bytes of a chunk that are a quote, a backslash or a control character. Only the first
// mark is sure: behind it there may be more than there should.
func special(chunk uint64) uint64 {
	quote, escape := chunk^'"'*each, chunk^'\\'*each
	return ((quote-each)&^quote | (escape-each)&^escape | (chunk-' '*each)&^chunk) & high
}

// plainChunk tells whether all bytes of a chunk are ASCII that a JSON string has as it is.
func plainChunk(chunk uint64) bool { return (special(chunk) | chunk&high) == 0 }
