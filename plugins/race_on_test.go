//go:build race

package plugins

// racing tells that this test binary watches for races, which makes compiling modules many times slower.
const racing = true
