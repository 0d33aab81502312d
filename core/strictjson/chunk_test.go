package strictjson

import (
	"math/bits"
	"strings"
	"testing"
)

// TestChunks puts every byte, and every pair of neighbours that could borrow from each other, at every place of a chunk.
func TestChunks(t *testing.T) {
	for place := range 8 {
		for c := range 256 {
			for _, before := range []byte{'a', ' ', '!', '#', '[', ']', 0x7f, 0x80, 0xff} {
				text := []byte(strings.Repeat(string('a'), 8))
				if place > 0 {
					text[place-1] = before
				}
				text[place] = byte(c)
				first, isPlain := 8, true
				for i, b := range text {
					if first == 8 && (b < ' ' || b == '"' || b == '\\') {
						first = i
					}
					isPlain = isPlain && plain[b]
				}
				got := chunk("x"+string(text), 1)
				if at := bits.TrailingZeros64(special(got)) / 8; at != first || plainChunk(got) != isPlain {
					t.Fatalf("%q: special at %d, want %d; plain %t, want %t", text, at, first, plainChunk(got), isPlain)
				}
			}
		}
	}
}
