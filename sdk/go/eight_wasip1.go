package ostiary

import "unsafe"

// eight gives the eight bytes of a text from a place on, the first of them lowest. The text must have them.
func eight(text string, at int) uint64 {
	return *(*uint64)(unsafe.Add(unsafe.Pointer(unsafe.StringData(text)), at))
}
