package meter

// Version changes with whatever could change what Rewrite makes: it is the SHA-256 of the sources of this package and of package wasm,
// which a test compares, and writes anew with `go test ./core/sandbox/meter -update`. Who keeps metered modules keeps it with them.
const Version = "e0efe683d5b4ea0e4181fea6a0e84a34e70d287c7f423f225266249cb5c13833"
