package web

import (
	"fmt"
	"strings"
)

// AnySite in Options.Sites accepts every Host: for the operations listener, which probes reach by address.
const AnySite = "*"

// sites is the closed list of names this server answers to. Host is compared with it and used for nothing else.
type sites struct {
	any   bool
	names map[string]bool
}

// newSites takes "host" (which also stands for its default ports) and "host:port".
func newSites(list []string) (sites, error) {
	s := sites{names: make(map[string]bool, 3*len(list))}
	for _, site := range list {
		name := strings.ToLower(site)
		switch {
		case site == AnySite:
			s.any = true
		case name == "" || strings.ContainsAny(name, "/@ ?#\\"):
			return s, fmt.Errorf("site %q: want a host or host:port", site)
		case hasPort(name):
			s.names[name] = true
		default:
			s.names[name], s.names[name+":80"], s.names[name+":443"] = true, true, true
		}
	}
	if len(list) == 0 {
		return s, fmt.Errorf("no sites: name every host this server answers to, or %q", AnySite)
	}
	return s, nil
}

func hasPort(name string) bool {
	colon := strings.LastIndexByte(name, ':')
	return colon > strings.LastIndexByte(name, ']')
}

func (s sites) has(host string) bool { return s.any || s.names[host] }
