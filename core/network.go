package core

import "net/netip"

// Network gives what counts as one caller where callers are counted by their addresses: of an IPv6 address its /64, since the rest is
// theirs to choose. What is no address is given back as it is.
func Network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || !addr.Unmap().Is6() {
		return ip
	}
	network, err := addr.Prefix(64)
	if err != nil { // 64 bits always fit an IPv6 address
		return ip
	}
	return network.String()
}
