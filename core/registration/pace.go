package registration

import (
	"net/netip"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/rate"
)

// How often documents of clients are fetched that are not accepted here yet: for one caller, of one host, and in all. Documents
// that are do not count, and come again no sooner than the site lets them.
var (
	callerPace = rate.Pace{Burst: 20, Every: 6 * time.Second}
	hostPace   = rate.Pace{Burst: 20, Every: 3 * time.Second}
	allPace    = rate.Pace{Burst: 120, Every: time.Second / 2}
)

const (
	pacedCallers = 10_000 // that are remembered
	pacedHosts   = 1000
)

// A pace lets strangers have so many documents fetched.
type pace struct {
	turn    sync.Mutex // one at a time, so that nothing is taken of one bucket when another is empty
	callers *rate.Buckets[netip.Prefix]
	hosts   *rate.Buckets[string]
	all     *rate.Buckets[struct{}]
}

func newPace() *pace {
	return &pace{callers: rate.NewBuckets[netip.Prefix](pacedCallers), hosts: rate.NewBuckets[string](pacedHosts), all: rate.NewBuckets[struct{}](1)}
}

// wait takes one fetch from a host; when there is none left it says how long until there is.
func (p *pace) wait(host string, now time.Time) time.Duration {
	p.turn.Lock()
	defer p.turn.Unlock()
	if wait := p.hosts.Wait(host, hostPace, 0, now); wait > 0 {
		return wait
	}
	if wait := p.all.Take(struct{}{}, allPace, now); wait > 0 {
		return wait
	}
	return p.hosts.Take(host, hostPace, now)
}

// good puts back what was taken of a host that had a document: only what is none there counts against it.
func (p *pace) good(host string) { p.hosts.Give(host, hostPace) }

// Admit counts who brings along the address of a document that is not accepted here yet, by where they come from: one stranger
// cannot use up what is fetched for all. Any other client_id is let through.
func (d *Documents) Admit(id core.ClientID, caller core.Caller) error {
	site, now := d.desk.Site(), d.desk.now()
	if !id.IsDocument() || !site.Documents.IsOn() || site.Documents.unfit(id) != nil {
		return nil // nothing is fetched
	}
	if s := d.shelf.look(id); s != nil && (s.refused == nil || s.counts(site, now)) {
		return nil
	}
	addr, _ := netip.ParseAddr(caller.IP)
	if wait := d.pace.callers.Take(site.Limits.Address.network(addr), callerPace, now); wait > 0 {
		d.seen(DocumentLimited)
		return tooMany(wait)
	}
	return nil
}
