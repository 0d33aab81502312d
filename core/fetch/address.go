package fetch

import "net/netip"

// special are the ranges inside the global unicast space that lead somewhere else than to a public server: IANA's special
// purpose registries (RFC 6890), ranges that carry an IPv4 address inside, and addresses of cloud machinery.
var special = prefixes(
	"0.0.0.0/8",         // this network
	"10.0.0.0/8",        // private
	"100.64.0.0/10",     // carrier-grade NAT; 100.100.100.200 is a metadata service
	"127.0.0.0/8",       // loopback
	"168.63.129.16/32",  // a cloud's wire server, outside every special range
	"169.254.0.0/16",    // link-local; 169.254.169.254 is most clouds' metadata service
	"172.16.0.0/12",     // private
	"192.0.0.0/24",      // protocol assignments; 192.0.0.192 is a metadata service
	"192.0.2.0/24",      // documentation
	"192.52.193.0/24",   // automatic multicast tunneling
	"192.88.99.0/24",    // 6to4 relays
	"192.168.0.0/16",    // private
	"198.18.0.0/15",     // benchmarks
	"198.51.100.0/24",   // documentation
	"203.0.113.0/24",    // documentation
	"224.0.0.0/4",       // multicast
	"240.0.0.0/4",       // reserved, broadcast
	"2001::/23",         // protocol assignments: Teredo 2001::/32, benchmarks, ORCHID
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4: an IPv4 address inside
	"3fff::/20",         // documentation
	"2620:4f:8000::/48", // AS112
)

// globalUnicast6 is the only part of IPv6 where public servers are; ULA, link-local, multicast, loopback, NAT64
// (64:ff9b::/96, 64:ff9b:1::/48) and the IPv4-compatible ::/96 are outside.
var globalUnicast6 = netip.MustParsePrefix("2000::/3")

// never are the ranges that no rule opens: link-local, metadata services, what carries another address inside, and what is
// not one machine.
var never = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
	"100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128", "fd20:ce::254/128",
	"::/128", "::ffff:0:0/96", "fe80::/10", "ff00::/8",
	"64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16",
)

// compatible6 is the deprecated IPv4-compatible space, of which only ::1 means what it says.
var compatible6 = netip.MustParsePrefix("::/96")

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, text := range list {
		all[i] = netip.MustParsePrefix(text)
	}
	return all
}

func in(list []netip.Prefix, addr netip.Addr) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// isGlobal tells whether an address (unmapped) belongs to a public server.
func isGlobal(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" || in(special, addr) {
		return false
	}
	return addr.Is4() || globalUnicast6.Contains(addr)
}

// isNever tells whether an address (unmapped) is out of reach for every rule.
func isNever(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" || in(never, addr) {
		return true
	}
	return compatible6.Contains(addr) && addr != netip.IPv6Loopback()
}
