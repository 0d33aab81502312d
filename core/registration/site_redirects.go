package registration

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/metadata"
	"github.com/ostiary/ostiary/core/oauth"
)

// redirectsListed holds where browsers are sent to the lists of the site: a redirect URI matches a pattern that is allowed, and none that
// is blocked. After a sign-out a browser is sent on by us as well (RP-Initiated Logout 1.0 §3), and who lists the addresses of his
// clients wants none to end elsewhere.
func (j *judgement) redirectsListed() (found []core.Reason) {
	lists := &j.site.Policy.Redirects
	if len(lists.allowed)+len(lists.blocked)+len(lists.AllowedHosts) == 0 {
		return nil
	}
	for _, member := range []string{"redirect_uris", "post_logout_redirect_uris"} {
		row, _ := metadata.Lookup(member)
		for _, raw := range row.List(&j.draft) {
			if why := lists.refuses(member, oauth.ParseURI(raw)); why != "" {
				found = append(found, core.Reason{
					Rule: "site.redirects", Code: row.Code, Fields: []string{member}, Public: true, Message: fmt.Sprintf("%s: %s %s.", member, core.Clip(raw), why),
				})
			}
		}
	}
	return found
}

// refuses says why the lists do not let an address into a member; "": they do, or it is refused for what it is already. Patterns often
// have the path of a callback, which no page for the signed-out has: there, what is allowed counts without its path. Of redirect URIs,
// allowed_hosts is the rules' to hold, which have more to say of them.
func (r *SiteRedirects) refuses(member string, uri oauth.URI) string {
	matches, hosts := oauth.URLPattern.Matches, []string(nil)
	if member == "post_logout_redirect_uris" {
		matches, hosts = oauth.URLPattern.MatchesSite, r.AllowedHosts
	}
	switch {
	case !uri.Valid:
	case slices.ContainsFunc(r.blocked, func(p oauth.URLPattern) bool { return p.Matches(uri) }):
		return "is kept out here"
	case len(r.allowed) > 0 && !slices.ContainsFunc(r.allowed, func(p oauth.URLPattern) bool { return matches(p, uri) }):
		return "is not among the addresses that are allowed here; they are like " + core.Clip(strings.Join(r.Allowed, ", "))
	case len(hosts) > 0 && uri.Class == oauth.ClassHTTPS && !slices.Contains(hosts, uri.Host):
		return "is not at one of the hosts that are allowed here: " + core.Clip(strings.Join(hosts, ", "))
	}
	return ""
}

// prepare reads the patterns. One that cannot be read would let through what it is to keep out.
func (r *SiteRedirects) prepare() (err error) {
	if r.allowed, err = readPatterns(r.Allowed); err != nil {
		return fmt.Errorf("policy.redirects.allowed: %w", err)
	}
	if r.blocked, err = readPatterns(r.Blocked); err != nil {
		return fmt.Errorf("policy.redirects.blocked: %w", err)
	}
	return nil
}

func readPatterns(texts []string) ([]oauth.URLPattern, error) {
	patterns := make([]oauth.URLPattern, len(texts))
	for i, text := range texts {
		var err error
		if patterns[i], err = oauth.ParseURLPattern(text); err != nil {
			return nil, err
		}
	}
	return patterns, nil
}

func invalidPatterns(patterns []string, add func(at, text string)) {
	for i, text := range patterns {
		if _, err := oauth.ParseURLPattern(text); err != nil {
			add(fmt.Sprintf("[%d]", i), err.Error())
		}
	}
}

// validateLists finds what is wrong with clientWhiteList and clientBlackList.
func (p *JanssenMembers) validateLists(own SiteRedirects, add func(path, text string)) {
	white := given(p.WhiteList)
	invalidPatterns(white, func(at, text string) { add("client_white_list"+at, text) })
	invalidPatterns(p.BlackList, func(at, text string) { add("client_black_list"+at, text) })
	if p.WhiteList != nil && len(white) == 0 {
		add("client_white_list", `is empty, so that no redirect URI could be registered; list patterns, or ["*"] for any`)
	}
	if len(white) > 0 && len(own.Allowed) > 0 {
		add("client_white_list", "says the same as policy.redirects.allowed; leave one of them out")
	}
	if len(p.BlackList) > 0 && len(own.Blocked) > 0 {
		add("client_black_list", "says the same as policy.redirects.blocked; leave one of them out")
	}
}

// redirects gives the lists as these properties have them where they say something.
func (p *JanssenMembers) redirects(own SiteRedirects) SiteRedirects {
	if white := given(p.WhiteList); len(white) > 0 {
		own.Allowed = white
	}
	if len(p.BlackList) > 0 {
		own.Blocked = p.BlackList
	}
	return own
}
