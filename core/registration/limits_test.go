package registration_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/registration"
)

// limitedTo lets four registrations through at once, one of them for the known, and two of one name.
func limitedTo(s *registration.Site) {
	s.Limits.All = registration.ReserveLimit{Every: 10 * time.Second, Burst: 4, Reserve: 1}
	s.Limits.Name = registration.PaceLimit{Every: time.Minute, Burst: 2}
	s.Limits.Address = registration.AddressLimit{Every: time.Minute, Burst: 2, IPv4: 24, IPv6: 56}
	s.Limits.Changes = registration.PaceLimit{Every: time.Minute, Burst: 2}
	s.Limits.Known = registration.KnownNames{SoftwareIDs: []string{"known-1"}, RedirectHosts: []string{"known.example", "known:"}}
}

// unlimited is for who tries a thousand things at one moment.
func unlimited(s *registration.Site) {
	s.Limits.Name.Burst, s.Limits.All.Burst, s.Limits.Changes.Burst = 100_000, 100_000, 100_000
}

// knockOpen registers without a credential and gives how that ended.
func (b *bench) knockOpen(members string) error {
	b.t.Helper()
	_, err := b.do(b.request(core.Register, core.ChannelDCR, "", `{`+members+`}`))
	return err
}

func redirects(uris ...string) string { return `"redirect_uris":["` + strings.Join(uris, `","`) + `"]` }

// slowed wants the refusal of a limit, and the time after which to come back.
func slowed(t *testing.T, err error, says string, retry time.Duration) {
	t.Helper()
	checkCode(t, err, core.TooManyRequests, says)
	if err != nil && core.AsError(err).RetryAfter != retry {
		t.Errorf("retry after %s, want %s", core.AsError(err).RetryAfter, retry)
	}
}

// A flood of unknown software uses up what is there for all, but not the reserve: who is known still gets in, as fast as ever.
func TestReserveOfTheKnown(t *testing.T) {
	b := newBench(t, limitedTo)
	flood := func() error {
		b.serial++
		return b.knockOpen(redirects(fmt.Sprintf("https://h%d.example/cb", b.serial)))
	}
	for range 3 {
		checkCode(t, flood(), "", "")
	}
	slowed(t, flood(), "use an initial access token", 10*time.Second)
	for name, members := range map[string]string{
		"a stranger's host beside a known one": redirects("https://known.example/cb", "https://h.example/cb"),
		"a suffix of a known host":             redirects("https://notknown.example/cb"),
		"loopback":                             redirects("http://127.0.0.1:1234/cb"),
		"no redirect at all":                   `"grant_types":["client_credentials"]`,
		"another's software":                   redirects("https://h.example/cb") + `,"software_id":"known-2"`,
	} {
		if err := b.knockOpen(members); core.CodeOf(err) != core.TooManyRequests {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, known := range []string{
		redirects("https://known.example/cb"), redirects("known://cb", "https://known.example/other"), redirects("https://h.example/cb") + `,"software_id":"known-1"`,
	} {
		checkCode(t, b.knockOpen(known), "", "")
		slowed(t, b.knockOpen(known), "coming in", 10*time.Second)
		slowed(t, flood(), "coming in", 20*time.Second)
		b.now = b.now.Add(10 * time.Second)
	}
}

// One name's bucket is its own: whoever uses it up, by that name, stops nobody else.
func TestNamesAreLimitedApart(t *testing.T) {
	b := newBench(t, limitedTo, func(s *registration.Site) {
		s.Limits.All = registration.ReserveLimit{Every: time.Millisecond, Burst: 1000}
	})
	for i, end := range []string{"", "", "slow"} {
		err := b.knockOpen(redirects(fmt.Sprintf("https://one.example/%d", i), "https://one.example/"))
		if end == "" {
			checkCode(t, err, "", "")
		} else {
			slowed(t, err, "software or redirect host", time.Minute)
		}
	}
	checkCode(t, b.knockOpen(redirects("https://two.example/")), "", "")
	checkCode(t, b.knockOpen(redirects("https://three.example/")+`,"software_id":"s"`), "", "")
	slowed(t, b.knockOpen(redirects("https://three.example/", "https://one.example/")), "software or redirect host", time.Minute)
	checkCode(t, b.knockOpen(redirects("https://three.example/")), "", "") // nothing was taken of it
	checkCode(t, b.knockOpen(redirects("https://four.example/")+`,"software_id":"s"`), "", "")
	slowed(t, b.knockOpen(redirects("https://five.example/")+`,"software_id":"s"`), "software or redirect host", time.Minute)
	for range 10 { // programs of the person's own machine have no host in common that is anybody's
		checkCode(t, b.knockOpen(redirects("http://127.0.0.1:1234/cb", "http://localhost/cb")), "", "")
	}
	b.now = b.now.Add(time.Minute)
	checkCode(t, b.knockOpen(redirects("https://one.example/")), "", "")
}

// The software that a trusted issuer vouches for is known, and has a bucket that nobody fills in its name.
func TestVouchedSoftwareIsLimitedApart(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, limitedTo, trusting(t, issuer))
	for range 2 {
		checkCode(t, b.knockOpen(redirects("https://shop.example/")+`,"software_id":"shop"`), "", "")
	}
	slowed(t, b.knockOpen(redirects("https://shop.example/")+`,"software_id":"shop"`), "software or redirect host", time.Minute)
	vouched := redirects("https://shop.example/") + `,"software_statement":"` + issuer.sign(t, `"software_id":"shop"`) + `"`
	checkCode(t, b.knockOpen(vouched), "", "")
	checkCode(t, b.knockOpen(vouched), "", "") // the last of all, from the reserve
}

// Who holds a valid token came by an operator's leave: no limit holds them up, unless the site wants it.
func TestTokenHoldersAreNotLimited(t *testing.T) {
	b := newBench(t, limitedTo)
	for range 10 {
		b.register(shop)
	}
	checkCode(t, b.knockOpen(redirects("https://shop.example/")), "", "") // they took nothing of this
	checkCode(t, b.knockOpen(redirects("https://shop.example/")), "", "")
	slowed(t, b.knockOpen(redirects("https://shop.example/")), "software or redirect host", time.Minute)
	for range 10 {
		checkCode(t, second(b.do(b.request(core.Register, core.ChannelOperator, "", shop))), "", "")
	}

	b = newBench(t, limitedTo, func(s *registration.Site) { s.Access.MTLS = true })
	b.certify([]oauth.AuthMethod{oauth.AuthTLS})
	certified := func() error {
		req := b.request(core.Register, core.ChannelDCR, "", `{"tls_client_auth_subject_dn":"CN=bank,C=DE",`+redirects("https://shop.example/")+`}`)
		req.Credential.Certificates, req.Caller.Certificate = named(t, "bank"), &core.Certificate{Subject: "CN=bank,C=DE", Trusted: true}
		return second(b.do(req))
	}
	checkCode(t, certified(), "", "")
	checkCode(t, certified(), "", "")
	slowed(t, certified(), "software or redirect host", time.Minute) // a certificate is no token

	b = newBench(t, limitedTo, func(s *registration.Site) { s.Limits.Tokens = true })
	iat := b.token(100, "")
	knock := func(host, from string) error {
		req := b.request(core.Register, core.ChannelDCR, "", `{`+redirects("https://"+host+".example/")+`}`)
		req.Credential.Bearer, req.Caller.IP = iat, from
		return second(b.do(req))
	}
	checkCode(t, knock("a", "192.0.2.1"), "", "")
	checkCode(t, knock("b", "192.0.2.99"), "", "")
	slowed(t, knock("c", "192.0.2.200"), "from this address", time.Minute)
	checkCode(t, knock("c", "198.51.100.1"), "", "")
	checkCode(t, knock("d", "2001:db8::1"), "", "") // of the reserve: a token's holder is known
	slowed(t, knock("e", "2001:db8:0:100::1"), "coming in", 10*time.Second)
}

func second[T any](_ T, err error) error { return err }

// A client changes itself so often and no oftener; others are not held up by it, nor is its reading.
func TestChangesAreLimited(t *testing.T) {
	b := newBench(t, limitedTo)
	c, other := b.register(shop), b.register(shop)
	for i := range 2 {
		doc, err := b.do(b.manage(core.Update, c, c.put(t, "client_name", fmt.Sprintf(`"n%d"`, i), "registration_access_token", "")))
		if err != nil {
			t.Fatal(err)
		}
		c.rat = core.Secret(text(doc, "registration_access_token"))
	}
	slowed(t, second(b.do(b.manage(core.Update, c, c.put(t, "client_name", `"n3"`, "registration_access_token", "")))), "this client", time.Minute)
	checkCode(t, second(b.do(b.manage(core.Read, c, ""))), "", "")
	checkCode(t, second(b.do(b.manage(core.Update, other, other.put(t, "client_name", `"x"`)))), "", "")
	checkCode(t, second(b.do(b.request(core.Update, core.ChannelOperator, c.id, shop))), "", "")
}

// A client that changes itself too often has nobody asked about the statements that it brings.
func TestChangesAreLimitedBeforeIssuersAreAsked(t *testing.T) {
	issuer := newSigner(t, "https://issuer.example")
	b := newBench(t, limitedTo, onTerms(t, issuer, registration.Terms{Revocation: registration.Revocation{Introspection: revokedList}}))
	b.published = map[string]string{revokedList: `{"active":true}`}
	c := b.register(shop)
	for i := range 5 {
		_, err := b.do(b.manage(core.Update, c, c.put(t, "client_id", `"c-other"`, "software_statement", `"`+issuer.sign(t, fmt.Sprintf(`"jti":"j-%d"`, i))+`"`)))
		if want := map[bool]core.Code{true: core.InvalidRequest, false: core.TooManyRequests}[i < 2]; core.CodeOf(err) != want {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if b.asked != 2 {
		t.Errorf("the issuer was asked %d times", b.asked)
	}
}

// What is judged, simulated or tried again counts nothing, or not twice; what policy refuses counts.
func TestWhatCounts(t *testing.T) {
	b := newBench(t, limitedTo)
	req := b.request(core.Register, core.ChannelDCR, "", `{`+redirects("https://a.example/")+`}`)
	for range 10 {
		if _, _, err := b.desk.Judge(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if s := b.desk.Simulate(t.Context(), req, registration.KindOpen); s.Err != nil {
			t.Fatal(s.Err)
		}
	}
	b.policy = judgedByForbidden
	for range 2 {
		checkCode(t, b.knockOpen(redirects("https://a.example/")), core.InvalidRedirectURI, "")
	}
	slowed(t, b.knockOpen(redirects("https://a.example/")), "software or redirect host", time.Minute)
	e := b.lastEntry()
	if stages(e) != "access statement limits" || e.Error.Code != core.TooManyRequests {
		t.Errorf("the entry has %q, %+v", stages(e), e.Error)
	}
}

// Another site's limits hold at once, for the buckets that there are.
func TestLimitsFollowTheSite(t *testing.T) {
	b := newBench(t, limitedTo)
	for range 2 {
		checkCode(t, b.knockOpen(redirects("https://a.example/")), "", "")
	}
	slowed(t, b.knockOpen(redirects("https://a.example/")), "", time.Minute)
	b.desk.SetSite(prepared(t, registration.DefaultSite()))
	slowed(t, b.knockOpen(redirects("https://a.example/")), "", time.Second/2) // its bucket is empty, and fills as fast as that site says
	b.now = b.now.Add(2 * time.Second)
	checkCode(t, b.knockOpen(redirects("https://a.example/")), "", "")
}

// Addresses count by their first bits, and what is no address counts as one.
func TestAddressPrefixes(t *testing.T) {
	b := newBench(t, limitedTo)
	for i, c := range []struct {
		from string
		ok   bool
	}{
		{"192.0.2.1", true}, {"192.0.2.77", true}, {"::ffff:192.0.2.3", false}, {"192.0.3.1", true},
		{"2001:db8:0:1::1", true}, {"2001:db8:0:ff::1%eth0", true}, {"2001:db8:0:2::1", false}, {"2001:db8:0:100::1", true},
	} {
		if ok, _ := b.desk.Allow(netip.MustParseAddr(c.from), b.now); ok != c.ok {
			t.Errorf("%d: %s: %t", i, c.from, ok)
		}
	}
	for i := range 3 {
		if ok, _ := b.desk.Allow(netip.Addr{}, b.now); ok != (i < 2) {
			t.Errorf("no address, the time %d: %t", i+1, ok)
		}
	}
}

// However many come at once, no more get in than there is room for, and each refusal is told of once.
func TestLimitsHoldTogether(t *testing.T) {
	b := newBench(t, limitedTo)
	var told atomic.Int64
	b.limited = func(bound registration.Bound) {
		if bound == registration.BoundAll {
			told.Add(1)
		}
	}
	b.certify(nil)
	requests := make([]registration.Request, 50)
	for i := range requests {
		requests[i] = b.request(core.Register, core.ChannelDCR, "", `{`+redirects(fmt.Sprintf("https://h%d.example/", i))+`}`)
	}
	var in atomic.Int64
	var all sync.WaitGroup
	for _, req := range requests {
		all.Go(func() {
			if _, err := b.desk.Do(t.Context(), req); err == nil {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 3 || told.Load() != 47 {
		t.Errorf("%d got in, %d were told of", in.Load(), told.Load())
	}
}

func TestReadLimits(t *testing.T) {
	site, err := read("limits:\n  address: {burst: 5}\n  known: {redirect_hosts: [claude.ai, 'cursor:', xn--bcher-kva.example]}\n")
	if err != nil {
		t.Fatal(err)
	}
	checkMembers(t, prepared(t, site).Data(), "limits", `{
		"address":{"every_ms":1000,"burst":5,"ipv4_prefix":32,"ipv6_prefix":56}, "name":{"every_ms":500,"burst":120},
		"all":{"every_ms":50,"burst":600,"reserve":120}, "changes":{"every_ms":1000,"burst":120}, "tokens":false,
		"known":{"software_ids":{},"redirect_hosts":{"claude.ai":true,"cursor:":true,"xn--bcher-kva.example":true}}}`)
	_, err = read(`limits:
  address: {every: 0s, burst: 0, ipv4_prefix: 33, ipv6_prefix: 128}
  all: {burst: 10, reserve: 10}
  name: {every: 2h}
  known: {software_ids: [""], redirect_hosts: ["https://a.example", "*.example", "A.example", "localhost", "javascript:"]}
`)
	for _, want := range []string{
		"2: limits.address.every", "2: limits.address.burst", "2: limits.address.ipv4_prefix", "2: limits.address.ipv6_prefix",
		"3: limits.all.reserve: must be smaller", "4: limits.name.every", "5: limits.known.software_ids[0]",
		"5: limits.known.redirect_hosts[0]", "redirect_hosts[1]", "redirect_hosts[2]", "redirect_hosts[3]", "redirect_hosts[4]",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}
