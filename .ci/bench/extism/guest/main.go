//go:build wasip1

// Guest does the job that the benchmarks of hooks measure (shape, in sdk/go/internal/kit) as a plugin for Extism does: JSON in, JSON out.
// Extism's kit for Go is not on the module proxy; what it declares is declared here.
package main

import (
	"encoding/json"
	"slices"
	"strings"
)

//go:wasmimport extism:host/env input_length
func inputLength() uint64

//go:wasmimport extism:host/env input_load_u8
func inputByte(at uint64) uint32

//go:wasmimport extism:host/env input_load_u64
func inputEight(at uint64) uint64

//go:wasmimport extism:host/env alloc
func alloc(size uint64) uint64

//go:wasmimport extism:host/env store_u8
func storeByte(at uint64, value uint32)

//go:wasmimport extism:host/env store_u64
func storeEight(at, value uint64)

//go:wasmimport extism:host/env output_set
func setOutput(at, size uint64)

type call struct {
	Context struct {
		Profile string `json:"profile"`
	} `json:"context"`
	Client struct {
		RedirectURIs []string `json:"redirect_uris"`
		Method       string   `json:"token_endpoint_auth_method"`
		Scope        string   `json:"scope"`
		Contacts     []string `json:"contacts"`
	} `json:"client"`
}

type refusal struct {
	Code        string `json:"code"`
	Description string `json:"description"`
}

type answer struct {
	V      int            `json:"v"`
	Action string         `json:"action"`
	Patch  map[string]any `json:"patch,omitempty"`
	Error  *refusal       `json:"error,omitempty"`
}

func main() {}

//go:wasmexport pre_register
func preRegister() int32 {
	var c call
	if json.Unmarshal(input(), &c) != nil {
		return 1
	}
	out, err := json.Marshal(shape(&c))
	if err != nil {
		return 1
	}
	output(out)
	return 0
}

func shape(c *call) answer {
	for _, uri := range c.Client.RedirectURIs {
		if !strings.HasPrefix(uri, "https://") {
			return answer{V: 1, Action: "reject", Error: &refusal{"invalid_redirect_uri", uri + " is not https"}}
		}
	}
	patch := map[string]any{}
	if c.Client.Method != "private_key_jwt" {
		patch["token_endpoint_auth_method"] = "private_key_jwt"
	}
	scopes := slices.DeleteFunc(strings.Fields(c.Client.Scope), func(scope string) bool { return scope == "offline_access" })
	patch["scope"] = strings.Join(scopes, " ")
	patch["contacts"] = append(c.Client.Contacts, "ops@"+c.Context.Profile+".example")
	if strings.Contains(c.Context.Profile, "fapi") {
		patch["require_pushed_authorization_requests"] = true
	}
	return answer{V: 1, Action: "patch", Patch: patch}
}

// input copies the input out of Extism's own memory, eight bytes at a time.
func input() []byte {
	size := inputLength()
	in := make([]byte, size)
	at := uint64(0)
	for ; at+8 <= size; at += 8 {
		value := inputEight(at)
		for n := range uint64(8) {
			in[at+n] = byte(value >> (8 * n))
		}
	}
	for ; at < size; at++ {
		in[at] = byte(inputByte(at))
	}
	return in
}

func output(out []byte) {
	size := uint64(len(out))
	place := alloc(size)
	at := uint64(0)
	for ; at+8 <= size; at += 8 {
		value := uint64(0)
		for n := range uint64(8) {
			value |= uint64(out[at+n]) << (8 * n)
		}
		storeEight(place+at, value)
	}
	for ; at < size; at++ {
		storeByte(place+at, uint32(out[at]))
	}
	setOutput(place, size)
}
