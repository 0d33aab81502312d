// Package plugins is what plugs in: it turns a folder of WASM modules with their manifests into the hook.Chain that
// core/registration asks. It owns the manifest (manifest.go), the wire to a module (wire.go; its frozen structs are in sdk/go/abi),
// loading and replacing modules while the server runs (host.go, folder.go, load.go), asking one (version.go) and what it may
// write to the log (log.go). It does not know how a module is run (core/sandbox does) nor what becomes of a patch
// (core/registration does).
//
// The road: New, then Reload at the start and whenever the folder changes. Reload reads the folder and compiles what is new
// in the background; At gives the plugins of a hook; Close at the end. A plugin that does not load never goes live and a
// failed replacement leaves the one before it in place: a bad plugin disables only itself.
package plugins
