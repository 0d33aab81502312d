package plugins

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/core/config"
)

// Bounds of what a manifest may list.
const (
	maxHosts = 32
	maxKeys  = 32
)

var (
	httpMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
	hostForm    = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$`)
	secretForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
)

// Validate implements config.Checker.
func (h *HTTPAccess) Validate() []config.Problem {
	var found problems
	switch {
	case len(h.Hosts) == 0:
		found.add("hosts", "name at least one host, such as api.example.com")
	case len(h.Hosts) > maxHosts:
		found.add("hosts", "are %d, and at most %d are allowed", len(h.Hosts), maxHosts)
	}
	found.each("hosts", h.Hosts, func(host string) string {
		switch {
		case strings.Contains(host, "*"):
			return "there are no wildcards: name each host"
		case !isAuthority(host):
			return "must be a host in lower case, such as api.example.com, with a port when it is not the usual one (api.example.com:8443)"
		}
		return ""
	})
	found.each("methods", h.Methods, func(method string) string {
		if !slices.Contains(httpMethods, method) {
			return "must be one of " + strings.Join(httpMethods, ", ")
		}
		return ""
	})
	return found
}

// isAuthority tells whether text is a host, perhaps with a port, spelled in the one way that counts: lower case, addresses in
// their usual form, IPv6 in brackets.
func isAuthority(text string) bool {
	host := text
	if i := strings.LastIndexByte(text, ':'); i > strings.LastIndexByte(text, ']') {
		host = text[:i]
		if n, err := strconv.ParseUint(text[i+1:], 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != text[i+1:] {
			return false
		}
	}
	if inner, isV6 := strings.CutPrefix(host, "["); isV6 {
		inner, closed := strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		return closed && err == nil && addr.Is6() && addr.Zone() == "" && addr.String() == inner
	}
	if last := host[strings.LastIndexByte(host, '.')+1:]; last == "" || strings.Trim(last, "0123456789") == "" {
		addr, err := netip.ParseAddr(host) // whoever ends in a number is an address, or nothing
		return err == nil && addr.Is4() && addr.String() == host
	}
	return len(host) <= 253 && hostForm.MatchString(host)
}

// Validate implements config.Checker.
func (s *SecretKeys) Validate() []config.Problem {
	var found problems
	switch {
	case len(s.Keys) == 0:
		found.add("keys", "name at least one key")
	case len(s.Keys) > maxKeys:
		found.add("keys", "are %d, and at most %d are allowed", len(s.Keys), maxKeys)
	}
	found.each("keys", s.Keys, func(name string) string {
		if !secretForm.MatchString(name) {
			return "must be the name of a key: 1 to 64 of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit"
		}
		return ""
	})
	return found
}

var (
	_ config.Checker = (*HTTPAccess)(nil)
	_ config.Checker = (*SecretKeys)(nil)
)
