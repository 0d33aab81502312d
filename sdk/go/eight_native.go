//go:build !wasip1

package ostiary

import "encoding/binary"

// eight gives the eight bytes of a text from a place on, the first of them lowest. The text must have them.
func eight(text string, at int) uint64 { return binary.LittleEndian.Uint64([]byte(text[at : at+8])) }
