package main

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/ostiary/ostiary/core/bff"
	"github.com/ostiary/ostiary/core/fetch"
)

// reach gives the addresses at which the issuer's metadata may be, and a door that reaches the issuer there whatever it calls itself.
func (s *backendSettings) reach(peer *fetch.Peer) (at []string, door bff.Door) {
	base, issuer := s.Provider.BaseURL, s.Provider.Issuer
	switch bare := base != "" && base == originOf(base); {
	case base == "":
		return []string{issuer}, peer
	case bare && issuer != "":
		base += strings.TrimPrefix(issuer, originOf(issuer))
	case bare: // with /api/oidc or without
		return []string{base, base + pathOf(defaultIssuer)}, peer
	}
	return []string{base}, bff.Rebased(peer, cmp.Or(issuer, base), base)
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil { // it was checked
		return address
	}
	return u.Scheme + "://" + u.Host
}

func pathOf(address string) string { return strings.TrimPrefix(address, originOf(address)) }

// backend gives the settings of the backend itself.
func (s *backendSettings) backend() bff.Settings {
	r := s.Registration
	out := bff.Settings{
		Issuer: s.Provider.Issuer, Endpoints: bff.Endpoints{Authorize: s.Provider.AuthorizationURL, Token: s.Provider.TokenURL},
		Origins: s.Site.Common.Origins, ReturnTo: s.Site.Common.ReturnTo, ClientID: s.Client.ID, Profile: r.Profile, Scope: s.Site.Common.Scope,
		SessionLife: s.Site.Common.Session, AfterLogout: s.Site.Common.AfterLogout,
		Push:    map[string]bff.Push{"always": bff.PushAlways, "offered": bff.PushOffered, "never": bff.PushNever}[s.Provider.Push],
		Consent: s.Provider.Prompt == promptConsent,
		Method:  s.Client.Method, Secret: s.Client.Secret, JWKSURI: s.Client.JWKSURI, KeyKept: s.Keys.Retire, MaxKeys: max(s.Keys.Max, 0),
		RedirectURIs: r.RedirectURIs, Redirects: s.redirects(), Given: r.given(), Settled: true, Replace: r.Replace,
	}
	if s.Keys.Retire == 0 {
		out.KeyKept = -1 // for ever
	}
	if rotate := s.Keys.Rotate; rotate != nil {
		out.KeyLife, out.TurnKey = *rotate, *rotate == 0
	}
	if out.TurnKey {
		out.KeyLife = -1
	}
	if r.Ticket != "" {
		out.Ticket = r.Ticket.Hash().String()
	}
	return out
}

// redirects is the mode of the setting; auto changes only what was said.
func (s *backendSettings) redirects() bff.RedirectMode {
	switch mode := s.Registration.Redirects; {
	case mode != "auto":
		return bff.RedirectMode(mode)
	case len(s.Registration.RedirectURIs) > 0:
		return bff.ReplaceRedirects
	}
	return bff.KeepRedirects
}
