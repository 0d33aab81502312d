package ostiary

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// What a plugin does beyond its own code it does through its Call: c.Now, c.Random, c.KV, c.HTTP, c.Secret, c.Policy. Each needs its
// capability in the manifest, and an operator's grant. A function that the plugin never mentions is not in its module, so the
// module imports what it uses and nothing else. Under go test a Fake stands in for the host.

// A Refusal is why a capability did not do what was asked: errors.Is(err, ostiary.ErrDenied).
type Refusal int32

// The refusals.
const (
	ErrDenied       = Refusal(abi.RefusedDenied)       // not granted: this host, method, key or rule
	ErrBadArgument  = Refusal(abi.RefusedBadArgument)  // what was asked cannot be understood
	ErrTooLarge     = Refusal(abi.RefusedTooLarge)     // over a bound, or the quota is full
	ErrUnavailable  = Refusal(abi.RefusedUnavailable)  // it failed, took too long, or this is no hook: Configure has no capabilities
	ErrInSimulation = Refusal(abi.RefusedInSimulation) // nothing goes out of a simulation
	ErrBudget       = Refusal(abi.RefusedBudget)       // this call has used up what it may do
	ErrReadOnly     = Refusal(abi.RefusedReadOnly)     // nothing can be kept here: only hooks before a client is written may
)

// Error says what the refusal means.
func (r Refusal) Error() string {
	switch r {
	case ErrDenied:
		return "denied: it was not granted, or the server refuses it"
	case ErrBadArgument:
		return "it cannot be understood"
	case ErrTooLarge:
		return "too large, or the quota is full"
	case ErrUnavailable:
		return "unavailable"
	case ErrInSimulation:
		return "not in a simulation"
	case ErrBudget:
		return "the budget of this call is used up"
	case ErrReadOnly:
		return "read-only here"
	}
	return "refused"
}

// A CapabilityError says which use of a capability was refused, and why.
type CapabilityError struct {
	Use     string // the name of the import: kv_put, http
	Refusal Refusal
}

// Error implements error.
func (e *CapabilityError) Error() string { return e.Use + ": " + e.Refusal.Error() }

// Unwrap gives the Refusal.
func (e *CapabilityError) Unwrap() error { return e.Refusal }

func refusal(use string, code int32) error {
	if code >= 0 {
		return nil
	}
	return &CapabilityError{Use: use, Refusal: Refusal(code)}
}

// Now gives the time of the call in Unix milliseconds, which time.UnixMilli takes. It does not move while the call runs. The
// capability is now; the seconds alone are in c.Context.Now for everybody. Package time is not used here because it would make
// each module an eighth larger, and that much slower to load.
func (c *Call) Now() int64 { return hostNow() }

// Random fills p with random bytes, at most 1,024 of them. They follow from c.Entropy, so that a call can be repeated. The
// capability is random.
func (c *Call) Random(p []byte) error { return refusal(abi.Random, hostRandom(c, p)) }

// KV is what the plugin keeps from one call to the next, as c.KV: text or bytes under keys of at most 1,024 bytes, values of at most
// 16,384, within the manifest's quota. What is put is seen by later calls for the same request at once, and by all others when
// the client is written; if the request fails in the end, nothing was put. The capability is kv.
type KV struct{}

// Get gives a value, and false when there is none.
func (KV) Get(key string) (value string, found bool, err error) {
	value, code := hostKVGet(key)
	if code == abi.RefusedAbsent {
		return "", false, nil
	}
	return value, code >= 0, refusal(abi.KVGet, code)
}

// Put keeps a value for so many seconds; 0 means the manifest's ttl, which is also the longest. It is ErrReadOnly where nothing is
// written any more: in post_register, post_update, on_read, token_claims, certificate_check and the hooks about keys.
func (KV) Put(key, value string, ttlSeconds int64) error {
	return refusal(abi.KVPut, hostKVPut(key, value, ttlSeconds))
}

// Delete takes a value away. One that is not there is no error.
func (KV) Delete(key string) error { return refusal(abi.KVDelete, hostKVDelete(key)) }

// A Request goes to a host that was granted, with a method that was.
type Request struct {
	Method  string // empty: GET
	URL     string
	Headers map[string]string
	Body    string // text or bytes
}

// A Response is what came back, whatever the status. Header names are in lower case; only few of them come through.
type Response struct {
	Status  int
	Headers map[string]string
	Body    string // text or bytes
}

// HTTP sends a request and waits for the answer, 500 ms at most. No redirect is followed. The capability is http.
func (c *Call) HTTP(r Request) (Response, error) {
	answer, code := hostHTTP(r.json().JSON())
	if code < 0 {
		return Response{}, refusal(abi.HTTP, code)
	}
	v := Value{text: answer}
	status, _ := v.Get("status").Int()
	response := Response{Status: int(status), Headers: map[string]string{}, Body: v.Get("body").Text()}
	for name, value := range v.Get("headers").Members() {
		response.Headers[name] = value.Text()
	}
	if raw := v.Get("body_base64"); raw.Exists() {
		body, err := base64.StdEncoding.DecodeString(raw.Text())
		if err != nil {
			return Response{}, refusal(abi.HTTP, abi.RefusedUnavailable)
		}
		response.Body = string(body)
	}
	return response, nil
}

func (r Request) json() Value {
	members := []Member{{"method", String(r.Method)}, {"url", String(r.URL)}}
	if len(r.Headers) > 0 {
		var headers []Member
		for name, value := range r.Headers {
			headers = append(headers, Member{name, String(value)})
		}
		members = append(members, Member{"headers", Object(headers...)})
	}
	if r.Body != "" {
		members = append(members, carried("body", r.Body))
	}
	return Object(members...)
}

// carried puts text or bytes into a member.
func carried(name, data string) Member {
	if utf8.ValidString(data) && strings.IndexByte(data, 0) < 0 {
		return Member{name, String(data)}
	}
	return Member{name + "_base64", String(base64.StdEncoding.EncodeToString([]byte(data)))}
}

// Secret signs with keys that the operator keeps, as c.Secret. The plugin names a key and never sees it. Exactly the bytes that
// are given are signed. The capability is secret.
type Secret struct{}

// A Signature was made with the key of this id.
type Signature struct {
	Alg  string // of RFC 7518: EdDSA, ES256, HS256
	Kid  string // the key's RFC 7638 thumbprint; of a shared key its name
	Text string // base64url, as RFC 7515 writes it
}

// Sign signs data with a private key.
func (Secret) Sign(key, data string) (Signature, error) { return signed(abi.OpSign, key, data) }

// HMAC authenticates data with a shared key, by HMAC-SHA256.
func (Secret) HMAC(key, data string) (Signature, error) { return signed(abi.OpHMAC, key, data) }

func signed(op, key, data string) (Signature, error) {
	request := Object(Member{"key", String(key)}, Member{"op", String(op)}, carried("data", data))
	answer, code := hostSecret(request.JSON())
	if code < 0 {
		return Signature{}, refusal(abi.Secret, code)
	}
	v := Value{text: answer}
	return Signature{Alg: v.Get("alg").Text(), Kid: v.Get("kid").Text(), Text: v.Get("signature").Text()}, nil
}

// Policy has a rule evaluated that the operator wrote for this plugin, in the package ostiary.plugin.NAME with the plugin's name:
// c.Policy("limits.most", input) is data.ostiary.plugin.NAME.limits.most. defined is false when there is no such rule, or it has no
// value for the input. The capability is policy_eval.
func (c *Call) Policy(rule string, input Value) (result Value, defined bool, err error) {
	if !input.Exists() {
		input = Object()
	}
	request := Object(Member{"rule", String(ownRules() + rule)}, Member{"input", input})
	answer, code := hostPolicy(request.JSON())
	if code < 0 {
		return Value{}, false, refusal(abi.PolicyEval, code)
	}
	v := Value{text: answer}
	return v.Get("result"), v.Get("defined").Bool(), nil
}

// ownRules is where the operator's rules for this plugin are.
func ownRules() string { return "data.ostiary.plugin." + module.name + "." }
