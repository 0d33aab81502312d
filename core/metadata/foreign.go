package metadata

import (
	"maps"
	"slices"

	"github.com/ostiary/ostiary/core/strictjson"
)

const internal = "it is what Janssen keeps of a client, and not for the client to say"

// foreignMembers lists the members of another server's clients that have no meaning here, and nobody is the worse for that, and says
// why. Policy and plugins see them as any other member that is not known. They are not kept, and who sends one is told, unless the
// operator lists it in custom_attributes, under which name it is the operator's.
var foreignMembers = map[string]string{
	"dn": internal, "inum": internal, "trustedClient": internal, "persistClientAuthorizations": internal, "lastAccessTime": internal,
	"lastLogonTime": internal, "disabled": internal, "deletable": internal, "expirationDate": internal, "customAttributes": internal,
	"customObjectClasses": internal, "jansId": internal,
	"ttl": internal + "; lifetime asks how long it is to last",
}

// Foreign lists the members that are known to have no meaning here, by name.
func Foreign() []Missing {
	list := make([]Missing, 0, len(foreignMembers))
	for _, name := range slices.Sorted(maps.Keys(foreignMembers)) {
		list = append(list, Missing{Name: name, Source: janssen, Why: foreignMembers[name]})
	}
	return list
}

// ForeignAmong gives those of a request's extra members, in the order sent, that are foreign and ask for something: any value does
// but null, "", false, 0 and [].
func ForeignAmong(extra []strictjson.Member) []Missing {
	var list []Missing
	for _, m := range extra {
		n, isNumber := m.Value.Int64()
		if why, is := foreignMembers[m.Name]; is && !asksNothing(m.Value) && !(isNumber && n == 0) {
			list = append(list, Missing{Name: m.Name, Source: janssen, Why: why})
		}
	}
	return list
}
