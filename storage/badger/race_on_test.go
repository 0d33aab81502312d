//go:build race

package badger_test

// racing tells that this test binary watches for races, which makes it several times slower.
const racing = true
