package meter

// Version changes with whatever could change what Rewrite makes: it is the SHA-256 of the sources of this package and of package wasm,
// which a test compares, and writes anew with `go test ./core/sandbox/meter -update`. Who keeps metered modules keeps it with them.
const Version = "13311abfd77a9d773a36445b42960a46b680cfd2fe4129d0f3875fb3f01255cb"
