package registration

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/ledger"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/rate"
)

// A Bound is a limit that a request can run into.
type Bound string

// The limits of a site (SiteLimits).
const (
	BoundAddress Bound = "address"
	BoundName    Bound = "name"
	BoundAll     Bound = "all"
	BoundChanges Bound = "changes"
)

// Bounds lists them.
func Bounds() []Bound { return []Bound{BoundAddress, BoundName, BoundAll, BoundChanges} }

// How many callers and names the gate remembers, and how many redirect hosts of one registration it counts.
const (
	rememberedAddresses = 100_000
	rememberedNames     = 50_000
	countedHosts        = 20
)

// A gate counts who came. Its memory is bounded, whatever they call themselves: a name is kept as its digest.
type gate struct {
	turn      sync.Mutex // one visitor at a time, so that nothing is taken of one bucket when another is empty
	addresses *rate.Buckets[netip.Prefix]
	names     *rate.Buckets[nameKey]
	clients   *rate.Buckets[nameKey]
	all       *rate.Buckets[struct{}]
}

type nameKey [sha256.Size]byte

func keyOf(kind, name string) nameKey { return sha256.Sum256([]byte(kind + "\x00" + name)) }

func newGate() *gate {
	return &gate{
		addresses: rate.NewBuckets[netip.Prefix](rememberedAddresses), names: rate.NewBuckets[nameKey](rememberedNames),
		clients: rate.NewBuckets[nameKey](rememberedNames), all: rate.NewBuckets[struct{}](1),
	}
}

// address takes one request of where a caller comes from.
func (g *gate) address(l AddressLimit, addr netip.Addr, now time.Time) time.Duration {
	return g.addresses.Take(l.network(addr), l.pace(), now)
}

// network is what counts as one caller. Who has no address at all are one together.
func (l AddressLimit) network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := l.IPv4
	if addr.Is6() {
		bits = l.IPv6
	}
	from, err := addr.Prefix(int(bits))
	if err != nil {
		return netip.Prefix{}
	}
	return from
}

// registration takes one of all and of each name, or nothing. The reserve is only for the known.
func (g *gate) registration(l *SiteLimits, names []nameKey, known bool, now time.Time) (Bound, time.Duration) {
	g.turn.Lock()
	defer g.turn.Unlock()
	stay := l.All.Reserve
	if known {
		stay = 0
	}
	if wait := g.all.Wait(struct{}{}, l.All.pace(), stay, now); wait > 0 {
		return BoundAll, wait
	}
	for _, name := range names {
		if wait := g.names.Wait(name, l.Name.pace(), 0, now); wait > 0 {
			return BoundName, wait
		}
	}
	g.all.Take(struct{}{}, l.All.pace(), now)
	for _, name := range names {
		g.names.Take(name, l.Name.pace(), now)
	}
	return "", 0
}

// Allow takes one of the requests that an address may make without a valid token (dcr_config.yaml, limits.address), or says after
// how long there will be one.
func (d *Desk) Allow(addr netip.Addr, now time.Time) (ok bool, retry time.Duration) {
	retry = d.gate.address(d.Site().Limits.Address, addr, now)
	if retry > 0 {
		d.limited(BoundAddress)
	}
	return retry == 0, retry
}

// withinLimits counts the request, once, before plugins and policy are asked. What is only judged or simulated does not count. Only
// a refusal leaves a row.
func (j *judgement) withinLimits(context.Context) error {
	if !j.req.counts {
		return nil
	}
	start := time.Now()
	bound, wait := j.count()
	if wait == 0 {
		return nil
	}
	j.desk.limited(bound)
	err := &core.Error{Code: core.TooManyRequests, Detail: overLimit[bound], RetryAfter: wait}
	j.add(ledger.Stage{Stage: "limits", By: ledger.By{Kind: "core"}}, start, err)
	return err
}

// overLimit is what the caller is told.
var overLimit = map[Bound]string{
	BoundAddress: "Too many registrations from this address; wait and try again.",
	BoundName:    "Too many registrations for this software or redirect host; wait and try again.",
	BoundAll:     "Too many registrations are coming in; wait and try again, or use an initial access token.",
	BoundChanges: "Too many changes of this client; wait and try again.",
}

// count takes the request's part of every limit that it falls under, or tells which is used up.
func (j *judgement) count() (Bound, time.Duration) {
	g, l := j.desk.gate, &j.site.Limits
	open := j.caller.Kind == KindOpen || j.caller.Kind == KindMTLS // without a token
	switch {
	case j.req.Operation == core.Update && j.req.Channel == core.ChannelManage:
		return BoundChanges, g.clients.Take(keyOf("client", string(j.before.Client.ID)), l.Changes.pace(), j.now)
	case j.req.Operation != core.Register || j.req.Channel != core.ChannelDCR || !open && !l.Tokens:
		return "", 0
	}
	if !open { // web has counted the others
		addr, _ := netip.ParseAddr(j.caller.IP)
		if wait := g.address(l.Address, addr, j.now); wait > 0 {
			return BoundAddress, wait
		}
	}
	names, known := j.names()
	return g.registration(l, names, known || !open, j.now)
}

// names are what a registration calls itself, and whether that is known. What a trusted issuer says counts by itself: nobody else
// can use up the bucket of its software.
func (j *judgement) names() (keys []nameKey, known bool) {
	m, list := &j.asked.Metadata, j.site.Limits.Known
	if j.statement.Trust == TrustIssuer {
		software, _ := field(j.statement.Claims, "software_id")
		return []nameKey{keyOf("statement", j.statement.Issuer+"\x00"+software)}, true
	}
	if m.SoftwareID != "" {
		keys, known = append(keys, keyOf("software", m.SoftwareID)), slices.Contains(list.SoftwareIDs, m.SoftwareID)
	}
	hosts := redirectNames(m.RedirectURIs)
	strange := slices.ContainsFunc(hosts, func(host string) bool { return !slices.Contains(list.RedirectHosts, host) })
	for _, host := range hosts[:min(len(hosts), countedHosts)] {
		keys = append(keys, keyOf("redirect", host))
	}
	return keys, known || len(hosts) > 0 && !strange
}

// redirectNames lists whom redirect URIs belong to, each once. Loopback addresses belong to nobody.
func redirectNames(uris []string) []string {
	var names []string
	for _, raw := range uris {
		if name := nameOfRedirect(raw); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// nameOfRedirect is the host of a web address, or the private-use scheme with its colon.
func nameOfRedirect(raw string) string {
	u := oauth.ParseURI(raw)
	switch {
	case u.Loopback:
		return ""
	case u.Class == oauth.ClassPrivateScheme:
		return u.Scheme + ":"
	}
	return u.Host
}
