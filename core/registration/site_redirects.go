package registration

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// redirectsListed holds redirect URIs to the patterns of the site: each matches one that is allowed, and none that is blocked.
func (j *judgement) redirectsListed() (found []core.Reason) {
	lists := &j.site.Policy.Redirects
	if len(lists.allowed) == 0 && len(lists.blocked) == 0 {
		return nil
	}
	for _, raw := range j.draft.RedirectURIs {
		uri := oauth.ParseURI(raw)
		text := ""
		switch {
		case !uri.Valid: // which is told already
		case matchesAny(lists.blocked, uri):
			text = "is kept out here"
		case len(lists.allowed) > 0 && !matchesAny(lists.allowed, uri):
			text = "is not among the addresses that are allowed here; they are like " + core.Clip(strings.Join(lists.Allowed, ", "))
		}
		if text != "" {
			found = append(found, core.Reason{
				Rule: "site.redirects", Code: core.InvalidRedirectURI, Fields: []string{"redirect_uris"}, Public: true,
				Message: fmt.Sprintf("redirect_uris: %s %s.", core.Clip(raw), text),
			})
		}
	}
	return found
}

func matchesAny(patterns []oauth.URLPattern, uri oauth.URI) bool {
	return slices.ContainsFunc(patterns, func(p oauth.URLPattern) bool { return p.Matches(uri) })
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
