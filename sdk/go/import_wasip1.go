package ostiary

import "unsafe"

// The imports behind capabilities. Each is reached through one function only: the linker leaves out what nothing reaches, and what
// is left out is not imported.

//go:wasmimport ostiary_v1 take
func importTake(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport ostiary_v1 now
func importNow() int64

//go:wasmimport ostiary_v1 random
func importRandom(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport ostiary_v1 kv_get
func importKVGet(key unsafe.Pointer, size uint32) int32

//go:wasmimport ostiary_v1 kv_put
func importKVPut(key unsafe.Pointer, keySize uint32, value unsafe.Pointer, valueSize uint32, ttl int64) int32

//go:wasmimport ostiary_v1 kv_delete
func importKVDelete(key unsafe.Pointer, size uint32) int32

//go:wasmimport ostiary_v1 http
func importHTTP(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport ostiary_v1 secret
func importSecret(ptr unsafe.Pointer, size uint32) int32

//go:wasmimport ostiary_v1 policy_eval
func importPolicy(ptr unsafe.Pointer, size uint32) int32

func at(s string) (unsafe.Pointer, uint32) {
	return unsafe.Pointer(unsafe.StringData(s)), uint32(len(s))
}

// answered fetches the answer of so many bytes.
func answered(size int32) (string, int32) {
	if size <= 0 {
		return "", size
	}
	answer := make([]byte, size)
	n := importTake(unsafe.Pointer(unsafe.SliceData(answer)), uint32(size))
	if n < 0 {
		return "", n
	}
	return string(answer[:n]), n
}

func hostNow() int64 { return importNow() }

func hostRandom(_ *Call, p []byte) int32 {
	return importRandom(unsafe.Pointer(unsafe.SliceData(p)), uint32(len(p)))
}

func hostKVGet(key string) (string, int32) { return answered(importKVGet(at(key))) }

func hostKVPut(key, value string, ttl int64) int32 {
	k, n := at(key)
	v, m := at(value)
	return importKVPut(k, n, v, m, ttl)
}

func hostKVDelete(key string) int32 { return importKVDelete(at(key)) }

func hostHTTP(request string) (string, int32) { return answered(importHTTP(at(request))) }

func hostSecret(request string) (string, int32) { return answered(importSecret(at(request))) }

func hostPolicy(request string) (string, int32) { return answered(importPolicy(at(request))) }
