package metadata

import (
	"slices"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// pairwiseSector holds that a client which knows people by names of its own says whose names they are (OpenID Connect Core §8.1),
// and that not just anybody can be one of those.
func pairwiseSector(m *core.Metadata) string {
	if oauth.SubjectType(m.SubjectType) != oauth.SubjectPairwise || m.SectorIdentifierURI != "" || len(m.RedirectURIs) == 0 {
		return ""
	}
	const needs = "subject_type pairwise needs a sector_identifier_uri here: "
	if m.Sector() == "" && slices.ContainsFunc(m.RedirectURIs, func(raw string) bool { return oauth.ParseURI(raw).Host != "" }) {
		return needs + "the redirect_uris are on several hosts (OpenID Connect Core section 8.1)."
	}
	if slices.ContainsFunc(m.RedirectURIs, isNobodys) {
		return needs + "the redirect_uris are no host's own, so that any other application could learn the same names."
	}
	return ""
}

// isNobodys tells a redirect URI that any application can answer, whatever host it may name.
func isNobodys(raw string) bool {
	u := oauth.ParseURI(raw)
	return u.Host == "" || u.Loopback || u.Class == oauth.ClassPrivateScheme
}

// frontchannelLogout: a page that browsers load is on a site of the client's (OpenID Connect Front-Channel Logout 1.0 §2).
func frontchannelLogout(m *core.Metadata) string {
	switch {
	case m.FrontchannelLogoutURI == "" && isOn(m.FrontchannelLogoutSession):
		return "frontchannel_logout_session_required is true, but there is no frontchannel_logout_uri."
	case m.FrontchannelLogoutURI != "" && !isBeside(m.FrontchannelLogoutURI, m.RedirectURIs, sameOrigin):
		return "frontchannel_logout_uri must have scheme, host and port of one of the redirect_uris."
	}
	return ""
}

// backchannelLogout: what we would call is on a host of the client's, so that nobody has us call others.
func backchannelLogout(m *core.Metadata) string {
	switch {
	case m.BackchannelLogoutURI == "" && isOn(m.BackchannelLogoutSession):
		return "backchannel_logout_session_required is true, but there is no backchannel_logout_uri."
	case m.BackchannelLogoutURI != "" && !isBeside(m.BackchannelLogoutURI, m.RedirectURIs, sameHost):
		return "backchannel_logout_uri must be on the host of one of the redirect_uris."
	}
	return ""
}

func isOn(flag *bool) bool { return flag != nil && *flag }

func isBeside(raw string, redirects []string, same func(a, b oauth.URI) bool) bool {
	u := oauth.ParseURI(raw)
	return slices.ContainsFunc(redirects, func(r string) bool { return same(u, oauth.ParseURI(r)) })
}

// sameHost: what stands behind a private-use scheme is no host.
func sameHost(a, b oauth.URI) bool {
	return a.Host != "" && a.Host == b.Host && b.Class != oauth.ClassPrivateScheme
}

func sameOrigin(a, b oauth.URI) bool {
	return sameHost(a, b) && a.Scheme == b.Scheme && portOf(a) == portOf(b)
}

// portOf gives the port that is meant.
func portOf(u oauth.URI) string {
	switch {
	case u.Port != "":
		return u.Port
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
