package hook

import (
	"slices"
	"strings"
)

// AllMembers in Reads stands for every member.
const AllMembers = "client.*"

// Reads are the members of a client that a plugin asks for in its manifest. Each stands for itself with language tags, too (RFC 7591
// §2.2).
type Reads []string

// All tells whether it asks for every member.
func (r Reads) All() bool { return slices.Contains(r, AllMembers) }

// Has tells whether it asks for a member.
func (r Reads) Has(member string) bool {
	base, _, _ := strings.Cut(member, "#")
	return slices.Contains(r, base) || r.All()
}
