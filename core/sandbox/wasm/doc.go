// Package wasm reads and writes the binary format of WebAssembly core 2.0 as far as rules and rewriting need it: what a
// module declares, where its sections stand, one instruction after the other. It neither validates nor runs anything, and
// it knows no engine. Parse reads a module, Reader walks bytes, the Append functions write them.
package wasm
