// Package meter rewrites WebAssembly so that it counts what it costs. Rewrite takes any core 2.0 module with SIMD, bytes
// to bytes, and adds: a count of fuel at the entry of every function and at the head of every loop, a charge for bulk
// instructions by their length, a count of native stack, and one import that is called when a slice of fuel is used up or
// the stack is. It runs nothing, knows no engine and has no rules about what a module may do; those are the sandbox's.
//
// What the host must provide is one function,
//
//	ostiary_meter.tick (fuel i64, stack i64) -> i64
//
// It is called with what is left of the two counts: at least one of them is below zero. What it answers is the next slice
// of fuel; to stop the guest it traps. The counts are exported as mutable i64 globals, ostiary_meter_fuel and
// ostiary_meter_stack, and start with Options.Fuel and Options.Stack, which so bound a start function too. Every mutable
// global of the module itself is exported as ostiary_global_N, so that a host can put it back.
//
// The road: meter.go assembles the new module; analyse.go walks every function once, instruction by instruction, walk.go keeps
// the ways through it, and they find what its parts weigh (weight.go) and which functions need no count of their own; code.go
// writes the bodies; sections.go renumbers the rest, and data.go makes do with fewer data segments.
// Why it is sound is in ../RATIONALE.md.
package meter
