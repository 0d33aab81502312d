package meter

// Version changes with whatever could change what Rewrite makes: it is the SHA-256 of the sources of this package and of package wasm,
// which a test compares, and writes anew with `go test ./core/sandbox/meter -update`. Who keeps metered modules keeps it with them.
const Version = "16c1f0f53662dab095694d4f6e82ded280846c7eb3ca4d561cfd6726baa6677c"
