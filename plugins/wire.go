package plugins

import (
	"crypto/rand"
	"encoding/json"

	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// The wire's structs with our JSON in them.
type (
	input    = abi.Input[strictjson.Value] // writeInput writes one
	setup    = abi.Setup[strictjson.Value]
	envelope = abi.Envelope[strictjson.Value]
	keys     = abi.Keys[strictjson.Value]
)

// entropy is the randomness of one call.
type entropy [32]byte

func newEntropy() entropy {
	var e entropy
	_, _ = rand.Read(e[:]) // never fails since Go 1.24
	return e
}

// members makes what is absent an empty object.
func members(v strictjson.Value) strictjson.Value {
	if v.IsAbsent() {
		return strictjson.Object()
	}
	return v
}

// writeSetup writes what ostiary_configure is given.
func writeSetup(m *Manifest, configuration strictjson.Value) ([]byte, error) {
	s := setup{V: abi.Major, Name: m.Name, Version: m.Version, Hooks: []string{}, Configuration: configuration}
	for _, p := range m.points() {
		s.Hooks = append(s.Hooks, string(p))
	}
	return json.Marshal(s)
}
