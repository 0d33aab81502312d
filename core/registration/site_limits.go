package registration

import (
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/oauth"
	"github.com/ostiary/ostiary/core/rate"
	"github.com/ostiary/ostiary/core/strictjson"
)

// SiteLimits is how many registrations may come in. Each limit lets so many through at once and then one every so often. Who shows
// a valid token came by an operator's leave and is not limited, unless Tokens says so.
type SiteLimits struct {
	Address AddressLimit `yaml:"address"` // of requests without a valid token, by where they come from
	Name    PaceLimit    `yaml:"name"`    // of registrations that name the same software_id or the same redirect host
	All     ReserveLimit `yaml:"all"`     // of all registrations together
	Changes PaceLimit    `yaml:"changes"` // of one client's updates of itself
	Tokens  bool         `yaml:"tokens"`  // holders of initial access tokens are limited, too
	Known   KnownNames   `yaml:"known"`
}

// A PaceLimit is a rate.Pace.
type PaceLimit struct {
	Every time.Duration `yaml:"every" range:"1ms..1h"`
	Burst int64         `yaml:"burst" range:"1..100000"`
}

// An AddressLimit counts addresses by their first bits: an IPv6 caller can choose the last ones of its own.
type AddressLimit struct {
	Every time.Duration `yaml:"every" range:"1ms..1h"`
	Burst int64         `yaml:"burst" range:"1..100000"`
	IPv4  int64         `yaml:"ipv4_prefix" range:"8..32"`
	IPv6  int64         `yaml:"ipv6_prefix" range:"32..64"`
}

// A ReserveLimit keeps some of its burst for software that is known: a flood of others cannot use it up.
type ReserveLimit struct {
	Every   time.Duration `yaml:"every" range:"1ms..1h"`
	Burst   int64         `yaml:"burst" range:"2..1000000"`
	Reserve int64         `yaml:"reserve" range:"0..999999"`
}

// KnownNames is the software that the reserve is for, beside that which a trusted issuer's statement vouches for. These names are
// the client's own word: who lies about one can use up its bucket, and of the reserve no more than that bucket lets through.
type KnownNames struct {
	SoftwareIDs   []string `yaml:"software_ids"`
	RedirectHosts []string `yaml:"redirect_hosts"` // a private-use scheme with its colon, as "cursor:", is one too
}

func defaultLimits() SiteLimits {
	return SiteLimits{
		Address: AddressLimit{Every: time.Second, Burst: 60, IPv4: 32, IPv6: 56},
		Name:    PaceLimit{Every: 500 * time.Millisecond, Burst: 120},
		All:     ReserveLimit{Every: 50 * time.Millisecond, Burst: 600, Reserve: 120},
		Changes: PaceLimit{Every: time.Second, Burst: 120},
	}
}

func (l SiteLimits) validate(add func(path, text string)) {
	if l.All.Reserve >= l.All.Burst {
		add("all.reserve", "must be smaller than burst, or nobody who is not known could ever register")
	}
	eachInvalid(l.Known.SoftwareIDs, named, func(at string) { add("known.software_ids"+at, "is empty") })
	eachInvalid(l.Known.RedirectHosts, hostOrScheme, func(at string) {
		add("known.redirect_hosts"+at, `is neither a host, as app.example.com, nor a private-use scheme, as "cursor:"`)
	})
}

func named(s string) bool { return s != "" }

// hostOrScheme holds to the form that nameOfRedirect gives.
func hostOrScheme(s string) bool {
	return slices.ContainsFunc([]string{"https://" + s + "/", s + "//x"}, func(uri string) bool {
		return oauth.ParseURI(uri).Valid && nameOfRedirect(uri) == s
	})
}

func (p PaceLimit) pace() rate.Pace    { return rate.Pace{Every: p.Every, Burst: p.Burst} }
func (p AddressLimit) pace() rate.Pace { return rate.Pace{Every: p.Every, Burst: p.Burst} }
func (p ReserveLimit) pace() rate.Pace { return rate.Pace{Every: p.Every, Burst: p.Burst} }

// data gives the limits as policy reads them.
func (l SiteLimits) data() strictjson.Value {
	m := func(name string, v strictjson.Value) strictjson.Member {
		return strictjson.Member{Name: name, Value: v}
	}
	paced := func(p rate.Pace, more ...strictjson.Member) strictjson.Value {
		return strictjson.Object(append([]strictjson.Member{
			m("every_ms", strictjson.Int(p.Every.Milliseconds())), m("burst", strictjson.Int(p.Burst)),
		}, more...)...)
	}
	return strictjson.Object(
		m("address", paced(l.Address.pace(), m("ipv4_prefix", strictjson.Int(l.Address.IPv4)), m("ipv6_prefix", strictjson.Int(l.Address.IPv6)))),
		m("name", paced(l.Name.pace())),
		m("all", paced(l.All.pace(), m("reserve", strictjson.Int(l.All.Reserve)))),
		m("changes", paced(l.Changes.pace())),
		m("tokens", strictjson.Bool(l.Tokens)),
		m("known", strictjson.Object(
			m("software_ids", set(l.Known.SoftwareIDs)),
			m("redirect_hosts", set(l.Known.RedirectHosts)),
		)),
	)
}
