// Package sandbox is the metered WASM machine: it runs code of strangers inside this process without trusting it. It owns
// loading (what a module may look like), bounds (size, fuel, stack, memory, time, output, log), isolation (nothing written in one call is
// found in the next) and the stub of WASI preview 1. It knows nothing of hooks, plugins, manifests or policies: whoever
// uses it brings the functions a guest may import and decides what the answers mean.
//
// The road: NewMachine once; Machine.Load checks, meters, compiles and tries a module (check.go, meter, machine.go), or finds it on
// disk as an earlier run made it (shelf.go); Program.Do leases an instance, runs the caller's function with it within fuel and time, then restores or replaces it
// (program.go, lease.go, instance.go, snapshot.go). Everything a guest does wrong is a *Trap. No exported identifier
// mentions the engine underneath; why things are as they are is in RATIONALE.md.
package sandbox
