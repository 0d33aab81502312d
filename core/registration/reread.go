package registration

import (
	"bytes"
	"context"
	"sync"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/hook"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/strictjson"
)

// A client reads itself again and again, and mostly nothing has changed. Such a read is answered as the one before was: its
// credential is checked as ever, but what follows from client, site and policy alone is remembered.

// A basis is what an approval rests on.
type basis struct {
	stamps Stamps
	site   *Site
	holds  func() bool // decision.Verdict.Holds
}

// basis of a request that rests on a certificate beside its token holds for nobody else who comes with that token.
func (j *judgement) basis() basis {
	b := basis{j.before.Stamps, j.site, j.verdict.Holds}
	if j.bound.asksCertificate() {
		b.holds = nil
	}
	return b
}

// A reading is the answer to an approved read, without the token that was presented.
type reading struct {
	basis basis
	body  []byte
}

// readings are the reads that are remembered. They are bounded: when they are full, they start anew.
type readings struct {
	mu   sync.RWMutex
	held map[core.ClientID]reading
}

// How many readings are remembered, and how many bytes of one: 32 MiB in all, whatever strangers register.
const (
	maxReadings = 4096
	maxReading  = 8 << 10
)

func (r *readings) of(id core.ClientID) (reading, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	held, ok := r.held[id]
	return held, ok
}

func (r *readings) keep(id core.ClientID, held reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil || len(r.held) >= maxReadings {
		r.held = make(map[core.ClientID]reading)
	}
	r.held[id] = held
}

// reread answers a client's read from memory, or says that it has to be judged.
func (d *Desk) reread(ctx context.Context, req Request) (Answer, bool) {
	if req.Operation != core.Read || req.Channel != core.ChannelManage || req.Refused != nil || req.IfMatch != nil || d.shapesReads() || d.Site().Lifetime.RotateToken == rotateAlways {
		return Answer{}, false
	}
	held, ok := d.readings.of(req.ClientID)
	if !ok || held.basis.site != d.Site() || !held.basis.holds() {
		return Answer{}, false
	}
	bearer := req.Credential.Bearer
	credentials, stamps, err := d.store.Presence(ctx, req.ClientID)
	if err != nil || stamps != held.basis.stamps || !holdsToken(credentials, bearer, d.now()) || supersedes(credentials, bearer) {
		return Answer{}, false
	}
	return Answer{Body: withToken(held.body, bearer), ClientID: req.ClientID, Tag: stamps.tag()}, true
}

// remember keeps an answered read that would be answered alike until something changes.
func (d *Desk) remember(req Request, a Approved, answer Answer, shaping []ledger.Stage) {
	if req.Channel != core.ChannelManage || a.basis.holds == nil || a.supersedes || len(shaping) > 0 || d.shapesReads() {
		return
	}
	if body, ok := bytes.CutSuffix(answer.Body, withToken(nil, req.Credential.Bearer)); ok && len(body) <= maxReading {
		d.readings.keep(a.client.ID, reading{a.basis, body})
	}
}

// shapesReads tells whether plugins have a say in answers to reads.
func (d *Desk) shapesReads() bool { return d.plugins.Serves(hook.OnRead) }

// withToken ends an answer with the token that was presented.
func withToken(body []byte, token core.Secret) []byte {
	const name, slack = `,"registration_access_token":`, 2
	whole := make([]byte, 0, len(body)+len(name)+len(token)+2*slack)
	whole = append(append(whole, body...), name...)
	return append(strictjson.Append(whole, strictjson.String(token.Reveal())), '}')
}
