// Package decision holds the questions that policy answers: what goes in, what comes out, one file per decision. It owns
// their shapes and the one description of each input (Question.Write), which every writer shares: the policy engine's, the
// JSON bytes (json.go), the JSON Schema (schema.go) and the digest by which equal questions are known (digest.go). It knows
// nothing of Rego.
//
// Every member of an input is always present: an absent one is written as its zero value, because in Rego a rule that
// reads an absent member is silently undefined. No secret ever enters an input.
package decision
