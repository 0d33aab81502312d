package main

// exit ends the module as os.Exit does, without all that package os would bring along.
//
//go:wasmimport wasi_snapshot_preview1 proc_exit
func exit(code int32)
