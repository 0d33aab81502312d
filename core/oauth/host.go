package oauth

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// takeName reads a host that is not in brackets: a name or an IPv4 address.
func (u *URI) takeName(host string) {
	if !isASCII(host) {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			u.add(BadHost)
			return
		}
		host = ascii // what a browser would ask for, which may be an address: "①27.0.0.1"
	}
	u.Host = strings.ToLower(host)
	if u.Host == "" {
		return
	}
	if strings.Contains(u.Host, "*") {
		u.add(WildcardHost)
	}
	if !validName(u.Host) {
		u.add(BadHost)
		return
	}
	u.takeIPv4()
}

// takeIPv4 notices a host that is an IPv4 address. For http and https, a host that ends in a number is always taken for
// one (WHATWG URL, "ends in a number checker"), however it is spelled.
func (u *URI) takeIPv4() {
	if !endsInNumber(u.Host) {
		return
	}
	if addr, err := netip.ParseAddr(u.Host); err == nil && addr.Is4() {
		u.IP = u.Host
		return
	}
	if isWeb(u.Scheme) {
		u.add(OddIP)
		u.IP = readOddIPv4(u.Host)
	}
}

// takeIPv6 reads a host that stood in brackets. Zones and the future's addresses (RFC 3986 §3.2.2) are not hosts a
// stranger can mean.
func (u *URI) takeIPv6(host string) {
	addr, err := netip.ParseAddr(host)
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		u.add(BadHost)
		return
	}
	u.Host = strings.ToLower(host)
	u.IP = addr.Unmap().String()
	if u.Host != u.IP { // also an IPv4 address in IPv6 clothes
		u.add(OddIP)
	}
}

// validName says whether a lowercase ASCII host is made of DNS labels. An asterisk is let through, having its own problem.
func validName(host string) bool {
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "xn--") && !validALabel(label) {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !isAlphanumeric(c) && c != '-' && c != '_' && c != '*' {
				return false
			}
		}
	}
	return true
}

// validALabel says whether an xn-- label is exactly what its Unicode form encodes to; otherwise readers disagree about it.
func validALabel(label string) bool {
	name, err := idna.Lookup.ToUnicode(label)
	if err != nil {
		return false
	}
	back, err := idna.Lookup.ToASCII(name)
	return err == nil && back == label
}

// endsInNumber says whether the last label is a number, decimal or hexadecimal.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return last != ""
	}
	hex, found := strings.CutPrefix(last, "0x")
	return found && strings.Trim(hex, "0123456789abcdef") == ""
}

// readOddIPv4 reads an IPv4 address as browsers do (WHATWG URL, "IPv4 parser"): up to four numbers, each decimal, octal or
// hexadecimal, the last filling the bytes that remain. It gives the usual form, "" if it is no address.
func readOddIPv4(host string) string {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return ""
	}
	var address uint64
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		number, ok := readNumber(part, bits)
		if !ok {
			return ""
		}
		address = address<<bits | number
	}
	var quad [4]byte
	binary.BigEndian.PutUint32(quad[:], uint32(address))
	return netip.AddrFrom4(quad).String()
}

// readNumber reads C's notation: 0x for hexadecimal, a leading 0 for octal; "0x" alone is zero.
func readNumber(text string, bits int) (uint64, bool) {
	base := 10
	if hex, found := strings.CutPrefix(text, "0x"); found {
		base, text = 16, "0"+hex
	} else if len(text) > 1 && text[0] == '0' {
		base = 8
	}
	number, err := strconv.ParseUint(text, base, bits)
	return number, err == nil
}
