package web

import (
	"net/netip"
	"strings"
)

// The headers in which proxies say whom they speak for. Only one of them counts: a proxy that writes the one lets the other through
// as the caller sent it.
const (
	XForwardedFor = "X-Forwarded-For"
	Forwarded     = "Forwarded" // RFC 7239
)

// hops lists what proxies said, the nearest last. What cannot be read is the zero address.
func (s *Server) hops(h head) []netip.Addr {
	var said []netip.Addr
	if s.opt.ForwardedHeader == Forwarded {
		for _, field := range h.all(Forwarded) { // each by itself: a quoted string does not go on in the next
			for _, element := range elementsOf(field) {
				said = append(said, forwardedFor(element))
			}
		}
		return said
	}
	for hop := range strings.SplitSeq(strings.Join(h.all(XForwardedFor), ","), ",") {
		said = append(said, addressOf(strings.TrimSpace(hop)))
	}
	return said
}

// elementsOf lists the elements of one field. A caller may leave a quoted string open, so that what a proxy adds seems to be part of
// it: then only what stands after the last comma counts, which is the proxy's.
func elementsOf(field string) []string {
	elements, whole := splitOutside(field, ',')
	if !whole {
		return []string{"", field[strings.LastIndexByte(field, ',')+1:]}
	}
	return elements
}

// forwardedFor gives the address that one element of Forwarded names (RFC 7239 §4): that of its one parameter "for".
func forwardedFor(element string) (addr netip.Addr) {
	pairs, whole := splitOutside(element, ';')
	found := !whole
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "for") {
			continue
		}
		if found {
			return netip.Addr{}
		}
		value, found = strings.TrimSpace(value), true
		if inner, quoted := strings.CutPrefix(value, `"`); quoted {
			value, _ = strings.CutSuffix(inner, `"`)
		}
		addr = addressOf(value)
	}
	return addr
}

// addressOf reads an address, with or without a port (RFC 7239 §6); "unknown" and made-up names are none.
func addressOf(node string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(node); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	if inner, bracketed := strings.CutPrefix(node, "["); bracketed {
		node, _ = strings.CutSuffix(inner, "]")
	}
	addr, err := netip.ParseAddr(node)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// splitOutside cuts at a separator that does not stand in a quoted string. It is not whole when the last such string never ends.
func splitOutside(s string, separator byte) (parts []string, whole bool) {
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == separator && !quoted:
			parts, start = append(parts, s[start:i]), i+1
		}
	}
	return append(parts, s[start:]), !quoted
}
