package registration

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// SiteDocuments is the site's word on client ID metadata documents: clients that nobody registers, and that are known by the
// address of a document about themselves (draft-ietf-oauth-client-id-metadata-document-02).
type SiteDocuments struct {
	Enabled      *bool         `yaml:"enabled"`       // absent: as the command has it, on in dev and off in serve
	Profile      string        `yaml:"profile"`       // of such clients; empty: default
	AllowedHosts []string      `yaml:"allowed_hosts"` // of the documents: a host, or *.example.com for all with one label more; empty: any
	BlockedHosts []string      `yaml:"blocked_hosts"` // counts before allowed_hosts
	Ports        []uint16      `yaml:"ports"`         // that a document may be fetched from; empty: 443
	MaxBytes     int64         `yaml:"max_bytes" range:"5120..20480"`
	CacheMin     time.Duration `yaml:"cache_min" range:"10s..24h"` // a good document is kept at least so long, whatever its Cache-Control says
	CacheMax     time.Duration `yaml:"cache_max" range:"10s..24h"` // and at most so long
}

func defaultDocuments() SiteDocuments {
	return SiteDocuments{MaxBytes: 10 << 10, CacheMin: 5 * time.Minute, CacheMax: time.Hour}
}

// IsOn tells whether clients may come by a document.
func (d *SiteDocuments) IsOn() bool { return d.Enabled != nil && *d.Enabled }

func (d *SiteDocuments) validate(hasProfile func(string) bool, add func(member, text string)) {
	if d.Profile != "" && !hasProfile(d.Profile) {
		add(".profile", "is no client profile of this site, or one that is switched off")
	}
	if d.CacheMin > d.CacheMax {
		add(".cache_min", "is longer than cache_max")
	}
	for member, hosts := range map[string][]string{".allowed_hosts": d.AllowedHosts, ".blocked_hosts": d.BlockedHosts} {
		for i, host := range hosts {
			if _, err := oauth.HostMatches("", host); err != nil {
				add(fmt.Sprintf("%s[%d]", member, i), err.Error())
			}
		}
	}
}

// unfit says why a document may not be at an address; nil: it may. Whatever is refused here is never asked for.
func (d *SiteDocuments) unfit(id core.ClientID) error {
	u := oauth.ParseURI(string(id))
	switch {
	case !id.IsDocument() || u.Class != oauth.ClassHTTPS || !u.Valid || u.Path == "":
		return core.Refuse(core.InvalidClientMetadata, "client_id is no address of a client metadata document: it must be an https URL with a path, "+
			"without fragment, user and dot segments.")
	case len(id) > MaxClientID:
		return core.Refuse(core.InvalidClientMetadata, "client_id is longer than %d bytes.", MaxClientID)
	case !d.offersPort(portOf(u)):
		return core.Refuse(core.AccessDenied, "Client metadata documents are not taken from port %s here.", portOf(u))
	case among(u.Host, d.BlockedHosts), len(d.AllowedHosts) > 0 && !among(u.Host, d.AllowedHosts):
		return core.Refuse(core.AccessDenied, "Client metadata documents are not taken from %s here.", core.Clip(u.Host))
	}
	return nil
}

// usualPort is that of https.
const usualPort = "443"

func portOf(u oauth.URI) string {
	if u.Port == "" {
		return usualPort
	}
	return u.Port
}

func (d *SiteDocuments) offersPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	if len(d.Ports) == 0 {
		return port == usualPort
	}
	return err == nil && slices.Contains(d.Ports, uint16(n))
}

// among tells whether a pattern means the host. What cannot be compared is on no list, so the lists were validated.
func among(host string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matches, err := oauth.HostMatches(host, pattern)
		return err == nil && matches
	})
}
