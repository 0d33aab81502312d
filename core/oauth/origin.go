package oauth

import (
	"net/url"
	"strings"
)

// IsOrigin tells what a browser sends as an origin: scheme, host, and the port where it is not the usual one, in lower case (RFC 6454
// §6.2).
func IsOrigin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return false
	}
	usual := u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80"
	return !usual && u.Scheme+"://"+u.Host == s && strings.ToLower(s) == s
}
