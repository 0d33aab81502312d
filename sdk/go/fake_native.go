//go:build !wasip1

package ostiary

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/ostiary/ostiary/sdk/go/abi"
)

// A Fake stands in for the host under go test: what a plugin uses of its capabilities, it answers. The zero Fake has nothing: no
// pairs, no hosts, no keys, no rules.
type Fake struct {
	At      time.Time                            // what c.Now gives
	KV      map[string]string                    // what is kept; Put and Delete change it
	HTTP    func(Request) (Response, error)      // nil: every host is denied. A Refusal as its error is what the plugin sees
	Shared  map[string]string                    // keys for c.Secret.HMAC, by name
	Private map[string]ed25519.PrivateKey        // keys for c.Secret.Sign, by name
	Policy  func(rule string, input Value) Value // an absent Value: it is not defined. nil: no rule is
	Refuse  map[string]Refusal                   // uses that are refused whatever they ask for, by the import's name: "kv_put"

	call   *Call
	stream cipher.Stream
}

// host is what stands in for it. Like module it is a variable of the package, because in WASM there is one of it too.
var host = &Fake{}

// Use lets a Fake stand in for the host from now on; it gives the one before it, so that a test can put that back.
func Use(f *Fake) (before *Fake) {
	before, host = host, f
	return before
}

func (f *Fake) refused(use string) int32 { return int32(f.Refuse[use]) }

func hostNow() int64 {
	if host.At.IsZero() {
		return 0
	}
	return host.At.UnixMilli()
}

// hostRandom gives what the host gives for the same entropy: AES-256 in counter mode from zero, under SHA-256 of "random" and the
// entropy.
func hostRandom(c *Call, p []byte) int32 {
	if code := host.refused(abi.Random); code < 0 {
		return code
	}
	if len(p) > abi.MaxRandom {
		return abi.RefusedTooLarge
	}
	if host.call != c {
		seed := sha256.Sum256(append([]byte(abi.Random), c.Entropy[:]...))
		block, err := aes.NewCipher(seed[:])
		if err != nil {
			return abi.RefusedUnavailable
		}
		host.call, host.stream = c, cipher.NewCTR(block, make([]byte, aes.BlockSize))
	}
	clear(p)
	host.stream.XORKeyStream(p, p)
	return 0
}

func keyed(use, key string) int32 {
	switch code := host.refused(use); {
	case code < 0:
		return code
	case key == "":
		return abi.RefusedBadArgument
	case len(key) > abi.MaxKey:
		return abi.RefusedTooLarge
	}
	return 0
}

func hostKVGet(key string) (string, int32) {
	if code := keyed(abi.KVGet, key); code < 0 {
		return "", code
	}
	value, ok := host.KV[key]
	if !ok {
		return "", abi.RefusedAbsent
	}
	return value, int32(len(value))
}

// keeps tells whether the hook that runs may keep something.
func keeps() bool {
	switch module.serving {
	case abi.PreRegister, abi.PreUpdate, abi.PreDelete, abi.MintClientID:
		return true
	}
	return false
}

func hostKVPut(key, value string, ttl int64) int32 {
	code := keyed(abi.KVPut, key)
	switch {
	case code < 0:
		return code
	case !keeps():
		return abi.RefusedReadOnly
	case ttl < 0:
		return abi.RefusedBadArgument
	case len(value) > abi.MaxValue:
		return abi.RefusedTooLarge
	case host.KV == nil:
		host.KV = map[string]string{}
	}
	host.KV[key] = value
	return 0
}

func hostKVDelete(key string) int32 {
	code := keyed(abi.KVDelete, key)
	if code == 0 && !keeps() {
		code = abi.RefusedReadOnly
	}
	if code == 0 {
		delete(host.KV, key)
	}
	return code
}

// answer gives an answer as the host does.
func answer(v Value) (string, int32) { return v.text, int32(len(v.text)) }

func hostHTTP(request string) (string, int32) {
	if code := host.refused(abi.HTTP); code < 0 {
		return "", code
	}
	if host.HTTP == nil {
		return "", abi.RefusedDenied
	}
	v := Value{text: request}
	r := Request{Method: v.Get("method").Text(), URL: v.Get("url").Text(), Headers: map[string]string{}, Body: bytesOf(v, "body")}
	for name, value := range v.Get("headers").Members() {
		r.Headers[name] = value.Text()
	}
	response, err := host.HTTP(r)
	if err != nil {
		if code, ok := err.(Refusal); ok {
			return "", int32(code)
		}
		return "", abi.RefusedUnavailable
	}
	var headers []Member
	for name, value := range response.Headers {
		headers = append(headers, Member{strings.ToLower(name), String(value)})
	}
	members := []Member{{"status", Int(int64(response.Status))}, {"headers", Object(headers...)}}
	if response.Body != "" {
		members = append(members, carried("body", response.Body))
	}
	return answer(Object(members...))
}

// bytesOf gives what carried put into a member.
func bytesOf(v Value, name string) string {
	if raw := v.Get(name + "_base64"); raw.Exists() {
		data, _ := base64.StdEncoding.DecodeString(raw.Text())
		return string(data)
	}
	return v.Get(name).Text()
}

func hostSecret(request string) (string, int32) {
	if code := host.refused(abi.Secret); code < 0 {
		return "", code
	}
	v := Value{text: request}
	name, data := v.Get("key").Text(), []byte(bytesOf(v, "data"))
	var alg, kid string
	var signature []byte
	shared, private := host.Shared[name], host.Private[name]
	switch op := v.Get("op").Text(); {
	case op == abi.OpHMAC && shared != "":
		mac := hmac.New(sha256.New, []byte(shared))
		mac.Write(data)
		alg, kid, signature = "HS256", name, mac.Sum(nil)
	case op == abi.OpSign && len(private) == ed25519.PrivateKeySize:
		alg, kid, signature = "EdDSA", thumbprint(private), ed25519.Sign(private, data)
	default:
		return "", abi.RefusedDenied
	}
	return answer(Object(Member{"alg", String(alg)}, Member{"kid", String(kid)},
		Member{"signature", String(base64.RawURLEncoding.EncodeToString(signature))}))
}

// thumbprint is RFC 7638's.
func thumbprint(key ed25519.PrivateKey) string {
	x := base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func hostPolicy(request string) (string, int32) {
	if code := host.refused(abi.PolicyEval); code < 0 {
		return "", code
	}
	v := Value{text: request}
	result := Value{}
	if host.Policy != nil {
		result = host.Policy(strings.TrimPrefix(v.Get("rule").Text(), ownRules()), v.Get("input"))
	}
	return answer(Object(Member{"defined", Bool(result.Exists())}, Member{"result", result}))
}
