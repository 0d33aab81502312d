// Package policies answers the questions of core/decision with Rego. It is the only package that knows OPA.
//
// There are four decisions, each with a contract (contract.go), rules, a query and a cache of its own; everything else they
// share. The road of a rule: ReadFolder, or ReadBundle, collects the site's files; Load joins them with the embedded rules
// (rego/), parses, checks the contract, compiles strictly, runs the tests found and the golden refusals, and gives an immutable
// Revision; Engine swaps it in and answers from it, from memory where the rules allow it. Whatever goes wrong on the way to an
// answer refuses: no decision is ever allow by default. What was decided is noted (note.go): whoever writes decisions down is
// told, and a shadow, if there is one, is asked the same beside it (shadow*.go).
//
// kit_*.go is what ostiary policy does with a folder, kit/ and presets/ what init copies, contract/ what published.go makes for
// other tools. How rules are written is in README.md.
package policies
