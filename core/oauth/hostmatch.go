package oauth

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// maxHost is how long a host may be to be looked at, in bytes: an international name is longer than its xn-- form, but not much.
const maxHost = 1024

// HostMatches tells whether a host is what a pattern means: exactly that host, or with "*." in front exactly one label more. Case,
// one dot at the end and the spelling of international names and of addresses make no difference. A host that is none is matched
// by nothing; a pattern that could never match is an error.
func HostMatches(host, pattern string) (bool, error) {
	name, wild := strings.CutPrefix(pattern, "*.")
	want, isAddress, ok := canonicalHost(name)
	if !ok || wild && isAddress {
		return false, fmt.Errorf("%q is no pattern of hosts; write a host, such as login.example.com, or *.example.com for all with one label more", pattern[:min(len(pattern), maxHost)])
	}
	got, _, ok := canonicalHost(host)
	if !ok {
		return false, nil
	}
	if !wild {
		return got == want, nil
	}
	label, rest, _ := strings.Cut(got, ".")
	return label != "" && rest == want, nil
}

// RegistrableDomain gives the part of a host that somebody registered, such as example.co.uk for login.example.co.uk, by the Public
// Suffix List. It is "" for addresses, for bare suffixes such as localhost and co.uk, and for what is no host.
func RegistrableDomain(host string) string {
	name, isAddress, ok := canonicalHost(host)
	if !ok || isAddress {
		return ""
	}
	return registrable(name)
}

// registrable asks the list about a name in its canonical form.
func registrable(name string) string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return ""
	}
	return domain
}

// canonicalHost gives the one form of a host: a name in lower case and in its xn-- form without a dot at its end, or an address as
// it is usually written. What browsers would take for an address in an odd spelling is no host.
func canonicalHost(host string) (canonical string, isAddress, ok bool) {
	if len(host) > maxHost {
		return "", false, false
	}
	inner, bracketed := strings.CutPrefix(host, "[")
	if bracketed {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok {
			return "", false, false
		}
	}
	if addr, err := netip.ParseAddr(inner); err == nil {
		if addr.Zone() != "" || bracketed && !addr.Is6() {
			return "", false, false
		}
		return addr.Unmap().String(), true, true
	}
	name := strings.TrimSuffix(host, ".")
	if !isASCII(name) {
		ascii, err := idna.Lookup.ToASCII(name)
		if err != nil {
			return "", false, false
		}
		name = strings.TrimSuffix(ascii, ".")
	}
	name = strings.ToLower(name)
	if !validName(name) || strings.Contains(name, "*") || endsInNumber(name) {
		return "", false, false
	}
	return name, false, true
}
