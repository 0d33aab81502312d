package metadata

import (
	"github.com/ostiary/ostiary/core"
)

// idleMembers are kept and answered, and nothing comes of them here, for the same reason. Unlike an unbuilt member they are not
// refused: clients send them to every server, and do without what they ask for.
var idleMembers = []struct {
	names []string
	why   string
}{
	{[]string{"frontchannel_logout_uri", "frontchannel_logout_session_required", "backchannel_logout_uri", "backchannel_logout_session_required"},
		"this server tells no client that a session has ended"},
	{[]string{"request_uris", "request_object_signing_alg"}, noJAR},
	{[]string{"default_acr_values"}, "this server knows no authentication context classes"},
	{[]string{"initiate_login_uri"}, "this server begins no sign-in at a client"},
}

// Idle lists the members of which nothing comes, in the order of what keeps them idle.
func Idle() []Missing {
	var list []Missing
	for _, idle := range idleMembers {
		for _, name := range idle.names {
			list = append(list, Missing{Name: name, Source: byName[name].Source, Why: idle.why})
		}
	}
	return list
}

// AskedInVain gives the idle members by which after asks for more than before: who sends one is to know that nothing comes of it.
func AskedInVain(before, after *core.Metadata) []Missing {
	var list []Missing
	for _, m := range Idle() {
		if row := byName[m.Name]; row.has(after) && !row.Empty(after) && !row.same(before, after) {
			list = append(list, m)
		}
	}
	return list
}
