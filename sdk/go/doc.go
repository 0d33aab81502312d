// Package ostiary is what a plugin for Ostiary is written with, in Go:
//
//	func init() {
//		ostiary.PreRegister(func(c *ostiary.Call) error {
//			if len(c.Client.Contacts()) == 0 {
//				c.Patch.SetStrings("contacts", []string{"clients@example.com"})
//			}
//			return nil
//		})
//	}
//
//	func main() {}
//
// What a plugin needs beyond its own code it has through its Call: c.KV, c.HTTP, c.Secret, c.Policy, c.Now and c.Random
// (capability.go). Each is a capability that the manifest asks for and an operator grants; under go test a Fake stands in.
//
// Built with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared, it owns every export of the wire (package abi), so that
// main stays empty. Built for any other platform the same code runs under go test: see SetUp and Run.
//
// The road of a call: export_wasip1.go takes the bytes, run.go reads them into a Call, asks the registered function and
// writes the answer. JSON is scanned, never reflected upon (value.go, scan.go, write.go): inside WASM that is six times faster
// and half the module's size. A call keeps nothing: the host resets the module's memory after each one.
package ostiary
