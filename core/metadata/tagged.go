package metadata

import (
	"strings"

	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/oauth"
)

// In gives a human-readable member for a reader of these languages, the best liked first, with the tag of the one it is in: "" is
// the member as it stands without a tag. A client that has it with tags only is shown in the first of them.
func In(m *core.Metadata, name string, languages []string) (text, tag string) {
	row, ok := byName[name]
	if !ok || !row.Tagged {
		return "", ""
	}
	var tags []string
	for _, member := range sortedNames(m.Tagged) {
		if tag, found := strings.CutPrefix(member, name+"#"); found {
			tags = append(tags, tag)
		}
	}
	tag = oauth.MatchLanguage(languages, tags)
	if plain := row.Text(m); tag == "" && (plain != "" || len(tags) == 0) {
		return plain, ""
	}
	if tag == "" {
		tag = tags[0]
	}
	return m.Tagged[name+"#"+tag], tag
}
