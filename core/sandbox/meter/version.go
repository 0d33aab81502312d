package meter

// Version changes with whatever could change what Rewrite makes: it is the SHA-256 of the sources of this package and of package wasm,
// which a test compares, and writes anew with `go test ./core/sandbox/meter -update`. Who keeps metered modules keeps it with them.
const Version = "534cb2d132c04c849ca9332246d263f0735f45b8f83526b4534c5178413ec6d2"
