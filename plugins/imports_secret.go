package plugins

import (
	"context"
	"encoding/base64"
	"slices"

	"github.com/ostiary/ostiary/core/sandbox"
	"github.com/ostiary/ostiary/core/strictjson"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// requestLimits bound the JSON that a plugin hands to an import.
var requestLimits = strictjson.Limits{MaxBytes: abi.MaxRequest, MaxDepth: abi.MaxDepth, MaxMembers: abi.MaxMembers}

// useSecret signs exactly the bytes that the plugin gives: nothing is put in front of them, because others must be able to verify
// what comes of it. So whoever has a key granted can have anything signed with it, and a key is for one purpose.
func useSecret(_ context.Context, u *uses, mem sandbox.Memory, args []uint64) (int64, error) {
	var data []byte
	r, result := handed[abi.SecretRequest](mem, args)
	if result == 0 {
		data, result = oneOf(r.Data, r.DataBase64, abi.MaxSignature)
	}
	var signature []byte
	if result == 0 {
		signature, result = u.sign(r, data)
	}
	target := r.Key
	if r.Op == abi.OpSign || r.Op == abi.OpHMAC {
		target = r.Op + " " + r.Key
	}
	if result != 0 {
		u.note(kindSecret, target, statusOf(result), nil)
		return int64(result), nil
	}
	u.note(kindSecret, target, statusOf(0), data)
	return int64(u.give(signature)), nil
}

func (u *uses) sign(r abi.SecretRequest, data []byte) ([]byte, int32) {
	switch {
	case r.Op != abi.OpSign && r.Op != abi.OpHMAC:
		return nil, abi.RefusedBadArgument
	case !slices.Contains(u.granted.Secret.Keys, r.Key):
		return nil, abi.RefusedDenied
	case u.simulated:
		return nil, abi.RefusedInSimulation
	case u.services.Secrets == nil:
		return nil, abi.RefusedUnavailable
	case !u.begin(kindSecret):
		return nil, abi.RefusedBudget
	}
	sign := u.services.Secrets.Sign
	if r.Op == abi.OpHMAC {
		sign = u.services.Secrets.HMAC
	}
	alg, kid, signature, err := sign(r.Key, data)
	if err != nil { // no key of this name, or one of the other kind
		u.failed(kindSecret, err)
		return nil, abi.RefusedDenied
	}
	return strictjson.Append(nil, strictjson.Object(
		strictjson.Member{Name: "alg", Value: strictjson.String(alg)},
		strictjson.Member{Name: "kid", Value: strictjson.String(kid)},
		strictjson.Member{Name: "signature", Value: strictjson.String(base64.RawURLEncoding.EncodeToString(signature))},
	)), 0
}

// handed reads the JSON that a plugin hands in, as strictly as its answers.
func handed[T any](mem sandbox.Memory, args []uint64) (given T, refused int32) {
	text, refused := read(mem, args[0], args[1], abi.MaxRequest)
	if refused == 0 && strictjson.Decode(text, &given, requestLimits) != nil {
		refused = abi.RefusedBadArgument
	}
	return given, refused
}

// oneOf gives the bytes of a text or of its form in base64, whichever is there.
func oneOf(text, base64Text string, most int) ([]byte, int32) {
	data := []byte(text)
	if base64Text != "" {
		raw, err := base64.StdEncoding.DecodeString(base64Text)
		if err != nil || text != "" {
			return nil, abi.RefusedBadArgument
		}
		data = raw
	}
	if len(data) > most {
		return nil, abi.RefusedTooLarge
	}
	return data, 0
}
