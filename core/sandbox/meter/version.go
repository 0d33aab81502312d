package meter

// Version changes with whatever could change what Rewrite makes: it is the SHA-256 of the sources of this package and of package wasm,
// which a test compares, and writes anew with `go test ./core/sandbox/meter -update`. Who keeps metered modules keeps it with them.
const Version = "9ab64894881dbe7bc91c9cfd87878a062bc0066320f6c730296a5ec837ce643f"
