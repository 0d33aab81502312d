// Package plugins is what plugs in: it turns a folder of WASM modules with their manifests into the hook.Chain that the verbs ask.
// It owns the manifest (manifest.go, capability.go, schema.go), who is let in (admit.go, signature.go, approve.go), what the
// operator says of each (binding.go, limits.go), the wire to a module (wire.go, answer.go; its frozen structs are in sdk/go/abi), what
// it may import (imports*.go), loading and replacing modules while the server runs (host.go, reload.go, load.go, hold.go), their
// self-tests (case.go, selftest.go), and asking one (tally.go, breaker.go, version.go). It does not know how a module is run
// (core/sandbox does) nor what becomes of an answer (the verbs do).
//
// The road: New, then Reload at the start and whenever the folder changes. Reload reads the folder, decides who is admitted, and
// loads what is new in the background; At gives the plugins of a hook; Close at the end. A plugin that does not pass every check
// never goes live and a failed replacement leaves the one before it in place: a bad plugin disables only itself.
package plugins
