package plugins

import (
	"context"
	"strconv"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// The kinds of uses, as the trace names them. They are also the names of the capabilities.
const (
	kindKV     = "kv"
	kindHTTP   = "http"
	kindSecret = "secret"
	kindRule   = "policy_eval"
)

// statuses are what the trace says of a refusal.
var statuses = map[int32]string{
	0: "ok", abi.RefusedAbsent: "absent", abi.RefusedDenied: "denied", abi.RefusedBadArgument: "bad_argument", abi.RefusedTooLarge: "too_large",
	abi.RefusedUnavailable: "unavailable", abi.RefusedInSimulation: "not_in_simulation", abi.RefusedBudget: "budget",
	abi.RefusedReadOnly: "read_only",
}

func statusOf(code int32) string { return statuses[min(code, 0)] }

// A capable is the body of an import behind a capability. Its error ends the call as a fault.
type capable func(ctx context.Context, u *uses, mem sandbox.Memory, args []uint64) (int64, error)

var (
	pair    = []sandbox.ValueType{sandbox.I32, sandbox.I32}
	integer = []sandbox.ValueType{sandbox.I32}
)

// capabilityImports are what stands behind capabilities, those that were not granted left out.
func capabilityImports(granted Capabilities) sandbox.Imports {
	long := []sandbox.ValueType{sandbox.I64}
	var given sandbox.Imports
	for _, i := range []struct {
		name            string
		params, results []sandbox.ValueType
		body            capable
		waits           bool // for a store, or for a server
	}{
		{abi.Take, pair, integer, take, false},
		{abi.Now, nil, long, now, false},
		{abi.Random, pair, integer, random, false},
		{abi.KVGet, pair, integer, kvGet, true},
		{abi.KVPut, append(append(pair[:2:2], pair...), sandbox.I64), integer, kvPut, true},
		{abi.KVDelete, pair, integer, kvDelete, true},
		{abi.HTTP, pair, integer, sendHTTP, true},
		{abi.Secret, pair, integer, useSecret, false},
		{abi.PolicyEval, pair, integer, askRule, false},
	} {
		if granted.has(capabilityOf[i.name]) {
			given = append(given, sandbox.Import{
				Module: abi.Imports, Name: i.name, Params: i.params, Results: i.results, Waits: i.waits, Call: i.body.returning(i.results[0]),
			})
		}
	}
	return given
}

// returning makes the import. It finds the call that it serves; outside of one, while a plugin is configured, nothing is available:
// what an instance begins with must be the same for all.
func (c capable) returning(result sandbox.ValueType) func(context.Context, sandbox.Memory, []uint64) error {
	return func(ctx context.Context, mem sandbox.Memory, stack []uint64) (err error) {
		value := int64(abi.RefusedUnavailable)
		if v, ok := visitOf(ctx); ok && v.uses.isOpen() {
			if value, err = c(ctx, &v.uses, mem, stack); err != nil {
				return err
			}
		}
		stack[0] = uint64(value)
		if result == sandbox.I32 { // which stands in the low bits
			stack[0] = uint64(uint32(int32(value)))
		}
		return nil
	}
}

func take(_ context.Context, u *uses, mem sandbox.Memory, args []uint64) (int64, error) {
	answer := u.taken()
	n := min(len(answer), int(uint32(args[1])))
	if !mem.Write(uint32(args[0]), answer[:n]) {
		return int64(abi.RefusedBadArgument), nil
	}
	return int64(n), nil
}

func now(_ context.Context, u *uses, _ sandbox.Memory, _ []uint64) (int64, error) {
	return max(u.now.UnixMilli(), 0), nil
}

func random(_ context.Context, u *uses, mem sandbox.Memory, args []uint64) (int64, error) {
	size := uint32(args[1])
	if size > abi.MaxRandom {
		return int64(abi.RefusedTooLarge), nil
	}
	bytes := make([]byte, size)
	u.draw(bytes)
	if !mem.Write(uint32(args[0]), bytes) {
		return int64(abi.RefusedBadArgument), nil
	}
	return 0, nil
}

// read copies an argument out of the module's memory; refused is 0 when it could be.
func read(mem sandbox.Memory, ptr, size uint64, most int) (data []byte, refused int32) {
	if uint32(size) > uint32(most) {
		return nil, abi.RefusedTooLarge
	}
	data, ok := mem.Read(uint32(ptr), uint32(size))
	if !ok {
		return nil, abi.RefusedBadArgument
	}
	return data, 0
}

// clippedTo keeps a text within so many bytes.
func clippedTo(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// plural counts things.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}
