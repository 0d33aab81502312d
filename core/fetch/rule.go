package fetch

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// A Rule lets a Stranger reach beyond public addresses. It never opens link-local addresses or metadata services.
type Rule struct {
	Host    string `yaml:"host"`    // a name, an address or a CIDR range
	Port    uint16 `yaml:"port"`    // 0: the scheme's own, 443 or 80
	Scheme  string `yaml:"scheme"`  // https or http; empty: https
	Purpose string `yaml:"purpose"` // as in Get; empty: every purpose
}

// rule is a Rule ready for use: it has a name or a range.
type rule struct {
	name    string
	within  netip.Prefix
	port    uint16
	scheme  string
	purpose string
}

// compile checks a Rule. A range that lies wholly where no rule reaches is an error, not a silent nothing.
func (r Rule) compile() (rule, error) {
	out := rule{port: r.Port, scheme: r.Scheme, purpose: r.Purpose}
	switch r.Scheme {
	case "":
		out.scheme = "https"
	case "https", "http":
	default:
		return rule{}, fmt.Errorf("allow %s: scheme must be https or http, not %q", r.Host, r.Scheme)
	}
	if out.port == 0 {
		out.port = defaultPort(out.scheme)
	}
	host := strings.TrimSuffix(strings.TrimPrefix(r.Host, "["), "]")
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		out.within = netip.PrefixFrom(addr, addr.BitLen())
	} else if strings.Contains(host, "/") {
		if out.within, err = netip.ParsePrefix(host); err != nil {
			return rule{}, fmt.Errorf("allow %s: not a CIDR range", r.Host)
		}
		out.within = out.within.Masked()
	} else if out.name, err = cleanHost(host); err != nil {
		return rule{}, fmt.Errorf("allow %q: %w", r.Host, err)
	}
	if out.within.IsValid() && unreachable(out.within) {
		return rule{}, fmt.Errorf("allow %s: link-local, metadata and translated addresses cannot be allowed", r.Host)
	}
	return out, nil
}

func unreachable(p netip.Prefix) bool {
	if p.IsSingleIP() {
		return isNever(p.Addr())
	}
	for _, n := range never {
		if n.Bits() <= p.Bits() && n.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

// target is where one request wants to go.
type target struct {
	purpose, scheme, host string
	port                  uint16
}

// matches tells whether a rule opens addr for a target.
func (r rule) matches(t target, addr netip.Addr) bool {
	if r.scheme != t.scheme || r.port != t.port || (r.purpose != "" && r.purpose != t.purpose) {
		return false
	}
	if r.within.IsValid() {
		return r.within.Contains(addr)
	}
	return r.name == t.host
}

// permit tells whether a target may be reached at addr: any public address by https, all else by a rule only.
func permit(rules []rule, t target, addr netip.Addr) error {
	addr = addr.Unmap()
	if isNever(addr) {
		return fmt.Errorf("%w: %s is never reachable", ErrRefused, addr)
	}
	if t.scheme == "https" && isGlobal(addr) {
		return nil
	}
	for _, r := range rules {
		if r.matches(t, addr) {
			return nil
		}
	}
	return fmt.Errorf("%w: %s://%s at %s is not public and no rule allows it", ErrRefused, t.scheme, t.host, addr)
}

// mayUse tells whether some rule could allow the target's scheme, so that nothing is looked up in vain.
func mayUse(rules []rule, t target) bool {
	if t.scheme == "https" {
		return true
	}
	for _, r := range rules {
		if r.scheme == t.scheme && r.port == t.port && (r.name == "" || r.name == t.host) {
			return true
		}
	}
	return false
}

func defaultPort(scheme string) uint16 {
	if scheme == "http" {
		return 80
	}
	return 443
}

// cleanHost gives a host name in the one form it is compared and looked up in. Names are ASCII (punycode). A name that ends
// in a number is an address in a spelling that some resolvers understand (127.1, 0x7f000001, 2130706433): refused.
func cleanHost(host string) (string, error) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || len(host) > 253 {
		return "", errors.New("a host name has 1 to 253 characters")
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInName) {
			return "", errors.New("a host name is made of letters, digits, hyphens and dots")
		}
	}
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return "", errors.New("a host name does not end in a number; write addresses as 192.0.2.1 or [2001:db8::1]")
	}
	return host, nil
}

func notInName(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_'
}
