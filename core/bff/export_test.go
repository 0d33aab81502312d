package bff

// HalfHash makes an at_hash.
var HalfHash = halfHash
