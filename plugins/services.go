package plugins

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/fetch"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/sdk/go/abi"
)

// Services are what capabilities are carried out with. What is nil is not there: whoever uses it is told that it is unavailable.
type Services struct {
	KV      hook.KV
	HTTP    Requester
	Secrets Secrets
	Rules   hook.Rules

	RequestTime time.Duration // of one request, within what its call has left; 0: 500 ms
}

// A Requester sends requests to addresses that nobody vouches for; *fetch.Stranger is one.
type Requester interface {
	Do(ctx context.Context, purpose string, r fetch.Request, limit int64) (fetch.Response, error)
}

// Secrets sign with keys that the operator gave names. A key that there is not, or that is of another kind, is an error.
type Secrets interface {
	Sign(name string, data []byte) (alg, kid string, signature []byte, err error)
	HMAC(name string, data []byte) (alg, kid string, signature []byte, err error)
}

// Bounds of one call, beside those of its allowance.
const (
	kvCalls     = 32
	secretCalls = 8
	ruleCalls   = 8
	tracedCalls = 48 // that are noted one by one
	longTarget  = 200
)

// uses are what one call of a plugin does with its capabilities: what it may, what it has left, what it did.
type uses struct {
	plugin    string
	granted   *Capabilities
	services  *Services
	now       time.Time
	simulated bool
	httpCalls int        // that there may be
	kept      *hook.Kept // nil: there is none
	entropy   entropy
	random    cipher.Stream // nil: nothing was drawn yet
	digests   *[32]byte
	journal   *journal

	mu      sync.Mutex     // a call that got stuck may go on when nobody waits for it any more
	running bool           // the call has an instance, and has not ended
	used    map[string]int // uses of each capability
	pending []byte         // the answer that take copies
	traced  []hook.Outcall
	untold  int         // uses beyond those that are noted
	counts  map[Use]int // nil: there was no use
}

// A Use is of a capability, and how it ended: ok or what it was refused with; an answer of http is 2xx, 3xx, 4xx or 5xx.
type Use struct{ Capability, Outcome string }

// Uses lists all there can be.
func Uses() (capabilities, outcomes []string) {
	return []string{kindKV, kindHTTP, kindSecret, kindRule}, append(slices.Sorted(maps.Values(statuses)), "2xx", "3xx", "4xx", "5xx")
}

// useOf sorts one that is noted.
func useOf(kind, status string) Use {
	if kind == kindHTTP && len(status) == 3 && status[0] >= '1' && status[0] <= '9' {
		status = status[:1] + "xx"
	}
	return Use{kind, status}
}

// A visit is what one call of a plugin has of the host. The host functions are bound to a module when it is loaded, and serve every
// call of it: they find the visit in the context that they are given, which it is itself.
type visit struct {
	context.Context // of whoever asked
	journal         journal
	uses            uses // nothing may be used where it is zero
}

type visitKey struct{}

// Value implements context.Context.
func (v *visit) Value(key any) any {
	if key == (visitKey{}) {
		return v
	}
	return v.Context.Value(key)
}

func visitOf(ctx context.Context) (v *visit, ok bool) {
	v, ok = ctx.Value(visitKey{}).(*visit)
	return v, ok
}

// visit begins one call.
func (v *version) visit(ctx context.Context, call *hook.Call, random *entropy, around *Services) *visit {
	c := &call.Context
	now := &visit{Context: ctx, journal: journal{log: v.log, decision: c.DecisionID, lines: v.limits.LogLines}}
	u := &now.uses
	u.plugin, u.granted, u.services, u.simulated, u.entropy, u.digests = v.Name(), &v.granted, around, c.Simulated, *random, &v.digests
	u.httpCalls, u.journal = v.limits.HTTPCalls, &now.journal
	if u.now = c.Now; u.now.IsZero() {
		u.now = v.now()
	}
	if may := v.granted.KV; may != nil && around.KV != nil {
		u.kept = &hook.Kept{
			Plugin: v.Name(), Stored: around.KV, Now: u.now, TTL: may.TTL,
			Quota: hook.Use{Keys: int64(may.Keys), Bytes: int64(may.Bytes)},
		}
		if call.Point.Answers().Keeps {
			u.kept.Writes = c.Writes
		}
	}
	return now
}

// stream is the randomness that the import random gives: AES-256 in counter mode from zero, under SHA-256 of "random" and the
// call's entropy. So it can be repeated by whoever knows the call, and it is not what WASI gives.
func stream(random *entropy) cipher.Stream {
	seed := seedOf(abi.Random, random)
	block, err := aes.NewCipher(seed[:])
	if err != nil {
		panic(err) // only for a key of another length
	}
	return cipher.NewCTR(block, make([]byte, aes.BlockSize))
}

// seedOf makes of a call's entropy that of one of its uses.
func seedOf(use string, random *entropy) [32]byte {
	var text [len(abi.Random) + len(random)]byte // the longest of their names
	return sha256.Sum256(append(append(text[:0], use...), random[:]...))
}

// begin takes one use of a capability from those that are left, and tells whether there was one.
func (u *uses) begin(kind string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.used[kind] >= u.most(kind) || !u.running {
		return false
	}
	if u.used == nil {
		u.used = map[string]int{}
	}
	u.used[kind]++
	return true
}

// most is how many uses of a capability a call may make.
func (u *uses) most(kind string) int {
	switch kind {
	case kindKV:
		return kvCalls
	case kindHTTP:
		return u.httpCalls
	case kindSecret:
		return secretCalls
	case kindRule:
		return ruleCalls
	}
	return 0
}

// draw fills bytes with randomness.
func (u *uses) draw(bytes []byte) {
	if u.random == nil {
		u.random = stream(&u.entropy)
	}
	u.random.XORKeyStream(bytes, bytes)
}

// digest tells two values of a plugin apart, and nothing else of them: most are so short that whoever reads a trace could guess
// what a plain hash is of.
func (u *uses) digest(data []byte) string {
	mac := hmac.New(sha256.New, u.digests[:])
	mac.Write([]byte(u.plugin + "\x00"))
	mac.Write(data)
	return hex.EncodeToString(mac.Sum(nil))
}

// note writes down a use.
func (u *uses) note(kind, target, status string, digested []byte) {
	call := hook.Outcall{Kind: kind, Target: clippedTo(readable([]byte(target)), longTarget), Status: status}
	if digested != nil {
		call.Digest = u.digest(digested)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		u.counts = map[Use]int{}
	}
	u.counts[useOf(kind, status)]++
	if len(u.traced) < tracedCalls {
		u.traced = append(u.traced, call)
	} else {
		u.untold++
	}
}

// give leaves an answer for take.
func (u *uses) give(answer []byte) int32 {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pending = answer
	return int32(len(answer))
}

// taken gives the answer that waits, once.
func (u *uses) taken() []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	answer := u.pending
	u.pending = nil
	return answer
}

// end closes the call and gives what it did.
func (u *uses) end() []hook.Outcall {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.running = false
	calls := u.traced
	if u.untold > 0 {
		calls = append(calls, hook.Outcall{Kind: "more", Target: plural(u.untold, "further use"), Status: "not noted"})
	}
	return calls
}

// open lets the call use what it may. Until then the instance that it needs may still have to be made: what an instance begins
// with is there for other requests too, and must hold nothing of this one.
func (u *uses) open() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.running = true
}

// isOpen tells that the call is under way. Before, nothing is to be had; afterwards nobody waits for it any more.
func (u *uses) isOpen() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.running
}
