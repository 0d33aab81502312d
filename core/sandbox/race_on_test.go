//go:build race

package sandbox

// racing tells that this test binary watches for races, which makes it several times slower.
const racing = true
