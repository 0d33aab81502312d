package storage

// Unpack reads what a packed table wrote.
var Unpack = unpack
