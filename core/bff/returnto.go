package bff

import (
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// checkReturnTo gives where the browser goes after a login. Only paths of our own and the configured origins are taken:
// anything else would make the login page lend its good name to strangers.
func (b *Backend) checkReturnTo(raw string) (string, error) {
	switch {
	case raw == "":
		return "/", nil
	case localPath(raw) && !isOwn(raw):
		return raw, nil
	}
	for _, origin := range slices.Concat(b.settings.Origins, b.settings.ReturnTo) {
		rest, found := strings.CutPrefix(raw, origin)
		if found && (rest == "" || localPath(rest)) && !isOwn(rest) {
			return raw, nil
		}
	}
	return "", core.Refuse(core.InvalidRequest, "return_to must be a path of this site, such as /inbox, or lie on an origin that is configured for it.")
}

// localPath tells a path that every browser takes for one on the same site: one slash, then a plain path with no spelling of a
// second slash, no backslash, no control character, no dot segment. A query and a fragment may follow.
func localPath(raw string) bool {
	if !strings.HasPrefix(raw, "/") {
		return false
	}
	u := oauth.ParseURI("https://host.invalid" + raw)
	if u.Class == oauth.ClassInvalid || u.Host != "host.invalid" {
		return false
	}
	path, err := url.PathUnescape(u.Path)
	return err == nil && !strings.HasPrefix(path, "//") && !strings.Contains(path, `\`)
}

// isOwn tells the backend's own addresses: to return to one would be to sign in, or out, for ever.
func isOwn(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	path, _, _ = strings.Cut(path, "#")
	decoded, err := url.PathUnescape(path)
	return err != nil || decoded == "/auth" || strings.HasPrefix(decoded, "/auth/") || strings.HasPrefix(decoded, "/api/auth/")
}

// withQuery adds parameters to an address that was checked.
func withQuery(address string, query url.Values) string {
	address, fragment, hasFragment := strings.Cut(address, "#")
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	address += separator + query.Encode()
	if hasFragment {
		address += "#" + fragment
	}
	return address
}
