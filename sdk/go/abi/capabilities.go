package abi

// The imports behind capabilities. Each must be asked for in the manifest's capabilities and granted by the operator; a module
// that imports one which it was not given is not loaded. A function that answers bytes returns how many there are (>= 0), and
// Take copies them into the module's memory, at most once; the next such call drops them. A negative number is one of the
// refusals below. Outside of a hook, in Configure, all of them are RefusedUnavailable.
const (
	Take       = "take"        // (ptr i32, len i32) -> i32: the bytes copied, or RefusedBadArgument
	Now        = "now"         // () -> i64: Unix milliseconds, the same during one call
	Random     = "random"      // (ptr i32, len i32) -> i32: 0; at most MaxRandom bytes, from the call's entropy
	KVGet      = "kv_get"      // (key ptr i32, len i32) -> i32: the value
	KVPut      = "kv_put"      // (key ptr i32, len i32, value ptr i32, len i32, ttl seconds i64) -> i32: 0; ttl 0 means the manifest's
	KVDelete   = "kv_delete"   // (key ptr i32, len i32) -> i32: 0, also when there was nothing
	HTTP       = "http"        // (ptr i32, len i32) -> i32: an HTTPRequest, answered with an HTTPResponse
	Secret     = "secret"      // (ptr i32, len i32) -> i32: a SecretRequest, answered with a Signature
	PolicyEval = "policy_eval" // (ptr i32, len i32) -> i32: a RuleRequest, answered with a RuleResult
)

// Why an import refused.
const (
	RefusedAbsent       int32 = -1 // there is no such value
	RefusedDenied       int32 = -2 // not granted: this host, method, key or rule
	RefusedBadArgument  int32 = -3 // what was given cannot be understood, or does not lie in memory
	RefusedTooLarge     int32 = -4 // what was given, or what came back, is over a bound, or the quota is full
	RefusedUnavailable  int32 = -5 // it failed, or took too long
	RefusedInSimulation int32 = -6 // nothing goes out of a simulation
	RefusedBudget       int32 = -7 // this call has used up what it may do
	RefusedReadOnly     int32 = -8 // nothing can be kept here: only hooks before a client is written may
)

// Bounds of what goes through the imports.
const (
	MaxKey       = 1 << 10   // bytes of a key
	MaxValue     = 16 << 10  // bytes of a value
	MaxRandom    = 1 << 10   // bytes of one Random
	MaxRequest   = 128 << 10 // bytes of an HTTPRequest, SecretRequest or RuleRequest
	MaxHTTPBody  = 64 << 10  // bytes of a body, out and back
	MaxResult    = 64 << 10  // bytes of a RuleResult
	MaxHeaders   = 16        // of an HTTPRequest
	MaxSignature = 16 << 10  // bytes that one SecretRequest may sign
)

// The operations of a SecretRequest.
const (
	OpSign = "sign" // with a private key
	OpHMAC = "hmac" // with a shared one
)

// HTTPRequest is one request to a host that was granted. Of Body and BodyBase64 at most one is there.
type HTTPRequest struct {
	Method     string            `json:"method"`
	URL        string            `json:"url"`
	Headers    map[string]string `json:"headers,omitempty"`
	Body       string            `json:"body,omitempty"`
	BodyBase64 string            `json:"body_base64,omitempty"`
}

// HTTPResponse is what came back. A body that is no UTF-8 is in BodyBase64. Header names are in lower case.
type HTTPResponse struct {
	Status     int               `json:"status"`
	Headers    map[string]string `json:"headers"`
	Body       string            `json:"body,omitempty"`
	BodyBase64 string            `json:"body_base64,omitempty"`
}

// SecretRequest asks for exactly these bytes to be signed. Of Data and DataBase64 at most one is there.
type SecretRequest struct {
	Key        string `json:"key"` // its name in the operator's settings
	Op         string `json:"op"`
	Data       string `json:"data,omitempty"`
	DataBase64 string `json:"data_base64,omitempty"`
}

// Signature is made with the key of this id. HMACs have the algorithm HS256 and the key's name as their id.
type Signature struct {
	Alg       string `json:"alg"`
	Kid       string `json:"kid"`
	Signature string `json:"signature"` // base64url
}

// RuleRequest asks for a rule of the operator's policy, below data.ostiary.plugin and the plugin's name.
type RuleRequest[J any] struct {
	Rule  string `json:"rule"`
	Input J      `json:"input"`
}

// RuleResult is what the rule gives for the input.
type RuleResult[J any] struct {
	Defined bool `json:"defined"`
	Result  J    `json:"result,omitzero"` // absent when it is not defined
}
