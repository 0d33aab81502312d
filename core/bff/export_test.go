package bff

import "strings"

// HalfHash makes an at_hash.
var HalfHash = halfHash

// NextStep gives what a bootstrap does next, by the words for what it knows.
func NextStep(known string) string {
	has := func(word string) bool { return strings.Contains(" "+known+" ", " "+word+" ") }
	return string(position{
		given: has("given"), kept: has("kept"), ticket: has("ticket"), replace: has("replace"), read: has("read"), differs: has("differs"),
		refused: has("refused"), unknown: has("unknown"), renewable: has("renewable"), remake: has("remake"),
		unmanaged: has("unmanaged"), fading: has("fading"), spent: has("spent"),
	}.next())
}
