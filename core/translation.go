package core

import (
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/oauth"
)

// Translated gives a human-readable member, whose value without a tag is plain, for a reader of these languages, the best liked
// first (RFC 7591 §2.2), with the tag of the one it is in: "" is plain itself. A client that has the member with tags only is
// shown in the first of them.
func (m *Metadata) Translated(member, plain string, languages []string) (text, tag string) {
	var tags []string
	for _, name := range slices.Sorted(maps.Keys(m.Tagged)) {
		if tag, found := strings.CutPrefix(name, member+"#"); found {
			tags = append(tags, tag)
		}
	}
	tag = oauth.MatchLanguage(languages, tags)
	if tag == "" && (plain != "" || len(tags) == 0) {
		return plain, ""
	}
	if tag == "" {
		tag = tags[0]
	}
	return m.Tagged[member+"#"+tag], tag
}
